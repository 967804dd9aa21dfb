"""Looking at a company's figure: warn once per level, advise once per advice (B15, B16; S38, S39)."""

from datetime import date

from actiontrac.contracts.billing import PlanAdvised, UsageWarned
from services.billing import policies
from services.billing.models import Meter, Plan, SubscriptionYear
from services.billing.policies import Advice, Choice
from services.billing.providers.money import Money
from services.billing.repository import BillingStore
from services.billing.schemas import choices
from services.billing.standing import Terms, terms_on


def watch(store: BillingStore, meter: Meter, today: date, on_sale: list[Plan] | None = None) -> None:
    """Publish what the company should be told about its figure now, and remember it was told."""
    terms = terms_on(store, today)
    if terms is None:
        # Without a paid year or a trial there is no limit to be near to.
        meter.warned = meter.advised = ""
        return
    _warn(store, meter, terms)
    year = store.year_on(today)
    if on_sale is not None and year is not None:
        _advise(store, meter, year, on_sale, today)


def advice_for(store: BillingStore, meter: Meter, year: SubscriptionYear, on_sale: list[Plan]) -> Advice:
    """Whether the year's plan is the right one, by the prices of today."""
    bought = store.plans([(year.plan_code, year.plan_version)])
    name = bought[0].name if bought else year.plan_code
    current = Choice(year.plan_code, name, year.worker_limit, Money(year.amount_minor, year.currency))
    return policies.advise(current, choices(on_sale, year.currency), managed=meter.managed, high_water=year.high_water)


def _warn(store: BillingStore, meter: Meter, terms: Terms) -> None:
    level = policies.warning_level(meter.managed, terms.worker_limit)
    if policies.rises(meter.warned, level):
        store.publish(
            UsageWarned(
                company_id=meter.company_id,
                level="over" if level == "over" else "80",
                managed=meter.managed,
                worker_limit=terms.worker_limit,
                plan=terms.plan,
            )
        )
    # Falling below a level heals it: reaching it again is news again.
    meter.warned = level


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
