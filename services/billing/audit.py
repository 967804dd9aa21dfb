"""Comparing what is written here with what the processors say: money without a record, and records without money."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta

from actiontrac import clock
from services.billing.models import Checkout, Dispute, Payment, SubscriptionYear
from services.billing.providers import (
    Aftermath,
    Charge,
    PaymentProvider,
    ProviderRefused,
    ProviderUnavailable,
    Snapshot,
    State,
)
from services.billing.repository import BillingStore

#: Checkouts read at a time; the processors are asked between these reads.
PAGE = 100

#: How far back everything that the processors received is listed, unless somebody asks for more.
LISTED_DAYS = 31


@dataclass(frozen=True)
class Finding:
    """
    One thing that is not as it must be; ``checked`` is False where nobody could be asked.

    ``checkout_id`` is the processor's reference, and ``company_id`` a dash, where no checkout of ours is known.
    """

    checkout_id: str
    company_id: str
    problem: str
    checked: bool = True


@dataclass(frozen=True)
class Case:
    """One checkout with what followed from it here."""

    checkout: Checkout
    payment: Payment | None
    year: SubscriptionYear | None
    disputes: tuple[Dispute, ...] = ()
    #: Of what went back, what a bank took after a dispute: the processor does not call that a refund.
    taken: int = 0


def judge(case: Case, snapshot: Snapshot | None, told: Aftermath | None = None) -> list[str]:
    """What is wrong about a checkout; ``snapshot`` is None where the processor has no such checkout."""
    checkout, payment, year = case.checkout, case.payment, case.year
    found = []
    charged = snapshot is not None and snapshot.state is State.PAID
    if charged and payment is None:
        found.append("the processor has a charge that is not recorded here")
    if payment is not None and not charged:
        found.append("a payment is recorded here that the processor does not have")
    if year is not None and year.refunded_at is None and (payment is None or payment.outcome != "kept" or not charged):
        found.append("a year runs that nobody paid")
    if (
        payment is not None
        and payment.outcome == "kept"
        and year is None
        and not (checkout.quote_id or checkout.bill_id)
    ):
        found.append("a payment was kept and no year follows from it")
    if snapshot is not None and charged and payment is not None:
        if (snapshot.amount.minor, snapshot.amount.currency) != (payment.amount_minor, payment.currency):
            found.append("the amount that was charged is not the amount that is recorded")
        given_back = snapshot.refunded.minor if snapshot.refunded is not None else 0
        # Where a bank took the money PayPal may call the payment refunded, and Stripe does not.
        if given_back not in (checkout.refunded_minor, checkout.refunded_minor - case.taken):
            found.append(f"given back: {given_back} at the processor, {checkout.refunded_minor} here")
    if told is not None:
        ours = {dispute.provider_ref: dispute.state for dispute in case.disputes}
        for dispute in told.disputes:
            here = ours.get(dispute.ref, "unknown")
            if here != dispute.state.value:
                found.append(f"the dispute {dispute.ref} is {dispute.state.value} at the processor, {here} here")
    if checkout.needs_review:
        found.append("the processor's figures were not ours when it was paid")
    return found


def audit(
    open_store: Callable[[], AbstractContextManager[BillingStore]],
    providers: Mapping[str, PaymentProvider],
    progress: Callable[[int, int], None],
    days: int = LISTED_DAYS,
) -> list[Finding]:
    """
    Read every checkout at its processor and compare, and go through everything that the
    processors received in the last days; changes nothing, anywhere.
    """
    with open_store() as store:
        total = store.count_checkouts() + len(providers)
        found = [Finding(year.checkout_id, year.company_id, "a year runs without a checkout that could have paid it")
                 for year in store.years_without_a_checkout()]  # fmt: skip
    done = 0
    for provider in providers.values():
        found += _received(open_store, provider, days)
        done += 1
        progress(done, total)
    for page in _pages(open_store):
        for case in page:
            found += _look(case, providers)
            done += 1
            progress(done, max(total, done))
    return found


def _pages(open_store: Callable[[], AbstractContextManager[BillingStore]]) -> Iterator[list[Case]]:
    last = ""
    while True:
        with open_store() as store:
            page = [
                Case(
                    checkout,
                    store.payment(checkout.id),
                    store.year_of(checkout.id),
                    tuple(store.disputes_of(checkout.id)),
                    sum(each.amount_minor for each in store.refunds(checkout.id) if each.cause == "dispute_lost"),
                )
                for checkout in store.checkouts_after(last, PAGE)
            ]
        if not page:
            return
        yield page
        last = page[-1].checkout.id


def _look(case: Case, providers: Mapping[str, PaymentProvider]) -> list[Finding]:
    checkout = case.checkout

    def said(problem: str, *, checked: bool = True) -> Finding:
        return Finding(checkout.id, checkout.company_id, problem, checked)

    if checkout.provider not in providers:
        return [said(f"this installation has no keys of {checkout.provider}", checked=False)]
    snapshot, told = None, None
    if checkout.provider_ref is not None:
        try:
            provider = providers[checkout.provider]
            snapshot = provider.fetch(checkout.provider_ref, checkout.seller)
            if case.payment is not None and snapshot.state is State.PAID:
                told = provider.aftermath(checkout.provider_ref, case.payment.provider_ref, checkout.seller)
        except ProviderUnavailable:
            return [said(f"{checkout.provider} did not answer", checked=False)]
        except ProviderRefused as refusal:
            # An old page that nobody used may be forgotten there; money never is.
            if case.payment is not None:
                return [said(f"{checkout.provider} refused to tell: {refusal.code}", checked=False)]
    return [said(problem) for problem in judge(case, snapshot, told)]


def _received(
    open_store: Callable[[], AbstractContextManager[BillingStore]], provider: PaymentProvider, days: int
) -> list[Finding]:
    """Charges that we do not know: nobody ordered them here, or an order was charged twice."""
    now = clock.now()
    try:
        charges = list(provider.received(now - timedelta(days=days), now))
    except ProviderUnavailable:
        return [Finding("-", "-", f"{provider.name} did not answer when asked what it received", checked=False)]
    except ProviderRefused as refusal:
        # PayPal lists them only for apps that may search transactions.
        problem = f"{provider.name} refused to list what it received: {refusal.code}"
        return [Finding("-", "-", problem, checked=False)]
    found = []
    for start in range(0, len(charges), PAGE):
        with open_store() as store:
            found += [one for charge in charges[start : start + PAGE] for one in _unknown(store, provider.name, charge)]
    return found


def _unknown(store: BillingStore, provider: str, charge: Charge) -> list[Finding]:
    payment = store.payment_at(provider, charge.ref)
    if payment is not None:
        return []
    checkout = store.find_checkout(charge.payment_id) if charge.payment_id else None
    told = f"{charge.amount} at {provider} on {charge.made_at:%Y-%m-%d}"
    if checkout is None:
        return [Finding(charge.ref, "-", f"{told}: a charge that nobody ordered here")]
    recorded = store.payment(checkout.id)
    if recorded is None:
        # Said already where the checkout itself is looked at.
        return []
    return [Finding(checkout.id, checkout.company_id, f"{told}: charged a second time, as {charge.ref}")]
