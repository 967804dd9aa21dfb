"""One end for webhook, browser and timer: the processor's word, applied once."""

import pytest

from actiontrac import clock
from actiontrac.contracts.billing import CheckoutNotFound
from services.billing.models import Checkout, Payment, SubscriptionYear
from services.billing.providers import Money
from tests.billing.conftest import ACME, RIVAL

METHODS = pytest.mark.parametrize("method", ["card", "paypal"])


class TestPaying:
    @METHODS
    def test_an_approved_checkout_becomes_one_year(self, shop, method):
        checkout = shop.buy("team", method)

        assert checkout["state"] == "paid"
        assert checkout["paid_at"] is not None
        assert checkout["approval_url"] is None
        subscription = shop.subscription()
        assert (subscription["state"], subscription["plan"], subscription["worker_limit"]) == ("active", "team", 50)
        assert subscription["days_left"] in (364, 365)

    @METHODS
    def test_the_second_and_third_settle_change_nothing(self, shop, method):
        checkout = shop.buy("team", method)
        before = (shop.events(), shop.invoices(), len(shop.rows(SubscriptionYear)))
        shop.come_back(checkout)
        shop.webhook(checkout)
        shop.settle_down()

        assert (shop.events(), shop.invoices(), len(shop.rows(SubscriptionYear))) == before

    def test_ten_settles_at_once_make_one_year(self, shop):
        checkout = shop.create("team", "paypal")
        shop.approve(checkout)
        came = shop.at_once(10, lambda number: shop.come_back(checkout))

        assert {answer["state"] for answer in came} == {"paid"}
        assert shop.paypal.charges() == len(shop.rows(SubscriptionYear)) == len(shop.invoices()) == 1
        assert len(shop.events("subscription.activated")) == len(shop.events("payment.received")) == 1

    def test_payment_and_year_are_told_with_ids_and_figures(self, shop):
        checkout = shop.buy("business", "paypal")

        [received], [activated] = shop.events("payment.received"), shop.events("subscription.activated")
        [invoice] = shop.invoices()
        assert (received.checkout_id, received.amount_minor, received.currency) == (checkout["id"], 180000, "USD")
        assert (received.invoice_id, received.invoice_number) == (invoice["id"], invoice["number"])
        assert (activated.plan, activated.worker_limit, activated.first) == ("business", 250, True)
        assert activated.starts_on == clock.today().isoformat()

    def test_only_the_first_year_is_the_first(self, shop):
        shop.buy()
        clock.advance(320 * 86400)
        shop.buy()

        assert [event.first for event in shop.events("subscription.activated")] == [True, False]

    def test_a_payment_is_kept_as_reference_method_amount_and_outcome(self, shop):
        shop.buy("team", "card")

        [payment] = shop.rows(Payment)
        assert (payment.provider, payment.method, payment.provider_ref) == ("stripe", "card", "ch_stripe_1")
        assert (payment.amount_minor, payment.currency, payment.outcome) == (48000, "USD", "kept")
        assert payment.authentication == "authenticated"

    def test_coming_back_without_paying_changes_nothing(self, shop):
        checkout = shop.create()

        assert shop.come_back(checkout) == {"state": "open", "checkout_id": checkout["id"]}
        assert shop.subscription()["state"] == "pending_payment"

    def test_coming_back_while_the_processor_is_away_tells_what_is_known(self, shop):
        checkout = shop.create()
        shop.stripe.down.add("settle")

        assert shop.come_back(checkout)["state"] == "open"

    def test_nobody_comes_back_from_another_provider(self, shop):
        checkout = shop.create("team", "card")

        with pytest.raises(CheckoutNotFound):
            shop.service.return_from_provider(provider="paypal", checkout_id=checkout["id"])


