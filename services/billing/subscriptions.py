"""A company's subscription: its trial, where it stands, and what it is told on which day (B05, B11 to B13, B26)."""

from datetime import timedelta

from actiontrac import clock, log
from actiontrac.contracts.billing import (
    SubscriptionTerminated,
    SubscriptionTrialStarted,
    SubscriptionView,
    TrialNotOffered,
    TrialUsed,
)
from actiontrac.failpoints import failpoint, register
from actiontrac.service import SERVICE_ONLY, every, rpc
from services.billing.base import Billing
from services.billing.life import Happening, IllegalMove, Stage, position, require
from services.billing.repository import BillingStore
from services.billing.schemas import subscription_view
from services.billing.standing import facts_of, last_terms, look, terms_on
from services.billing.watch import watch

_log = log.get(__name__)

register("billing.reminders.after_claim", "companies that were claimed for a look, and the look at each")

#: Companies to look at in one round; a clock that jumps makes many due at once.
LOOKS = 200


class Subscriptions(Billing):
    @rpc(requires="billing.read")
    def get_subscription(self, *, company_id: str) -> SubscriptionView:
        """What is paid until when; by the calendar alone, because nothing happens at the end (B05)."""
        with self.store(company_id) as store:
            return self._view(store)

    def _view(self, store: BillingStore) -> SubscriptionView:
        today = clock.today()
        life = store.subscription()
        here = position(facts_of(store, life), today)
        terms = terms_on(store, today) or last_terms(store)
        return subscription_view(here, terms, today, life.next_plan if life is not None else None)

    @rpc(requires="billing.write", write=True)
    def start_trial(self, *, company_id: str) -> SubscriptionView:
        """
        Try a plan for some days without a card; it ends by itself and nothing is charged (B26).

        Raises:
            TrialNotOffered: the operator offers none.
            TrialUsed: the company has tried or bought before.
        """
        self.keep_plans()
        now = clock.now()
        with self.store(company_id) as store:
            offer = self.on_sale(store).trial
            if offer is None:
                raise TrialNotOffered()
            # Two who start it at the same moment meet here.
            meter = store.meter(lock=True)
            life = store.subscription_for_change()
            if store.years():
                raise TrialUsed()
            try:
                require(position(facts_of(store, life), now.date()).stage, Happening.TRIAL_STARTED)
            except IllegalMove:
                raise TrialUsed() from None
            life.trial_plan, life.trial_version, life.trial_limit = offer.plan, offer.version, offer.worker_limit
            life.trial_starts_on = now.date()
            life.trial_ends_on = now.date() + timedelta(days=offer.days)
            store.session.flush()
            store.publish(
                SubscriptionTrialStarted(
                    company_id=company_id,
                    plan=offer.plan,
                    worker_limit=offer.worker_limit,
                    ends_on=life.trial_ends_on.isoformat(),
                )
            )
            look(store, now)
            watch(store, meter, now.date())
            return store.answer(self._view(store))

    @rpc(requires=SERVICE_ONLY, write=True)
    def mark_terminated(self, *, company_id: str) -> SubscriptionView:
        """The company left for good: nothing can be bought any more, and nothing more is told. Safe to repeat."""
        now = clock.now()
        with self.store(company_id) as store:
            store.meter(lock=True)
            life = store.subscription_for_change()
            if position(facts_of(store, life), now.date()).stage is not Stage.TERMINATED:
                life.terminated_on = now.date()
                for checkout in store.other_open_checkouts(""):
                    checkout.next_check_at = now
                store.publish(SubscriptionTerminated(company_id=company_id, terminated_on=now.date().isoformat()))
            look(store, now)
            return store.answer(self._view(store))

    @every(seconds=5)
    def look_at_subscriptions(self) -> None:
        """
        Tell companies what their day has come for: reminders, grace, read-only, lapsed.

        A claim is a lease: whoever dies before the look leaves it to the next one. Each
        thing is told once, because it is remembered in the transaction that tells it.
        """
        with self.store.across_companies() as store:
            due = store.claim_due_looks(clock.now(), limit=LOOKS)
        if due:
            failpoint("billing.reminders.after_claim")
        for company_id in due:
            try:
                with self.store(company_id) as store:
                    look(store, clock.now())
            except Exception as problem:
                # One that cannot be worked on must not keep the others waiting.
                _log.error("subscription_not_looked_at", company_id=company_id, exc_info=problem)
