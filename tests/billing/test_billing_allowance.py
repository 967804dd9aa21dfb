"""What billing tells workers that a company may do, and what the company hears of it (B12, B14, B16, B17)."""

from datetime import timedelta
from typing import Any

import pytest

from actiontrac import clock
from actiontrac.contracts.workers import WorkerCountChanged
from actiontrac.testing import as_request
from tests.billing.conftest import ACME

DAY = 86400


def told(shop: Any) -> Any:
    """The newest allowance."""
    return shop.events("allowance.changed")[-1]


def in_days(days: int) -> str:
    return (clock.today() + timedelta(days=days)).isoformat()


def over(shop: Any, managed: int, since: str, until: str) -> None:
    """Workers tells a figure, and since when it is too many under the newest allowance."""
    shop.sequence += 1
    event = WorkerCountChanged(
        company_id=ACME, managed=managed, high_water=managed, sequence=shop.sequence, over_since=since,
        over_until=until, allowance=told(shop).version, handler="billing.on_worker_count_changed",
    )  # fmt: skip
    as_request()
    shop.service.on_worker_count_changed(event)


class TestTelling:
    def test_a_company_that_never_bought_has_no_allowance(self, shop):
        shop.create("starter")
        shop.count(5)
        shop.wait(DAY)

        assert shop.events("allowance.changed") == []

    def test_a_year_allows_its_plans_workers_to_its_end_and_the_grace_after_it(self, shop):
        shop.buy("starter")
        year = shop.rows_of_years()[0]
        found = told(shop)

        assert (found.version, found.plan, found.worker_limit, found.grace_days) == (1, "Starter", 10, 14)
        assert found.read_only_on == (year.ends_on + timedelta(days=15)).isoformat()
        assert (found.read_only_after, found.next_on) == ("year", "")
        assert found.larger_plans == ["50 Team", "250 Business", "1000 Enterprise"]

    def test_a_trial_allows_its_workers_to_its_last_day_and_none_above(self, shop):
        as_request()
        shop.service.start_trial(company_id=ACME)
        found = told(shop)

        assert (found.plan, found.worker_limit, found.grace_days) == ("Team", 50, 0)
        assert (found.read_only_on, found.read_only_after) == (in_days(15), "trial")

    def test_buying_after_a_trial_is_told_as_other_terms(self, shop):
        as_request()
        shop.service.start_trial(company_id=ACME)
        trial = told(shop)
        shop.buy("team")

        assert (told(shop).version, told(shop).grace_days) == (2, 14)
        assert told(shop).terms != trial.terms

    def test_a_year_paid_ahead_is_told_with_its_day(self, shop):
        shop.buy("team")
        shop.wait(320 * DAY)
        shop.buy("starter")
        first, second = shop.rows_of_years()
        found = told(shop)

        assert (found.plan, found.worker_limit) == ("Team", 50)
        assert (found.next_on, found.next_plan, found.next_limit) == (second.starts_on.isoformat(), "Starter", 10)
        assert found.read_only_on == (second.ends_on + timedelta(days=15)).isoformat()
        shop.wait(50 * DAY)
        assert (told(shop).plan, told(shop).terms, told(shop).next_on) == ("Starter", found.next_terms, "")
        assert first.ends_on < clock.today()

    def test_the_grace_after_a_year_keeps_its_limit_and_its_last_day(self, shop):
        shop.buy("starter")
        before = told(shop)
        shop.wait(370 * DAY)

        assert shop.subscription()["state"] == "grace"
        assert told(shop) == before
        assert shop.usage()["worker_limit"] == 10

    def test_money_that_went_back_closes_the_account_that_day(self, shop):
        shop.refund(shop.buy("starter"))
        that_day = in_days(0)
        # May take the clock over midnight.
        shop.settle_down()

        assert (told(shop).read_only_on, told(shop).read_only_after) == (that_day, "refund")

    def test_paying_again_opens_it(self, shop):
        shop.refund(shop.buy("starter"))
        shop.settle_down()
        shop.wait(3 * DAY)
        shop.buy("starter")

        assert told(shop).read_only_on == in_days(379)

    def test_a_terminated_company_can_only_read(self, shop):
        shop.buy("starter")
        as_request()
        shop.service.mark_terminated(company_id=ACME)

        assert (told(shop).read_only_on, told(shop).read_only_after) == (in_days(0), "membership")

    def test_versions_count_up_and_nothing_is_told_twice(self, shop):
        shop.buy("starter")
        for _ in range(5):
            shop.wait(40 * DAY)
        versions = [event.version for event in shop.events("allowance.changed")]

        assert versions == [1]

    def test_an_upgrade_and_its_refund_are_told(self, shop):
        shop.buy("starter")
        checkout = shop.upgrade("team")
        assert (told(shop).plan, told(shop).worker_limit) == ("Team", 50)
        shop.refund(checkout)
        shop.settle_down()

        assert (told(shop).plan, told(shop).worker_limit) == ("Starter", 10)


