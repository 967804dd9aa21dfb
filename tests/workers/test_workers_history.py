"""W25: every change of a profile is a version, and going back to one is a new version."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from actiontrac.contracts.worker_history import VersionNotFound
from actiontrac.contracts.workers import (
    ManagerLoop,
    StatusMoveRefused,
    WorkerArchived,
    WorkerNotFound,
    WorkerNumberTaken,
    WorkerView,
)
from actiontrac.errors import Invalid
from actiontrac.testing import as_principal
from services.workers.service import WorkersService
from tests.workers.company import Company

CARD = "4111 1111 1111 1111"


def kept(worker: WorkerView) -> dict[str, Any]:
    """A profile without what every change changes."""
    return {name: value for name, value in worker.items() if name != "updated_at"}


class TestHistory:
    def test_tells_what_every_field_was_and_became_and_by_whom(self, acme: Company) -> None:
        worker = acme.create(title="Fitter", tags=["forklift"])
        as_principal(acme.id, "workers.write", user_id="usr_mo")
        change = {"title": "Lead", "notes": "Has the keys.", "tags": [], "started_on": "2026-01-02"}
        acme.service.update_worker(company_id=acme.id, worker_id=worker["id"], change=change)

        newest, first = acme.history(worker)
        assert (newest["version"], newest["author_id"], first["version"], first["author_id"]) == (2, "usr_mo", 1, None)
        assert {one["field"]: (one["before"], one["after"]) for one in newest["changes"]} == {
            "title": ("Fitter", "Lead"),
            "notes": (None, "Has the keys."),
            "tags": (["forklift"], []),
            "started_on": (None, "2026-01-02"),
        }
        assert ("first_name", None, "Ada") in [(one["field"], one["before"], one["after"]) for one in first["changes"]]

    def test_has_no_version_for_what_changed_nothing(self, acme: Company) -> None:
        worker = acme.create(title="Fitter")
        acme.change(worker, title="Fitter")
        acme.take(f"Number,Title\n{worker['worker_number']},Fitter")

        assert len(acme.history(worker)) == 1
        acme.take(f"Number,Title\n{worker['worker_number']},Lead")
        assert [one["field"] for one in acme.history(worker)[0]["changes"]] == ["title"]

    def test_comes_page_by_page(self, acme: Company) -> None:
        worker = acme.create()
        for number in range(5):
            acme.change(worker, title=f"Title {number}")

        whole = acme.history(worker)
        assert [one["version"] for one in whole] == [6, 5, 4, 3, 2, 1]
        assert acme.history(worker, limit=2) == acme.history(worker, limit=1) == whole
        with pytest.raises(WorkerNotFound):
            acme.history("wrk_nobody")

    def test_stays_sealed(self, service: WorkersService, acme: Company) -> None:
        worker = acme.create(notes="A word that nobody else may read", work_email="secret@acme.example")
        acme.change(worker, notes=None, work_email=None)

        assert acme.history(worker)[0]["changes"][-1]["before"] == "A word that nobody else may read"
        with service.store(acme.id) as store:
            rows = repr(store.session.execute(text("SELECT * FROM worker_versions")).all())
        assert "A word that" not in rows
        assert "secret@" not in rows

    def test_is_swept_with_the_rest(self, service: WorkersService, acme: Company) -> None:
        worker = acme.create(notes="fine")
        with service.store(acme.id) as store:
            store.version(worker["id"], 1).set_text("notes", f"Pays with {CARD}")

        assert service.sweep()["quarantined"] == 1
        assert service.sweep()["quarantined"] == 0
        assert CARD not in repr(acme.history(worker))
        assert acme.get(worker) == worker


class TestRestore:
    def test_makes_a_profile_what_it_was_as_a_new_version(self, acme: Company) -> None:
        worker = acme.create(title="Fitter", notes="Knows the press.", work_email="ada@acme.example")
        acme.change(worker, title="Lead", notes=None, work_email=None, status="suspended", last_name="Byron")
        restored = acme.restore(worker, 1)

        assert kept(restored) == kept(worker)
        assert [one["version"] for one in acme.history(worker)] == [3, 2, 1]
        assert acme.history(worker)[0]["restored_from"] == 1
        assert acme.find(search="lovelace")[0]["id"] == worker["id"]
        assert acme.take("Email,Title\nada@acme.example,Fitter")["unchanged"] == 1
        assert acme.restore(worker, 3) == restored
        assert acme.restore(worker, 2)["title"] == "Lead"

    def test_counts_and_tells_as_any_change(self, acme: Company) -> None:
        worker = acme.create()
        acme.change(worker, status="left")
        acme.restore(worker, 1)

        assert acme.count()["managed"] == acme.recount() == 1
        assert [event.managed for event in acme.events()] == [1, 0, 1]
        assert [one["status"] for one in acme.positions(worker)] == ["active"]

    def test_obeys_the_rules_of_today(self, acme: Company) -> None:
        boss, worker = acme.create(worker_number="1"), acme.create(worker_number="2")
        acme.change(worker, manager_id=boss["id"])
        acme.change(worker, manager_id=None, worker_number="3")
        acme.change(boss, worker_number="2", manager_id=worker["id"])

        with pytest.raises(WorkerNumberTaken):
            acme.restore(worker, 1)
        acme.change(boss, worker_number="1")
        with pytest.raises(ManagerLoop):
            acme.restore(worker, 2)
        acme.change(boss, manager_id=None)
        acme.archive(boss)
        with pytest.raises(Invalid):
            acme.restore(worker, 2)
        with pytest.raises(VersionNotFound):
            acme.restore(worker, 9)

    def test_of_an_archived_profile_needs_a_status_to_go_back_to(self, acme: Company) -> None:
        worker = acme.create(title="Fitter")
        acme.change(worker, status="suspended")
        acme.archive(worker)

        with pytest.raises(StatusMoveRefused):
            acme.restore(worker, 2)
        assert acme.restore(worker, 1)["status"] == "active"
        acme.archive(worker)
        acme.plant(worker, title="Another")
        with pytest.raises(WorkerArchived):
            acme.restore(worker, 5)

    @settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "title": st.sampled_from([None, "Fitter", "Lead"]),
                    "notes": st.sampled_from([None, "Zoë said: \"yes\"", "two\nlines"]),
                    "tags": st.sampled_from([None, ["a"], ["b", "a"]]),
                    "started_on": st.sampled_from([None, "2020-02-29"]),
                    "status": st.sampled_from(["active", "suspended"]),
                },
            ),
            min_size=1,
            max_size=6,
        )
    )
    def test_reaches_every_version_exactly(self, acme: Company, changes: list[dict[str, Any]]) -> None:
        worker = acme.create()
        seen = [kept(worker)]
        for change in changes:
            changed = kept(acme.change(worker, **change))
            if changed != seen[-1]:
                seen.append(changed)

        for number, was in reversed(list(enumerate(seen, start=1))):
            assert kept(acme.restore(worker, number)) == was
