"""
What happens to a payment after it arrived: disputes, and refunds that somebody made at the processor (B24, B27).

As when a payment arrives, a webhook or a timer only says that there is something to look
at, and the processor's own word is the truth. So any order, and any repeat, comes to the
same.
"""

from datetime import datetime

from actiontrac import clock, log
from actiontrac.contracts.billing import DisputeClosed, DisputeList, PaymentDisputed
from actiontrac.failpoints import failpoint, register
from actiontrac.ids import new_id
from actiontrac.service import rpc
from services.billing import ledger
from services.billing.disputes.schemas import dispute_view
from services.billing.models import Checkout, Dispute, Refund
from services.billing.providers import Disputed, DisputeState, GivenBack, RefundState
from services.billing.refunds import Refunds
from services.billing.repository import BillingStore
from services.billing.settlement import Settlement

_log = log.get(__name__)

register("billing.aftermath.before_record", "what the processor told about a payment, and our record of it")
register("billing.aftermath.between_records", "one refund or dispute that is recorded, and the next")

#: Webhooks with such a word in their kind are about a payment that had arrived before.
WORDS = ("refund", "dispute", "reversed")


def is_about_aftermath(kind: str) -> bool:
    return any(word in kind.lower() for word in WORDS)


class AfterPayment(Settlement, Refunds):
    def look_after(self, checkout_id: str) -> None:
        """
        Settle a checkout that is not settled, and follow up one that is; safe to repeat and to race.

        Raises:
            CheckoutNotFound: there is none.
            ProviderUnavailable: the processor did not answer.
        """
        with self.store.across_companies() as store:
            settled = store.checkout(checkout_id).settled
        if settled:
            self.follow_up(checkout_id)
        else:
            self.settle(checkout_id)

    def follow_up(self, checkout_id: str) -> None:
        """
        Write down refunds that were made at the processor, and where disputes stand; each once.

        Raises:
            CheckoutNotFound: there is none.
            ProviderUnavailable: the processor did not answer.
        """
        with self.store.across_companies() as store:
            known = store.checkout(checkout_id)
            payment = store.payment(checkout_id)
        if payment is None or known.provider_ref is None:
            return
        told = self.processor(known.provider).aftermath(known.provider_ref, payment.provider_ref, known.seller)
        if told.refunds or told.disputes:
            failpoint("billing.aftermath.before_record")
        for refund in told.refunds:
            self._take_refund(known, refund)
            failpoint("billing.aftermath.between_records")
        for dispute in told.disputes:
            self._take_dispute(known, dispute)
            failpoint("billing.aftermath.between_records")
        with self.store(known.company_id) as store:
            store.checkout(known.id, lock=True).check_later(clock.now())

    # Refunds

    def _take_refund(self, known: Checkout, told: GivenBack) -> None:
        now = clock.now()
        with self.store(known.company_id) as store:
            checkout = store.checkout(known.id, lock=True)
            refund = store.refund_at(told.ref, told.ours)
            if refund is None:
                if told.state is RefundState.FAILED or not self._fits(checkout, told):
                    return
                refund = _refund(checkout, "at_provider", told.amount.minor, told.ref, now)
                store.session.add(refund)
            elif refund.state == "done" and told.state is RefundState.FAILED:
                # The money came back to us after its credit note was written: a person decides.
                checkout.needs_review = True
                return
            if not refund.running:
                return
            refund.provider_ref = told.ref
            if told.state is RefundState.FAILED:
                refund.state, refund.last_error, refund.next_check_at = "failed", "failed_at_provider", None
            elif told.state is RefundState.DONE:
                self.finish_refund(store, checkout, refund, now)
        _log.info("refund_seen", refund_id=refund.id, company_id=known.company_id, cause=refund.cause)

    def _fits(self, checkout: Checkout, told: GivenBack) -> bool:
        left = checkout.amount_minor - checkout.refunded_minor
        if told.amount.currency == checkout.currency and told.amount.minor <= left:
            return True
        checkout.needs_review = True
        _log.error("refund_not_ours", checkout_id=checkout.id, company_id=checkout.company_id)
        return False

    # Disputes

    def _take_dispute(self, known: Checkout, told: Disputed) -> None:
        now = clock.now()
        with self.store(known.company_id) as store:
            checkout = store.checkout(known.id, lock=True)
            dispute = store.dispute_at(told.ref)
            if dispute is None:
                dispute = _dispute(checkout, told, now)
                store.session.add(dispute)
                # About a contractor's bill the processor tells the contractor, whose dispute it is.
                if told.state is DisputeState.OPEN and checkout.bill_id is None:
                    store.publish(_opened(checkout, dispute))
            elif dispute.state == told.state.value:
                return
            elif dispute.state != "open":
                # Decided, and decided again otherwise, as after an appeal: a person reads the statement.
                checkout.needs_review = True
                return
            dispute.amount_minor, dispute.fee_minor = told.amount.minor, told.fee
            if told.state is not DisputeState.OPEN:
                self._end(store, checkout, dispute, told, now)
            store.session.flush()
            checkout.dispute = _mark(store, checkout)
        _log.warning("dispute_seen", dispute_id=dispute.id, company_id=known.company_id, state=told.state.value)

    def _end(
        self, store: BillingStore, checkout: Checkout, dispute: Dispute, told: Disputed, now: datetime
    ) -> None:
        dispute.state, dispute.closed_at = told.state.value, now
        costs = told.fee
        if told.state is DisputeState.LOST:
            taken = min(told.amount.minor, checkout.amount_minor - checkout.refunded_minor)
            costs += told.amount.minor - taken
            if taken > 0:
                refund = _refund(checkout, "dispute_lost", taken, told.ref, now)
                store.session.add(refund)
                self.finish_refund(store, checkout, refund, now)
        if checkout.bill_id is not None:
            return
        if costs > 0:
            store.book(ledger.dispute_costs(checkout.provider, costs), dispute.id, checkout, now)
        store.publish(
            DisputeClosed(
                company_id=checkout.company_id,
                dispute_id=dispute.id,
                checkout_id=checkout.id,
                outcome="lost" if told.state is DisputeState.LOST else "won",
                amount_minor=dispute.amount_minor,
                currency=dispute.currency,
                plan=checkout.plan_code,
                whole=checkout.state == "refunded",
            )
        )

    @rpc(requires="staff")
    def list_disputes(self, *, state: str | None = None, limit: int = 50, cursor: str | None = None) -> DisputeList:
        """Disputes of every company, newest first; ``state`` is open, won or lost."""
        with self.store.across_companies() as store:
            found, next_cursor = store.disputes(state=state, limit=limit, cursor=cursor)
        return {"items": [dispute_view(dispute) for dispute in found], "next_cursor": next_cursor}


