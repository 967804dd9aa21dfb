"""
Giving money back, in full or in part, through the processor that took it (S31).

A refund's own id is the processor's idempotency key, so that it goes back once. Where
the processor may have forgotten the key, what it has already given back is read first.
"""

from datetime import datetime, timedelta
from typing import Any

from actiontrac import clock, log
from actiontrac.contracts.billing import (
    NotRefundable,
    PaymentRefunded,
    RefundRequest,
    RefundTooLarge,
    RefundView,
)
from actiontrac.failpoints import failpoint, register
from actiontrac.ids import new_id
from actiontrac.schemas import parse
from actiontrac.service import rpc
from services.billing import ledger, policies
from services.billing.activation import issue
from services.billing.base import Billing
from services.billing.contractor.paid import bill_went_back
from services.billing.models import Checkout, Refund
from services.billing.providers import (
    Money,
    ProviderRefused,
    ProviderUnavailable,
    Refunded,
    RefundState,
)
from services.billing.repository import BillingStore, request_key
from services.billing.schemas import refund_view
from services.billing.standing import look
from services.billing.taxes import TaxLine, apportion
from services.billing.taxing import taxes_from
from services.billing.upgrades import ends_the_year_of, give_back, rests_on
from services.billing.watch import watch

_log = log.get(__name__)

register("billing.refund.before_provider", "a refund that is decided, and the call that gives the money back")
register("billing.refund.after_provider", "the money that went back, and our record of it")

#: While a refund's first call is under way the reconciler leaves it alone.
REFUND_LEASE_SECONDS = 60


def add_refund(
    store: BillingStore, checkout: Checkout, amount: int, user_id: str, reason: str, now: datetime
) -> Refund:
    """Write a refund that somebody asked for down, before the processor is asked."""
    decided = Refund(
        id=new_id("ref"),
        company_id=store.company_id,
        checkout_id=checkout.id,
        asked_by=user_id,
        request_key=request_key(),
        cause="requested",
        amount_minor=amount,
        currency=checkout.currency,
        state="pending",
        checks=0,
        next_check_at=now + timedelta(seconds=REFUND_LEASE_SECONDS),
        created_at=now,
    )
    decided.reason = reason
    store.session.add(decided)
    return decided


