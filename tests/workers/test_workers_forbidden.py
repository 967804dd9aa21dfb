"""W02, W03, S23: what must not be held has no column, and is refused at every door."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from actiontrac import forbidden, inventory
from actiontrac.contracts import workers as contract
from actiontrac.errors import ServiceError
from services.workers import models
from services.workers.service import WorkersService
from services.workers.sweep import TEXTS
from tests.workers.company import Company

CARD = "4111 1111 1111 1111"
SSN = "078-05-1120"
IBAN = "DE89 3704 0044 0532 0130 00"
BORN = "born on 12 March 1985"

Door = Callable[[Company], Any]


def create(**fields: Any) -> Door:
    return lambda company: company.create(**fields)


def change(**fields: Any) -> Door:
    return lambda company: company.change(company.create(), **fields)


def listed(**query: Any) -> Door:
    return lambda company: company.find(**query)


def file(content: str, **options: Any) -> Door:
    return lambda company: company.take(content, **options)


#: Where it was typed, what was typed, and the field that the refusal names.
DOORS: dict[str, tuple[Door, str, str]] = {
    "a first name": (create(first_name=SSN), SSN, "first_name"),
    "a last name": (create(last_name=f"Smith {SSN}"), SSN, "last_name"),
    "a worker number": (create(worker_number=SSN), SSN, "worker_number"),
    "a work e-mail": (create(work_email="4111111111111111@example.com"), "4111111111111111", "work_email"),
    "a work phone": (create(work_phone=CARD), CARD, "work_phone"),
    "a title": (create(title=f"Clerk, {BORN}"), BORN, "title"),
    "a department": (create(department=IBAN), IBAN, "department"),
    "a site": (create(site=f"SSN {SSN}"), SSN, "site"),
    "a manager id": (create(manager_id="4111111111111111"), "4111111111111111", "manager_id"),
    "a tag": (create(tags=["fine", CARD]), CARD, "tags[1]"),
    "notes": (create(notes=f"Was {BORN}, pays with {CARD}"), CARD, "notes"),
    "notes with spaces and dashes": (create(notes="4111-1111 1111-1111"), "4111-1111 1111-1111", "notes"),
    "an unknown field": (create(anything=CARD), CARD, "anything"),
    "a field for it": (create(ssn="see file"), "see file", "ssn"),
    "the name of a field": (create(**{CARD: "x"}), CARD, "body"),
    "a nested value": (create(title={"deep": [CARD]}), CARD, "title.deep[0]"),
    "a number instead of text": (create(notes=4111111111111111), "4111111111111111", "notes"),
    "a change of notes": (change(notes=IBAN), IBAN, "notes"),
    "a change of tags": (change(tags=[f"dob 1985-03-12 {SSN}"]), SSN, "tags[0]"),
    "a change of status": (change(status=CARD), CARD, "status"),
    "a search": (listed(search=CARD), CARD, "search"),
    "a filter": (listed(department=SSN), SSN, "department"),
    "the header of a file": (file("Number,Date of birth\n1,x"), "Date of birth", "column 2"),
    "a header that is data": (file(f"Number,{CARD}\n1,x"), CARD, "column 2"),
    "the name of a file": (file("Number,Name\n1,Ada B", file_name=f"{SSN}.csv"), SSN, "file_name"),
    "a mapping": (file("Number,Name\n1,Ada B", mapping={"Number": CARD}), CARD, "mapping.Number"),
}


class TestDoors:
    @pytest.mark.parametrize("door", DOORS)
    def test_refuse_it_by_the_fields_name_and_never_repeat_it(self, acme: Company, door: str) -> None:
        attempt, typed, field = DOORS[door]

        with pytest.raises(forbidden.ForbiddenData) as error:
            attempt(acme)

        wire = json.dumps(error.value.to_wire())
        assert field in [problem["field"] for problem in error.value.fields] or field == "body"
        assert typed not in wire
        assert typed.replace(" ", "") not in wire.replace(" ", "")

    @pytest.mark.parametrize("typed", [CARD, SSN, IBAN, BORN])
    @pytest.mark.parametrize("column", ["Title", "Notes", "Something else"])
    def test_of_a_files_cells_name_row_and_field(self, acme: Company, typed: str, column: str) -> None:
        result = acme.take(f"Number;Name;{column}\n1;Ada Byron;fine\n2;Bob Byron;{typed}")

        assert (result["created"], result["failed"]) == (1, 1)
        assert [(e["row"], e["field"].lower()) for e in result["errors"]] == [(3, column.lower())]
        assert typed not in json.dumps(result)

    def test_leave_nothing_behind(self, service: WorkersService, acme: Company) -> None:
        for attempt, _, _ in DOORS.values():
            with pytest.raises(ServiceError):
                attempt(acme)

        with service.store(acme.id) as store:
            for table in models.Base.metadata.tables:
                rows = repr(store.session.execute(text(f'SELECT * FROM "{table}"')).all())
                assert not any(typed in rows for typed in (CARD, SSN, IBAN, BORN, "4111111111111111"))

    @pytest.mark.parametrize(
        "fine",
        [
            {"work_phone": "+49 30 901820"},
            {"notes": "Order 12345678 of 2026-05-04, badge 000123"},
            {"worker_number": "20260504"},
            {"started_on": "1985-03-12"},
            {"title": "Born leader"},
        ],
    )
    def test_let_ordinary_data_in(self, acme: Company, fine: dict[str, str]) -> None:
        made = acme.create(**fine)

        assert {name: made[name] for name in fine} == fine  # type: ignore[literal-required]


class TestColumns:
    def test_have_no_forbidden_names(self) -> None:
        columns = [column.name for table in models.Base.metadata.tables.values() for column in table.columns]

        assert [name for name in columns if forbidden.is_forbidden_name(name)] == []

    def test_are_all_in_the_inventory(self) -> None:
        assert inventory.untagged(models.Base.metadata) == []

    def test_of_contact_data_and_free_text_are_sealed(self, service: WorkersService, acme: Company) -> None:
        made = acme.create(work_email="ada@example.com", work_phone="555 0100", notes="likes tea")

        with service.store(acme.id) as store:
            stored = repr(store.session.execute(text("SELECT * FROM workers")).one())

        assert "ada@example.com" not in stored
        assert "555 0100" not in stored
        assert "likes tea" not in stored
        assert acme.get(made)["notes"] == "likes tea"

    def test_that_hold_text_are_all_swept(self) -> None:
        typed = {
            name
            for name, field in contract.WorkerInput.model_fields.items()
            if "str" in repr(field.annotation) or "Email" in repr(field.annotation)
        }

        assert typed - {"manager_id", "kind", "status"} == set(TEXTS)


class TestRequestsAndViews:
    @pytest.mark.parametrize(
        "model", [contract.WorkerInput, contract.WorkerChange, contract.WorkerQuery, contract.ImportOptions]
    )
    def test_have_no_field_for_it(self, model: type[contract.WorkerInput]) -> None:
        assert [name for name in model.model_fields if forbidden.is_forbidden_name(name)] == []

    @pytest.mark.parametrize(
        "view", [contract.WorkerView, contract.CountView, contract.ImportView, contract.RowError, contract.SweepView]
    )
    def test_show_no_field_for_it(self, view: type) -> None:
        assert [name for name in view.__annotations__ if forbidden.is_forbidden_name(name)] == []
