"""
What follows for a bill when its money arrived or went back.

Called inside the unit of work that has the checkout locked; everything here happens
together or not at all. The bill is locked after the checkout, never before it.
"""

from datetime import datetime

from actiontrac.contracts.billing import BillPaid, BillRefunded
from actiontrac.contracts.contractor_bills import SellerAccountNotFound
from actiontrac.ids import new_id
from services.billing import ledger
from services.billing.contractor.models import BillCredit
from services.billing.models import Checkout, Refund
from services.billing.repository import BillingStore

#: A series for each seller and environment; short, because a series' name is.
_SERIES = {"live": "", "sandbox": "s", "test": "t"}
_PREFIXES = {"bill": "BILL-", "credit": "CN-"}


def next_number(store: BillingStore, kind: str, company_id: str, environment: str) -> str:
    """The next number of a seller's own series, without gaps."""
    series = f"{kind[0]}{_SERIES[environment]}:{company_id}"
    prefix = "" if environment == "live" else f"{environment.upper()}-"
    return store.next_number(series, f"{prefix}{_PREFIXES[kind]}")


def bill_is_wanted(store: BillingStore, checkout: Checkout) -> bool:
    """Whether a page that is still open may stay so: the bill is unpaid, and its seller still takes money there."""
    assert checkout.bill_id is not None
    try:
        account = store.seller_account(checkout.provider)
    except SellerAccountNotFound:
        return False
    return store.bill(checkout.bill_id).payable and account.ready and account.account == checkout.seller


def bill_may_be_paid(store: BillingStore, checkout: Checkout) -> bool:
    """
    Whether money that arrived is this bill's. Two payments of one bill that arrive at the
    same moment meet here: the lock lets the second see that the first has paid.
    """
    assert checkout.bill_id is not None
    return store.bill(checkout.bill_id, lock=True).payable


def bill_was_paid(store: BillingStore, checkout: Checkout, now: datetime) -> None:
    """The bill is paid, for its seller and its client alike; other open pages are closed."""
    assert checkout.bill_id is not None
    bill = store.bill(checkout.bill_id, lock=True)
    bill.state, bill.paid_at, bill.remind_at = "paid", now, None
    bill.checkout_id, bill.method = checkout.id, checkout.method
    for other in store.open_bill_checkouts(bill_id=bill.id):
        if other.id != checkout.id:
            other.next_check_at = now
    store.publish(
        BillPaid(
            company_id=bill.company_id,
            bill_id=bill.id,
            bill_number=bill.number,
            checkout_id=checkout.id,
            amount_minor=checkout.amount_minor,
            currency=checkout.currency,
            method=checkout.method,
        )
    )


def bill_went_back(store: BillingStore, checkout: Checkout, refund: Refund, now: datetime) -> None:
    """Money of a bill went back: a credit note where its payment counted."""
    assert checkout.bill_id is not None
    bill = store.bill(checkout.bill_id, lock=True)
    store.book(ledger.fee(checkout.provider, -_fee_back(checkout, refund)), refund.id, checkout, now)
    whole = checkout.refunded_minor >= checkout.amount_minor
    credit_note = ""
    if bill.checkout_id == checkout.id:
        bill.refunded_minor = checkout.refunded_minor
        bill.state = "refunded" if whole else "part_refunded"
        credit_note = next_number(store, "credit", bill.company_id, checkout.environment)
        store.session.add(
            BillCredit(
                id=new_id("bcr"),
                company_id=bill.company_id,
                number=credit_note,
                bill_id=bill.id,
                refund_id=refund.id,
                amount_minor=refund.amount_minor,
                currency=refund.currency,
                issued_on=now.date(),
            )
        )
    if whole:
        checkout.state = "refunded"
    store.publish(
        BillRefunded(
            company_id=bill.company_id,
            bill_id=bill.id,
            bill_number=bill.number,
            refund_id=refund.id,
            credit_note=credit_note,
            amount_minor=refund.amount_minor,
            currency=refund.currency,
            whole=whole,
            cause=refund.cause,
        )
    )


def _fee_back(checkout: Checkout, refund: Refund) -> int:
    """
    What of our fee goes back with a refund: its part, where we asked Stripe for it. What the
    seller gives back at the processor, a lost dispute, and PayPal leave the fee where it is.
    """
    if checkout.provider != "stripe" or refund.cause in ("at_provider", "dispute_lost"):
        return 0
    before = checkout.refunded_minor - refund.amount_minor
    return _fee_of(checkout, checkout.refunded_minor) - _fee_of(checkout, before)


def _fee_of(checkout: Checkout, amount: int) -> int:
    """The part of the fee that belongs to a part of the payment."""
    return (checkout.fee_minor or 0) * amount // checkout.amount_minor
