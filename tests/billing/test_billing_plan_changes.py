"""Changing the plan in the service: quoted, charged as quoted, undone by a refund, and never twice (B18 to B20)."""

import pytest

from actiontrac import clock
from actiontrac.contracts import billing as contract
from actiontrac.errors import Invalid
from actiontrac.testing import as_request
from services.billing.models import Checkout, Disclosure
from services.billing.policies import last_day_of_year
from tests.billing.conftest import ACME, OLIVE

DAY = 86400


def quote(shop, plan="business", **wanted):
    as_request()
    return shop.service.quote_plan_change(company_id=ACME, change={"plan": plan, **wanted})


def accept(shop, quoted, method="card", key=None):
    as_request(key=key, request_hash=quoted["id"])
    wanted = {"quote_id": quoted["id"], "method": method}
    return shop.service.change_plan(company_id=ACME, user_id=OLIVE, change=wanted)


def upgrade(shop, plan="business", method="card", **wanted):
    checkout = accept(shop, quote(shop, plan, **wanted), method)["checkout"]
    shop.approve(checkout)
    shop.come_back(checkout)
    return shop.row(checkout)


class TestUpgrade:
    @pytest.mark.parametrize("method", ["card", "paypal"])
    def test_what_is_charged_is_what_was_quoted_and_the_year_keeps_its_end(self, shop, method):
        shop.buy("starter")
        before = shop.subscription()
        shop.wait(100 * DAY)
        quoted = quote(shop, "team")
        assert (quoted["days_left"], quoted["days_in_year"]) == (265, 365)
        assert (quoted["cost_minor"], quoted["credit_minor"]) == (34849, 8712)
        changed = accept(shop, quoted, method)
        assert changed["checkout"]["amount_minor"] == quoted["charge_minor"] == 34849 - 8712
        shop.approve(changed["checkout"])
        shop.come_back(changed["checkout"])

        after = shop.subscription()
        assert (after["plan"], after["worker_limit"], after["ends_on"]) == ("team", 50, before["ends_on"])
        assert shop.provider_of(changed["checkout"]).money_kept() == quoted["charge_minor"] + (
            12000 if method == "card" else 0
        )
        invoice = shop.invoices()[0]
        assert [line["amount_minor"] for line in invoice["lines"]] == [34849, -8712]
        assert invoice["total_minor"] == quoted["charge_minor"]
        [event] = shop.events("subscription.plan_changed")
        assert (event.from_plan, event.plan, event.worker_limit) == ("starter", "team", 50)
        assert len(shop.events("subscription.activated")) == 1
        assert len(shop.rows(Disclosure)) == 2, "this hand-over is written down too"

    def test_it_heals_the_warning_at_once(self, shop):
        shop.buy("starter")
        shop.count(14)
        upgrade(shop, "team")

        assert shop.usage()["percent"] == 28
        assert shop.usage()["advice"]["direction"] == "fits"

    def test_an_unpaid_upgrade_leaves_the_year_as_it_is(self, shop):
        shop.buy("starter")
        changed = accept(shop, quote(shop))
        shop.wait(2 * 3600)
        shop.settle_down()

        assert shop.row(changed["checkout"])["state"] == "expired"
        assert (shop.subscription()["state"], shop.subscription()["plan"]) == ("active", "starter")

    def test_parallel_requests_with_one_key_open_one_checkout(self, shop):
        shop.buy("starter")
        quoted = quote(shop)
        shop.at_once(8, lambda _: accept(shop, quoted, key="one"))

        assert len(shop.rows(Checkout)) == 2

    def test_a_quote_is_taken_once(self, shop):
        shop.buy("starter")
        quoted = quote(shop)
        came = shop.at_once(6, lambda _: accept(shop, quoted))

        assert sum(isinstance(one, dict) for one in came) == 1
        assert sum(isinstance(one, contract.QuoteOutdated) for one in came) == 5

    def test_of_two_upgrades_that_are_paid_only_one_is_kept(self, shop):
        shop.buy("starter")
        changed = [accept(shop, quote(shop, plan))["checkout"] for plan in ("team", "business")]
        for checkout in changed:
            shop.approve(checkout)
        for checkout in changed:
            shop.come_back(checkout)
        shop.settle_down()

        assert shop.subscription()["plan"] == "team"
        assert [shop.row(checkout)["state"] for checkout in changed] in (["paid", "refunded"], ["paid", "canceled"])
        assert shop.stripe.money_kept() == 12000 + changed[0]["amount_minor"]

    def test_an_old_quote_is_refused(self, shop):
        shop.buy("starter")
        quoted = quote(shop)
        clock.advance(3601)

        with pytest.raises(contract.QuoteExpired):
            accept(shop, quoted)

    def test_a_quote_whose_money_went_back_in_part_is_refused(self, shop):
        checkout = shop.buy("starter")
        quoted = quote(shop)
        shop.refund(checkout, 1000)

        with pytest.raises(contract.QuoteOutdated):
            accept(shop, quoted)
        assert quote(shop)["credit_minor"] == 11000

    def test_an_upgrade_needs_a_method(self, shop):
        shop.buy("starter")

        with pytest.raises(Invalid):
            accept(shop, quote(shop), method=None)

    def test_without_a_year_or_to_the_same_plan_there_is_nothing_to_change(self, shop):
        with pytest.raises(contract.NoYearToChange):
            quote(shop)
        shop.buy("team")
        with pytest.raises(contract.SamePlan):
            quote(shop, "team")

    def test_another_companys_quote_is_not_found(self, shop):
        shop.buy("starter")
        quoted = quote(shop)
        as_request()

        with pytest.raises(contract.QuoteNotFound):
            shop.service.change_plan(company_id="com_rival", user_id="usr_ron", change={"quote_id": quoted["id"]})


