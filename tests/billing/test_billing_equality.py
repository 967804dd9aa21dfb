"""B14: the figure that is billed is the company's own, through the events of both services, in any order."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actiontrac import clock
from actiontrac.contracts.workers import SeatLimitReached, WorkerCountChanged
from actiontrac.errors import Conflict
from actiontrac.ids import new_id
from actiontrac.storage import database_for
from actiontrac.testing import FakeAccounts, as_request, published, service_of
from services.workers.service import WorkersService
from tests.billing.conftest import Shop
from tests.workers.company import Company

DAY = 86400
STATUSES = ["active", "suspended", "left", "archived"]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("create"), st.sampled_from(STATUSES)),
        st.tuples(st.just("move"), st.integers(0, 9), st.sampled_from(STATUSES)),
        st.tuples(st.just("import"), st.integers(1, 12)),
        st.tuples(st.just("wait"), st.sampled_from([0.5, 1, 13, 15])),
        st.just(("buy",)),
        st.just(("deliver",)),
    ),
    min_size=3,
    max_size=14,
)


class Both:
    """Workers and billing with the events between them, which a test delivers as it likes."""

    def __init__(self, shop: Shop, workers: WorkersService) -> None:
        self.shop, self.workers = shop, workers

    def begin(self, shuffle: random.Random) -> None:
        self.company = Company(self.workers, new_id("com"))
        self.buyer = new_id("usr")
        self.shop.accounts.add(self.buyer, self.company.id, role="owner")
        self.delivered: set[str] = set()
        self.shuffle = shuffle

    def deliver(self) -> None:
        """All events that wait, shuffled, some of them twice; until nobody says anything more."""
        while True:
            waiting = [
                event
                for event in published(self.workers) + published(self.shop.service)
                if event.company_id == self.company.id
                and event.type in ("worker.count_changed", "allowance.changed")
                and event.event_id not in self.delivered
            ]
            if not waiting:
                return
            self.delivered |= {event.event_id for event in waiting}
            waiting += self.shuffle.choices(waiting, k=len(waiting) // 2)
            self.shuffle.shuffle(waiting)
            for event in waiting:
                self._take(event)

    def _take(self, event: Any) -> None:
        as_request()
        to, name = self.workers, "on_allowance_changed"
        if isinstance(event, WorkerCountChanged):
            to, name = self.shop.service, "on_worker_count_changed"
        service = "billing" if to is self.shop.service else "workers"
        getattr(to, name)(type(event).from_wire(event.to_wire(), handler=f"{service}.{name}"))


@pytest.fixture
def both(shop: Shop, tmp_path: Path) -> Iterator[Both]:
    # One clock for both: the folder of the shop.
    made: WorkersService = service_of(
        WorkersService, shop.settings.home, settings=shop.settings, accounts=FakeAccounts("com_acme")
    )
    yield Both(shop, made)
    database_for("workers", shop.settings).dispose()


class TestTheFigure:
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(steps=STEPS, seed=st.integers(0, 1000))
    def test_equals_the_tenants_own_with_its_high_water_mark(
        self, both: Both, steps: list[tuple[Any, ...]], seed: int
    ) -> None:
        both.begin(random.Random(seed))
        company, ids = both.company, []
        bought = highest = 0
        for step in steps:
            try:
                match step:
                    case ("create", status):
                        ids.append(company.create(status=status)["id"])
                    case ("move", which, status) if ids:
                        company.change(ids[which % len(ids)], status=status)
                    case ("import", rows):
                        company.take("Number,Name\n" + "\n".join(f"I-{row},Ada Byron" for row in range(rows)))
                    case ("wait", days):
                        both.deliver()
                        clock.advance(days * DAY)
                        both.shop.tick()
                    case ("buy",) if not bought:
                        both.shop.buy("starter", company=company.id, user=both.buyer)
                        bought, highest = 1, company.recount()
                    case ("deliver",):
                        both.deliver()
            except Conflict:
                pass
            highest = max(highest, company.recount())
        both.deliver()

        usage, count = both.shop.usage(company.id), company.count()
        assert usage["managed"] == count["managed"] == company.recount()
        if bought:
            assert usage["high_water"] == highest
            with both.workers.store(company.id) as store:
                kept = store.allowance()
            assert usage["over_since"] == (kept.over_since.isoformat() if kept and kept.over_since else None)

    def test_says_blocked_exactly_when_workers_refuses(self, both: Both) -> None:
        both.begin(random.Random(1))
        company = both.company
        both.shop.buy("starter", company=company.id, user=both.buyer)
        both.deliver()
        workers = [company.create() for _ in range(11)]
        refusals = []
        for _ in range(20):
            both.deliver()
            both.shop.tick()
            level = both.shop.usage(company.id)["level"]
            refusals.append(level == "blocked")
            assert refuses_one_more(company) == refusals[-1]
            clock.advance(DAY)
        assert refusals == [False] * 14 + [True] * 6

        for worker in workers[:2]:
            company.archive(worker)
        both.deliver()
        assert both.shop.usage(company.id)["level"] == "80"
        assert not refuses_one_more(company)


def refuses_one_more(company: Company) -> bool:
    try:
        company.archive(company.create())
    except SeatLimitReached:
        return True
    return False
