"""
The only way in which a person's data leaves billing: the start of a checkout (S28, S32).

``hand_over`` takes the written disclosure as an argument and checks that it is about
this checkout and this processor, so that no path can forget to write it.
"""

from dataclasses import dataclass
from datetime import datetime

from actiontrac.ids import new_id
from services.billing.models import Checkout, Disclosure
from services.billing.providers import Money, PaymentProvider, Request, Started

#: Who a processor is, in the disclosure ledger.
RECIPIENTS = {"stripe": "Stripe", "paypal": "PayPal"}

FIELDS = "e-mail address, amount, currency, plan"
BASIS = "S32: to bill the member, who asked for this checkout"


class NotDisclosed(Exception):
    """Nothing is handed to a processor before it is written down."""


@dataclass(frozen=True)
class WayBack:
    """Where the processor sends the browser: our public address."""

    public_url: str

    def after_payment(self, checkout: Checkout) -> str:
        return f"{self.public_url}/billing/return/{checkout.provider}?checkout={checkout.id}"

    def without_payment(self, checkout: Checkout) -> str:
        return f"{self.public_url}/billing/cancel/{checkout.id}"


def disclosure_of(checkout: Checkout, now: datetime) -> Disclosure:
    """What is written down before the hand-over: who receives which fields of whom, and why."""
    return Disclosure(
        id=new_id("dis"),
        company_id=checkout.company_id,
        checkout_id=checkout.id,
        subject_id=checkout.bought_by,
        recipient=RECIPIENTS[checkout.provider],
        fields=FIELDS,
        basis=BASIS,
        disclosed_at=now,
    )


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
    if disclosure is None or disclosure.checkout_id != checkout.id or disclosure.recipient != RECIPIENTS[provider.name]:
        raise NotDisclosed(checkout.id)
    return provider.start(
        Request(
            payment_id=checkout.id,
            amount=Money(checkout.amount_minor, checkout.currency),
            description=description_of(checkout),
            email=email,
            success_url=back.after_payment(checkout),
            cancel_url=back.without_payment(checkout),
            expires_at=checkout.expires_at,
        )
    )


def description_of(checkout: Checkout) -> str:
    """What the buyer reads on the processor's page."""
    if checkout.quote_id is not None:
        return f"ActionTrac {checkout.plan_name}: upgrade of this year, up to {checkout.worker_limit} workers"
    return f"ActionTrac {checkout.plan_name}: one year, up to {checkout.worker_limit} workers"
