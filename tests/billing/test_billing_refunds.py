"""Money goes back through the processor that took it, once, and never more than was paid."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actiontrac.contracts.billing import CheckoutNotFound, NotRefundable, RefundTooLarge
from actiontrac.forbidden import ForbiddenData
from services.billing.models import LedgerEntry, Refund
from services.billing.providers import RefundState
from tests.billing.conftest import ACME, OLIVE, RIVAL
from tests.examples import on_a_database


class TestRefunding:
    @pytest.mark.parametrize("method", ["card", "paypal"])
    def test_the_whole_payment_goes_back_and_the_year_ends(self, shop, method):
        checkout = shop.buy("team", method)
        refund = shop.refund(checkout)

        assert (refund["state"], refund["amount_minor"]) == ("done", 48000)
        assert shop.provider_of(checkout).money_kept() == 0
        assert shop.row(checkout)["state"] == "refunded"
        assert (shop.subscription()["state"], shop.subscription()["marks"]) == ("read_only", ["refunded"])

    def test_a_part_goes_back_and_the_year_goes_on(self, shop):
        checkout = shop.buy()
        shop.refund(checkout, 8000)

        assert shop.stripe.money_kept() == 40000
        assert shop.row(checkout)["state"] == "paid"
        assert shop.subscription()["state"] == "active"

    def test_parts_that_add_up_to_all_end_the_year(self, shop):
        checkout = shop.buy()
        for part in (8000, 30000, None):
            shop.refund(checkout, part)

        assert shop.stripe.money_kept() == 0
        assert (shop.subscription()["state"], shop.subscription()["marks"]) == ("read_only", ["refunded"])
        assert [event.whole for event in shop.events("payment.refunded")] == [False, False, True]

    def test_more_than_is_left_is_refused_by_field(self, shop):
        checkout = shop.buy()
        shop.refund(checkout, 8000)

        with pytest.raises(RefundTooLarge) as refused:
            shop.refund(checkout, 40001)
        assert refused.value.fields == [{"field": "amount_minor", "problem": "At most 400.00 USD is left to refund."}]
        assert shop.stripe.money_kept() == 40000

    def test_what_was_not_paid_is_not_refunded(self, shop):
        with pytest.raises(NotRefundable):
            shop.refund(shop.create())

    def test_what_went_back_does_not_go_back_again(self, shop):
        checkout = shop.buy()
        shop.refund(checkout)

        with pytest.raises(NotRefundable):
            shop.refund(checkout)

    def test_a_year_that_another_follows_is_not_refunded_first(self, shop):
        from actiontrac import clock

        first = shop.buy()
        clock.advance(320 * 86400)
        second = shop.buy()

        with pytest.raises(NotRefundable, match="later year"):
            shop.refund(first)
        shop.refund(second)
        shop.refund(first)
        assert shop.stripe.money_kept() == 0

    def test_after_a_refund_a_new_year_can_be_bought(self, shop):
        shop.refund(shop.buy())

        assert shop.buy("starter")["state"] == "paid"
        assert shop.subscription()["plan"] == "starter"

    def test_another_companys_payment_cannot_be_refunded(self, shop):
        checkout = shop.buy()

        with pytest.raises(CheckoutNotFound):
            shop.service.create_refund(
                company_id=RIVAL, user_id="usr_ron", refund={"checkout_id": checkout["id"], "reason": "mine now"}
            )

    def test_a_reason_with_forbidden_data_is_refused(self, shop):
        checkout = shop.buy()

        with pytest.raises(ForbiddenData):
            shop.service.create_refund(
                company_id=ACME, user_id=OLIVE,
                refund={"checkout_id": checkout["id"], "reason": "paid with 4242 4242 4242 4242"},
            )  # fmt: skip

    def test_the_reason_is_sealed(self, shop):
        checkout = shop.buy()
        shop.service.create_refund(
            company_id=ACME, user_id=OLIVE, refund={"checkout_id": checkout["id"], "reason": "Wilma left us"}
        )
        stored = b"".join(path.read_bytes() for path in shop.settings.home.glob("billing.db*"))

        assert b"Wilma" not in stored


class TestOnce:
    def test_ten_at_once_with_one_key_are_one(self, shop):
        checkout = shop.buy()
        shop.at_once(10, lambda number: shop.refund(checkout, 8000, key="r1"))

        assert shop.stripe.money_kept() == 40000
        assert len(shop.rows(Refund)) == 1

    def test_ten_at_once_without_a_key_never_exceed_the_payment(self, shop):
        checkout = shop.buy()
        shop.at_once(10, lambda number: shop.refund(checkout, 20000))
        shop.settle_down()

        assert shop.stripe.money_kept() in (8000, 28000)

    def test_a_lost_answer_is_unknown_and_then_done_once(self, shop):
        checkout = shop.buy()
        shop.stripe.lose.add("refund")
        assert shop.refund(checkout)["state"] == "unknown"
        shop.stripe.lose.clear()
        shop.settle_down()

        assert [refund.state for refund in shop.rows(Refund)] == ["done"]
        assert shop.stripe.money_kept() == 0

    def test_a_second_refund_waits_for_one_whose_outcome_is_unknown(self, shop):
        checkout = shop.buy()
        shop.stripe.lose.add("refund")
        shop.refund(checkout, 8000)

        with pytest.raises(NotRefundable, match="under way"):
            shop.refund(checkout, 8000)

    def test_after_a_day_it_is_read_whether_it_happened_instead_of_asking_again(self, shop):
        checkout = shop.buy()
        shop.stripe.lose.add("refund")
        shop.refund(checkout, 8000)
        shop.stripe.down.add("fetch")
        shop.wait(25 * 3600)
        shop.stripe.down.clear()
        shop.stripe.lose.clear()
        shop.stripe.calls.clear()
        shop.settle_down()

        assert shop.rows(Refund)[0].state == "done"
        assert "refund" not in shop.stripe.calls
        assert shop.stripe.money_kept() == 40000

    def test_one_that_is_pending_at_the_processor_is_done_when_it_is_gone(self, shop):
        checkout = shop.buy()
        shop.stripe.refund_state = RefundState.PENDING
        assert shop.refund(checkout)["state"] == "pending"
        shop.stripe.refund_state = RefundState.DONE
        shop.wait(600)

        assert shop.rows(Refund)[0].state == "done"

    def test_a_refusal_leaves_the_year_and_is_failed(self, shop):
        checkout = shop.buy()
        shop.stripe.refund_state = RefundState.FAILED

        assert shop.refund(checkout)["state"] == "failed"
        assert shop.subscription()["state"] == "active"
        assert shop.events("payment.refunded") == []

    def test_a_processor_that_is_away_only_delays_it(self, shop):
        checkout = shop.buy()
        shop.stripe.down.add("refund")
        assert shop.refund(checkout)["state"] == "pending"
        shop.stripe.down.clear()
        shop.settle_down()

        assert shop.rows(Refund)[0].state == "done"


@pytest.mark.money
@on_a_database()
@given(parts=st.lists(st.integers(1, 30000), min_size=1, max_size=6))
def test_invoices_and_credit_notes_always_add_up_to_what_we_kept(open_shop, parts):
    shop = open_shop()
    checkout = shop.buy()
    for part in parts:
        try:
            shop.refund(checkout, part)
        except (RefundTooLarge, NotRefundable):
            continue

    kept = shop.stripe.money_kept()
    assert 0 <= kept <= 48000
    assert sum(invoice["total_minor"] for invoice in shop.invoices()) == kept
    assert all(
        sum(line["amount_minor"] for line in invoice["lines"]) == invoice["total_minor"] for invoice in shop.invoices()
    )
    assert (shop.subscription()["marks"] == ["refunded"]) == (kept == 0)
    books = shop.rows(LedgerEntry)
    assert sum(entry.debit_minor - entry.credit_minor for entry in books) == 0
    assert sum(entry.debit_minor - entry.credit_minor for entry in books if entry.account == "cash_stripe") == kept
    assert sum(entry.credit_minor - entry.debit_minor for entry in books if entry.account == "sales") == kept
    if kept:
        shop.refund(checkout)
    assert shop.stripe.money_kept() == 0
