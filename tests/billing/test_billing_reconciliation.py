"""Whatever is interrupted converges: one charge, one year, or nothing at all (B08, B10)."""

import os

import pytest

from actiontrac import clock, failpoints
from actiontrac.errors import ServiceError
from actiontrac.storage import Replayed
from services.billing.models import Checkout, Disclosure, Invoice, SubscriptionYear
from tests.billing.conftest import ACME, RIVAL, RON, Crash

METHODS = pytest.mark.parametrize("method", ["card", "paypal"])


class TestReconciling:
    @METHODS
    def test_a_buyer_who_never_comes_back_is_found_without_a_webhook(self, shop, method):
        checkout = shop.create("team", method)
        shop.approve(checkout)
        shop.wait(600)

        assert shop.row(checkout)["state"] == "paid"

    @METHODS
    def test_a_page_that_nobody_used_is_closed_after_a_day(self, shop, method):
        checkout = shop.create("team", method)
        shop.wait(86400)

        assert shop.row(checkout)["state"] == "expired"
        assert shop.provider_of(checkout).orders[shop.ref_of(checkout)].closed

    @METHODS
    def test_a_payment_in_the_last_minute_counts_although_the_page_expired(self, shop, method):
        checkout = shop.create("team", method)
        shop.approve(checkout)
        shop.provider_of(checkout).orders[shop.ref_of(checkout)].charges = 1
        shop.wait(30 * 86400)

        assert shop.row(checkout)["state"] == "paid"

    def test_a_payment_that_shows_up_after_the_end_is_not_kept_silently(self, shop):
        checkout = shop.create()
        shop.wait(86400)
        shop.stripe.orders[shop.ref_of(checkout)].charges = 1
        shop.stripe.orders[shop.ref_of(checkout)].authentication = "authenticated"
        shop.webhook(checkout)
        shop.tick()

        assert shop.row(checkout)["state"] == "paid"

    def test_the_pauses_grow(self, shop):
        shop.create()
        shop.stripe.calls.clear()
        for _ in range(7200 // 120):
            clock.advance(120)
            shop.tick()

        assert len(shop.stripe.calls) <= 8

    def test_a_silent_processor_holds_up_nobody_else(self, shop):
        silent, fine = shop.create("team", "card", company=RIVAL, user=RON), shop.create("team", "paypal")
        shop.approve(fine)
        shop.stripe.down.add("settle")
        shop.wait(600)

        assert shop.row(fine)["state"] == "paid"
        assert shop.row(silent, RIVAL)["state"] == "open"

    def test_a_buyer_who_left_is_billed_no_more(self, shop):
        shop.stripe.lose.add("start")
        checkout = shop.create()
        shop.stripe.lose.clear()
        shop.accounts.people.clear()
        shop.wait(60)

        assert shop.row(checkout)["state"] == "canceled"

    def test_a_checkout_that_the_processor_has_lost_is_closed_in_the_end(self, shop):
        checkout = shop.create()
        shop.stripe.orders.clear()
        shop.wait(600)
        assert shop.row(checkout)["state"] == "open"
        shop.wait(86400)

        assert shop.row(checkout)["state"] == "expired"

    def test_two_replicas_do_not_take_the_same_checkout(self, shop):
        for _ in range(3):
            shop.create()
        clock.advance(60)
        now = clock.now()
        claims = []
        for _ in range(2):
            with shop.service.store.across_companies() as store:
                claims.append(store.claim_due_checkouts(now, 10))

        assert len(claims[0]) == 3
        assert claims[1] == []


#: Between every two effects of buying: ours by name, the chassis' by their passes.
BUYING = sorted(
    name for name in failpoints.registered() if name.split(".")[:2] in (["billing", what] for what in (
        "checkout", "settle", "webhook"))
)  # fmt: skip
COMMITS = [f"store.{where}_commit:{number}" for where in ("before", "after") for number in range(1, 7)]
EVERYWHERE = [(point, method) for point in BUYING for method in ("card", "paypal")] + [
    (point, "paypal") for point in COMMITS
]


class TestCrashes:
    """The process ends somewhere; a new one carries on; the buyer repeats what was not answered."""

    def everything(self, shop, method, crash_at, point):
        self.checkout = None
        crash_at(point)
        steps = [self.order, self.approve, self.webhook, self.come_back]
        for step in steps:
            for _ in range(3):
                try:
                    step(shop, method)
                    break
                except Crash:
                    shop.restart()
                    clock.advance(61)
                except ServiceError:
                    clock.advance(61)
        for _ in range(4):
            try:
                shop.wait(3600)
            except Crash:
                shop.restart()

    def order(self, shop, method):
        try:
            self.checkout = shop.create("team", method, key="order-1")
        except Replayed as before:
            self.checkout = before.response

    def approve(self, shop, method):
        if not self.provider(shop, method).orders[self.ref(shop, method)].charges:
            self.provider(shop, method).approve(self.ref(shop, method))

    def webhook(self, shop, method):
        shop.webhook(self.checkout, "evt_1")
        shop.tick()

    def come_back(self, shop, method):
        shop.come_back(self.checkout)

    def provider(self, shop, method):
        return shop.stripe if method == "card" else shop.paypal

    def ref(self, shop, method):
        return next(iter(self.provider(shop, method).orders))

    @pytest.mark.parametrize(("point", "method"), EVERYWHERE)
    def test_one_charge_one_year_one_invoice(self, shop, method, crash_at, point):
        self.everything(shop, method, crash_at, point)
        assert "ACTIONTRAC_FAILPOINT" not in os.environ, "it never passed there"

        provider = self.provider(shop, method)
        assert [checkout.state for checkout in shop.rows(Checkout)] == ["paid"]
        assert provider.charges() == len(provider.orders) == 1
        assert len(shop.rows(SubscriptionYear)) == len(shop.rows(Invoice)) == len(shop.rows(Disclosure)) == 1
        told = [event.type for event in shop.events()]
        assert sorted(told) == ["allowance.changed", "payment.received", "subscription.activated"]
        assert shop.subscription(ACME)["state"] == "active"

    @pytest.mark.parametrize(
        "point", ["billing.refund.before_provider", "billing.refund.after_provider", *COMMITS[:4], *COMMITS[6:10]]
    )
    def test_money_goes_back_once(self, shop, crash_at, point):
        checkout = shop.buy()
        crash_at(point)
        for _ in range(4):
            try:
                shop.refund(checkout, key="refund-1")
                break
            except Replayed:
                break
            except Crash:
                shop.restart()
                clock.advance(61)
            except ServiceError:
                clock.advance(61)
        crash_at(None)
        shop.settle_down()

        assert shop.row(checkout)["state"] == "refunded"
        assert shop.stripe.money_kept() == 0
        assert sorted(shop.stripe.orders[shop.ref_of(checkout)].refunds.values()) == [48000]
        assert [invoice["total_minor"] for invoice in shop.invoices()] == [-48000, 48000]
        assert len(shop.events("payment.refunded")) == 1

    @pytest.mark.parametrize("point", ["billing.resume.before_provider", "billing.resume.after_provider"])
    def test_a_resumed_start_may_be_interrupted_too(self, shop, crash_at, point):
        shop.stripe.lose.add("start")
        checkout = shop.create()
        shop.stripe.lose.clear()
        crash_at(point)
        with pytest.raises(Crash):
            shop.wait(10)
        shop.restart()
        shop.wait(120)

        assert shop.row(checkout)["state"] == "open"
        assert len(shop.stripe.orders) == 1
