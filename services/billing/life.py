"""
The life of a subscription, pure: where it stands on a day, and what may happen to it there (B11 to B13, B26).

Where a company stands follows from facts and the calendar alone. Nothing has to run
for a year to end, so no timer that was late, and no clock that jumped, can be wrong
about it; and nothing is ever charged by itself (S30).
"""

import enum
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from services.billing.policies import RENEWAL_WINDOW_DAYS

#: After a paid year everything works for this long.
GRACE_DAYS = 14

#: Counted from the end: after this many days nobody writes about it any more.
LAPSED_AFTER_DAYS = 90

#: Days before the end on which a company is reminded that a new year can be bought.
REMINDERS = (60, 30, 14, 7, 1, 0)

After = Literal["year", "trial", "refund"]


class Stage(enum.StrEnum):
    """``read_only`` and later hide and delete nothing: everything can be read and exported (B12)."""

    NONE = "none"
    PENDING_PAYMENT = "pending_payment"
    TRIAL = "trial"
    ACTIVE = "active"
    RENEWAL_DUE = "renewal_due"
    GRACE = "grace"
    READ_ONLY = "read_only"
    LAPSED = "lapsed"
    TERMINATED = "terminated"


class Happening(enum.StrEnum):
    """What can happen to a subscription: by somebody's act, or by a day that passes."""

    CHECKOUT_OPENED = "checkout_opened"
    CHECKOUT_CLOSED = "checkout_closed"
    TRIAL_STARTED = "trial_started"
    YEAR_PAID = "year_paid"
    MONEY_RETURNED = "money_returned"
    PAYMENT_DISPUTED = "payment_disputed"
    DISPUTE_WON = "dispute_won"
    TERMINATED = "terminated"
    DAY_PASSED = "day_passed"


class IllegalMove(Exception):
    """This cannot happen to a subscription that stands there."""


_S, _H = Stage, Happening

#: Where a happening may lead; one that is missing is refused. A payment that returns can
#: lead to wherever the other years of the company leave it.
TRANSITIONS: dict[Stage, dict[Happening, frozenset[Stage]]] = {
    _S.NONE: {
        _H.CHECKOUT_OPENED: frozenset({_S.PENDING_PAYMENT}),
        _H.TRIAL_STARTED: frozenset({_S.TRIAL}),
        _H.TERMINATED: frozenset({_S.TERMINATED}),
        _H.DAY_PASSED: frozenset({_S.NONE}),
    },
    _S.PENDING_PAYMENT: {
        _H.CHECKOUT_OPENED: frozenset({_S.PENDING_PAYMENT}),
        _H.CHECKOUT_CLOSED: frozenset({_S.NONE, _S.PENDING_PAYMENT}),
        _H.TRIAL_STARTED: frozenset({_S.TRIAL}),
        _H.YEAR_PAID: frozenset({_S.ACTIVE}),
        _H.TERMINATED: frozenset({_S.TERMINATED}),
        _H.DAY_PASSED: frozenset({_S.PENDING_PAYMENT}),
    },
    _S.TRIAL: {
        _H.CHECKOUT_OPENED: frozenset({_S.TRIAL}),
        _H.CHECKOUT_CLOSED: frozenset({_S.TRIAL}),
        _H.YEAR_PAID: frozenset({_S.ACTIVE}),
        _H.TERMINATED: frozenset({_S.TERMINATED}),
        _H.DAY_PASSED: frozenset({_S.TRIAL, _S.READ_ONLY}),
    },
    _S.ACTIVE: {
        # A year that is paid cannot be paid again; an upgrade's checkout may be open.
        _H.CHECKOUT_OPENED: frozenset({_S.ACTIVE}),
        _H.CHECKOUT_CLOSED: frozenset({_S.ACTIVE}),
        _H.MONEY_RETURNED: frozenset({_S.ACTIVE, _S.RENEWAL_DUE, _S.GRACE, _S.READ_ONLY, _S.TRIAL}),
        _H.TERMINATED: frozenset({_S.TERMINATED}),
        _H.DAY_PASSED: frozenset({_S.ACTIVE, _S.RENEWAL_DUE}),
    },
    _S.RENEWAL_DUE: {
        _H.CHECKOUT_OPENED: frozenset({_S.RENEWAL_DUE}),
        _H.CHECKOUT_CLOSED: frozenset({_S.RENEWAL_DUE}),
        _H.YEAR_PAID: frozenset({_S.ACTIVE}),
        _H.MONEY_RETURNED: frozenset({_S.RENEWAL_DUE, _S.READ_ONLY}),
        _H.TERMINATED: frozenset({_S.TERMINATED}),
        _H.DAY_PASSED: frozenset({_S.RENEWAL_DUE, _S.GRACE}),
    },
    _S.GRACE: {
        _H.CHECKOUT_OPENED: frozenset({_S.GRACE}),
        _H.CHECKOUT_CLOSED: frozenset({_S.GRACE}),
        _H.YEAR_PAID: frozenset({_S.ACTIVE}),
        _H.MONEY_RETURNED: frozenset({_S.GRACE, _S.READ_ONLY}),
        _H.TERMINATED: frozenset({_S.TERMINATED}),
        _H.DAY_PASSED: frozenset({_S.GRACE, _S.READ_ONLY}),
    },
    _S.READ_ONLY: {
        _H.CHECKOUT_OPENED: frozenset({_S.READ_ONLY}),
        _H.CHECKOUT_CLOSED: frozenset({_S.READ_ONLY}),
        _H.YEAR_PAID: frozenset({_S.ACTIVE}),
        _H.MONEY_RETURNED: frozenset({_S.READ_ONLY}),
        _H.TERMINATED: frozenset({_S.TERMINATED}),
        _H.DAY_PASSED: frozenset({_S.READ_ONLY, _S.LAPSED}),
    },
    _S.LAPSED: {
        _H.CHECKOUT_OPENED: frozenset({_S.LAPSED}),
        _H.CHECKOUT_CLOSED: frozenset({_S.LAPSED}),
        _H.YEAR_PAID: frozenset({_S.ACTIVE}),
        _H.MONEY_RETURNED: frozenset({_S.LAPSED}),
        _H.TERMINATED: frozenset({_S.TERMINATED}),
        _H.DAY_PASSED: frozenset({_S.LAPSED}),
    },
    # Only what was under way comes to its end: nothing begins here any more.
    _S.TERMINATED: {
        _H.CHECKOUT_CLOSED: frozenset({_S.TERMINATED}),
        _H.MONEY_RETURNED: frozenset({_S.TERMINATED}),
        _H.DAY_PASSED: frozenset({_S.TERMINATED}),
    },
}