class TestANewYear:
    """An upgrade that lets a whole year begin on its day (B18)."""

    def test_it_is_charged_as_quoted_and_the_year_ends_a_year_from_today(self, shop):
        shop.buy("starter")
        shop.wait(100 * DAY)
        today = clock.today()
        quoted = quote(shop, "team", anniversary="reset")
        assert (quoted["cost_minor"], quoted["credit_minor"], quoted["charge_minor"]) == (48000, 8712, 39288)
        assert quoted["year_ends_on"] == last_day_of_year(today).isoformat()
        assert quoted["days_left"] == quoted["days_in_year"]
        checkout = upgrade(shop, "team", anniversary="reset")

        assert checkout["amount_minor"] == 39288
        after = shop.subscription()
        assert (after["plan"], after["starts_on"], after["ends_on"]) == (
            "team", today.isoformat(), quoted["year_ends_on"],
        )  # fmt: skip
        assert shop.invoices()[0]["total_minor"] == 39288
        [event] = shop.events("subscription.plan_changed")
        assert event.ends_on == quoted["year_ends_on"]

    def test_the_next_change_is_priced_by_the_new_year(self, shop):
        shop.buy("starter")
        shop.wait(100 * DAY)
        whole = quote(shop, "team", anniversary="reset")["days_in_year"]
        upgrade(shop, "team", anniversary="reset")
        shop.wait(65 * DAY)
        quoted = quote(shop, "business")

        assert (quoted["days_left"], quoted["days_in_year"]) == (whole - 65, whole)
        assert quoted["credit_minor"] == 48000 * (whole - 65) // whole

    def test_a_refund_of_it_puts_the_old_year_back(self, shop):
        shop.buy("starter")
        before = shop.subscription()
        shop.wait(100 * DAY)
        shop.refund(upgrade(shop, "team", anniversary="reset"))
        after = shop.subscription()

        assert (after["plan"], after["starts_on"], after["ends_on"]) == (
            "starter", before["starts_on"], before["ends_on"],
        )  # fmt: skip
        assert shop.stripe.money_kept() == 12000
        assert quote(shop, "team")["credit_minor"] == 8712

    def test_undone_after_the_old_year_is_over_it_is_over(self, shop):
        shop.buy("starter")
        shop.wait(300 * DAY)
        checkout = upgrade(shop, "team", anniversary="reset")
        shop.wait(200 * DAY)
        assert shop.subscription()["state"] == "active"
        shop.refund(checkout)

        assert shop.subscription()["state"] == "lapsed"

    def test_the_reminders_are_of_the_new_end(self, shop):
        shop.buy("starter")
        shop.wait(320 * DAY)
        assert [event.reminder for event in shop.events("subscription.renewal_due")] == [60]
        upgrade(shop, "team", anniversary="reset")
        shop.wait(45 * DAY)
        assert len(shop.events("subscription.renewal_due")) == 1
        shop.wait(270 * DAY)

        assert [event.reminder for event in shop.events("subscription.renewal_due")] == [60, 60]

    def test_where_the_next_year_is_paid_the_anniversary_stays(self, shop):
        shop.buy("starter")
        shop.wait(320 * DAY)
        quoted = quote(shop, "team", anniversary="reset")
        shop.buy("starter")

        with pytest.raises(contract.AlreadyPaid):
            quote(shop, "team", anniversary="reset")
        with pytest.raises(contract.QuoteOutdated):
            accept(shop, quoted)
        assert quote(shop, "team")["anniversary"] == "keep"

    def test_a_year_that_was_bought_after_it_is_given_back_first(self, shop):
        shop.buy("starter")
        shop.wait(10 * DAY)
        checkout = upgrade(shop, "team", anniversary="reset")
        shop.wait(320 * DAY)
        later = shop.buy("team")
        with pytest.raises(contract.NotRefundable):
            shop.refund(checkout)
        shop.refund(later)
        shop.refund(checkout)

        assert shop.stripe.money_kept() == 12000

    def test_a_smaller_plan_cannot_end_the_year(self, shop):
        shop.buy("team")

        with pytest.raises(Invalid):
            quote(shop, "starter", anniversary="reset")


