"""Comparing what is written here with what the processors say: money without a record, and records without money."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from services.billing.models import Checkout, Payment, SubscriptionYear
from services.billing.providers import PaymentProvider, ProviderRefused, ProviderUnavailable, Snapshot, State
from services.billing.repository import BillingStore

#: Checkouts read at a time; the processors are asked between these reads.
PAGE = 100


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it must be; ``checked`` is False where nobody could be asked."""

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


def judge(case: Case, snapshot: Snapshot | None) -> list[str]:
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
    if payment is not None and payment.outcome == "kept" and year is None and checkout.quote_id is None:
        found.append("a payment was kept and no year follows from it")
    if snapshot is not None and charged and payment is not None:
        if (snapshot.amount.minor, snapshot.amount.currency) != (payment.amount_minor, payment.currency):
            found.append("the amount that was charged is not the amount that is recorded")
        given_back = snapshot.refunded.minor if snapshot.refunded is not None else 0
        if given_back != checkout.refunded_minor:
            found.append(f"given back: {given_back} at the processor, {checkout.refunded_minor} here")
    if checkout.needs_review:
        found.append("the processor's figures were not ours when it was paid")
    return found


def audit(
    open_store: Callable[[], AbstractContextManager[BillingStore]],
    providers: Mapping[str, PaymentProvider],
    progress: Callable[[int, int], None],
) -> list[Finding]:
    """Read every checkout at its processor and compare; changes nothing, anywhere."""
    found: list[Finding] = []
    with open_store() as store:
        total = store.count_checkouts()
    done = 0
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
                Case(checkout, store.payment(checkout.id), store.year_of(checkout.id))
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
    snapshot = None
    if checkout.provider_ref is not None:
        try:
            snapshot = providers[checkout.provider].fetch(checkout.provider_ref)
        except ProviderUnavailable:
            return [said(f"{checkout.provider} did not answer", checked=False)]
        except ProviderRefused as refusal:
            # An old page that nobody used may be forgotten there; money never is.
            if case.payment is not None:
                return [said(f"{checkout.provider} refused to tell: {refusal.code}", checked=False)]
    return [said(problem) for problem in judge(case, snapshot)]
