"""
Bringing committed events to the bus: the relay.

On RabbitMQ it is a process of its own without eventlet, because a broker under alarm
hangs whoever waits for a confirm (bus.md, fact 8), and it may hang without harm:
a watchdog ends it and the service starts it again. In the embedded mode it is a green
thread of the one process.
"""

import os
import select as io
import threading
import time
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Protocol

import orjson
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from actiontrac import bus, clock, context, log, settled
from actiontrac.config import Settings
from actiontrac.context import RequestContext
from actiontrac.contracts.topology import SUBSCRIPTIONS
from actiontrac.events import events_of
from actiontrac.failpoints import failpoint, register
from actiontrac.storage import postgres
from actiontrac.storage.database import Database
from actiontrac.storage.store import ALL_COMPANIES, NOTIFY_CHANNEL, PARTITIONS

_log = log.get(__name__)

BATCH = 200

#: The safety net under the wake-up.
POLL_SECONDS = 5.0

#: A relay that waits longer than this for confirms is ended and started again.
WATCHDOG_SECONDS = 30

register("relay.before_publish", "an outbox row's commit, and its publishing")
register("relay.before_mark", "the broker's confirm, and the mark in the outbox")


_TAKE_PARTITIONS = text(
    "SELECT partition FROM (SELECT DISTINCT partition, set_config('synchronous_commit', 'off', true) "
    "FROM outbox WHERE published_at IS NULL) AS waiting WHERE pg_try_advisory_xact_lock(7412, partition)"
)


class Publisher(Protocol):
    """Takes rows over; returns the positions of those that are safe elsewhere."""

    def hand_over(self, rows: Sequence[Any]) -> set[int]: ...

    def close(self) -> None: ...


class Confirmed:
    """Publishes to RabbitMQ and waits for the broker's confirm of every message."""

    def __init__(self, settings: Settings, source: str) -> None:
        self._settings = settings
        self._source = source
        self._key = settings.secret("BUS_KEY")
        self._connection: Any = None
        self._channel: Any = None
        self._tag = 0
        self._waiting: dict[int, int] = {}
        self._refused: set[int] = set()
        self._returned: set[str] = set()

    def _open(self) -> None:
        self._connection = bus.connect(self._settings)
        self._connection.ensure_connection(max_retries=1, timeout=3)
        channel = self._channel = self._connection.channel()
        declare_topology(self._connection, self._source)
        channel.confirm_select()
        channel.events["basic_ack"].add(self._on_ack)
        channel.events["basic_nack"].add(self._on_nack)
        channel.events["basic_return"].add(self._on_return)
        self._tag = 0

    def hand_over(self, rows: Sequence[Any]) -> set[int]:
        try:
            if self._channel is None:
                self._open()
            return self._publish(rows)
        except Exception:
            self.close()
            raise

    def _publish(self, rows: Sequence[Any]) -> set[int]:
        self._waiting, self._refused, self._returned = {}, set(), set()
        for row in rows:
            self._tag += 1
            self._waiting[self._tag] = row.position
            bus.publish(
                self._channel,
                row.body.encode(),
                exchange=bus.events_exchange(self._source).name,
                routing_key=row.type,
                headers=event_headers(row, self._key),
                mandatory=bool(SUBSCRIPTIONS.get(row.type)),
                delivery_mode=2,
                message_id=row.event_id,
            )
        while self._waiting:
            self._connection.drain_events(timeout=WATCHDOG_SECONDS)
        lost = {row.position for row in rows if row.event_id in self._returned}
        for position in lost:
            # Somebody should be listening and nobody is: the row stays, and this is an alarm.
            _log.critical("event_unroutable", source=self._source, position=position)
        if lost:
            # The next connection declares what has vanished.
            self.close()
        return {row.position for row in rows} - self._refused - lost

    def _confirmed(self, tag: int, multiple: bool) -> list[int]:
        tags = [t for t in self._waiting if t <= tag] if multiple else [tag]
        return [self._waiting.pop(t) for t in tags if t in self._waiting]

    def _on_ack(self, tag: int, multiple: bool) -> None:
        self._confirmed(tag, multiple)

    def _on_nack(self, tag: int, multiple: bool) -> None:
        self._refused.update(self._confirmed(tag, multiple))

    def _on_return(self, _error: Any, _exchange: str, _key: str, message: Any) -> None:
        self._returned.add(message.properties.get("message_id", ""))

    def close(self) -> None:
        self._channel = None
        if self._connection is not None:
            self._connection.release()
            self._connection = None


