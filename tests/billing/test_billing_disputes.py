"""Disputes, refunds by hand at the processor, and money after the end: each seen once, in any order (B24, B27)."""

from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actiontrac.contracts.billing import NotRefundable, RefundTooLarge
from actiontrac.testing import as_request
from services.billing.disputes.methods import is_about_aftermath
from services.billing.models import Checkout, Dispute, LedgerEntry, Refund
from services.billing.providers import DisputeState, Money, RefundState
from tests.examples import on_a_database

DISPUTED, DECIDED, REFUNDED = "charge.dispute.created", "charge.dispute.closed", "charge.refunded"


def hint(shop, checkout, kind, event):
    """A webhook about something that happened to the charge."""
    return shop.webhook(checkout, event=event, kind=kind, charge_ref=f"ch_{shop.ref_of(checkout)}")


def disputed(shop, amount=None, fee=1500, method="card"):
    checkout = shop.buy(method=method)
    name = shop.provider_of(checkout).dispute(shop.ref_of(checkout), amount, fee=fee)
    hint(shop, checkout, DISPUTED, "evt_opened")
    shop.tick()
    return checkout, name


def decide(shop, checkout, name, state):
    shop.provider_of(checkout).decide(name, state)
    hint(shop, checkout, DECIDED, f"evt_{state}")
    shop.tick()


def books(shop):
    """Debits less credits by account."""
    found = Counter()
    for entry in shop.rows(LedgerEntry):
        found[entry.account] += entry.debit_minor - entry.credit_minor
    return {account: amount for account, amount in found.items() if amount}


def documents(shop):
    return sorted((each["kind"], each["total_minor"]) for each in shop.invoices())


