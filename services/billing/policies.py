"""The rules of billing, pure: what may be bought, what a payment means, when to warn and what to advise."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from services.billing.providers import Snapshot, State
from services.billing.providers.money import Money

#: A renewal can be bought when the last paid year has this many days left.
RENEWAL_WINDOW_DAYS = 60

#: A checkout is open this long; Stripe allows at most 24 hours and clocks differ a little.
CHECKOUT_HOURS = 23

#: PayPal forgets the key of a start after six hours; after that it is not repeated.
START_KEY_HOURS = 5

#: Stripe keeps a key for at least 24 hours; an older refund is resolved by reading first.
REFUND_KEY_HOURS = 23

#: Banks take a dispute up to 120 days after the payment, PayPal 180: that long a paid checkout is looked at daily.
DISPUTABLE_DAYS = 180

#: An advice to take a smaller plan is mailed only when the year is this old: a company
#: that has just paid is still bringing its workers in.
SETTLING_IN_DAYS = 30

#: Soon, a minute, five, then hourly: the money of an approved PayPal order waits for us.
_PAUSES_SECONDS = (10, 60, 300, 3600)
_DAY_SECONDS = 86400

#: What ACTIONTRAC_BILLING_REQUIRE_3DS may be, and the results that it accepts (S33).
#: ``attempted`` takes a bank's own decision not to ask; ``authenticated`` only a proof.
AUTHENTICATION_RULES: dict[str, frozenset[str] | None] = {
    "authenticated": frozenset({"authenticated"}),
    "attempted": frozenset({"authenticated", "attempt_acknowledged", "exempted"}),
    "off": None,
}

Direction = Literal["fits", "up", "down"]


def next_pause(checks: int, *, waiting_for_money: bool = False) -> int:
    """Seconds until the reconciler looks again, after ``checks`` looks."""
    if checks < len(_PAUSES_SECONDS):
        return _PAUSES_SECONDS[checks]
    return _DAY_SECONDS if waiting_for_money else _PAUSES_SECONDS[-1]


# A year


def last_day_of_year(first: date) -> date:
    """The last day of a year that begins on ``first``; both days are included."""
    try:
        return first.replace(year=first.year + 1) - timedelta(days=1)
    except ValueError:
        # Begun on 29 February: the year after has none, and ends on the 28th.
        return date(first.year + 1, 2, 28)


def first_day_of_next(last_paid_day: date | None, today: date) -> date:
    """A renewal that is paid early starts where the old year ends."""
    if last_paid_day is None or last_paid_day < today:
        return today
    return last_paid_day + timedelta(days=1)


def may_buy_a_year(last_paid_day: date | None, today: date) -> bool:
    """Whether another year can be bought: none is running, or it nears its end."""
    return last_paid_day is None or (last_paid_day - today).days <= RENEWAL_WINDOW_DAYS


def review_after(starts_on: date, now: datetime) -> datetime | None:
    """When a year's plan is looked at next without a cause: on its first day, and when it has settled in."""
    first = datetime.combine(starts_on, time.min, UTC)
    settled_in = first + timedelta(days=SETTLING_IN_DAYS)
    return next((moment for moment in (first, settled_in) if moment > now), None)


# A payment


@dataclass(frozen=True)
class Expected:
    """What a checkout must look like at the processor before its state is believed."""

    checkout_id: str
    ref: str
    amount_minor: int
    currency: str
    environment: str
    #: The contractor's account that the money must have gone to; None when it is ours.
    seller: str | None = None
    fee_minor: int | None = None


def mismatches(expected: Expected, snapshot: Snapshot) -> list[str]:
    """Which facts of the processor are not ours: then nothing is activated, and a person looks."""
    pairs: dict[str, tuple[object, object]] = {
        "ref": (expected.ref, snapshot.ref),
        "payment_id": (expected.checkout_id, snapshot.payment_id),
        "amount": (Money(expected.amount_minor, expected.currency), snapshot.amount),
        "environment": (expected.environment, snapshot.environment),
        "seller": (expected.seller, snapshot.seller),
    }
    if snapshot.state is State.PAID:
        # Before there is a charge the processors do not say what is kept of it.
        kept = snapshot.fee.minor if snapshot.fee is not None else 0
        pairs["fee"] = (expected.fee_minor or 0, kept)
    return [name for name, (ours, theirs) in pairs.items() if ours != theirs]