def _mark(store: BillingStore, checkout: Checkout) -> str | None:
    """What the payment is marked with: an open dispute before a lost one, and a lost one before a won one."""
    states = {dispute.state for dispute in store.disputes_of(checkout.id)}
    return next((state for state in ("open", "lost", "won") if state in states), None)


def _refund(checkout: Checkout, cause: str, amount: int, ref: str, now: datetime) -> Refund:
    return Refund(
        id=new_id("ref"),
        company_id=checkout.company_id,
        checkout_id=checkout.id,
        cause=cause,
        amount_minor=amount,
        currency=checkout.currency,
        state="pending",
        provider_ref=ref,
        checks=0,
        created_at=now,
    )


def _dispute(checkout: Checkout, told: Disputed, now: datetime) -> Dispute:
    return Dispute(
        id=new_id("dsp"),
        company_id=checkout.company_id,
        checkout_id=checkout.id,
        provider=checkout.provider,
        provider_ref=told.ref,
        reason=told.reason[:60],
        amount_minor=told.amount.minor,
        currency=told.amount.currency,
        fee_minor=told.fee,
        state="open",
        opened_at=now,
    )


def _opened(checkout: Checkout, dispute: Dispute) -> PaymentDisputed:
    return PaymentDisputed(
        company_id=checkout.company_id,
        dispute_id=dispute.id,
        checkout_id=checkout.id,
        amount_minor=dispute.amount_minor,
        currency=dispute.currency,
        plan=checkout.plan_code,
        reason=dispute.reason,
    )
