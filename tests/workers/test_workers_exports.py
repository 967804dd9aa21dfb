"""W10: files that are taken away; taking one in again is the identity."""

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from actiontrac import forbidden
from actiontrac.errors import Invalid
from actiontrac.ids import new_id
from services.workers.exports import files, methods
from services.workers.imports.rows import _tags_of
from tests.workers.company import Company

#: Everything that a cell, a delimiter, a quotation or a formula could trip over, and little that looks like a number.
TEXT = st.text(st.sampled_from("abZé=+-@'\",;| \t＝\u2028ß😀"), min_size=1, max_size=12).map(str.strip).filter(bool)
LINE = TEXT.map(lambda one: one.replace("\t", " ").strip()).filter(bool)
NOTE = st.lists(TEXT, min_size=1, max_size=3).map("\r\n".join)

PROFILES = st.lists(
    st.fixed_dictionaries(
        {"first_name": LINE, "last_name": LINE},
        optional={
            "title": LINE,
            "department": LINE,
            "site": LINE,
            "work_phone": LINE,
            "work_email": st.sampled_from(["ada@acme.example", "x+y@acme.example"]),
            "kind": st.sampled_from(["employee", "contractor", "temp"]),
            "status": st.sampled_from(["active", "suspended", "left", "archived"]),
            "started_on": st.sampled_from(["2020-02-29", "1999-12-31"]),
            "ended_on": st.just("2026-01-01"),
            "tags": st.lists(LINE, max_size=3),
            "notes": NOTE,
        },
    ),
    min_size=1,
    max_size=4,
)


def known(company: Company) -> list[dict[str, Any]]:
    """Every profile, with numbers instead of ids and without when it was entered."""
    workers = company.find(sort="worker_number")
    numbers = {worker["id"]: worker["worker_number"] for worker in workers}
    return [
        {
            **{name: value for name, value in worker.items() if name not in ("id", "created_at", "updated_at")},
            "manager_id": numbers.get(worker["manager_id"] or ""),
        }
        for worker in workers
    ]


def rows(file: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.removeprefix("\ufeff"), newline="")))


class TestExport:
    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @example([{"first_name": "'=", "last_name": "''@", "notes": "'\t;"}])
    @given(PROFILES)
    def test_taken_in_again_is_the_identity(self, service: Any, profiles: list[dict[str, Any]]) -> None:
        # A company of its own for each example, so that none stands in the way of the next.
        acme = Company(service, new_id("com"))
        boss = acme.create(first_name="Bea", worker_number=None)
        for profile in profiles:
            acme.create(**profile, manager_id=boss["id"])
        file = acme.export()
        again = acme.take(file)
        assert (again["failed"], again["unchanged"]) == (0, again["rows"])

        other = Company(service, f"com_of_{boss['id']}")
        taken = other.take(file)
        assert (taken["failed"], taken["created"]) == (0, taken["rows"])
        assert known(other) == known(acme)
        assert other.export() == file

    def test_keeps_who_left_below_somebody_who_left(self, acme: Company, rival: Company) -> None:
        boss = acme.create(first_name="Bea")
        worker = acme.create(manager_id=boss["id"])
        acme.change(worker, status="left")
        acme.change(boss, status="left")

        assert rival.take(acme.export())["failed"] == 0
        assert known(rival) == known(acme)

    @pytest.mark.parametrize("typed", ["=1+1", "+49 30 901820", "-2", "@SUM(A1)", "'=1", "''@x", "＝1"])
    def test_leaves_no_formula_in_any_cell(self, acme: Company, rival: Company, typed: str) -> None:
        acme.create(
            first_name=typed, last_name=typed, title=typed, site=typed, department=typed, tags=[typed],
            work_phone=typed, notes=typed, worker_number=typed,
        )  # fmt: skip
        cells = [cell for row in rows(acme.export()) for cell in row.values()]

        assert not [cell for cell in cells if cell and cell[0] in "=+-@\t\r＝＋－＠"]
        rival.take(acme.export())
        assert known(rival) == known(acme)

    def test_begins_with_columns_that_an_import_knows(self, acme: Company) -> None:
        acme.create(notes="Zoë")
        taken = acme.take(acme.export(), dry_run=True)

        assert taken["mapping"] == {name: name for name in files.COLUMNS}
        assert acme.export().startswith("\ufeffworker_number,")

    def test_holds_what_was_asked_for(self, acme: Company) -> None:
        for number in range(4):
            acme.create(worker_number=f"N-{number}", department="Hall" if number % 2 else "Office")

        assert [row["worker_number"] for row in rows(acme.export(department="hall"))] == ["N-1", "N-3"]
        found = json.loads(acme.export("json", search="office"))
        assert [one["worker_number"] for one in found] == ["N-0", "N-2"]
        assert {one["id"] for one in found} == {one["id"] for one in acme.find(department="Office")}
        with pytest.raises(Invalid):
            acme.export("pdf")
        with pytest.raises(forbidden.ForbiddenData):
            acme.export(search="4111 1111 1111 1111")

    @pytest.mark.parametrize(("most_rows", "most_bytes"), [(2, 10**6), (5000, 130)])
    def test_goes_on_in_the_next_file(
        self, acme: Company, monkeypatch: pytest.MonkeyPatch, most_rows: int, most_bytes: int
    ) -> None:
        monkeypatch.setattr(methods, "MOST_ROWS", most_rows)
        monkeypatch.setattr(files, "MOST_BYTES", most_bytes)
        numbers = [acme.create()["worker_number"] for _ in range(12)]
        for format in ("csv", "json"):
            found: list[str] = []
            while True:
                text = acme.export(format, after_number=found[-1] if found else None)
                page = rows(text) if format == "csv" else json.loads(text)
                if not page:
                    break
                assert len(page) <= 3
                found += [row["worker_number"] for row in page]
            assert found == numbers
            if most_bytes == 130:
                monkeypatch.setattr(files, "MOST_BYTES", 600)
        with pytest.raises(Invalid):
            acme.export(after_number="nobody's")


class TestTags:
    @pytest.mark.parametrize(
        ("cell", "tags"),
        [
            ("a, b;c | d", ["a", "b", "c", "d"]),
            ('"a, b"; c', ["a, b", "c"]),
            ('"say ""hi"""', ['say "hi"']),
            ('5" pipe, x', ['5" pipe', "x"]),
            ('"open, x', ['"open', "x"]),
            ('"a"b, x', ['"a"b', "x"]),
            (";;", []),
        ],
    )
    def test_are_read_between_marks(self, cell: str, tags: list[str]) -> None:
        assert [tag for tag in _tags_of(cell) if tag] == tags