class InMemory:
    """
    Publishes inside the process. Memory is not safe, so a row counts as handed over
    only when every handler has dealt with it; after a crash the rest is published again.
    """

    def __init__(self, settings: Settings, source: str, wake: threading.Event) -> None:
        self._source = source
        self._key = settings.secret("BUS_KEY")
        self._connection = bus.connect(settings)
        self._channel = self._connection.channel()
        self._wake = wake
        self._open: dict[str, set[str]] = {}
        declare_topology(self._connection, source)
        settled.listen(self._on_settled)

    def hand_over(self, rows: Sequence[Any]) -> set[int]:
        done = set()
        for row in rows:
            waiting = self._open.get(row.event_id)
            if waiting is None:
                waiting = self._open[row.event_id] = set(SUBSCRIPTIONS.get(row.type, ()))
                bus.publish(
                    self._channel,
                    row.body.encode(),
                    exchange=bus.events_exchange(self._source).name,
                    routing_key=row.type,
                    headers=event_headers(row, self._key),
                )
            if not waiting:
                self._open.pop(row.event_id)
                done.add(row.position)
        return done

    def _on_settled(self, event_id: str, handler: str) -> None:
        waiting = self._open.get(event_id)
        if waiting is not None:
            waiting.discard(handler)
            if not waiting:
                self._wake.set()

    def close(self) -> None:
        self._connection.release()


def event_headers(row: Any, key: str) -> dict[str, Any]:
    caused_by = orjson.loads(row.headers)["request_id"]
    return context.to_headers(RequestContext(request_id=caused_by), key)


def declare_topology(connection: Any, source: str) -> None:
    """The exchange of a service, and the queue of everybody who waits for its events."""
    channel = connection.channel()
    bus.events_exchange(source)(channel).declare()
    bus.DEAD_EXCHANGE(channel).declare()
    channel.close()
    queues = []
    for event in events_of(import_module(f"actiontrac.contracts.{source}")):
        for handler in SUBSCRIPTIONS.get(event.type, ()):
            service, _, method = handler.partition(".")
            queues += [bus.dead_queue(service), bus.event_queue(source, event.type, service, method)]
    bus.declare(connection, queues)


class Relay:
    """
    Publishes what is in one service's outbox, in order per company.

    Any number of relays may run: each takes the partitions that wait and that nobody else
    has, under locks that fall with its transaction.
    """

    def __init__(self, service: str, database: Database, publisher: Publisher, wake: threading.Event) -> None:
        self._database = database
        self._publisher = publisher
        self._wake = wake
        self._outbox = import_module(f"services.{service}.models").Base.Outbox
        self.progressed_at = time.monotonic()

    def drain(self) -> int:
        """Publish what waits; returns how many rows were handed over."""
        if not self._database.is_sqlite:
            return self._drain_postgres()
        return sum(self._drain_sqlite(partition) for partition in self._waiting_partitions())

    def _session(self) -> Session:
        return Session(self._database.engine, expire_on_commit=False)

    def _waiting_partitions(self) -> list[int]:
        outbox = self._outbox
        with self._locked(), self._session() as session:
            found = session.scalars(select(outbox.partition).where(outbox.published_at.is_(None)).distinct())
            return list(found)

    def _locked(self) -> Any:
        return self._database.lock or threading.Lock()

    def _rows(self, session: Session, partitions: Sequence[int]) -> Sequence[Any]:
        outbox = self._outbox
        return session.scalars(
            select(outbox)
            .where(outbox.published_at.is_(None), outbox.partition.in_(partitions))
            .order_by(outbox.position)
            .limit(BATCH)
        ).all()

    def _mark(self, session: Session, positions: set[int]) -> None:
        if positions:
            outbox = self._outbox
            session.execute(update(outbox).where(outbox.position.in_(positions)).values(published_at=clock.now()))

    def _drain_postgres(self) -> int:
        with self._session() as session:
            postgres.limit(session.connection(), ALL_COMPANIES)
            # A mark that a power cut takes back means a second message, which the inbox of its
            # handler recognises; it is not worth the wait for the disk.
            mine = session.execute(_TAKE_PARTITIONS).scalars().all()
            if not mine:
                return 0
            # Looked for under the locks: who held one before may just have published some.
            done = self._publish(self._rows(session, mine))
            self._mark(session, done)
            session.commit()
            return len(done)

    def _drain_sqlite(self, partition: int) -> int:
        # The lock is free while the messages go out: handlers need the database.
        with self._locked(), self._session() as session:
            rows = self._rows(session, [partition])
            session.expunge_all()
        done = self._publish(rows)
        with self._locked(), self._session() as session:
            self._mark(session, done)
            session.commit()
        return len(done)

    def _publish(self, rows: Sequence[Any]) -> set[int]:
        if not rows:
            return set()
        failpoint("relay.before_publish")
        done = self._publisher.hand_over(rows)
        failpoint("relay.before_mark")
        self.progressed_at = time.monotonic()
        return done

    def run(self, stop: threading.Event) -> None:
        """Until told to stop; errors are waited out, because the rows are safe."""
        attempt = 0
        while not stop.is_set():
            self._wake.clear()
            try:
                handed_over = self.drain()
                attempt = 0
            except Exception as problem:
                _log.warning("relay_waits", error=type(problem).__name__)
                stop.wait(bus.RECONNECT_SECONDS[min(attempt, len(bus.RECONNECT_SECONDS) - 1)])
                attempt += 1
                self._wake.set()
                handed_over = 0
            if not handed_over:
                self._wake.wait(POLL_SECONDS)
            self.progressed_at = time.monotonic()
        self._publisher.close()


