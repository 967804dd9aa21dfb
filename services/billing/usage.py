"""How many workers are managed, and whether the plan is right (B14, B15; S38, S39)."""

from datetime import date

from actiontrac import clock
from actiontrac.clock import parse as parse_moment
from actiontrac.contracts import workers
from actiontrac.contracts.billing import UsageView
from actiontrac.messaging import handle
from actiontrac.service import every, rpc
from services.billing import policies
from services.billing.base import Billing
from services.billing.life import position
from services.billing.repository import BillingStore
from services.billing.schemas import advice_view, usage_level
from services.billing.standing import facts_of, limiting_terms, look
from services.billing.watch import advice_for, level_of, watch

#: Plans to look at in one unit of work; a clock that jumps makes many due at once.
REVIEWS = 50


class Usage(Billing):
    @handle(workers.WorkerCountChanged)
    def on_worker_count_changed(self, event: workers.WorkerCountChanged) -> None:
        """
        Keep today's figure and the year's highest, and say what follows from them.

        An event that comes late changes no figure of today; it can still be the year's
        highest.
        """
        self.keep_plans()
        now = clock.now()
        with self.store(event.company_id) as store:
            if not store.claim(event):
                return
            meter = store.meter(lock=True)
            meter.high_water = max(meter.high_water, event.high_water, event.managed)
            occurred_on = parse_moment(event.occurred_at).date()
            year = store.year_on(occurred_on)
            if year is not None:
                # The figure before this one held until it, so it was of this year too.
                before = meter.managed if event.sequence == meter.sequence + 1 else 0
                year.high_water = max(year.high_water, event.managed, before)
            if event.sequence <= meter.sequence:
                return
            meter.managed, meter.sequence = event.managed, event.sequence
            life = store.subscription()
            if life is not None and event.allowance == life.allowance_version:
                meter.over_since, meter.over_until = _day(event.over_since), _day(event.over_until)
            current = year if occurred_on == now.date() else store.year_on(now.date())
            if current is not None:
                current.high_water = max(current.high_water, event.managed)
            watch(store, meter, now.date(), self.plans_on_sale(store))

    @every(seconds=30)
    def review_plans(self) -> None:
        """Look at plans whose day has come: a year's first day, and when it has settled in."""
        self.keep_plans()
        with self.store.across_companies() as store:
            due = store.claim_due_reviews(clock.now(), limit=REVIEWS)
        for company_id in due:
            with self.store(company_id) as store:
                self._review(store)

    def _review(self, store: BillingStore) -> None:
        now = clock.now()
        meter = store.meter(lock=True)
        year = store.year_on(now.date())
        if year is not None:
            year.high_water = max(year.high_water, meter.managed)
        upcoming = [policies.review_after(paid.starts_on, now) for paid in store.years() if not paid.refunded_at]
        meter.review_at = min((moment for moment in upcoming if moment is not None), default=None)
        # A year that was paid ahead may have begun, with another limit.
        look(store, now)
        watch(store, meter, now.date(), self.plans_on_sale(store))

    @rpc(requires="billing.read")
    def get_usage(self, *, company_id: str) -> UsageView:
        """Today's figure, the year's highest, the rule, the limit, and whether the plan is right."""
        self.keep_plans()
        with self.store(company_id) as store:
            meter = store.meter()
            year = store.year_on(clock.today())
            advice = year and advice_for(store, meter, year, self.plans_on_sale(store))
            terms = limiting_terms(store, clock.today())
            here = position(facts_of(store, store.subscription()), clock.today())
            limit = terms.worker_limit if terms else None
            level = level_of(meter, terms, clock.today()) if terms else None
            return {
                "managed": meter.managed,
                "high_water": max(year.high_water, meter.managed) if year else meter.high_water,
                "rule": workers.COUNT_RULE,
                "plan": terms.plan if terms else None,
                "worker_limit": limit,
                "percent": meter.managed * 100 // limit if limit else None,
                **usage_level(level, meter.managed, terms, read_only=here.read_only),
                "advice": advice_view(advice) if advice else None,
            }


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
