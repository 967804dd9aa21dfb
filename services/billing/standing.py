"""Looking at where a company's subscription stands: tell what is new about it, each thing once (B11, N13)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from actiontrac.contracts.billing import (
    SubscriptionGraceStarted,
    SubscriptionLapsed,
    SubscriptionReadOnly,
    SubscriptionRenewalDue,
)
from actiontrac.events import Event
from services.billing.allowance import allowance_of, tell
from services.billing.life import GRACE_DAYS, Facts, Happening, Position, Span, Stage, position, require
from services.billing.models import Subscription, SubscriptionYear
from services.billing.repository import BillingStore


@dataclass(frozen=True)
class Terms:
    """Which plan a company has on a day, bought or tried."""

    plan: str
    version: int
    worker_limit: int
    starts_on: date
    ends_on: date
    #: Whether this is a trial.
    tried: bool = False

    @property
    def key(self) -> str:
        """Names the terms: another plan, another year, or a trial."""
        return f"{'trial' if self.tried else self.starts_on.isoformat()} {self.plan} {self.version}"


def facts_of(store: BillingStore, life: Subscription | None) -> Facts:
    trial = None
    if life is not None and life.trial_starts_on is not None and life.trial_ends_on is not None:
        trial = Span(life.trial_starts_on, life.trial_ends_on)
    return Facts(
        years=tuple(
            Span(year.starts_on, year.ends_on, year.refunded_at.date() if year.refunded_at else None)
            for year in store.years()
        ),
        trial=trial,
        terminated_on=life.terminated_on if life is not None else None,
        waiting=store.is_paying(),
        disputed=store.has_open_dispute(),
    )


def terms_on(store: BillingStore, day: date) -> Terms | None:
    """The paid year that runs on a day, or else the trial."""
    year = store.year_on(day)
    if year is not None:
        return _bought(year)
    tried = trial_terms(store.subscription())
    return tried if tried is not None and tried.starts_on <= day <= tried.ends_on else None


def limiting_terms(store: BillingStore, day: date) -> Terms | None:
    """The terms whose limit holds on a day: also in the grace after a year, in which everything works as before."""
    running = terms_on(store, day)
    if running is None and position(facts_of(store, store.subscription()), day).stage is Stage.GRACE:
        return last_terms(store)
    return running


def trial_terms(life: Subscription | None) -> Terms | None:
    if life is None or life.trial_starts_on is None or life.trial_ends_on is None:
        return None
    # They are written together.
    assert life.trial_plan is not None
    assert life.trial_version is not None
    assert life.trial_limit is not None
    return Terms(
        life.trial_plan, life.trial_version, life.trial_limit, life.trial_starts_on, life.trial_ends_on, tried=True
    )


def last_terms(store: BillingStore) -> Terms | None:
    """What the company had last: of the years that stand, else of any, else its trial."""
    years = store.years()
    standing = [year for year in years if year.refunded_at is None] or list(years)
    return _bought(standing[-1]) if standing else trial_terms(store.subscription())


def next_terms(store: BillingStore, day: date) -> Terms | None:
    """Those of the year that was paid ahead."""
    ahead = (year for year in store.years() if year.refunded_at is None and year.starts_on > day)
    return next((_bought(year) for year in ahead), None)


def _bought(year: SubscriptionYear) -> Terms:
    return Terms(year.plan_code, year.plan_version, year.worker_limit, year.starts_on, year.ends_on)


def refuse_unless(store: BillingStore, happening: Happening, today: date) -> None:
    """
    Raises:
        IllegalMove: this cannot happen to the company's subscription where it stands.
    """
    require(position(facts_of(store, store.subscription()), today).stage, happening)


def look(store: BillingStore, now: datetime) -> Position:
    """
    Where the company stands; publishes what it has not been told yet, and says when to look again.

    What it may do with its workers is told to the workers service here, because here leads
    everything that changes it.

    A company is told at most one thing at a time: after a clock that jumped a year it
    hears that its account is read-only, and not of the six reminders that lie behind.
    """
    # In the order of everybody who locks both, so that none waits for the other.
    meter = store.meter(lock=True)
    life = store.subscription_for_change()
    today = now.date()
    facts = facts_of(store, life)
    here = position(facts, today)
    terms = terms_on(store, today) or last_terms(store)
    if tell(store, life, allowance_of(store, facts, today, terms, next_terms(store, today))):
        # Since when the company is over the new limit, workers will say.
        meter.over_since = meter.over_until = None
    if here.notice is not None and here.end is not None and store.tell_once(here.end, here.notice):
        store.publish(_event(store, here))
    life.look_at = datetime.combine(here.look_on, time.min, UTC) if here.look_on else None
    return here


def _event(store: BillingStore, here: Position) -> Event:
    assert here.end is not None
    last = last_terms(store)
    plan, ended_on = last.plan if last is not None else "", here.end.isoformat()
    company_id, after = store.company_id, here.after or "year"
    if here.stage is Stage.GRACE:
        return SubscriptionGraceStarted(
            company_id=company_id,
            plan=plan,
            ended_on=ended_on,
            grace_ends_on=(here.end + timedelta(days=GRACE_DAYS)).isoformat(),
        )
    if here.stage is Stage.READ_ONLY:
        return SubscriptionReadOnly(company_id=company_id, plan=plan, ended_on=ended_on, after=after)
    if here.stage is Stage.LAPSED:
        return SubscriptionLapsed(company_id=company_id, plan=plan, ended_on=ended_on, after=after)
    assert here.notice is not None
    return SubscriptionRenewalDue(
        company_id=company_id,
        plan=plan,
        ends_on=ended_on,
        reminder=int(here.notice.removeprefix("renewal_")),
        days_left=here.days_left or 0,
        next_plan=(life.next_plan if (life := store.subscription()) else None) or "",
    )
