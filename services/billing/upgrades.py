"""What a paid upgrade changes, and what a refund of it changes back; within the unit of work that settles it."""

from datetime import date, datetime

from actiontrac.contracts.billing import SubscriptionPlanChanged
from services.billing import changes
from services.billing.changes import Held
from services.billing.models import Checkout, PlanQuote, SubscriptionYear
from services.billing.providers.money import Money
from services.billing.repository import BillingStore


def held_of(year: SubscriptionYear) -> Held:
    return Held(year.held_minor, year.held_since, year.ends_on)


def stands(store: BillingStore, quote: PlanQuote, today: date) -> bool:
    """Whether a quote still says the truth: its year runs, on the same terms, with the same money behind it."""
    year = store.year(quote.year_id)
    life = store.subscription()
    return (
        year is not None
        and year.covers(today)
        and (year.plan_code, year.plan_version) == (quote.from_plan, quote.from_version)
        and (year.held_minor, year.held_since) == (quote.held_minor, quote.held_since)
        and (quote.anniversary == "keep" or store.last_paid_day() == year.ends_on)
        and (life is None or life.terminated_on is None)
        # Money that is on its way back is not credited.
        and not any(refund.running for refund in store.refunds(year.checkout_id))
    )


def is_wanted(store: BillingStore, checkout: Checkout, today: date) -> bool:
    """Whether a checkout that is paid now still upgrades what it was quoted for."""
    quote = store.quote_of(checkout)
    return quote is not None and quote.state == "accepted" and stands(store, quote, today)


def upgrade(store: BillingStore, checkout: Checkout, now: datetime) -> tuple[SubscriptionYear, list[tuple[str, int]]]:
    """Put the year on its new terms; returns it, and the lines of the invoice: what it costs and what is credited."""
    quote = store.quote_of(checkout)
    assert quote is not None
    year = store.year(quote.year_id)
    assert year is not None
    held = held_of(year)
    price = changes.Price(quote.cost_minor, quote.credit_minor, quote.days_left, quote.days_in_year)
    held = changes.after_upgrade(held, price, quote.effective_on, quote.year_ends_on)
    if quote.anniversary == "reset":
        # The days before have been used; from here on this is another year.
        year.starts_on, year.ends_on = quote.effective_on, quote.year_ends_on
        year.high_water = store.meter().managed
    _put(year, quote.to_plan, quote.to_version, quote.to_limit, quote.to_price, held)
    quote.state, quote.done_at = "done", now
    store.session.flush()
    _publish(store, checkout, year, quote.from_plan, quote.effective_on)
    days = f"{quote.effective_on} to {quote.year_ends_on}, {quote.days_left} of {quote.days_in_year} days"
    lines = [(f"{quote.to_name} plan, up to {quote.to_limit} workers, {days}", quote.cost_minor)]
    if quote.credit_minor:
        lines.append((f"Credit for the days that are left of the plan before ({quote.from_plan})", -quote.credit_minor))
    assert sum(amount for _, amount in lines) == checkout.net_minor, Money(checkout.net_minor, checkout.currency)
    return year, lines


def give_back(store: BillingStore, checkout: Checkout, amount: int, now: datetime, *, whole: bool) -> None:
    """
    After a refund: what went back (without its tax) is not credited any more, and an upgrade whose whole
    payment went back is undone. Of a year's payments the last is given back first.
    """
    quote = store.quote_of(checkout)
    year = store.year(quote.year_id) if quote is not None else store.year_of(checkout.id)
    if year is None:
        return
    held = changes.after_refund(held_of(year), amount)
    year.held_minor = held.value
    if quote is not None and whole and quote.state == "done":
        before = year.plan_code
        if quote.anniversary == "reset":
            assert quote.from_starts_on is not None
            assert quote.from_ends_on is not None
            year.starts_on, year.ends_on = quote.from_starts_on, quote.from_ends_on
        _put(year, quote.from_plan, quote.from_version, quote.from_limit, quote.from_price, held)
        quote.state = "undone"
        store.session.flush()
        _publish(store, checkout, year, before, now.date())


def ends_the_year_of(store: BillingStore, checkout: Checkout) -> SubscriptionYear | None:
    """The year that ends, or ends earlier, when all of this payment goes back."""
    quote = store.quote_of(checkout)
    if quote is None:
        return store.year_of(checkout.id)
    return store.year(quote.year_id) if quote.anniversary == "reset" and quote.state == "done" else None


def rests_on(store: BillingStore, checkout: Checkout) -> bool:
    """Whether a later upgrade of the same year rests on this payment: then that is given back first."""
    quote = store.quote_of(checkout)
    year = store.year(quote.year_id) if quote is not None else store.year_of(checkout.id)
    if year is None:
        return False
    done = [other for other in store.quotes_of_year(year.id) if other.state == "done"]
    return bool(done) and (quote is None or done[-1].id != quote.id)


def _put(year: SubscriptionYear, plan: str, version: int, limit: int, price: int, held: Held) -> None:
    year.plan_code, year.plan_version, year.worker_limit, year.amount_minor = plan, version, limit, price
    year.held_minor, year.held_since = held.value, held.since


def _publish(store: BillingStore, checkout: Checkout, year: SubscriptionYear, before: str, on: date) -> None:
    store.publish(
        SubscriptionPlanChanged(
            company_id=checkout.company_id,
            subscription_id=year.id,
            checkout_id=checkout.id,
            from_plan=before,
            plan=year.plan_code,
            worker_limit=year.worker_limit,
            effective_on=on.isoformat(),
            ends_on=year.ends_on.isoformat(),
        )
    )
