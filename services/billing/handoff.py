"""
The only ways in which information leaves billing for a processor: the start of a
checkout, and the opening of a seller's account (S28, S32).

Each takes the written disclosure as an argument and checks that it is about this very
thing and this processor, so that no path can forget to write it; a test sees to it that
nobody else calls a processor to start something.
"""

from dataclasses import dataclass
from datetime import datetime

from actiontrac.ids import new_id
from services.billing.models import Checkout, Disclosure, SellerAccount
from services.billing.providers import Money, PaymentProvider, Request, Started

#: Who a processor is, in the disclosure ledger.
RECIPIENTS = {"stripe": "Stripe", "paypal": "PayPal"}

FIELDS = "e-mail address, amount, currency, plan"
BASIS = "S32: to bill the member, who asked for this checkout"

BILL_FIELDS = "e-mail address, amount, currency, number of the bill, address of its page, seller's account"
BILL_BASIS = "S32: to bill the client on behalf of the contractor; the client asked to pay this bill"

ACCOUNT_FIELDS = "that this company wants to be paid here, by our id of it"
ACCOUNT_BASIS = "S24, S32: to connect the contractor's own account, which a member asked for"


class NotDisclosed(Exception):
    """Nothing is handed to a processor before it is written down."""


@dataclass(frozen=True)
class WayBack:
    """Where the processor sends the browser: our public address; for a bill, its client's own page."""

    public_url: str
    token: str = ""

    def after_payment(self, checkout: Checkout) -> str:
        if checkout.bill_id is not None:
            return f"{self.public_url}/pay/{self.token}/return?checkout={checkout.id}"
        return f"{self.public_url}/billing/return/{checkout.provider}?checkout={checkout.id}"

    def without_payment(self, checkout: Checkout) -> str:
        if checkout.bill_id is not None:
            return f"{self.public_url}/pay/{self.token}"
        return f"{self.public_url}/billing/cancel/{checkout.id}"


def disclosure_of(checkout: Checkout, now: datetime) -> Disclosure:
    """What is written down before the hand-over: who receives which fields of whom, and why."""
    of_bill = checkout.bill_id is not None
    return Disclosure(
        id=new_id("dis"),
        company_id=checkout.company_id,
        checkout_id=checkout.id,
        subject_id=checkout.bill_id or checkout.bought_by,
        recipient=RECIPIENTS[checkout.provider],
        fields=BILL_FIELDS if of_bill else FIELDS,
        basis=BILL_BASIS if of_bill else BASIS,
        disclosed_at=now,
    )


def disclosure_of_account(account: SellerAccount, now: datetime) -> Disclosure:
    """The same for the opening of a seller's account."""
    return Disclosure(
        id=new_id("dis"),
        company_id=account.company_id,
        checkout_id=account.id,
        subject_id=account.company_id,
        recipient=RECIPIENTS[account.provider],
        fields=ACCOUNT_FIELDS,
        basis=ACCOUNT_BASIS,
        disclosed_at=now,
    )


def _require(disclosure: Disclosure | None, about: str, provider: PaymentProvider) -> None:
    if disclosure is None or disclosure.checkout_id != about or disclosure.recipient != RECIPIENTS[provider.name]:
        raise NotDisclosed(about)


def open_account(provider: PaymentProvider, account: SellerAccount, disclosure: Disclosure | None) -> str:
    """
    Open a seller's account at the processor; safe to repeat, because our id is its key.

    Raises:
        NotDisclosed: it was not written down before.
        ProviderError: see PaymentProvider.
    """
    _require(disclosure, account.id, provider)
    return provider.open_account(account.id)


def hand_over(
    provider: PaymentProvider,
    checkout: Checkout,
    disclosure: Disclosure | None,
    *,
    email: str,
    back: WayBack,
) -> Started:
    """
    Open the checkout at the processor; safe to repeat, because our id is its key.

    The address is passed on and not kept.

    Raises:
        NotDisclosed: the hand-over was not written down before.
        ProviderError: see PaymentProvider.
    """
    _require(disclosure, checkout.id, provider)
    return provider.start(
        Request(
            payment_id=checkout.id,
            amount=Money(checkout.amount_minor, checkout.currency),
            description=description_of(checkout),
            email=email,
            success_url=back.after_payment(checkout),
            cancel_url=back.without_payment(checkout),
            expires_at=checkout.expires_at,
            seller=checkout.seller,
            fee=Money(checkout.fee_minor, checkout.currency) if checkout.fee_minor else None,
        )
    )


def description_of(checkout: Checkout) -> str:
    """What the buyer reads on the processor's page."""
    if checkout.bill_id is not None:
        return f"Bill {checkout.plan_name}"
    if checkout.quote_id is not None:
        return f"ActionTrac {checkout.plan_name}: upgrade of this year, up to {checkout.worker_limit} workers"
    return f"ActionTrac {checkout.plan_name}: one year, up to {checkout.worker_limit} workers"
