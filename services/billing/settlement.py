"""
``settle``: the one end of webhook, browser return and reconciliation (B08 to B10).

The processor's own word is the truth; everything else is a hint to go and look. A
phase of this never spans a call to the processor: read what we know, ask, then apply
what was answered in one unit of work under the checkout's lock.
"""

from datetime import datetime, timedelta

import orjson

from actiontrac import clock, log
from actiontrac.errors import NotFound, Unavailable
from actiontrac.failpoints import failpoint, register
from services.billing import coupons, policies
from services.billing.activation import is_wanted, take_payment
from services.billing.base import Billing
from services.billing.handoff import WayBack, hand_over
from services.billing.models import Checkout
from services.billing.policies import Expected
from services.billing.providers import ProviderRefused, ProviderUnavailable, Snapshot, Started, State

_log = log.get(__name__)

register("billing.settle.before_provider", "knowing what to ask about a checkout, and asking the processor")
register("billing.settle.after_provider", "the processor's answer (money may have moved), and our record of it")
register("billing.resume.before_provider", "an interrupted start, and its repetition with the same key")
register("billing.resume.after_provider", "the repeated start at the processor, and our record of it")

#: An outcome that nobody knows is asked for again this soon.
UNKNOWN_PAUSE_SECONDS = 10

#: What the processors say when they have no such checkout.
MISSING = frozenset({"resource_missing", "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID"})


class Settlement(Billing):
    def settle(self, checkout_id: str) -> None:
        """
        Bring a checkout to where the processor says that it is; safe to repeat and to race.

        Raises:
            CheckoutNotFound: there is none.
            ProviderUnavailable: the processor did not answer; the reconciler will ask again.
        """
        now = clock.now()
        with self.store.across_companies() as store:
            known = store.checkout(checkout_id)
        if known.settled:
            return
        if known.provider_ref is None:
            self._resume(known, now)
            return
        with self.store(known.company_id) as store:
            unwanted = not is_wanted(store, known, now.date())
        try:
            snapshot = self._ask(known, now, unwanted=unwanted)
        except ProviderUnavailable as problem:
            if problem.outcome_unknown:
                self._remember_unknown(known)
            raise
        except ProviderRefused as refusal:
            self._remember_refusal(known, refusal, now)
            return
        if snapshot is not None:
            self._apply(known, snapshot, now, unwanted=unwanted)

    def _ask(self, known: Checkout, now: datetime, *, unwanted: bool) -> Snapshot | None:
        """Ask the processor what is right for the checkout's state: settle it, close it, or only read."""
        provider, ref = self.processor(known.provider), known.provider_ref
        assert ref is not None
        failpoint("billing.settle.before_provider")
        if not known.waiting:
            # Closed on our side: a late payment must still be seen, but none may be captured now.
            snapshot = provider.fetch(ref, known.seller)
        elif unwanted or (known.expires_at <= now and known.state != "processing"):
            snapshot = provider.cancel(ref, known.seller)
        else:
            snapshot = provider.settle(ref, known.seller, capture_attempt=known.capture_attempt)
        failpoint("billing.settle.after_provider")
        return snapshot

    def _apply(self, known: Checkout, snapshot: Snapshot, now: datetime, *, unwanted: bool) -> None:
        with self.store(known.company_id) as store:
            checkout = store.checkout(known.id, lock=True)
            if checkout.settled:
                return
            checkout.checked_at = now
            wrong = policies.mismatches(_expected(checkout), snapshot)
            if wrong:
                checkout.needs_review = True
                decided = "mismatch"
            elif snapshot.state is State.PAID:
                decided = take_payment(store, checkout, snapshot, rule=self.authentication_rule, now=now)
            else:
                decided = _move(checkout, snapshot, known, now, unwanted=unwanted)
                if not checkout.waiting:
                    coupons.release(store, checkout)
        if wrong:
            _log.error("payment_mismatch", checkout_id=known.id, company_id=known.company_id, facts=wrong)
        else:
            _log.info("checkout_settled", checkout_id=known.id, company_id=known.company_id, outcome=decided)

    def _remember_unknown(self, known: Checkout) -> None:
        with self.store(known.company_id) as store:
            checkout = store.checkout(known.id, lock=True)
            if checkout.waiting:
                checkout.state = "unknown"
                _soon(checkout, clock.now())
        _log.warning("payment_outcome_unknown", checkout_id=known.id, company_id=known.company_id)

    def _remember_refusal(self, known: Checkout, refusal: ProviderRefused, now: datetime) -> None:
        """The processor will not talk about it: what it does not have any more can be closed once it is old."""
        with self.store(known.company_id) as store:
            checkout = store.checkout(known.id, lock=True)
            if refusal.code in MISSING and checkout.waiting and checkout.expires_at <= now:
                checkout.close("expired", refusal.code)
                coupons.release(store, checkout)
        _log.error("provider_refused", checkout_id=known.id, company_id=known.company_id, code=refusal.code)

    # A start that was interrupted

    def _resume(self, known: Checkout, now: datetime) -> None:
        """
        Repeat a start whose answer we do not have, with the same key: the processor
        answers with the checkout that it has, or makes the only one.
        """
        if not known.waiting:
            return
        if now - known.created_at > timedelta(hours=policies.START_KEY_HOURS):
            # The processor may have forgotten the key. Nobody ever saw the page, so nobody can have paid there.
            self._close(known, "expired", "not_started")
            return
        try:
            email, back = self.contact_of(known)
        except NotFound:
            self._close(known, "canceled", "buyer_gone")
            return
        failpoint("billing.resume.before_provider")
        try:
            started = self._hand_over(known, email, back)
        except ProviderRefused as refusal:
            self._close(known, "failed", refusal.code)
            return
        failpoint("billing.resume.after_provider")
        with self.store(known.company_id) as store:
            store.checkout(known.id, lock=True).started(started.ref, started.redirect_url, now=clock.now())

    def contact_of(self, known: Checkout) -> tuple[str, WayBack]:
        """
        Whose address the processor gets, and where it sends the browser: the member's, or a bill's client's.

        Raises:
            NotFound: there is nobody any more.
        """
        if known.bill_id is None:
            return self.accounts.get_recipient(recipient_id=known.bought_by)["email"], self.way_back
        with self.store(known.company_id) as store:
            bill = store.bill(known.bill_id)
            return orjson.loads(bill.client)["email"], WayBack(self.settings.public_url, bill.token)

    def _hand_over(self, checkout: Checkout, email: str, back: WayBack) -> Started:
        with self.store.across_companies() as store:
            disclosure = store.disclosure_for(checkout.id)
        provider = self.processor(checkout.provider)
        return hand_over(provider, checkout, disclosure, email=email, back=back)

    def _close(self, known: Checkout, state: str, error: str) -> None:
        with self.store(known.company_id) as store:
            checkout = store.checkout(known.id, lock=True)
            if checkout.waiting and checkout.provider_ref is None:
                checkout.close(state, error)
                coupons.release(store, checkout)

    # What webhook, return and look-ups share

    def settle_if_possible(self, checkout_id: str) -> None:
        """Settle, and leave it to the reconciler when the processor is away."""
        try:
            self.settle(checkout_id)
        except (ProviderUnavailable, Unavailable):
            _log.warning("provider_away", checkout_id=checkout_id)