class TestADispute:
    def test_marks_the_payment_and_the_subscription_and_tells_once(self, shop):
        checkout, _ = disputed(shop)
        hint(shop, checkout, DISPUTED, "evt_again")
        shop.settle_down()

        assert shop.row(checkout)["dispute"] == "open"
        assert shop.subscription()["marks"] == ["disputed"]
        [event] = shop.events("payment.disputed")
        assert (event.amount_minor, event.reason, event.plan) == (48000, "fraudulent", "team")

    def test_leaves_the_year_usable_until_it_is_lost(self, shop):
        disputed(shop)

        here = shop.subscription()
        assert (here["state"], here["read_only"], here["plan"]) == ("active", False, "team")

    def test_that_is_won_heals_and_costs_only_the_fee(self, shop):
        checkout, name = disputed(shop)
        decide(shop, checkout, name, DisputeState.WON)

        assert shop.row(checkout)["dispute"] == "won"
        assert (shop.subscription()["state"], shop.subscription()["marks"]) == ("active", [])
        assert books(shop) == {"cash_stripe": 46500, "sales": -48000, "dispute_costs": 1500}
        assert documents(shop) == [("invoice", 48000)]
        assert [event.outcome for event in shop.events("dispute.closed")] == ["won"]

    def test_that_is_lost_takes_the_money_and_the_year_and_writes_a_credit_note(self, shop):
        checkout, name = disputed(shop)
        decide(shop, checkout, name, DisputeState.LOST)
        shop.settle_down()

        assert (shop.row(checkout)["dispute"], shop.row(checkout)["state"]) == ("lost", "refunded")
        assert (shop.subscription()["state"], shop.subscription()["marks"]) == ("read_only", ["refunded"])
        assert books(shop) == {"cash_stripe": -1500, "dispute_costs": 1500}
        assert documents(shop) == [("credit_note", -48000), ("invoice", 48000)]
        [closed] = shop.events("dispute.closed")
        assert (closed.outcome, closed.whole) == ("lost", True)
        assert [event.cause for event in shop.events("payment.refunded")] == ["dispute_lost"]

    def test_about_a_part_takes_that_part_and_leaves_the_year(self, shop):
        checkout, name = disputed(shop, 10000)
        decide(shop, checkout, name, DisputeState.LOST)

        assert shop.subscription()["state"] == "active"
        assert documents(shop) == [("credit_note", -10000), ("invoice", 48000)]
        assert shop.events("dispute.closed")[0].whole is False
        with pytest.raises(RefundTooLarge):
            shop.refund(checkout, 38001)

    def test_that_takes_more_than_was_left_is_booked_as_what_it_cost(self, shop):
        checkout = shop.buy()
        shop.refund(checkout, 30000)
        name = shop.stripe.dispute(shop.ref_of(checkout), 48000, fee=0)
        hint(shop, checkout, DISPUTED, "evt_opened")
        shop.tick()
        decide(shop, checkout, name, DisputeState.LOST)

        assert documents(shop) == [("credit_note", -30000), ("credit_note", -18000), ("invoice", 48000)]
        assert books(shop) == {"cash_stripe": -30000, "dispute_costs": 30000}

    def test_lets_nobody_refund_the_payment_meanwhile(self, shop):
        checkout, name = disputed(shop)

        with pytest.raises(NotRefundable, match="dispute"):
            shop.refund(checkout)

        decide(shop, checkout, name, DisputeState.WON)
        assert shop.refund(checkout)["state"] == "done"

    def test_that_nobody_told_of_is_found_by_the_reconciler(self, shop):
        checkout = shop.buy()
        name = shop.stripe.dispute(shop.ref_of(checkout))
        shop.wait(25 * 3600)
        assert shop.row(checkout)["dispute"] == "open"

        shop.stripe.decide(name, DisputeState.LOST)
        shop.wait(25 * 3600)
        assert shop.row(checkout)["state"] == "refunded"

    def test_whose_decision_arrives_first_is_recorded_once_and_told_once(self, shop):
        checkout = shop.buy()
        shop.stripe.decide(shop.stripe.dispute(shop.ref_of(checkout)), DisputeState.LOST)
        hint(shop, checkout, DECIDED, "evt_closed")
        hint(shop, checkout, DISPUTED, "evt_opened")
        shop.settle_down()

        assert len(shop.rows(Dispute)) == 1
        assert shop.events("payment.disputed") == []
        assert [event.outcome for event in shop.events("dispute.closed")] == ["lost"]

    def test_that_arrives_before_its_payment_waits_for_it(self, shop):
        checkout = shop.create()
        shop.approve(checkout)
        shop.stripe.settle(shop.ref_of(checkout))
        shop.stripe.dispute(shop.ref_of(checkout))
        shop.webhook(checkout, event="evt_1", kind=DISPUTED, payment_id=checkout["id"])
        shop.tick(2)

        assert (shop.row(checkout)["state"], shop.row(checkout)["dispute"]) == ("paid", "open")

    def test_that_is_decided_again_otherwise_is_for_a_person(self, shop):
        checkout, name = disputed(shop)
        decide(shop, checkout, name, DisputeState.WON)
        decide(shop, checkout, name, DisputeState.LOST)
        shop.settle_down()

        assert shop.subscription()["state"] == "active"
        assert shop.rows(Checkout)[0].needs_review

    def test_of_a_seller_by_paypal_ends_like_one_by_card(self, shop):
        checkout, name = disputed(shop, fee=0, method="paypal")
        decide(shop, checkout, name, DisputeState.LOST)

        assert shop.row(checkout)["state"] == "refunded"
        assert books(shop) == {}

    def test_is_looked_for_as_long_as_a_buyer_can_dispute_and_no_longer(self, shop):
        checkout = shop.buy()
        for _ in range(3):
            shop.wait(100 * 86400)
        asked = len(shop.stripe.calls)
        shop.wait(86400)

        assert len(shop.stripe.calls) == asked
        assert shop.rows(Checkout)[0].next_check_at is None
        assert shop.row(checkout)["state"] == "paid"

    def test_is_listed_for_the_staff_with_its_state(self, shop):
        _, name = disputed(shop)
        as_request()

        [found] = shop.service.list_disputes()["items"]
        assert (found["provider_ref"], found["state"], found["fee_minor"]) == (name, "open", 1500)
        assert shop.service.list_disputes(state="lost")["items"] == []


