"""Looking at a company's figure: warn once per level, advise once per advice (B15, B16; S38, S39)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import cast

from actiontrac.contracts.billing import PlanAdvised, UsageLevel, UsageWarned
from services.billing import policies
from services.billing.allowance import grace_days
from services.billing.models import Meter, Plan, SubscriptionYear
from services.billing.policies import Advice, Choice
from services.billing.providers.money import Money
from services.billing.repository import BillingStore
from services.billing.schemas import choices
from services.billing.standing import Terms, limiting_terms


def watch(store: BillingStore, meter: Meter, today: date, on_sale: list[Plan] | None = None) -> None:
    """Publish what the company should be told about its figure now, and remember it was told."""
    terms = limiting_terms(store, today)
    if terms is None:
        # Without a paid year or a trial nothing is near to its limit: of its end the company is told otherwise.
        meter.warned = meter.advised = ""
        return
    _warn(store, meter, terms, today)
    year = store.year_on(today)
    if on_sale is not None and year is not None:
        _advise(store, meter, year, on_sale, today)


def advice_for(store: BillingStore, meter: Meter, year: SubscriptionYear, on_sale: list[Plan]) -> Advice:
    """Whether the year's plan is the right one, by the prices of today."""
    bought = store.plans([(year.plan_code, year.plan_version)])
    name = bought[0].name if bought else year.plan_code
    current = Choice(year.plan_code, name, year.worker_limit, Money(year.amount_minor, year.currency))
    return policies.advise(current, choices(on_sale, year.currency), managed=meter.managed, high_water=year.high_water)


@dataclass(frozen=True)
class Level:
    """How full a plan is; ``until`` is the last day on which more can be added, while there are too many."""

    level: str
    since: date | None = None
    until: date | None = None


def level_of(meter: Meter, terms: Terms, today: date) -> Level:
    """What workers enforces, as it told it; the same rule from today on where it has not told yet."""
    if meter.managed <= terms.worker_limit:
        return Level(policies.warning_level(meter.managed, terms.worker_limit))
    since = meter.over_since or today
    until = meter.over_until or policies.over_until(since, grace_days(terms))
    return Level(policies.warning_level(meter.managed, terms.worker_limit, room=today <= until), since, until)


def _warn(store: BillingStore, meter: Meter, terms: Terms, today: date) -> None:
    found = level_of(meter, terms, today)
    if policies.rises(meter.warned, found.level):
        store.publish(
            UsageWarned(
                company_id=meter.company_id,
                level=cast(UsageLevel, found.level),
                managed=meter.managed,
                worker_limit=terms.worker_limit,
                plan=terms.plan,
                grace_ends_on=found.until.isoformat() if found.until and grace_days(terms) else "",
            )
        )
    # Falling below a level heals it: reaching it again is news again.
    meter.warned = found.level
    if found.level == "over" and found.until is not None:
        # On the day after it, somebody must say that the days are up.
        after = datetime.combine(found.until + timedelta(days=1), time.min, UTC)
        meter.review_at = min(meter.review_at or after, after)


def _advise(store: BillingStore, meter: Meter, year: SubscriptionYear, on_sale: list[Plan], today: date) -> None:
    advice = advice_for(store, meter, year, on_sale)
    if advice.direction == "down" and (today - year.starts_on).days < policies.SETTLING_IN_DAYS:
        return
    if advice.key == meter.advised:
        return
    meter.advised = advice.key
    if advice.direction == "fits":
        return
    store.publish(
        PlanAdvised(
            company_id=meter.company_id,
            direction=advice.direction,
            current_plan=year.plan_code,
            advised_plan=advice.plan,
            managed=meter.managed,
            worker_limit=year.worker_limit,
            saving_minor=advice.saving.minor,
            currency=advice.saving.currency,
        )
    )
