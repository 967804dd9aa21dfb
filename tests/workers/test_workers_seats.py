"""B16, B17: seats are given in the transaction of the add, by what billing told, also while billing is away."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from actiontrac import clock
from actiontrac.contracts.workers import SeatLimitReached
from actiontrac.testing import as_request
from tests.workers.company import Company

DAY = 86400

#: A trial has no days over its limit.
TRIAL: dict[str, Any] = {"plan": "Team", "grace_days": 0, "terms": "trial team 1"}


def at_once(times: int, what: Callable[[int], Any]) -> list[BaseException]:
    """Do it so many times at the same moment; what was raised."""
    gate = threading.Barrier(times)
    raised: list[BaseException] = []

    def run(number: int) -> None:
        as_request()
        gate.wait()
        try:
            what(number)
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def fill(company: Company, workers: int) -> None:
    company.take("Number,Name\n" + "\n".join(f"F-{number},Ada Byron" for number in range(workers)))


def ways_to_count(company: Company, times: int) -> list[Callable[[], Any]]:
    """Every way in which a worker becomes counted, each for a worker of its own."""
    ways: list[Callable[[], Any]] = []
    for number in range(times):
        gone = company.create(status="left", worker_number=f"G-{number}")
        stored = company.create(status="left", worker_number=f"S-{number}")
        company.archive(stored)
        ways += [
            company.create,
            lambda number=number: company.take(f"Number,Name\nI-{number},Ada Byron"),
            lambda number=number: company.take(f"Number,Status\nG-{number},active"),
            lambda gone=gone: company.change(gone, status="active"),
            lambda stored=stored: company.change(stored, status="active"),
        ]
    return ways


class TestTheBound:
    def test_one_of_a_hundred_parallel_adds_gets_the_last_seat(self, acme: Company) -> None:
        fill(acme, 9)
        acme.allow(10, **TRIAL)

        raised = at_once(100, lambda _: acme.create())

        assert {type(error) for error in raised} == {SeatLimitReached}
        assert len(raised) == 99
        assert acme.count()["managed"] == acme.recount() == 10

    def test_imports_and_reactivations_are_adds_too(self, acme: Company) -> None:
        ways = ways_to_count(acme, 4)
        fill(acme, 9)
        acme.allow(10, **TRIAL)

        raised = at_once(len(ways), lambda number: ways[number]())

        assert {type(error) for error in raised} == {SeatLimitReached}
        assert len(raised) >= len(ways) - 2, "a reactivation and its import may be about one worker"
        assert acme.count()["managed"] == acme.recount() == 10

    def test_going_back_to_a_version_that_counted_is_an_add(self, acme: Company) -> None:
        worker = acme.create()
        acme.change(worker, status="left")
        fill(acme, 10)
        acme.allow(10, **TRIAL)

        with pytest.raises(SeatLimitReached):
            acme.restore(worker, 1)
        assert acme.get(worker)["status"] == "left"

    def test_a_file_that_does_not_fit_is_refused_as_a_whole_and_the_dry_run_says_so(self, acme: Company) -> None:
        fill(acme, 8)
        acme.allow(10, **TRIAL)
        file = "Number,Name\n" + "\n".join(f"N-{number},Zoe Hart" for number in range(3))

        for dry_run in (True, False):
            with pytest.raises(SeatLimitReached, match="manage 8 and this would make 11"):
                acme.take(file, dry_run=dry_run)
        assert acme.count()["managed"] == acme.recount() == 8

    def test_a_file_in_which_as_many_leave_as_come_fits_a_full_plan(self, acme: Company) -> None:
        fill(acme, 10)
        acme.allow(10, **TRIAL)

        acme.take("Number,Name,Status\nF-1,,left\nN-1,Zoe Hart,active")

        assert acme.count()["managed"] == 10

    def test_at_the_limit_everything_but_adding_works(self, acme: Company) -> None:
        worker = acme.create()
        fill(acme, 9)
        acme.allow(10, **TRIAL)

        acme.change(worker, title="Foreman", status="suspended")
        acme.act(worker)
        acme.create(status="left")
        acme.export()
        acme.archive(worker)
        acme.create()

        assert acme.count()["managed"] == 10

    def test_a_company_that_never_bought_has_no_limit(self, acme: Company) -> None:
        fill(acme, 300)

        assert acme.count()["managed"] == 300
        assert acme.events()[-1].over_since == ""

    def test_companies_have_allowances_of_their_own(self, acme: Company, rival: Company) -> None:
        acme.allow(1, **TRIAL)
        acme.create()
        for _ in range(3):
            rival.create()

        with pytest.raises(SeatLimitReached):
            acme.create()
        assert rival.count()["managed"] == 3

    def test_the_refusal_names_the_plan_that_fits_and_how_to_get_it(self, acme: Company) -> None:
        fill(acme, 10)
        acme.allow(10, **{**TRIAL, "larger_plans": ["11 Small", "50 Team"]})

        with pytest.raises(SeatLimitReached) as one:
            acme.create()
        with pytest.raises(SeatLimitReached) as many:
            acme.take("Number,Name\n" + "\n".join(f"N-{number},Zoe Hart" for number in range(60)))

        assert "Small allows 11: buy it with POST /v1/checkouts" in one.value.message
        assert "archive workers" in one.value.message
        assert "No plan allows 70: write to us" in many.value.message


class TestTheDaysOverTheLimit:
    def test_in_a_paid_year_more_can_be_added_for_fourteen_days_and_then_not(self, acme: Company) -> None:
        acme.allow(2)
        fill(acme, 3)
        clock.advance(13 * DAY)
        acme.create()
        clock.advance(DAY)

        with pytest.raises(SeatLimitReached, match="Team allows 50: upgrade with POST /v1/plan-changes/quotes"):
            acme.create()
        assert acme.count()["managed"] == 4

    def test_they_are_told_with_the_count(self, acme: Company) -> None:
        acme.allow(2)
        fill(acme, 3)
        told = acme.events()[-1]

        assert told.over_since == clock.today().isoformat()
        assert told.over_until == (clock.today() + timedelta(days=13)).isoformat()
        assert told.allowance == 1

    def test_nobody_needs_to_tell_that_they_are_up(self, acme: Company) -> None:
        """Billing is away for the whole time: no event comes."""
        acme.allow(2)
        fill(acme, 3)
        clock.advance(14 * DAY)

        raised = at_once(10, lambda _: acme.create())

        assert len(raised) == 10

    def test_fewer_workers_heal_it_and_the_days_that_are_left_stay(self, acme: Company) -> None:
        acme.allow(2)
        workers = [acme.create() for _ in range(3)]
        clock.advance(10 * DAY)
        acme.archive(workers[0])
        assert acme.events()[-1].over_since == ""
        clock.advance(100 * DAY)
        again = acme.create()
        assert acme.events()[-1].over_until == (clock.today() + timedelta(days=3)).isoformat()
        clock.advance(4 * DAY)
        with pytest.raises(SeatLimitReached):
            acme.create()

        acme.archive(again)
        acme.archive(workers[1])
        acme.create()
        with pytest.raises(SeatLimitReached, match="the 14 days for more of them are used up"):
            acme.create()
        assert acme.count()["managed"] == 2

    def test_one_of_a_hundred_gets_the_last_seat_when_they_are_used_up(self, acme: Company) -> None:
        acme.allow(10)
        fill(acme, 11)
        clock.advance(20 * DAY)
        acme.take("Number,Status\nF-1,left\nF-2,left")
        assert acme.count()["managed"] == 9

        raised = at_once(100, lambda _: acme.create())

        assert len(raised) == 99
        assert acme.count()["managed"] == acme.recount() == 10

    def test_a_larger_plan_heals_it_at_once(self, acme: Company) -> None:
        acme.allow(2)
        fill(acme, 3)
        clock.advance(20 * DAY)
        acme.allow(50, plan="Team", terms="2026 team 1")

        fill(acme, 50)

        assert acme.count()["managed"] == 50

    def test_a_plan_that_is_too_small_from_the_start_begins_them(self, acme: Company) -> None:
        fill(acme, 30)
        acme.allow(10)
        told = acme.events()[-1]

        assert (told.managed, told.over_since) == (30, clock.today().isoformat())
        acme.create()
        clock.advance(14 * DAY)
        with pytest.raises(SeatLimitReached):
            acme.create()

    def test_the_smaller_plan_of_a_year_that_was_paid_ahead_begins_them_on_its_first_day(self, acme: Company) -> None:
        first = clock.today() + timedelta(days=30)
        fill(acme, 30)
        acme.allow(
            50, plan="Team", next_on=first.isoformat(), next_plan="Starter", next_limit=10, next_terms="2027 starter 1"
        )
        clock.advance(29 * DAY)
        acme.create()
        clock.advance(10 * DAY)
        acme.create()

        assert acme.events()[-1].over_since == first.isoformat()
        clock.advance(5 * DAY)
        with pytest.raises(SeatLimitReached, match="Starter allows 10"):
            acme.create()


class TestWhatBillingTells:
    def test_an_older_allowance_never_replaces_a_newer_one(self, acme: Company) -> None:
        acme.allow(50, version=7)
        acme.allow(1, version=6, **TRIAL)
        acme.allow(2, version=7, **TRIAL)
        fill(acme, 20)

        assert acme.count()["managed"] == 20

    def test_the_same_event_twice_is_taken_once(self, acme: Company) -> None:
        fill(acme, 30)
        events = len(acme.events())
        for _ in range(3):
            acme.allow(10, version=1)

        assert len(acme.events()) == events + 1

    def test_who_is_not_over_the_limit_is_not_told(self, acme: Company) -> None:
        fill(acme, 10)
        acme.allow(10)

        assert [event.managed for event in acme.events()] == [10]
