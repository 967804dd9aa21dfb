"""The ledger's copy for whoever counts: every entry that was committed, once, in order, and no other."""

import json
from pathlib import Path

import pytest

from actiontrac.sandbox.database import Database, Ledger


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "ledger.jsonl"


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "sandbox.db")


def refs(copy: Path) -> list[str]:
    return [json.loads(line)["ref"] for line in copy.read_text().splitlines()] if copy.exists() else []


def test_is_written_behind_the_commit(database: Database, copy: Path) -> None:
    ledger = Ledger(database, copy)

    with database.transaction():
        ledger.write("stripe", "charge", "ch_1", amount_minor=100)
        ledger.write("stripe", "refund", "re_1")
        assert refs(copy) == []
    ledger.write("mail", "mail", "mail_1")

    assert refs(copy) == ["ch_1", "re_1", "mail_1"]
    assert [entry["ref"] for entry in ledger.entries()] == refs(copy)
    assert json.loads(copy.read_text().splitlines()[0])["amount_minor"] == 100


def test_holds_nothing_that_was_rolled_back(database: Database, copy: Path) -> None:
    ledger = Ledger(database, copy)

    with pytest.raises(ZeroDivisionError), database.transaction():
        ledger.write("stripe", "charge", "ch_1")
        raise ZeroDivisionError
    with database.transaction():
        ledger.write("stripe", "charge", "ch_2")

    assert refs(copy) == ["ch_2"]


def test_goes_on_where_an_earlier_process_stopped(database: Database, copy: Path) -> None:
    for ref in ("ch_1", "ch_2"):
        Ledger(database, copy).write("stripe", "charge", ref)

    assert refs(copy) == ["ch_1", "ch_2"]