class TestGivingBack:
    def test_a_refunded_upgrade_is_undone_and_the_year_goes_on(self, shop):
        shop.buy("starter")
        checkout = upgrade(shop, "team")
        shop.refund(checkout)

        assert (shop.subscription()["state"], shop.subscription()["plan"]) == ("active", "starter")
        assert shop.stripe.money_kept() == 12000
        assert sum(invoice["total_minor"] for invoice in shop.invoices()) == 12000
        assert quote(shop, "team")["credit_minor"] == 12000

    def test_the_last_payment_is_given_back_first(self, shop):
        year = shop.buy("starter")
        upgrades = [upgrade(shop, "team"), upgrade(shop, "business")]
        for earlier in (year, upgrades[0]):
            with pytest.raises(contract.NotRefundable):
                shop.refund(earlier)
        for checkout in (upgrades[1], upgrades[0], year):
            shop.refund(checkout)

        assert shop.subscription()["state"] == "read_only"
        assert shop.stripe.money_kept() == sum(invoice["total_minor"] for invoice in shop.invoices()) == 0


class TestDowngrade:
    def test_it_waits_for_the_years_end_and_costs_nothing(self, shop):
        shop.buy("team")
        quoted = quote(shop, "starter")
        assert (quoted["direction"], quoted["charge_minor"]) == ("down", 0)
        assert accept(shop, quoted, method=None)["state"] == "scheduled"

        assert (shop.subscription()["plan"], shop.subscription()["next_plan"]) == ("team", "starter")
        shop.wait(310 * DAY)
        assert [event.next_plan for event in shop.events("subscription.renewal_due")] == ["starter"]
        shop.buy("starter")
        assert shop.subscription()["next_plan"] is None
        assert shop.subscription()["plan"] == "team", "the paid year is honoured"

    def test_it_is_refused_with_an_explanation_while_too_many_are_managed(self, shop):
        shop.buy("team")
        shop.count(12)

        with pytest.raises(contract.PlanTooSmall, match="Archive 2 of them"):
            quote(shop, "starter")
