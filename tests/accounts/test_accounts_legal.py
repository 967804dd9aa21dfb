"""P01: the legal documents, their versions and words."""

import hashlib
import json
import shutil
from datetime import date
from pathlib import Path

import pytest

from actiontrac import clock
from actiontrac.contracts import accounts as contract
from actiontrac.errors import Invalid
from services.accounts import documents
from tests.accounts.conftest import Accounts


def test_the_privacy_policy_of_2016_stands_as_it_was_published() -> None:
    policy = documents.document_in_force("privacy-policy", date(2016, 11, 12))

    assert policy.version == "2016-11-12"
    assert hashlib.sha256(policy.text.encode()).hexdigest() == policy.hash
    assert policy.hash == "e8cdf8ec74eb47c2afcaff98636d1e7aa02f2fe42a94e394f7acd9e94abf6938"
    assert "This Privacy Policy is effective as of November 12 2016." in policy.text


def test_policy_terms_guidelines_and_cookies_are_in_force_today(accounts: Accounts) -> None:
    listed = accounts.list_policies()["items"]

    assert [one["slug"] for one in listed] == ["cookies", "guidelines", "privacy-policy", "terms-of-service"]
    assert all(one["text"] and one["title"] and one["effective_on"] <= clock.today().isoformat() for one in listed)


def test_nothing_is_in_force_before_its_day(accounts: Accounts) -> None:
    assert accounts.list_policies(on="2016-11-11")["items"] == []
    assert len(accounts.list_policies(on="2016-11-12")["items"]) == 4
    with pytest.raises(contract.PolicyNotFound):
        accounts.get_policy(slug="privacy-policy", on="2016-11-11")


def test_unknown_documents_do_not_exist(accounts: Accounts) -> None:
    for slug in ("", "privacy", "../service", "privacy-policy\x00"):
        with pytest.raises(contract.PolicyNotFound):
            accounts.get_policy(slug=slug)


@pytest.mark.parametrize("day", ["", "tomorrow", "2016-13-01", "12/11/2016"])
def test_a_day_that_is_none_is_refused(accounts: Accounts, day: str) -> None:
    with pytest.raises(Invalid) as refusal:
        accounts.list_policies(on=day)

    assert [problem["field"] for problem in refusal.value.fields] == ["on"]


def copy_of(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    shutil.copytree(Path(documents.__file__).parent, folder)
    return folder


def test_published_words_cannot_be_changed_silently(tmp_path: Path) -> None:
    folder = copy_of(tmp_path)
    text = folder / "terms-of-service-2016-11-12.txt"
    text.write_text(text.read_text().replace("does not renew", "renews"))

    with pytest.raises(documents.DocumentAltered):
        documents.read(folder)


def test_a_newer_version_takes_over_on_its_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = copy_of(tmp_path)
    catalogue = json.loads((folder / "catalogue.json").read_text())
    words = b"Cookies, second version\n"
    (folder / "cookies-2027-03-01.txt").write_bytes(words)
    entry = next(one for one in catalogue if one["slug"] == "cookies")
    entry["versions"].insert(
        0, {"version": "2027-03-01", "effective_on": "2027-03-01", "sha256": hashlib.sha256(words).hexdigest()}
    )
    (folder / "catalogue.json").write_text(json.dumps(catalogue))
    monkeypatch.setattr(documents, "_published", lambda: tuple(documents.read(folder)))

    before = documents.document_in_force("cookies", date(2027, 2, 28))
    after = documents.document_in_force("cookies", date(2027, 3, 1))

    assert (before.version, after.version) == ("2016-11-12", "2027-03-01")
