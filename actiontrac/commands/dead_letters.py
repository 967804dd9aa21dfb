"""
``actiontrac dead-letters``: events that a handler could not deal with.

They wait in the consumer's own database (ADR 2). What is replayed is tried again by
the running service within a second or two, and claims its event as always, so that a
replay of something that did happen changes nothing.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, select

from actiontrac import clock
from actiontrac.config import SERVICES_WITH_DATA, ConfigurationError, Settings
from actiontrac.service import chassis_store
from actiontrac.storage import Store


def _services(service: str | None) -> Iterable[str]:
    return [service] if service else SERVICES_WITH_DATA


def _chosen(store: Store, event_id: str | None, *, every: bool) -> Select[Any]:
    table = store.base.FailedEvent
    statement = select(table).order_by(table.first_failed_at)
    return statement if every else statement.where(table.event_id == event_id)


def _line(row: Any) -> str:
    reason = row.reason.splitlines()[0]
    return (
        f"{row.event_id:32}  {row.handler:44}  {row.state:5}  {row.attempts:2} attempts  "
        f"{clock.iso(row.first_failed_at)}  {reason}"
    )


def listing(settings: Settings, service: str | None) -> int:
    """Print one line for each; 0 whether or not there are any."""
    open_for = chassis_store(settings)
    found = 0
    for name in _services(service):
        with open_for(name) as store:
            for row in store.session.scalars(_chosen(store, None, every=True)):
                print(_line(row))
                found += 1
    if not found:
        print("No event has failed.")
    return 0


def show(settings: Settings, event_id: str) -> int:
    """Print everything that is kept about one event; 1 when it is not there."""
    open_for = chassis_store(settings)
    found = False
    for name in SERVICES_WITH_DATA:
        with open_for(name) as store:
            for row in store.session.scalars(_chosen(store, event_id, every=False)):
                found = True
                print(_line(row))
                print(f"due: {clock.iso(row.due_at)}")
                print(f"message: {bytes(row.body).decode(errors='replace')}")
                print("failed first at:", *row.reason.splitlines(), sep="\n  ")
    return _known(found, event_id)


def replay(settings: Settings, event_id: str | None, service: str | None, *, every: bool) -> int:
    """Let the service try again, from its first attempt on; prints what it did."""
    return _change(settings, event_id, service, every=every, drop=False)


def drop(settings: Settings, event_id: str | None, service: str | None, *, every: bool) -> int:
    """Give an event up for good; prints what it did."""
    return _change(settings, event_id, service, every=every, drop=True)


def _change(
    settings: Settings, event_id: str | None, service: str | None, *, every: bool, drop: bool
) -> int:
    if not every and event_id is None:
        raise ConfigurationError("Name the event (see `actiontrac dead-letters list`), or say --all.")
    open_for = chassis_store(settings)
    changed = 0
    for name in _services(service):
        with open_for(name) as store:
            statement = _chosen(store, event_id, every=every).with_for_update()
            for row in store.session.scalars(statement):
                if drop:
                    store.session.delete(row)
                else:
                    row.state, row.attempts, row.due_at = "retry", 0, clock.now()
                print(f"{'dropped' if drop else 'to be tried again'}: {row.event_id} at {row.handler}")
                changed += 1
    if every:
        print(f"{changed} events.")
        return 0
    return _known(bool(changed), event_id or "")


def _known(found: bool, event_id: str) -> int:
    if not found:
        print(f"No failed event has the id {event_id}.")
    return 0 if found else 1
