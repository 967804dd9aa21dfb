"""Coupons: what they take off, their limits under a race, and their way back when nobody pays (B25)."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actiontrac import clock
from actiontrac.contracts import billing as contract
from actiontrac.errors import Invalid
from actiontrac.testing import as_request
from services.billing import coupons
from services.billing.changes import LEAST_CHARGE
from services.billing.discounts import Terms, Used, discount
from services.billing.models import Checkout, CouponUse
from tests.billing.conftest import ACME, RIVAL, RON
from tests.billing.test_billing_plan_changes import quote

DAY = 86400
TODAY = date(2026, 11, 23)


def make(shop, code="SAVE-20", **wanted):
    as_request()
    if "amounts" not in wanted:
        wanted.setdefault("percent", 20)
    return shop.service.create_coupon(coupon={"code": code, **wanted})


def paid_after_it_was_closed(shop):
    """The last use of a coupon, given back when the checkout ran out; the processor has the money."""
    make(shop, total_limit=1)
    late = shop.create(coupon="SAVE-20")
    shop.approve(late)
    shop.stripe.settle(shop.ref_of(late))
    with shop.service.store(ACME) as store:
        row = store.checkout(late["id"], lock=True)
        row.close("expired")
        coupons.release(store, row)
    return late


def seen(shop, code="SAVE-20"):
    found = shop.service.list_coupons()["items"]
    return next((one["reserved"], one["redeemed"]) for one in found if one["code"] == code)


def quote_year(shop, plan="team", **wanted):
    as_request()
    return shop.service.quote_checkout(company_id=ACME, checkout={"plan": plan, **wanted})


class TestWhatItTakesOff:
    @given(st.integers(100, 10**8), st.integers(1, 99))
    def test_what_is_left_is_never_less_than_a_processor_takes_nor_more_than_the_price(self, price, percent):
        terms = Terms(percent, {}, (), TODAY, None, None, None)
        try:
            off = discount(terms, Used(0, 0), plan="team", price=price, currency="USD", today=TODAY)
        except contract.CouponTooLarge:
            assert price - price * percent // 100 < LEAST_CHARGE
        else:
            assert LEAST_CHARGE <= price - off <= price
            assert abs(off * 100 - price * percent) < 100

    def test_what_is_quoted_is_charged_and_stands_as_a_line_below_zero(self, shop):
        make(shop)
        quoted = quote_year(shop, coupon="save-20")
        assert [line["amount_minor"] for line in quoted["lines"]] == [48000, -9600]
        checkout = shop.buy(coupon="save-20")
        invoice = shop.invoices()[0]

        assert (checkout["coupon"], checkout["discount_minor"]) == ("SAVE-20", 9600)
        assert shop.stripe.money_kept() == quoted["amount_minor"] == checkout["amount_minor"] == 38400
        assert [line["amount_minor"] for line in invoice["lines"]] == [48000, -9600]
        assert invoice["lines"][1]["description"] == "Coupon SAVE-20"
        assert invoice["total_minor"] == 38400

    def test_a_fixed_amount_is_for_its_currencies(self, shop):
        make(shop, amounts={"EUR": 5000})
        assert quote_year(shop, currency="EUR", coupon="SAVE-20")["amount_minor"] == 39000

        with pytest.raises(contract.CouponNotForCurrency):
            quote_year(shop, coupon="SAVE-20")

    def test_no_more_is_credited_or_refunded_than_was_paid(self, shop):
        make(shop, percent=50)
        checkout = shop.buy("starter", coupon="SAVE-20")
        assert quote(shop, "team")["credit_minor"] == 6000
        with pytest.raises(contract.RefundTooLarge):
            shop.refund(checkout, 6001)
        shop.refund(checkout)

        assert shop.stripe.money_kept() == sum(invoice["total_minor"] for invoice in shop.invoices()) == 0

    def test_advice_compares_the_prices_of_plans_and_not_what_a_coupon_left(self, shop):
        make(shop, percent=90)
        shop.buy("team", coupon="SAVE-20")
        shop.count(5)

        assert shop.usage()["advice"]["saving_minor"] == 36000


class TestRefusals:
    @pytest.mark.parametrize(
        ("coupon", "days", "error"),
        [
            ({"starts_on": "2999-01-01"}, 0, contract.CouponUnknown),
            ({"ends_on": "2000-01-01", "starts_on": "2000-01-01"}, 0, contract.CouponExpired),
            ({"plans": ["starter"]}, 0, contract.CouponNotForPlan),
            ({"amounts": {"USD": 48000}}, 0, contract.CouponTooLarge),
        ],
    )
    def test_each_is_said(self, shop, coupon, days, error):
        make(shop, **coupon)

        with pytest.raises(error):
            quote_year(shop, coupon="SAVE-20")
        with pytest.raises(error):
            shop.create(coupon="SAVE-20")
        assert shop.rows(Checkout) == []

    def test_one_that_nobody_made_is_not_found(self, shop):
        with pytest.raises(contract.CouponUnknown):
            shop.create(coupon="NOBODY-MADE-IT")

    def test_it_holds_on_its_last_day_and_not_on_the_next(self, shop):
        make(shop, ends_on=clock.today().isoformat())
        quote_year(shop, coupon="SAVE-20")
        shop.wait(DAY)

        with pytest.raises(contract.CouponExpired):
            quote_year(shop, coupon="SAVE-20")

    def test_one_that_staff_ended_is_expired_and_open_checkouts_keep_it(self, shop):
        make(shop)
        checkout = shop.create(coupon="SAVE-20")
        as_request()
        assert shop.service.end_coupon(code="save-20")["ended_on"] == clock.today().isoformat()
        with pytest.raises(contract.CouponExpired):
            quote_year(shop, coupon="SAVE-20")
        shop.approve(checkout)
        shop.come_back(checkout)

        assert seen(shop) == (0, 1)

    def test_a_code_is_made_once(self, shop):
        make(shop)

        with pytest.raises(contract.CouponExists):
            make(shop, "save-20")

    def test_without_a_code_one_is_made_up(self, shop):
        as_request()
        first = shop.service.create_coupon(coupon={"percent": 10})
        as_request()
        second = shop.service.create_coupon(coupon={"percent": 10})

        assert len({first["code"], second["code"]}) == 2
        assert len(first["code"]) == 12

    @pytest.mark.parametrize(
        "wanted",
        [{}, {"percent": 100}, {"percent": 10, "amounts": {"USD": 1}}, {"percent": 10, "plans": ["none"]},
         {"percent": 10, "code": "AB"}, {"percent": 10, "starts_on": "2027-01-02", "ends_on": "2027-01-01"}],
    )  # fmt: skip
    def test_what_makes_no_sense_is_refused(self, shop, wanted):
        as_request()

        with pytest.raises(Invalid):
            shop.service.create_coupon(coupon=wanted)


class TestLimits:
    """50 companies that open a checkout at one moment for the last use: one has it."""

    def test_the_last_use_is_taken_once_however_many_ask_at_one_moment(self, shop):
        make(shop, total_limit=1)
        for number in range(50):
            shop.accounts.add(f"usr_{number}", f"com_{number}", role="owner")

        def ask(number):
            return shop.create(company=f"com_{number}", user=f"usr_{number}", coupon="SAVE-20")

        came = shop.at_once(50, ask)

        assert sum(isinstance(one, dict) for one in came) == 1, came
        assert sum(isinstance(one, contract.CouponUsedUp) for one in came) == 49
        assert seen(shop) == (1, 0)
        assert len(shop.rows(Checkout)) == len(shop.rows(CouponUse)) == 1

    def test_one_company_takes_it_as_often_as_it_may(self, shop):
        make(shop, company_limit=2)
        came = shop.at_once(10, lambda _: shop.create(coupon="SAVE-20"))

        assert sum(isinstance(one, dict) for one in came) == 2
        assert isinstance(shop.create(coupon="SAVE-20", company=RIVAL, user=RON), dict)

    def test_a_repeated_request_takes_one_use(self, shop):
        make(shop)
        shop.at_once(8, lambda _: shop.create(coupon="SAVE-20", key="one"))

        assert seen(shop) == (1, 0)

    def test_a_checkout_that_expires_gives_its_use_back(self, shop):
        make(shop, total_limit=1)
        checkout = shop.create(coupon="SAVE-20")
        with pytest.raises(contract.CouponUsedUp):
            quote_year(shop, coupon="SAVE-20")
        shop.wait(24 * 3600)
        shop.settle_down()

        assert shop.row(checkout)["state"] == "expired"
        assert seen(shop) == (0, 0)
        shop.buy(coupon="SAVE-20")
        assert seen(shop) == (0, 1)

    def test_a_checkout_that_never_began_gives_its_use_back(self, shop):
        make(shop, total_limit=1)
        shop.stripe.down.add("start")
        with pytest.raises(contract.ProviderAway):
            shop.create(coupon="SAVE-20")

        assert seen(shop) == (0, 0)

    def test_money_that_goes_back_at_once_gives_the_use_back(self, shop):
        make(shop)
        checkout = shop.create(coupon="SAVE-20")
        shop.approve(checkout, "failed")
        shop.come_back(checkout)

        assert seen(shop) == (0, 0)

    def test_a_refund_does_not_give_it_back(self, shop):
        make(shop, total_limit=1)
        shop.refund(shop.buy(coupon="SAVE-20"))

        assert seen(shop) == (0, 1)

    def test_paid_after_it_was_closed_and_taken_by_somebody_else_the_money_goes_back(self, shop):
        late = paid_after_it_was_closed(shop)
        shop.buy(coupon="SAVE-20", company=RIVAL, user=RON)
        shop.come_back(late)
        shop.settle_down()

        assert seen(shop) == (0, 1)
        assert shop.row(late)["last_error"] == "coupon_used_up"
        assert [event.cause for event in shop.events("payment.refunded")] == ["coupon_used_up"]
        assert shop.subscription()["plan"] is None

    def test_paid_after_it_was_closed_it_is_kept_where_a_use_is_left(self, shop):
        late = paid_after_it_was_closed(shop)
        shop.come_back(late)

        assert (shop.row(late)["state"], seen(shop)) == ("paid", (0, 1))
