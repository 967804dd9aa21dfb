"""The figure, the limit, the warnings and the advice (B14 to B16; S38, S39)."""

from itertools import pairwise

import pytest

from actiontrac import clock
from actiontrac.contracts import workers
from actiontrac.contracts.workers import WorkerCountChanged
from actiontrac.testing import as_request
from tests.billing.conftest import ACME, RIVAL

DAY = 86400


def levels(shop):
    return [event.level for event in shop.events("usage.warned")]


def advised(shop):
    return [(event.direction, event.advised_plan) for event in shop.events("plan.advised")]


class TestTheFigure:
    def test_it_is_the_tenants_own_figure_with_the_published_rule(self, shop):
        shop.buy("team")
        for managed in (5, 17, 12):
            shop.count(managed)
        usage = shop.usage()

        assert (usage["managed"], usage["high_water"], usage["percent"]) == (12, 17, 24)
        assert usage["rule"] == workers.COUNT_RULE
        assert (usage["plan"], usage["worker_limit"]) == ("team", 50)

    def test_before_the_first_event_nobody_is_managed(self, shop):
        usage = shop.usage()

        assert (usage["managed"], usage["plan"], usage["percent"], usage["advice"]) == (0, None, None, None)

    def test_a_late_event_does_not_bring_back_an_old_figure(self, shop):
        shop.buy("team")
        shop.count(20, sequence=2)
        shop.count(30, sequence=1)

        assert shop.usage()["managed"] == 20
        assert shop.usage()["high_water"] == 30

    def test_a_repeated_event_is_handled_once(self, shop):
        shop.buy("starter")
        event = WorkerCountChanged(company_id=ACME, managed=9, high_water=9, sequence=1, handler="billing.x")
        for _ in range(3):
            as_request()
            shop.service.on_worker_count_changed(event)

        assert levels(shop) == ["80"]

    def test_the_high_water_mark_is_the_years(self, shop):
        shop.count(30)
        shop.buy("team")
        shop.count(20)
        assert shop.usage()["high_water"] == 30
        shop.wait(320 * DAY)
        shop.buy("team")
        shop.wait(50 * DAY)
        shop.count(21)

        assert shop.usage()["high_water"] == 21

    def test_companies_have_figures_of_their_own(self, shop):
        shop.count(7)

        assert shop.usage(RIVAL)["managed"] == 0

    def test_the_end_of_many_events_in_any_order_is_the_newest(self, shop):
        shop.buy("business")
        for number in (3, 1, 5, 4, 2):
            shop.count(number * 10, sequence=number)

        assert (shop.usage()["managed"], shop.usage()["high_water"]) == (50, 50)


class TestWarnings:
    def test_at_eighty_percent_full_and_over_the_limit_once_each(self, shop):
        shop.buy("starter")
        for managed in (7, 8, 9, 10, 11, 12):
            shop.count(managed)

        assert levels(shop) == ["80", "100", "over"]

    def test_exactly_at_the_limit_is_allowed(self, shop):
        shop.buy("starter")
        shop.count(10)

        assert levels(shop) == ["100"]
        assert shop.usage()["level"] == "100"

    def test_they_heal_by_themselves_and_then_count_anew(self, shop):
        shop.buy("starter")
        for managed in (8, 7, 8, 11, 9, 11):
            shop.count(managed)

        assert levels(shop) == ["80", "80", "over", "over"]

    def test_a_jump_over_both_levels_warns_of_the_higher_only(self, shop):
        shop.buy("starter")
        shop.count(30)

        assert levels(shop) == ["over"]

    def test_without_a_paid_year_there_is_no_limit_to_warn_of(self, shop):
        shop.count(500)

        assert levels(shop) == []

    def test_a_company_that_pays_while_near_the_limit_is_told(self, shop):
        shop.count(9)
        shop.buy("starter")

        assert levels(shop) == ["80"]


class TestAdvice:
    def test_up_to_the_cheapest_plan_that_is_enough(self, shop):
        shop.buy("starter")
        shop.count(120)
        advice = shop.usage()["advice"]

        assert (advice["direction"], advice["plan"], advice["saving_minor"]) == ("up", "business", 0)
        assert "120" in advice["reason"]
        assert advised(shop) == [("up", "business")]

    def test_down_with_the_saving_when_the_whole_year_would_have_fitted(self, shop):
        shop.buy("business", currency="GBP")
        shop.count(45)
        advice = shop.usage()["advice"]

        assert (advice["direction"], advice["plan"]) == ("down", "team")
        assert (advice["saving_minor"], advice["currency"]) == (142000 - 38000, "GBP")
        assert "45" in advice["reason"]
        assert "1040.00 GBP" in advice["reason"]

    def test_not_down_when_the_highest_figure_of_the_year_needed_the_plan(self, shop):
        shop.buy("business")
        shop.count(51)
        shop.count(5)

        assert shop.usage()["advice"]["direction"] == "fits"

    def test_down_is_mailed_only_when_the_year_has_settled_in(self, shop):
        shop.buy("business")
        shop.count(5)
        shop.wait(29 * DAY)
        assert advised(shop) == []
        shop.wait(2 * DAY)

        assert advised(shop) == [("down", "starter")]

    def test_each_advice_is_given_once(self, shop):
        shop.buy("starter")
        for managed in (11, 12, 13, 60, 61):
            shop.count(managed)

        assert advised(shop) == [("up", "team"), ("up", "business")]

    def test_the_plan_that_fits_is_said_to_fit(self, shop):
        shop.buy("team")
        shop.count(30)

        assert shop.usage()["advice"]["direction"] == "fits"
        assert advised(shop) == []


class TestSubscription:
    def test_before_buying_there_is_none_and_the_next_step_says_so(self, shop):
        subscription = shop.subscription()

        assert subscription["state"] == "none"
        assert "Choose a plan" in subscription["next_step"]

    def test_the_last_day_is_still_covered_and_the_next_is_not(self, shop):
        shop.buy()
        days_left = shop.subscription()["days_left"]
        clock.advance(days_left * DAY)
        assert (shop.subscription()["state"], shop.subscription()["days_left"]) == ("renewal_due", 0)
        clock.advance(DAY)

        assert shop.subscription()["state"] == "grace"
        assert "nothing was charged" in shop.subscription()["next_step"]

    def test_near_its_end_it_says_that_a_renewal_can_be_bought(self, shop):
        shop.buy()
        assert shop.subscription()["next_step"].startswith("Nothing to do")
        clock.advance(320 * DAY)

        assert "renewal" in shop.subscription()["next_step"]

    @pytest.mark.parametrize("year", [1, 2, 3])
    def test_years_in_a_row_have_no_gap_and_no_overlap(self, shop, year):
        for _ in range(year):
            shop.buy()
            clock.advance(340 * DAY)
        years = shop.rows_of_years()

        assert len(years) == year
        for before, after in pairwise(years):
            assert (after.starts_on - before.ends_on).days == 1
