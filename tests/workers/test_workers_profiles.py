"""W01: profiles are made, changed and archived under the rules of the house."""

from typing import Any

import pytest

from actiontrac import clock
from actiontrac.contracts.workers import StatusMoveRefused, WorkerArchived, WorkerNotFound, WorkerNumberTaken
from actiontrac.errors import IdempotencyKeyReused, Invalid, ServiceError
from actiontrac.storage import Replayed
from actiontrac.testing import as_request
from services.workers.policies import MOVES
from services.workers.service import WorkersService
from tests.workers.company import Company

FULL = {
    "first_name": "Zoë",
    "last_name": "Müller",
    "worker_number": "E-17",
    "work_email": "zoe.mueller@example.com",
    "work_phone": "+1 202 555 0143",
    "title": "Welder",
    "department": "Body shop",
    "site": "Plant 2",
    "manager_id": None,
    "kind": "contractor",
    "status": "suspended",
    "started_on": "2024-03-01",
    "ended_on": "2027-02-28",
    "tags": ["night shift", "first aid"],
    "notes": "Prefers mornings.\nDrives the fork lift.",
}


def fields_of(error: pytest.ExceptionInfo[Any]) -> list[str]:
    raised: ServiceError = error.value
    return [problem["field"] for problem in raised.fields]


class TestCreateWorker:
    def test_keeps_every_field_of_a_profile(self, acme: Company) -> None:
        made = acme.create(**FULL)

        found = acme.get(made)
        assert found == made
        assert {name: found[name] for name in FULL} == FULL  # type: ignore[literal-required]

    def test_needs_a_name_and_nothing_else(self, acme: Company) -> None:
        made = acme.create(first_name="Ada", last_name="Lovelace")

        assert made["kind"] == "employee"
        assert made["status"] == "active"
        assert made["worker_number"] == "W-1"
        assert made["tags"] == []

    def test_names_every_field_that_is_wrong(self, service: WorkersService) -> None:
        wrong = {"last_name": " ", "kind": "robot", "started_on": 5, "work_email": "x@", "shoe_size": 43, "tags": [""]}

        with pytest.raises(Invalid) as error:
            service.create_worker(company_id="com_acme", worker=wrong)

        assert set(fields_of(error)) == {
            "first_name", "last_name", "kind", "started_on", "work_email", "shoe_size", "tags[0]",
        }

    @pytest.mark.parametrize("field", ["first_name", "title", "worker_number", "department"])
    def test_refuses_control_characters(self, acme: Company, field: str) -> None:
        with pytest.raises(Invalid) as error:
            acme.create(**{field: "a\x00b"})

        assert fields_of(error) == [field]

    def test_refuses_an_end_before_the_start(self, acme: Company) -> None:
        with pytest.raises(Invalid) as error:
            acme.create(started_on="2026-05-01", ended_on="2026-04-30")

        assert fields_of(error) == ["ended_on"]

    def test_takes_empty_text_for_nothing(self, acme: Company) -> None:
        made = acme.create(title=" ", worker_number="", notes="")

        assert (made["title"], made["worker_number"], made["notes"]) == (None, "W-1", None)

    def test_keeps_each_tag_once(self, acme: Company) -> None:
        assert acme.create(tags=["Forklift", "forklift", "Night"])["tags"] == ["Forklift", "Night"]

    def test_does_it_once_under_one_idempotency_key(self, service: WorkersService) -> None:
        worker = {"first_name": "Ada", "last_name": "Lovelace"}
        as_request(key="key-1", request_hash="a")
        made = service.create_worker(company_id="com_acme", worker=worker)
        as_request(key="key-1", request_hash="a")

        with pytest.raises(Replayed) as replayed:
            service.create_worker(company_id="com_acme", worker=worker)

        assert replayed.value.response == made
        as_request(key="key-1", request_hash="b")
        with pytest.raises(IdempotencyKeyReused):
            service.create_worker(company_id="com_acme", worker=worker)