class Refunds(Billing):
    @rpc(requires="billing.write", write=True)
    def create_refund(self, *, company_id: str, user_id: str, refund: dict[str, Any]) -> RefundView:
        """
        Give a payment back, or part of it; a credit note follows when the money went.

        Safe to repeat with the same Idempotency-Key: one refund. Where the processor's
        answer is lost the state is ``unknown`` and the reconciler finds out.

        Raises:
            CheckoutNotFound: this company has no such checkout.
            NotRefundable: it was not paid, or a later year rests on it, or a refund is under way.
            RefundTooLarge: more than what is left of the payment.
        """
        wanted = parse(RefundRequest, refund)
        with self.store(company_id) as store:
            decided = store.refund_of_request() or self._decide(store, wanted, user_id, clock.now())
            store.reserve()
        if decided.running:
            self.give_back_if_possible(decided.id)
        with self.store(company_id) as store:
            found = store.refund(decided.id)
            assert found is not None
            return store.answer(refund_view(found))

    def _decide(self, store: BillingStore, wanted: RefundRequest, user_id: str, now: datetime) -> Refund:
        checkout = store.purchase(wanted.checkout_id, lock=True)
        if checkout.state != "paid":
            raise NotRefundable()
        # A payment that arrives at this moment either sees this refund, or is seen by it.
        store.meter(lock=True)
        if any(other.running for other in store.refunds(checkout.id)):
            raise NotRefundable("Another refund of this payment is still under way; try again when it is done.")
        if checkout.dispute == "open":
            raise NotRefundable("The buyer's bank is looking at a dispute of this payment; wait until it is decided.")
        left = checkout.amount_minor - checkout.refunded_minor
        amount = left if wanted.amount_minor is None else wanted.amount_minor
        if amount > left:
            raise RefundTooLarge.at("amount_minor", f"At most {Money(left, checkout.currency)} is left to refund.")
        year = ends_the_year_of(store, checkout)
        last_paid_day = store.last_paid_day()
        if amount == left and year is not None and last_paid_day is not None and last_paid_day > year.ends_on:
            raise NotRefundable("A later year follows this one; refund the later year first.")
        if amount == left and rests_on(store, checkout):
            raise NotRefundable("A later upgrade rests on this payment; refund the upgrade first.")
        return add_refund(store, checkout, amount, user_id, wanted.reason, now)

    def give_back_if_possible(self, refund_id: str) -> None:
        """Take a decided refund as far as it goes; the reconciler does the rest."""
        try:
            self.give_back(refund_id)
        except ProviderUnavailable as problem:
            with self.store.across_companies() as store:
                refund = store.refund(refund_id, lock=True)
                if refund is not None and refund.running:
                    refund.state = "unknown" if problem.outcome_unknown or refund.state == "unknown" else "pending"
                    refund.check_later(clock.now())
            _log.warning("refund_postponed", refund_id=refund_id, outcome_unknown=problem.outcome_unknown)

    def give_back(self, refund_id: str) -> None:
        """
        Ask the processor to give a decided refund back; safe to repeat.

        Raises:
            ProviderUnavailable: it did not answer.
        """
        now = clock.now()
        with self.store.across_companies() as store:
            refund = store.refund(refund_id)
            if refund is None or not refund.running or refund.elsewhere:
                return
            checkout = store.checkout(refund.checkout_id)
        try:
            answer = self._ask_to_give_back(refund, checkout, now)
        except ProviderRefused as refusal:
            self._fail(refund, refusal.code)
            return
        if answer.state is RefundState.FAILED:
            self._fail(refund, "failed_at_provider")
        else:
            self._apply_refund(refund, answer, now)

    def _ask_to_give_back(self, refund: Refund, checkout: Checkout, now: datetime) -> Refunded:
        provider = self.processor(checkout.provider)
        assert checkout.provider_ref is not None
        snapshot = provider.fetch(checkout.provider_ref, checkout.seller)
        accepted = refund.provider_ref
        old = now - refund.created_at > timedelta(hours=policies.REFUND_KEY_HOURS)
        if old or accepted:
            told = provider.aftermath(checkout.provider_ref, snapshot.charge_ref or "", checkout.seller)
            made = next((each for each in told.refunds if each.ours == refund.id or each.ref == accepted), None)
            if made is not None:
                return Refunded(made.ref, made.state)
        failpoint("billing.refund.before_provider")
        answer = provider.refund(snapshot, refund.id, Money(refund.amount_minor, refund.currency), checkout.seller)
        failpoint("billing.refund.after_provider")
        return answer

    def _apply_refund(self, known: Refund, answer: Refunded, now: datetime) -> None:
        """Record what the processor did; the second time it changes nothing."""
        with self.store(known.company_id) as store:
            checkout = store.checkout(known.checkout_id, lock=True)
            refund = store.refund(known.id, lock=True)
            assert refund is not None
            if not refund.running:
                return
            refund.provider_ref = answer.ref or refund.provider_ref
            if answer.state is RefundState.PENDING:
                # It was taken over and may still fail there: looked at until it is done.
                refund.state = "pending"
                refund.check_later(now)
                return
            self.finish_refund(store, checkout, refund, now)
        _log.info("refund_done", refund_id=known.id, company_id=known.company_id, cause=known.cause)

    def finish_refund(self, store: BillingStore, checkout: Checkout, refund: Refund, now: datetime) -> None:
        """The money is gone: books, credit note, and what it means for the year; within the caller's unit of work."""
        refund.state, refund.done_at, refund.next_check_at = "done", now, None
        checkout.refunded_minor += refund.amount_minor
        if checkout.bill_id is not None:
            bill_went_back(store, checkout, refund, now)
            return
        # Locked in the same order as when a payment arrives, so that neither waits for the other.
        meter = store.meter(lock=True)
        whole = checkout.refunded_minor >= checkout.amount_minor
        payment = store.payment(checkout.id)
        kept = payment is None or payment.outcome == "kept"
        net, taxes = _parts(store, checkout, refund.amount_minor)
        tax = refund.amount_minor - net
        store.book(ledger.refund(checkout.provider, refund.amount_minor, tax=tax, kept=kept), refund.id, checkout, now)
        invoice = store.invoice_of(checkout.id)
        if invoice is not None:
            what = "Taken back after a dispute" if refund.cause == "dispute_lost" else "Refund"
            lines = [(f"{what} of invoice {invoice.number}", -net)]
            issue(store, checkout, "credit_note", lines, taxes, now, refund_id=refund.id)
        ended = ends_the_year_of(store, checkout)
        give_back(store, checkout, net, now, whole=whole)
        if whole:
            checkout.state = "refunded"
            year = store.year_of(checkout.id)
            if year is not None and year.refunded_at is None:
                year.refunded_at = now
            if ended is not None:
                store.session.flush()
            look(store, now)
            watch(store, meter, now.date())
        store.publish(
            PaymentRefunded(
                company_id=checkout.company_id,
                refund_id=refund.id,
                checkout_id=checkout.id,
                invoice_number=invoice.number if invoice is not None else "",
                amount_minor=refund.amount_minor,
                currency=refund.currency,
                whole=whole,
                cause=refund.cause,
            )
        )

    def _fail(self, known: Refund, code: str) -> None:
        with self.store(known.company_id) as store:
            refund = store.refund(known.id, lock=True)
            if refund is not None and refund.running:
                refund.state, refund.last_error, refund.next_check_at = "failed", code[:120], None
        # The money is still with us: a person must look, above all when nobody asked for it.
        _log.error("refund_failed", refund_id=known.id, company_id=known.company_id, code=code, cause=known.cause)


def _parts(store: BillingStore, checkout: Checkout, amount: int) -> tuple[int, tuple[TaxLine, ...]]:
    """
    What of a refund is no tax, and what of each tax: in proportion to what is left of each,
    so that over any chain of refunds they come to what the invoice said (B21).
    """
    paid = taxes_from(checkout.taxes)
    net_left, left = checkout.net_minor, [tax.amount_minor for tax in paid]
    for note in store.credit_notes(checkout.id):
        credited = [tax.amount_minor for tax in taxes_from(note.taxes)]
        net_left += note.total_minor - sum(credited)
        left = [before + minus for before, minus in zip(left, credited, strict=True)]
    net, *shares = apportion(amount, [net_left, *left])
    return net, tuple(TaxLine(tax.name, tax.percent, -net, -share) for tax, share in zip(paid, shares, strict=True))
