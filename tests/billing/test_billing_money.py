"""The properties of money on the real service and a database: what is quoted, charged, written and numbered."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actiontrac.contracts.billing import AlreadyPaid, NothingToCharge, NotRefundable, RefundTooLarge
from actiontrac.testing import as_request
from services.billing.models import Invoice, LedgerEntry
from tests.billing.conftest import ACME, OLIVE
from tests.examples import on_a_database

DAY = 86400
PLANS = ("starter", "team", "business", "enterprise")


def debits_less_credits(shop):
    found = {}
    for entry in shop.rows(LedgerEntry):
        found.setdefault(entry.transaction_id, 0)
        found[entry.transaction_id] += entry.debit_minor - entry.credit_minor
    return found


def lines_come_to_the_total(invoice):
    taxes = sum(tax["amount_minor"] for tax in invoice["taxes"])
    return sum(line["amount_minor"] for line in invoice["lines"]) + taxes == invoice["total_minor"]


@pytest.mark.money
@on_a_database()
@given(
    first=st.sampled_from(PLANS[:3]),
    steps=st.lists(st.tuples(st.integers(0, 150), st.sampled_from(("card", "paypal"))), min_size=1, max_size=2),
)
def test_what_is_quoted_is_what_is_charged_and_what_the_invoice_says(open_shop, first, steps):
    shop = open_shop()
    bought = shop.buy(first)
    paid = bought["amount_minor"]
    for larger, (days, method) in zip(PLANS[PLANS.index(first) + 1 :], steps, strict=False):
        shop.wait(days * DAY)
        as_request()
        try:
            quoted = shop.service.quote_plan_change(company_id=ACME, change={"plan": larger})
        except NothingToCharge:
            return
        as_request()
        wanted = {"quote_id": quoted["id"], "method": method}
        checkout = shop.service.change_plan(company_id=ACME, user_id=OLIVE, change=wanted)["checkout"]
        before = shop.provider_of(checkout).money_kept()
        shop.approve(checkout)
        shop.come_back(checkout)

        charged = shop.provider_of(checkout).money_kept() - before
        assert charged == quoted["charge_minor"] == quoted["cost_minor"] - quoted["credit_minor"]
        assert 0 <= quoted["credit_minor"] <= paid
        paid += charged
        newest = shop.invoices()[0]
        assert newest["checkout_id"] == checkout["id"]
        assert newest["total_minor"] == charged
    assert all(lines_come_to_the_total(invoice) for invoice in shop.invoices())
    assert set(debits_less_credits(shop).values()) == {0}


class Broken(Exception):
    """A unit of work that does not end well."""


def number_and_fail(shop, company):
    """Somebody takes a number and dies before the end of the unit of work."""
    with pytest.raises(Broken), shop.service.store(company) as store:
        for series in ("sandbox_invoice", "sandbox_credit_note"):
            store.next_number(series, "")
        raise Broken


@pytest.mark.money
@on_a_database()
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("buy"), st.sampled_from([(ACME, OLIVE), ("com_rival", "usr_ron")])),
            st.tuples(st.just("refund"), st.integers(1, 20000)),
            st.tuples(st.just("by hand"), st.integers(1, 20000)),
            st.tuples(st.just("fail"), st.sampled_from([ACME, "com_rival"])),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_numbers_have_no_gap_and_no_double_whatever_fails_in_between(open_shop, steps):
    shop = open_shop()
    bought = shop.buy("starter")
    for number, (what, how) in enumerate(steps):
        if what == "buy":
            with contextlib.suppress(AlreadyPaid):
                shop.buy("starter", company=how[0], user=how[1])
        elif what == "refund":
            try:
                shop.refund(bought, how)
            except (NotRefundable, RefundTooLarge):
                continue
        elif what == "by hand":
            order = shop.stripe.orders[shop.ref_of(bought)]
            if sum(order.refunds.values()) + how <= bought["amount_minor"]:
                shop.stripe.refund_by_hand(order.ref, how)
                shop.webhook(bought, event=f"evt_{number}", kind="charge.refunded", charge_ref=f"ch_{order.ref}")
                shop.tick()
        else:
            number_and_fail(shop, how)

    for kind in ("invoice", "credit_note"):
        issued = sorted(document.number for document in shop.rows(Invoice) if document.kind == kind)
        figures = [int(each.rpartition("-")[2]) for each in issued]
        assert figures == list(range(1, len(figures) + 1))
