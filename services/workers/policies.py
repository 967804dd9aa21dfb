"""Rules about workers: what may happen, and what follows from it."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from actiontrac.contracts.workers import (
    COUNTED,
    ManagerLoop,
    ReportsNotReassigned,
    StatusMoveRefused,
    WorkerArchived,
)
from actiontrac.errors import Invalid
from services.workers.normal import normalised

#: Which status may follow which. Who left or was archived comes back as active first, so
#: that nobody is suspended from work that they do not do.
MOVES: dict[str, frozenset[str]] = {
    "active": frozenset({"suspended", "left", "archived"}),
    "suspended": frozenset({"active", "left", "archived"}),
    "left": frozenset({"active", "archived"}),
    "archived": frozenset({"active", "left"}),
}

#: Fields that a profile always has.
FILLED = ("first_name", "last_name", "worker_number", "kind", "status")

NO_MANAGER = "is not an active or suspended worker of this company"
LOOP = "nobody can be their own manager, directly or through others"
HAS_REPORTS = "others still report to this worker; give them another manager first"
NOT_YET = "is still to come"
NOT_BEFORE = "is before the last change of position"
ENDS_FIRST = "is before the start"


def counts(status: str) -> bool:
    """Whether a worker of this status counts as managed (W28)."""
    return status in COUNTED


def require_filled(change: dict[str, Any]) -> None:
    """
    Raises:
        Invalid: null was sent for a field that a profile always has.
    """
    empty = [name for name in FILLED if name in change and change[name] is None]
    if empty:
        raise Invalid.fields_of([{"field": name, "problem": "cannot be emptied"} for name in empty])


def require_move(status: str, wanted: str) -> None:
    """
    Raises:
        StatusMoveRefused: this status does not follow that one.
    """
    if wanted != status and wanted not in MOVES[status]:
        allowed = " or ".join(sorted(MOVES[status]))
        raise StatusMoveRefused.at("status", f"a worker who is {status} can only become {allowed}")


def require_editable(status: str, change: dict[str, Any]) -> None:
    """
    Raises:
        WorkerArchived: an archived profile changes only by getting another status.
    """
    if status == "archived" and change and "status" not in change:
        raise WorkerArchived()


def require_order(started_on: date | None, ended_on: date | None) -> None:
    """
    Raises:
        Invalid: the end lies before the start.
    """
    if started_on and ended_on and ended_on < started_on:
        raise Invalid.at("ended_on", ENDS_FIRST)


def require_effective(effective_on: date, today: date, last: date | None) -> None:
    """
    Raises:
        Invalid: the day is still to come, or lies before what is known already (W14).
    """
    if effective_on > today:
        raise Invalid.at("effective_on", NOT_YET)
    if last is not None and effective_on < last:
        raise Invalid.at("effective_on", NOT_BEFORE)


def require_manager(status: str | None) -> None:
    """
    Raises:
        Invalid: the manager's status (None: no such worker here) lets nobody report to them.
    """
    if status is None or not counts(status):
        raise Invalid.at("manager_id", NO_MANAGER)


def require_no_loop(worker_id: str, managers_above: Iterable[str]) -> None:
    """
    Raises:
        ManagerLoop: the worker would be above themselves (W12).
    """
    if worker_id in managers_above:
        raise ManagerLoop.at("manager_id", LOOP)


def require_no_reports(reports: int) -> None:
    """
    Raises:
        ReportsNotReassigned: workers would be left with a manager who is gone (W13).
    """
    if reports:
        others = "1 worker reports" if reports == 1 else f"{reports} workers report"
        raise ReportsNotReassigned(f"{others} to this worker; give them another manager first.")


def tidy(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields as they are kept: each tag once, and no tags instead of none."""
    if "tags" not in fields:
        return fields
    once = {normalised(tag): tag for tag in reversed(fields["tags"] or [])}
    return {**fields, "tags": list(reversed(once.values()))}