class TestLevels:
    def levels(self, shop):
        return [event.level for event in shop.events("usage.warned")]

    def test_the_page_says_how_full_the_plan_is_and_what_follows(self, shop):
        shop.buy("starter")
        seen = []
        for managed in (5, 8, 10):
            shop.count(managed)
            usage = shop.usage()
            seen.append((usage["level"], usage["grace_ends_on"], usage["explanation"]))

        assert [(level, ends) for level, ends, _ in seen] == [(None, None), ("80", None), ("100", None)]
        assert "room for 5 more" in seen[0][2]
        assert "which is allowed" in seen[2][2]

    def test_over_the_limit_it_says_until_when_and_then_that_none_can_be_added(self, shop):
        shop.buy("starter")
        over(shop, 11, in_days(0), in_days(13))
        usage = shop.usage()
        assert (usage["level"], usage["over_since"], usage["grace_ends_on"]) == ("over", in_days(0), in_days(13))
        assert in_days(13) in usage["explanation"]
        shop.wait(13 * DAY)
        assert shop.usage()["level"] == "over"
        shop.wait(DAY)

        assert shop.usage()["level"] == "blocked"
        assert "none can be added; everything else works" in shop.usage()["explanation"]
        assert self.levels(shop) == ["over", "blocked"]
        first, last = shop.events("usage.warned")
        assert first.grace_ends_on == last.grace_ends_on == in_days(-1)

    def test_fewer_workers_and_a_larger_plan_heal_it(self, shop):
        shop.buy("starter")
        over(shop, 11, in_days(0), in_days(13))
        shop.wait(20 * DAY)
        over(shop, 9, "", "")
        assert (shop.usage()["level"], shop.usage()["grace_ends_on"]) == ("80", None)
        over(shop, 12, in_days(0), in_days(-1))
        assert shop.usage()["level"] == "blocked"
        shop.upgrade("team")

        assert (shop.usage()["level"], shop.usage()["over_since"]) == (None, None)

    def test_days_under_terms_of_before_do_not_count(self, shop):
        shop.buy("starter")
        over(shop, 60, in_days(0), in_days(13))
        shop.wait(20 * DAY)
        old = told(shop).version
        shop.upgrade("business")
        # Sent before workers heard of the new plan, and late.
        shop.sequence += 1
        late = WorkerCountChanged(
            company_id=ACME, managed=260, high_water=260, sequence=shop.sequence, over_since=in_days(-20),
            over_until=in_days(-7), allowance=old, handler="billing.on_worker_count_changed",
        )  # fmt: skip
        as_request()
        shop.service.on_worker_count_changed(late)

        assert shop.usage()["level"] == "over"

    def test_a_trial_has_no_days_over_its_limit(self, shop):
        shop.count(60)
        as_request()
        shop.service.start_trial(company_id=ACME)

        assert shop.usage()["level"] == "blocked"
        assert [event.grace_ends_on for event in shop.events("usage.warned")] == [""]

    @pytest.mark.parametrize("bought", [True, False])
    def test_without_a_year_it_says_what_follows(self, shop, bought):
        if bought:
            shop.buy("starter")
            shop.wait(400 * DAY)
        usage = shop.usage()

        assert (usage["level"], usage["worker_limit"]) == (None, None)
        assert ("not added or changed" if bought else "no limit") in usage["explanation"]