class TestDeclines:
    def test_a_declined_capture_leaves_the_page_open_for_another_try(self, shop):
        checkout = shop.create("team", "paypal")
        shop.paypal.approve_without_money(shop.ref_of(checkout))
        shop.come_back(checkout)

        assert shop.row(checkout)["state"] == "open"
        assert shop.row(checkout)["last_error"] == "INSTRUMENT_DECLINED"
        shop.approve(checkout)
        shop.come_back(checkout)
        assert shop.row(checkout)["state"] == "paid"
        assert shop.row(checkout)["last_error"] is None
        assert shop.paypal.orders[shop.ref_of(checkout)].captures == {1: "declined", 2: "paid"}

    def test_two_who_see_the_same_decline_move_on_once(self, shop):
        checkout = shop.create("team", "paypal")
        shop.paypal.approve_without_money(shop.ref_of(checkout))
        shop.at_once(5, lambda number: shop.come_back(checkout))

        assert shop.rows(Checkout)[0].capture_attempt == 2

    def test_a_lost_capture_is_unknown_and_then_paid_once(self, shop):
        checkout = shop.create("team", "paypal")
        shop.approve(checkout)
        shop.paypal.lose.add("settle")

        assert shop.come_back(checkout)["state"] == "unknown"
        assert shop.subscription()["state"] == "pending_payment"
        shop.paypal.lose.clear()
        shop.wait(15)

        assert shop.row(checkout)["state"] == "paid"
        assert shop.paypal.charges() == 1

    def test_pending_money_is_processing_until_it_is_there(self, shop):
        checkout = shop.create("team", "paypal")
        order = shop.paypal.orders[shop.ref_of(checkout)]
        order.pending = True
        assert shop.come_back(checkout)["state"] == "processing"
        assert shop.subscription()["state"] == "pending_payment"

        shop.wait(2 * 86400)
        assert shop.row(checkout)["state"] == "processing"
        order.pending, order.charges = False, 1
        shop.wait(86400)
        assert shop.row(checkout)["state"] == "paid"


class TestFactsThatAreNotOurs:
    @pytest.fixture
    def paid_at_provider(self, shop):
        checkout = shop.create()
        shop.approve(checkout)
        return checkout

    def forge(self, shop, **facts):
        from dataclasses import replace

        honest = shop.stripe._snapshot
        shop.stripe._snapshot = lambda order, **more: replace(honest(order, **more), **facts)

    @pytest.mark.parametrize(
        "facts",
        [
            {"amount": Money(1, "USD")},
            {"amount": Money(48000, "EUR")},
            {"payment_id": "chk_other"},
            {"payment_id": None},
            {"environment": "live"},
            {"ref": "stripe_2"},
        ],
        ids=lambda facts: next(iter(facts)),
    )
    def test_a_payment_with_another_figure_or_id_activates_nothing(self, shop, paid_at_provider, facts):
        self.forge(shop, **facts)
        shop.come_back(paid_at_provider)
        shop.settle_down()

        assert shop.row(paid_at_provider)["state"] == "open"
        assert shop.rows(Checkout)[0].needs_review
        assert shop.subscription()["state"] == "pending_payment"
        assert shop.events() == []