class TestWorkerNumbers:
    def test_are_unique_in_a_company_whatever_their_capitals(self, acme: Company, rival: Company) -> None:
        acme.create(worker_number="e-7")

        with pytest.raises(WorkerNumberTaken) as error:
            acme.create(worker_number=" E-7 ")

        assert fields_of(error) == ["worker_number"]
        assert rival.create(worker_number="E-7")["worker_number"] == "E-7"

    def test_that_are_given_pass_over_those_that_are_taken(self, acme: Company) -> None:
        acme.create(worker_number="w-2")

        assert [acme.create()["worker_number"] for _ in range(3)] == ["W-1", "W-3", "W-4"]

    def test_of_one_worker_cannot_become_anothers(self, acme: Company) -> None:
        acme.create(worker_number="1")
        other = acme.create(worker_number="2")

        with pytest.raises(WorkerNumberTaken):
            acme.change(other, worker_number="1")

        assert acme.change(other, worker_number="2")["worker_number"] == "2"

    def test_can_be_written_in_other_capitals(self, acme: Company) -> None:
        worker = acme.create(worker_number="e-7")

        assert acme.change(worker, worker_number="E-7")["worker_number"] == "E-7"


class TestUpdateWorker:
    def test_changes_only_the_fields_that_were_sent(self, acme: Company) -> None:
        worker = acme.create(**FULL)

        changed = acme.change(worker, title="Foreman")

        assert {**changed, "updated_at": None} == {**worker, "title": "Foreman", "updated_at": None}

    def test_empties_with_null_what_may_be_empty(self, acme: Company) -> None:
        worker = acme.create(**FULL)
        nothing = dict.fromkeys(
            ["work_email", "work_phone", "title", "department", "site", "started_on", "ended_on", "tags", "notes"]
        )

        acme.change(worker, **nothing)

        found = acme.get(worker)
        assert found["tags"] == []
        assert all(found[name] is None for name in nothing if name != "tags")  # type: ignore[literal-required]

    @pytest.mark.parametrize("field", ["first_name", "last_name", "worker_number", "kind", "status"])
    def test_cannot_empty_what_a_profile_always_has(self, acme: Company, field: str) -> None:
        worker = acme.create()

        with pytest.raises(Invalid) as error:
            acme.change(worker, **{field: None})

        assert fields_of(error) == [field]

    def test_that_changes_nothing_leaves_no_trace(self, acme: Company) -> None:
        worker = acme.create(**FULL)
        clock.advance(3600)

        again = acme.change(worker, **FULL)

        assert again == worker
        assert len(acme.events()) == 1

    def test_tells_when_it_was(self, acme: Company) -> None:
        worker = acme.create()
        clock.advance(3600)

        assert acme.change(worker, title="Foreman")["updated_at"] > worker["updated_at"]

    def test_refuses_an_end_before_a_start_that_was_there_before(self, acme: Company) -> None:
        worker = acme.create(started_on="2026-05-01")

        with pytest.raises(Invalid) as error:
            acme.change(worker, ended_on="2026-04-30")

        assert fields_of(error) == ["ended_on"]

    @pytest.mark.parametrize("worker_id", ["wrk_00000000000000000000000000", "x", "", "a\x00b", "é"])
    def test_does_not_find_what_is_not_there(self, acme: Company, worker_id: str) -> None:
        for attempt in (acme.get, acme.change, acme.archive):
            with pytest.raises(WorkerNotFound):
                attempt(worker_id)


class TestStatus:
    @pytest.mark.parametrize("status", list(MOVES))
    @pytest.mark.parametrize("wanted", list(MOVES))
    def test_moves_as_the_table_says(self, acme: Company, status: str, wanted: str) -> None:
        worker = acme.create(status=status)

        if wanted == status or wanted in MOVES[status]:
            assert acme.change(worker, status=wanted)["status"] == wanted
            return
        with pytest.raises(StatusMoveRefused) as error:
            acme.change(worker, status=wanted)
        assert fields_of(error) == ["status"]
        assert acme.get(worker)["status"] == status

    def test_of_an_archived_worker_keeps_the_profile_readable_and_only_readable(self, acme: Company) -> None:
        worker = acme.create(**FULL)
        acme.archive(worker)

        with pytest.raises(WorkerArchived):
            acme.change(worker, title="Foreman")

        assert acme.get(worker)["notes"] == FULL["notes"]
        assert acme.change(worker, title="Foreman", status="active")["title"] == "Foreman"

    def test_archiving_is_safe_to_repeat(self, acme: Company) -> None:
        worker = acme.create()

        first = acme.archive(worker)
        clock.advance(60)

        assert acme.archive(worker) == first
        assert [event.managed for event in acme.events()] == [1, 0]