class TestARefundByHand:
    def test_becomes_one_credit_note_however_often_it_is_told(self, shop):
        checkout = shop.buy()
        shop.stripe.refund_by_hand(shop.ref_of(checkout), 15000)
        for number in range(3):
            hint(shop, checkout, REFUNDED, f"evt_{number}")
        shop.settle_down()

        assert documents(shop) == [("credit_note", -15000), ("invoice", 48000)]
        assert [(r.cause, r.state, r.asked_by) for r in shop.rows(Refund)] == [("at_provider", "done", None)]
        assert [event.cause for event in shop.events("payment.refunded")] == ["at_provider"]
        assert books(shop) == {"cash_stripe": 33000, "sales": -33000}

    def test_of_all_ends_the_year(self, shop):
        checkout = shop.buy()
        shop.stripe.refund_by_hand(shop.ref_of(checkout), 48000)
        hint(shop, checkout, REFUNDED, "evt_1")
        shop.tick()

        assert shop.subscription()["state"] == "read_only"
        assert shop.row(checkout)["state"] == "refunded"

    def test_without_a_webhook_is_found_within_a_day(self, shop):
        checkout = shop.buy()
        shop.stripe.refund_by_hand(shop.ref_of(checkout), 15000)
        shop.wait(25 * 3600)

        assert documents(shop) == [("credit_note", -15000), ("invoice", 48000)]

    def test_that_is_pending_is_written_down_when_it_is_done(self, shop):
        checkout = shop.buy()
        shop.stripe.refund_state = RefundState.PENDING
        shop.stripe.refund_by_hand(shop.ref_of(checkout), 15000)
        hint(shop, checkout, REFUNDED, "evt_1")
        shop.settle_down()
        assert documents(shop) == [("invoice", 48000)]

        shop.stripe.refund_state = RefundState.DONE
        hint(shop, checkout, REFUNDED, "evt_2")
        shop.tick()

        assert documents(shop) == [("credit_note", -15000), ("invoice", 48000)]
        assert "refund" not in shop.stripe.calls

    def test_that_failed_there_never_happened_here(self, shop):
        checkout = shop.buy()
        shop.stripe.refund_state = RefundState.FAILED
        shop.stripe.refund_by_hand(shop.ref_of(checkout), 15000)
        hint(shop, checkout, REFUNDED, "evt_1")
        shop.settle_down()

        assert shop.rows(Refund) == []

    def test_of_our_own_is_not_doubled_by_its_webhook(self, shop):
        checkout = shop.buy()
        shop.refund(checkout, 15000)
        hint(shop, checkout, REFUNDED, "evt_1")
        shop.settle_down()

        assert documents(shop) == [("credit_note", -15000), ("invoice", 48000)]

    def test_of_our_own_whose_answer_was_lost_is_done_by_its_webhook(self, shop):
        checkout = shop.buy()
        shop.stripe.lose.add("refund")
        assert shop.refund(checkout, 15000)["state"] == "unknown"
        hint(shop, checkout, REFUNDED, "evt_1")
        shop.tick()
        shop.stripe.lose.clear()
        shop.settle_down()

        assert documents(shop) == [("credit_note", -15000), ("invoice", 48000)]
        assert shop.stripe.money_kept() == 33000

    def test_and_one_of_ours_both_count(self, shop):
        checkout = shop.buy()
        shop.stripe.refund_by_hand(shop.ref_of(checkout), 15000)
        shop.refund(checkout, 5000)
        hint(shop, checkout, REFUNDED, "evt_1")
        shop.settle_down()

        assert documents(shop) == [("credit_note", -15000), ("credit_note", -5000), ("invoice", 48000)]

    def test_of_money_that_was_never_kept_is_no_credit_note(self, shop):
        checkout = shop.create()
        shop.approve(checkout, "not_supported")
        shop.stripe.down.add("refund")
        shop.come_back(checkout)
        shop.stripe.refund_by_hand(shop.ref_of(checkout), 48000)
        hint(shop, checkout, REFUNDED, "evt_1")
        shop.settle_down()

        assert documents(shop) == []
        assert books(shop) == {}


