"""W28, S38: how many workers are managed, told as it changes, and always what a recount says."""

import dataclasses
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from actiontrac import clock, forbidden
from actiontrac.contracts import workers as contract
from actiontrac.errors import Conflict
from actiontrac.events import events_of
from actiontrac.ids import new_id
from services.workers.models import CountSnapshot
from services.workers.service import WorkersService
from tests.workers.company import Company

STATUSES = ["active", "suspended", "left", "archived"]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("create"), st.sampled_from(STATUSES)),
        st.tuples(st.just("move"), st.integers(0, 9), st.sampled_from(STATUSES)),
        st.tuples(st.just("archive"), st.integers(0, 9)),
        st.tuples(st.just("rename"), st.integers(0, 9)),
        st.tuples(st.just("import"), st.lists(st.sampled_from(STATUSES), min_size=1, max_size=4)),
    ),
    max_size=14,
)


def replay(events: list[contract.WorkerCountChanged]) -> tuple[int, int]:
    """What somebody knows who has only the events, in whatever order they came."""
    latest = max(events, key=lambda event: event.sequence, default=None)
    return (latest.managed, latest.high_water) if latest else (0, 0)


def perform(company: Company, step: tuple, workers: list[str]) -> None:  # type: ignore[type-arg]
    match step:
        case ("create", status):
            workers.append(company.create(status=status)["id"])
        case ("move", which, status) if workers:
            company.change(workers[which % len(workers)], status=status)
        case ("archive", which) if workers:
            company.archive(workers[which % len(workers)])
        case ("rename", which) if workers:
            company.change(workers[which % len(workers)], last_name="Byron")
        case ("import", statuses):
            rows = [f"N{number},Ada,Lovelace,{status}" for number, status in enumerate(statuses)]
            company.take("\n".join(["Number,First name,Last name,Status", *rows]))


class TestTheCount:
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(steps=STEPS)
    def test_equals_a_recount_and_the_replay_of_its_events(
        self, service: WorkersService, steps: list[tuple]  # type: ignore[type-arg]
    ) -> None:
        company = Company(service, new_id("com"))
        workers: list[str] = []
        highest = 0

        for step in steps:
            try:
                perform(company, step, workers)
            except Conflict:
                pass
            highest = max(highest, company.recount())

        count = company.count()
        events = company.events()
        assert count["managed"] == company.recount()
        assert count["high_water"] == highest
        assert replay(events) == (count["managed"], count["high_water"])
        assert [event.sequence for event in events] == list(range(1, len(events) + 1))

    @pytest.mark.parametrize(("status", "counted"), [("active", 1), ("suspended", 1), ("left", 0), ("archived", 0)])
    def test_is_of_active_and_suspended_workers(self, acme: Company, status: str, counted: int) -> None:
        acme.create(status=status)

        assert acme.count()["managed"] == counted
        assert len(acme.events()) == counted

    def test_tells_its_rule(self, acme: Company) -> None:
        assert acme.count() == {"managed": 0, "high_water": 0, "rule": contract.COUNT_RULE}

    def test_is_told_only_when_it_changes(self, acme: Company) -> None:
        worker = acme.create()
        acme.change(worker, title="Foreman")
        acme.change(worker, status="suspended")
        acme.create(status="left")

        assert [(event.managed, event.high_water) for event in acme.events()] == [(1, 1)]

    def test_is_told_once_for_a_whole_file(self, acme: Company) -> None:
        acme.take("Number,Name\n" + "\n".join(f"{n},Ada Lovelace" for n in range(40)))

        assert [event.managed for event in acme.events()] == [40]

    def test_remembers_the_most_of_the_calendar_year(self, acme: Company) -> None:
        workers = [acme.create() for _ in range(3)]
        acme.archive(workers[0])
        assert acme.count()["high_water"] == 3

        next_year = datetime(clock.now().year + 1, 1, 1, 1, tzinfo=UTC)
        clock.advance((next_year - clock.now()).total_seconds())

        assert acme.count()["high_water"] == 2
        acme.archive(workers[1])
        assert (acme.count()["managed"], acme.count()["high_water"]) == (1, 2)

    def test_is_not_told_when_the_change_is_undone(self, service: WorkersService, acme: Company) -> None:
        acme.create()

        with pytest.raises(RuntimeError, match="power cut"), service.store(acme.id) as store:
            store.count_in(store.lock_count(), 1)
            raise RuntimeError("power cut")

        assert acme.count()["managed"] == 1
        assert len(acme.events()) == 1

    def test_is_kept_every_night_once(self, service: WorkersService, acme: Company) -> None:
        acme.create()
        for _ in range(2):
            service.sweep_nightly()
        clock.advance(86400)
        acme.create()
        service.sweep_nightly()

        with service.store(acme.id) as store:
            taken = store.session.scalars(select(CountSnapshot).order_by(CountSnapshot.taken_on)).all()
        assert [snapshot.managed for snapshot in taken] == [1, 2]


class TestEvents:
    def test_carry_figures_and_no_personal_fields(self) -> None:
        personal = set(contract.WorkerInput.model_fields) - {"status", "kind"}

        for event in events_of(contract):
            names = {field.name for field in dataclasses.fields(event)}
            assert not names & personal
            assert not any(forbidden.is_forbidden_name(name) for name in names)

    def test_hold_nothing_that_was_typed(self, acme: Company) -> None:
        acme.create(first_name="Wilhelmina", last_name="Featherstone", notes="likes tea", tags=["xylophone"])

        for event in acme.events():
            wire = event.to_wire().lower()
            assert not any(word in wire for word in ("wilhelmina", "featherstone", "tea", "xylophone"))
