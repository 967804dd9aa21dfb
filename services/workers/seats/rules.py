"""Whether a company may have more workers, and whether it may change them, pure; with what to do where not."""

from datetime import date, timedelta

from actiontrac.contracts.workers import AccountReadOnly, SeatLimitReached
from services.workers.seats.models import SeatAllowance

_READING = "Everything can be read and exported"


def require_seats(allowance: SeatAllowance, managed: int, more: int, today: date) -> None:
    """
    Raises:
        SeatLimitReached: so many more are not allowed (B16, B17).
    """
    wanted = managed + more
    if more <= 0 or allowance.has_room(wanted, today):
        return
    limit = f"{allowance.plan} allows {allowance.worker_limit} workers"
    over = allowance.over_until
    if allowance.grace_days == 0:
        limit = f"The trial of {limit}"
    elif over is not None:
        limit = f"{limit}, and the {allowance.grace_days} days for more of them ended on {over}"
    else:
        limit = f"{limit}, and the {allowance.grace_days} days for more of them are used up"
    raise SeatLimitReached(f"You manage {managed} and this would make {wanted}. {limit}. {_way_out(allowance, wanted)}")


def _way_out(allowance: SeatAllowance, wanted: int) -> str:
    plans = [plan.partition(" ") for plan in allowance.larger_plans]
    fitting = next(((name, int(limit)) for limit, _, name in plans if int(limit) >= wanted), None)
    archive = "or archive workers who have left: they no longer count."
    if fitting is None:
        return f"No plan allows {wanted}: write to us, {archive}"
    name, limit = fitting
    how = "buy it with POST /v1/checkouts"
    if allowance.grace_days:
        how = "upgrade with POST /v1/plan-changes/quotes"
    return f"{name} allows {limit}: {how}, {archive}"


def require_writable(allowance: SeatAllowance, today: date) -> None:
    """
    Raises:
        AccountReadOnly: worker data can only be read, exported and archived (B12).
    """
    if allowance.read_only_on is None or today < allowance.read_only_on:
        return
    since = allowance.read_only_on - timedelta(days=1)
    if allowance.read_only_after == "membership":
        raise AccountReadOnly(f"This membership was terminated. {_READING}; nothing can be added or changed.")
    ended = {
        "year": f"The paid year is over, and the days after it in which everything works ended on {since}.",
        "trial": f"The trial ended on {since}.",
        "refund": "The last payment went back.",
    }.get(allowance.read_only_after, "Nothing is paid at the moment.")
    heal = "pay for a year with POST /v1/checkouts and everything works again at once"
    raise AccountReadOnly(f"{ended} {_READING}, and nothing can be added or changed; {heal}.")