#: A dispute marks the payment and moves nothing, wherever the company stands; a lost one
#: returns the money, which is the move of its own name above.
for _stage, _moves in TRANSITIONS.items():
    _moves[_H.PAYMENT_DISPUTED] = _moves[_H.DISPUTE_WON] = frozenset({_stage})


def require(stage: Stage, happening: Happening) -> None:
    """
    Raises:
        IllegalMove: this cannot happen to a subscription that stands there.
    """
    if happening not in TRANSITIONS[stage]:
        raise IllegalMove(f"{happening} in {stage}")


# Where a company stands


@dataclass(frozen=True)
class Span:
    """A trial or a paid year; both days are included. ``returned_on``: its money went back then."""

    first: date
    last: date
    returned_on: date | None = None

    def covers(self, day: date) -> bool:
        return self.returned_on is None and self.first <= day <= self.last


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that the stage of a company follows from, together with the day."""

    years: tuple[Span, ...] = ()
    trial: Span | None = None
    terminated_on: date | None = None
    #: Whether a checkout could still be paid.
    waiting: bool = False
    #: Whether a payment is disputed at this moment; a disputed year is usable until the dispute is lost.
    disputed: bool = False


@dataclass(frozen=True, kw_only=True)
class Position:
    """
    Where a company stands on a day.

    ``end`` is the last day that was or is paid or tried, ``after`` what ended there.
    ``notice`` is what the company must be told now, once for this ``end``: after a clock
    that jumped over several dates only the newest is still true, so only that is told.
    """

    stage: Stage
    end: date | None = None
    after: After | None = None
    days_left: int | None = None
    notice: str | None = None
    #: The next day on which the stage changes by itself.
    changes_on: date | None = None
    #: The next day on which there is something to tell.
    look_on: date | None = None
    refunded: bool = False
    disputed: bool = False

    @property
    def read_only(self) -> bool:
        return self.stage in (Stage.READ_ONLY, Stage.LAPSED, Stage.TERMINATED)


def position(facts: Facts, today: date) -> Position:
    """
    Where a company stands on a day; a paid year is honoured to its last day whatever else
    is unpaid or disputed (B13, B27).
    """
    return replace(_position(facts, today), disputed=facts.disputed)


def _position(facts: Facts, today: date) -> Position:
    refunded = bool(facts.years) and max(facts.years, key=lambda year: year.first).returned_on is not None
    if facts.terminated_on is not None and facts.terminated_on <= today:
        return Position(stage=Stage.TERMINATED, end=facts.terminated_on, refunded=refunded)
    standing = [year for year in facts.years if year.returned_on is None]
    paid_until = max((year.last for year in standing), default=None)
    if paid_until is not None and paid_until >= today:
        return _running(paid_until, today, refunded=refunded)
    if facts.trial is not None and facts.trial.covers(today):
        ends = facts.trial.last
        after = ends + timedelta(days=1)
        return Position(
            stage=Stage.TRIAL, end=ends, after="trial", days_left=(ends - today).days,
            changes_on=after, look_on=after, refunded=refunded,
        )  # fmt: skip
    ended = _ended(facts, today, refunded=refunded)
    if ended is not None:
        return ended
    return Position(stage=Stage.PENDING_PAYMENT if facts.waiting else Stage.NONE)


def read_only_from(facts: Facts, today: date) -> tuple[date | None, After | None]:
    """
    The first day on which nothing can be added any more, as far as it is known today, and
    what ended before: nothing is named where the membership was terminated.
    """
    here = position(facts, today)
    while not here.read_only:
        if here.changes_on is None:
            return None, None
        here = position(facts, here.changes_on)
    if here.end is None or here.after is None:
        return here.end, None
    return here.end + timedelta(days=1 + (GRACE_DAYS if here.after == "year" else 0)), here.after


def _running(end: date, today: date, *, refunded: bool) -> Position:
    left = (end - today).days
    if left > RENEWAL_WINDOW_DAYS:
        opens = end - timedelta(days=RENEWAL_WINDOW_DAYS)
        return Position(
            stage=Stage.ACTIVE, end=end, after="year", days_left=left,
            changes_on=opens, look_on=opens, refunded=refunded,
        )  # fmt: skip
    reminder = min(days for days in REMINDERS if days >= left)
    over = end + timedelta(days=1)
    next_reminder = next((days for days in REMINDERS if days < reminder), None)
    return Position(
        stage=Stage.RENEWAL_DUE, end=end, after="year", days_left=left, notice=f"renewal_{reminder}",
        changes_on=over, look_on=over if next_reminder is None else end - timedelta(days=next_reminder),
        refunded=refunded,
    )  # fmt: skip


def _ended(facts: Facts, today: date, *, refunded: bool) -> Position | None:
    """After the end of a year, a trial, or a year whose money went back: whatever leaves the most."""
    ends: list[tuple[date, After]] = [(year.last, "year") for year in facts.years if year.returned_on is None]
    # On the day of the refund the year is over already.
    ends += [
        (min(year.last, year.returned_on - timedelta(days=1)), "refund")
        for year in facts.years
        if year.returned_on is not None
    ]
    if facts.trial is not None:
        ends.append((facts.trial.last, "trial"))
    found = [_after(end, after, today, refunded=refunded) for end, after in ends]
    order = (Stage.GRACE, Stage.READ_ONLY, Stage.LAPSED)
    return min(found, key=lambda it: (order.index(it.stage), -(it.end or today).toordinal()), default=None)


def _after(end: date, after: After, today: date, *, refunded: bool) -> Position:
    since = (today - end).days
    # Nobody who took the money back, or paid nothing, is owed more days.
    grace = GRACE_DAYS if after == "year" else 0
    stage, until = Stage.LAPSED, None
    if since <= grace:
        stage, until = Stage.GRACE, grace
    elif since <= LAPSED_AFTER_DAYS:
        stage, until = Stage.READ_ONLY, LAPSED_AFTER_DAYS
    changes_on = None if until is None else end + timedelta(days=until + 1)
    return Position(
        stage=stage, end=end, after=after, notice=stage.value,
        changes_on=changes_on, look_on=changes_on, refunded=refunded,
    )  # fmt: skip