class TestMoneyAfterTheEnd:
    @pytest.mark.parametrize("method", ["card", "paypal"])
    def test_goes_back_once_and_buys_nothing(self, shop, method):
        checkout = shop.create(method=method)
        shop.approve(checkout)
        # It was taken before anybody here looked.
        shop.provider_of(checkout).settle(shop.ref_of(checkout))
        as_request()
        shop.service.mark_terminated(company_id="com_acme")
        shop.come_back(checkout)
        shop.settle_down()

        assert shop.provider_of(checkout).money_kept() == 0
        assert shop.row(checkout)["state"] == "refunded"
        assert (shop.subscription()["state"], shop.rows_of_years(), documents(shop)) == ("terminated", [], [])
        assert [event.cause for event in shop.events("payment.refunded")] == ["terminated"]
        assert books(shop) == {}

    def test_is_not_taken_where_that_can_be_helped(self, shop):
        checkout = shop.create(method="paypal")
        shop.approve(checkout)
        as_request()
        shop.service.mark_terminated(company_id="com_acme")
        shop.settle_down()

        assert shop.paypal.charges() == 0
        assert shop.row(checkout)["state"] == "canceled"


@pytest.mark.parametrize(
    ("kind", "about"),
    [
        ("charge.dispute.created", True),
        ("charge.dispute.funds_withdrawn", True),
        ("refund.updated", True),
        ("charge.refunded", True),
        ("CUSTOMER.DISPUTE.RESOLVED", True),
        ("PAYMENT.CAPTURE.REFUNDED", True),
        ("PAYMENT.CAPTURE.REVERSED", True),
        ("checkout.session.completed", False),
        ("PAYMENT.CAPTURE.COMPLETED", False),
    ],
)
def test_the_kind_of_a_webhook_says_whether_it_is_about_what_came_after(kind, about):
    assert is_about_aftermath(kind) is about


#: What may happen to a payment afterwards, in any order and number.
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ours"), st.integers(1, 30000)),
        st.tuples(st.just("by hand"), st.integers(1, 30000)),
        st.tuples(st.just("dispute"), st.integers(1, 48000)),
        st.tuples(st.just("decide"), st.sampled_from(["won", "lost"])),
        st.tuples(st.just("webhook"), st.just(0)),
        st.tuples(st.just("day"), st.just(0)),
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.money
@on_a_database()
@example(steps=[("dispute", 40000), ("ours", 20000), ("decide", "lost")])
@example(steps=[("dispute", 26916), ("ours", 21085), ("decide", "lost")])
@example(steps=[("by hand", 30000), ("dispute", 18000), ("decide", "won"), ("ours", 18000), ("webhook", 0)])
@given(steps=STEPS)
def test_books_documents_and_the_processor_agree_after_any_history(open_shop, steps):
    """Debits equal credits, nothing is given back twice, and cash is what the processor holds."""
    shop = open_shop()
    checkout = shop.buy()
    order, opened = shop.stripe.orders[shop.ref_of(checkout)], []
    fees = 0
    for number, (what, how) in enumerate(steps):
        free = 48000 - sum(order.refunds.values()) - sum(
            each.amount.minor for each in order.disputes.values() if each.state is not DisputeState.WON
        )  # fmt: skip
        if what == "ours":
            try:
                shop.refund(checkout, how, key=f"key-{number}")
            except (NotRefundable, RefundTooLarge):
                pass
        elif what == "by hand" and how <= free:
            shop.stripe.refund_by_hand(order.ref, how)
        elif what == "dispute" and free:
            opened.append(shop.stripe.dispute(order.ref, min(how, free)))
            fees += 1500
        elif what == "decide" and opened:
            shop.stripe.decide(opened.pop(), DisputeState(how))
        elif what == "webhook":
            hint(shop, checkout, REFUNDED, f"evt_{number}")
            shop.tick()
        elif what == "day":
            shop.wait(86400 + 60)
    for name in opened:
        shop.stripe.decide(name, DisputeState.WON)
    for _ in range(3):
        shop.wait(86400 + 60)

    assert sum(entry.debit_minor - entry.credit_minor for entry in shop.rows(LedgerEntry)) == 0
    held = shop.stripe.money_kept()
    assert sum(each["total_minor"] for each in shop.invoices()) == held
    assert books(shop).get("cash_stripe", 0) == held - fees
    assert (shop.subscription()["state"] == "read_only") is (held == 0)
    assert Money(held, "USD").minor >= 0