def is_authenticated(method: str, result: str | None, rule: str) -> bool:
    """
    Whether the buyer's authentication is enough (S33).

    A PayPal buyer always signs in and approves at PayPal. For a card the processor
    says how 3-D Secure went, and the rule says which results are taken.
    """
    accepted = AUTHENTICATION_RULES[rule]
    return method == "paypal" or accepted is None or result in accepted


def cause_to_return(*, may_buy: bool, authenticated: bool, terminated: bool = False) -> str | None:
    """Why money that arrived goes back at once; None when it is kept."""
    if terminated:
        return "terminated"
    if not may_buy:
        return "already_paid"
    return None if authenticated else "not_authenticated"


# Usage

#: For so many days there may be more workers than a paid plan allows; then none can be added (B16).
OVER_LIMIT_DAYS = 14


def over_until(since: date, days: int) -> date:
    """The last day on which more can be added, where it is not known from workers yet."""
    return since + timedelta(days=days - 1)


def warning_level(managed: int, worker_limit: int, *, room: bool = True) -> str:
    """
    ``over`` or ``blocked``, ``100``, ``80`` or nothing; exactly at the limit is allowed (B16).

    ``room``: whether more may be added although there are too many.
    """
    if managed > worker_limit:
        return "over" if room else "blocked"
    if managed == worker_limit:
        return "100"
    return "80" if managed * 100 >= worker_limit * 80 else ""


_HEIGHT = {"": 0, "80": 1, "100": 2, "over": 3, "blocked": 4}


def rises(before: str, after: str) -> bool:
    """Whether a warning is due: a level is warned of once, until the figure has fallen below it."""
    return _HEIGHT[after] > _HEIGHT[before]


# The right plan


@dataclass(frozen=True)
class Choice:
    """A plan with its price in the buyer's currency."""

    code: str
    name: str
    worker_limit: int
    price: Money


@dataclass(frozen=True)
class Advice:
    direction: Direction
    plan: str
    worker_limit: int
    reason: str
    saving: Money

    @property
    def key(self) -> str:
        """Names the advice, so that each is given once; empty when the plan fits."""
        return "" if self.direction == "fits" else f"{self.direction}:{self.plan}"


def advise(current: Choice, on_sale: Iterable[Choice], *, managed: int, high_water: int) -> Advice:
    """
    Whether the plan is right (S39): up when today's figure is over its limit, down when
    a cheaper one would have held the whole year. Never dearer than needed.
    """
    plans = sorted(on_sale, key=lambda plan: (plan.price.minor, plan.worker_limit))
    nothing = Money(0, current.price.currency)
    if managed > current.worker_limit:
        return _advise_up(current, plans, managed, nothing)
    most = max(managed, high_water)
    smaller = next((plan for plan in plans if plan.worker_limit >= most), None)
    cheaper = smaller is not None and smaller.price < current.price and smaller.code != current.code
    if smaller is not None and cheaper and most > 0:
        saving = Money(current.price.minor - smaller.price.minor, nothing.currency)
        reason = (
            f"You managed at most {most} workers in this paid year; {smaller.name} allows "
            f"{smaller.worker_limit} and costs {saving} a year less."
        )
        return Advice("down", smaller.code, smaller.worker_limit, reason, saving)
    reason = f"{current.name} allows {current.worker_limit} workers; you manage {managed}."
    return Advice("fits", current.code, current.worker_limit, reason, nothing)


def _advise_up(current: Choice, plans: list[Choice], managed: int, nothing: Money) -> Advice:
    over = f"You manage {managed} workers; {current.name} allows {current.worker_limit}."
    fitting = next((plan for plan in plans if plan.worker_limit >= managed), None)
    if fitting is not None:
        reason = f"{over} {fitting.name} is the cheapest plan that allows {managed}."
        return Advice("up", fitting.code, fitting.worker_limit, reason, nothing)
    largest = max(plans, key=lambda plan: plan.worker_limit, default=current)
    reason = f"{over} No plan allows as many; write to us."
    if largest.worker_limit <= current.worker_limit:
        return Advice("fits", current.code, current.worker_limit, reason, nothing)
    return Advice("up", largest.code, largest.worker_limit, f"{reason} {largest.name} comes closest.", nothing)