class TestAuthentication:
    def test_a_bank_that_did_not_ask_is_accepted_where_the_operator_says_so(self, open_shop):
        shop = open_shop(ACTIONTRAC_BILLING_REQUIRE_3DS="attempted")
        checkout = shop.create()
        shop.approve(checkout, "attempt_acknowledged")
        shop.come_back(checkout)

        assert shop.row(checkout)["state"] == "paid"
        assert shop.rows(Payment)[0].authentication == "attempt_acknowledged"

    @pytest.mark.parametrize(
        "result",
        [
            "attempt_acknowledged", "exempted", "failed", "processing_error", "not_supported", "not_attempted",
            "new_word",
        ],
    )
    def test_a_card_without_authentication_is_given_back_by_default(self, shop, result):
        checkout = shop.create()
        shop.approve(checkout, result)
        shop.come_back(checkout)

        assert shop.row(checkout)["state"] == "refunded"
        assert shop.row(checkout)["last_error"] == "not_authenticated"
        assert shop.subscription()["state"] == "none"
        shop.tick()
        assert shop.stripe.money_kept() == 0
        assert [event.cause for event in shop.events("payment.refunded")] == ["not_authenticated"]
        assert shop.create()["state"] == "open"

    def test_the_strict_rule_takes_only_a_proof(self, open_shop):
        shop = open_shop(ACTIONTRAC_BILLING_REQUIRE_3DS="authenticated")
        checkout = shop.create()
        shop.approve(checkout, "attempt_acknowledged")
        shop.come_back(checkout)

        assert shop.row(checkout)["state"] == "refunded"

    def test_the_rule_can_be_switched_off(self, open_shop):
        shop = open_shop(ACTIONTRAC_BILLING_REQUIRE_3DS="off")
        checkout = shop.create()
        shop.approve(checkout, "not_attempted")
        shop.come_back(checkout)

        assert shop.row(checkout)["state"] == "paid"

    def test_a_misspelt_rule_is_the_strict_one(self, open_shop):
        shop = open_shop(ACTIONTRAC_BILLING_REQUIRE_3DS="of")
        checkout = shop.create()
        shop.approve(checkout, "attempt_acknowledged")
        shop.come_back(checkout)

        assert shop.row(checkout)["state"] == "refunded"


class TestTwoPaymentsForOneYear:
    def test_the_second_is_given_back_by_itself(self, shop):
        one, two = shop.create("team", "card"), shop.create("team", "paypal")
        shop.approve(one)
        shop.approve(two)
        # Both buyers' approvals take effect before either is seen.
        shop.paypal.orders[shop.ref_of(two)].charges = 1
        shop.come_back(one)
        shop.come_back(two)

        assert (shop.row(one)["state"], shop.row(two)["state"]) == ("paid", "refunded")
        shop.tick()
        assert shop.stripe.money_kept() == 48000
        assert shop.paypal.money_kept() == 0
        assert len(shop.rows(SubscriptionYear)) == len(shop.invoices()) == 1
        [refunded] = shop.events("payment.refunded")
        assert (refunded.cause, refunded.whole, refunded.invoice_number) == ("already_paid", True, "")

    def test_at_the_same_moment_one_stands_and_one_goes_back(self, shop):
        checkouts = [shop.create("team", "card") for _ in range(6)]
        for checkout in checkouts:
            shop.approve(checkout)
            shop.stripe.orders[shop.ref_of(checkout)].charges = 1
        shop.at_once(6, lambda number: shop.come_back(checkouts[number]))
        shop.settle_down()

        states = sorted(shop.row(checkout)["state"] for checkout in checkouts)
        assert states == ["paid"] + ["refunded"] * 5
        assert shop.stripe.money_kept() == 48000
        assert len(shop.rows(SubscriptionYear)) == 1

    def test_the_pages_that_are_still_open_are_closed_when_one_is_paid(self, shop):
        one, two = shop.create("team", "card"), shop.create("team", "paypal")
        shop.approve(one)
        shop.come_back(one)
        shop.tick()

        assert shop.row(two)["state"] == "canceled"
        assert shop.paypal.orders[shop.ref_of(two)].closed

    def test_an_approval_that_comes_too_late_is_not_captured(self, shop):
        one, two = shop.create("team", "card"), shop.create("team", "paypal")
        shop.approve(two)
        shop.approve(one)
        shop.come_back(one)
        shop.webhook(two)
        shop.settle_down()

        assert shop.paypal.charges() == 0
        assert shop.row(two)["state"] == "canceled"

    def test_another_companys_payment_is_its_own(self, shop):
        shop.buy()
        theirs = shop.create(company=RIVAL, user="usr_ron")
        shop.approve(theirs)
        shop.come_back(theirs)

        assert shop.row(theirs, RIVAL)["state"] == "paid"
        assert shop.subscription(ACME)["state"] == shop.subscription(RIVAL)["state"] == "active"