def _expected(checkout: Checkout) -> Expected:
    return Expected(
        checkout_id=checkout.id,
        ref=checkout.provider_ref or "",
        amount_minor=checkout.amount_minor,
        currency=checkout.currency,
        environment=checkout.environment,
        seller=checkout.seller,
        fee_minor=checkout.fee_minor,
    )


def _soon(checkout: Checkout, now: datetime) -> None:
    checkout.next_check_at = now + timedelta(seconds=UNKNOWN_PAUSE_SECONDS)


def _move(checkout: Checkout, snapshot: Snapshot, known: Checkout, now: datetime, *, unwanted: bool) -> str:
    """Take over a state in which no money is ours yet; returns it."""
    if not checkout.waiting:
        # Closed, and the processor has no money either: closed it stays.
        return checkout.state
    if snapshot.last_error is not None:
        checkout.last_error = snapshot.last_error[:120]
    if snapshot.state is State.PROCESSING:
        checkout.state = "processing"
        return checkout.state
    over = unwanted or checkout.expires_at <= now
    if snapshot.state is State.CLOSED or over:
        checkout.close(_closed_as(checkout, now, unwanted=unwanted))
        return checkout.state
    checkout.state = "open"
    if snapshot.retry_url:
        checkout.approval_url = snapshot.retry_url
    # Of two who saw the same decline only one moves on to the next attempt.
    if snapshot.capture_declined and checkout.capture_attempt == known.capture_attempt:
        checkout.capture_attempt += 1
    return checkout.state


def _closed_as(checkout: Checkout, now: datetime, *, unwanted: bool) -> str:
    if unwanted:
        return "canceled"
    if checkout.expires_at <= now:
        return "expired"
    return "failed" if checkout.last_error else "expired"