def relay_in_memory(service: str, settings: Settings, database: Database) -> Relay:
    """The relay of one service in the embedded mode, woken by every commit with an event."""
    wake = threading.Event()
    database.on_commit_with_events(wake.set)
    return Relay(service, database, InMemory(settings, service, wake), wake)


def _listen(settings: Settings, service: str, wake: threading.Event, stop: threading.Event) -> None:
    """Wake the relay at every commit that left an event; the poll covers its own absences."""
    import psycopg2

    while not stop.is_set():
        try:
            connection = psycopg2.connect(settings.database_url_for(service), connect_timeout=3)
            connection.autocommit = True
            connection.cursor().execute(f"LISTEN {NOTIFY_CHANNEL}")
            wake.set()
            while not stop.is_set():
                if io.select([connection], [], [], 1.0)[0]:
                    connection.poll()
                    if connection.notifies:
                        connection.notifies.clear()
                        wake.set()
        except psycopg2.Error:
            stop.wait(1.0)


def run_process(service: str, settings: Settings, stop: threading.Event) -> None:
    """The relay as a process of its own; returns when told to stop."""
    settings = settings.of_service(service)
    wake = threading.Event()
    database = Database(settings.database_url_for(service), pool_size=2)
    relay = Relay(service, database, Confirmed(settings, service), wake)
    threading.Thread(target=_listen, args=(settings, service, wake, stop), daemon=True).start()
    threading.Thread(target=_watch, args=(relay, stop), daemon=True).start()
    threading.Thread(target=_wake_to_stop, args=(wake, stop), daemon=True).start()
    relay.run(stop)


def _wake_to_stop(wake: threading.Event, stop: threading.Event) -> None:
    """A relay that has nothing to do ends at once, and not at its next poll."""
    stop.wait()
    wake.set()


def _watch(relay: Relay, stop: threading.Event) -> None:
    while not stop.wait(1.0):
        if time.monotonic() - relay.progressed_at > WATCHDOG_SECONDS + POLL_SECONDS:
            _log.critical("relay_stuck")
            # Its thread waits in the broker's socket and cannot be woken; the rows are safe.
            os._exit(1)


def lag_seconds(session: Session, outbox: Any) -> float:
    """Age of the oldest event that still waits to be published."""
    oldest = session.scalar(
        select(outbox.created_at).where(outbox.published_at.is_(None)).order_by(outbox.created_at).limit(1)
    )
    return 0.0 if oldest is None else max(0.0, (clock.now() - oldest).total_seconds())


__all__ = ["PARTITIONS", "Relay", "lag_seconds", "relay_in_memory", "run_process"]
