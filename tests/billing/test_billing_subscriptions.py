"""A company's subscription in the service: trial, reminders, grace, read-only, and each thing told once."""

import pytest

from actiontrac import clock
from actiontrac.contracts.billing import MembershipTerminated, TrialNotOffered, TrialUsed
from actiontrac.testing import as_request
from services.billing.models import Subscription
from tests.billing.conftest import ACME, RIVAL, RON, Crash

DAY = 86400

TOLD = {
    "subscription.renewal_due",
    "subscription.grace_started",
    "subscription.read_only",
    "subscription.lapsed",
}


def told(shop, company=ACME):
    """What the company heard about its year's end, in order: reminders by their number."""
    found = [event for event in shop.events() if event.type in TOLD and event.company_id == company]
    return [getattr(event, "reminder", event.type.removeprefix("subscription.")) for event in found]


def start_trial(shop, key=None):
    as_request(key=key)
    return shop.service.start_trial(company_id=ACME)


def pass_days(shop, days, step=1):
    for _ in range(0, days, step):
        clock.advance(step * DAY)
        shop.tick()


class TestTheYearsEnd:
    def test_each_date_is_told_once_in_its_order(self, shop):
        shop.buy()
        clock.advance(300 * DAY)
        pass_days(shop, 66)
        pass_days(shop, 95, step=5)

        assert told(shop) == [60, 30, 14, 7, 1, 0, "grace_started", "read_only", "lapsed"]
        assert all(event.reminder == event.days_left for event in shop.events("subscription.renewal_due"))
        assert shop.stripe.charges() == 1, "at the end nothing is charged"

    def test_after_a_jump_only_what_is_still_true_is_told(self, shop):
        shop.buy()
        shop.wait(340 * DAY)
        [reminder] = shop.events("subscription.renewal_due")
        assert (reminder.reminder, reminder.days_left) == (30, 24)
        shop.wait(366 * DAY)

        assert told(shop) == [30, "lapsed"]

    def test_a_restart_tells_nothing_again(self, shop):
        shop.buy()
        for _ in range(3):
            shop.wait(335 * DAY if not told(shop) else 0)
            shop.restart()
            shop.tick(3)

        assert told(shop) == [30]

    def test_replicas_tell_it_once(self, shop):
        shop.buy()
        shop.buy(company=RIVAL, user=RON)
        clock.advance(310 * DAY)
        for moment in range(3):
            shop.at_once(4, lambda _: (as_request(), shop.service.look_at_subscriptions()))
            clock.advance(61 if moment == 0 else DAY)

        assert (told(shop), told(shop, RIVAL)) == ([60], [60])

    def test_a_power_cut_after_the_claim_loses_no_reminder(self, shop, crash_at):
        shop.buy()
        clock.advance(310 * DAY)
        crash_at("billing.reminders.after_claim")
        with pytest.raises(Crash):
            shop.service.look_at_subscriptions()
        shop.restart()
        shop.wait(61)

        assert told(shop) == [60]

    def test_a_renewal_paid_early_starts_where_the_old_year_ends_and_silences_reminders(self, shop):
        shop.buy()
        shop.wait(310 * DAY)
        shop.buy("business")
        first, second = shop.rows_of_years()
        assert (second.starts_on - first.ends_on).days == 1
        assert shop.subscription()["plan"] == "team"
        shop.wait(120 * DAY)

        assert told(shop) == [60]
        assert (shop.subscription()["state"], shop.subscription()["plan"]) == ("active", "business")

    def test_an_unpaid_checkout_does_not_shorten_the_paid_year(self, shop):
        shop.buy()
        clock.advance(320 * DAY)
        shop.create("business")
        shop.settle_down()
        clock.advance(30 * DAY)

        assert shop.subscription()["state"] == "renewal_due"
        assert not shop.subscription()["read_only"]

    def test_read_only_keeps_everything_readable(self, shop):
        checkout = shop.buy()
        shop.count(30)
        shop.wait(390 * DAY)
        subscription = shop.subscription()

        assert (subscription["state"], subscription["read_only"]) == ("read_only", True)
        assert "exported" in subscription["next_step"]
        assert shop.row(checkout)["state"] == "paid"
        assert [invoice["total_minor"] for invoice in shop.invoices()] == [48000]
        assert shop.usage()["managed"] == 30

    def test_a_new_year_ends_read_only_at_once(self, shop):
        shop.buy()
        shop.wait(390 * DAY)
        shop.buy()

        assert (shop.subscription()["state"], shop.subscription()["read_only"]) == ("active", False)


class TestTrial:
    def test_it_needs_no_card_has_the_plans_limit_and_ends_by_itself(self, shop):
        trial = start_trial(shop)
        assert (trial["state"], trial["plan"], trial["worker_limit"], trial["days_left"]) == ("trial", "team", 50, 14)
        shop.count(41)
        assert shop.usage()["percent"] == 82
        assert [event.level for event in shop.events("usage.warned")] == ["80"]
        pass_days(shop, 15, step=5)

        assert shop.subscription()["state"] == "read_only"
        assert told(shop) == ["read_only"]
        assert shop.events("subscription.read_only")[0].after == "trial"
        assert shop.stripe.calls == shop.paypal.calls == []

    def test_one_company_tries_once(self, shop):
        came = shop.at_once(6, lambda _: start_trial(shop))

        assert sum(isinstance(one, dict) for one in came) == 1
        assert sum(isinstance(one, TrialUsed) for one in came) == 5
        shop.wait(200 * DAY)
        with pytest.raises(TrialUsed):
            start_trial(shop)
        assert len(shop.events("subscription.trial_started")) == len(shop.rows(Subscription)) == 1

    def test_a_repeated_request_is_answered_the_same(self, shop):
        assert [start_trial(shop, key="one")] == shop.at_once(1, lambda _: start_trial(shop, key="one"))

    def test_who_has_bought_cannot_try(self, shop):
        shop.buy("starter")

        with pytest.raises(TrialUsed):
            start_trial(shop)

    def test_paying_during_the_trial_begins_a_whole_year(self, shop):
        start_trial(shop)
        shop.wait(3 * DAY)
        shop.buy("starter")

        assert (shop.subscription()["state"], shop.subscription()["worker_limit"]) == ("active", 10)
        assert shop.subscription()["starts_on"] == clock.today().isoformat()

    def test_an_operator_can_offer_none(self, open_shop, tmp_path):
        file = tmp_path / "plans.toml"
        file.write_text('[[plan]]\ncode="solo"\nname="Solo"\nversion=1\nworker_limit=5\nprices={USD=100}\n')
        shop = open_shop(ACTIONTRAC_PLANS_FILE=str(file))

        with pytest.raises(TrialNotOffered):
            start_trial(shop)


class TestTermination:
    def test_nothing_can_be_bought_and_nothing_is_told_any_more(self, shop):
        shop.buy()
        clock.advance(330 * DAY)
        open_checkout = shop.create("business")
        for _ in range(2):
            as_request()
            assert shop.service.mark_terminated(company_id=ACME)["state"] == "terminated"
        with pytest.raises(MembershipTerminated):
            shop.create()
        shop.wait(400 * DAY)

        assert len(shop.events("subscription.terminated")) == 1
        assert told(shop) == []
        assert shop.row(open_checkout)["state"] in ("canceled", "expired")
