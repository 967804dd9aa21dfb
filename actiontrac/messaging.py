"""
Handling events: once each, in the transaction of their effect, and never lost.

A handler that fails does not block its neighbours and does not depend on the broker
for its retries: the event waits in the consumer's own database (``failed_events``),
with growing pauses, and after the last one for a person.
"""

import hashlib
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import chain, repeat
from typing import Any, TypeVar
from uuid import uuid4

import eventlet
import orjson
from nameko.extensions import Entrypoint, SharedExtension
from sqlalchemy import select

from actiontrac import bus, clock, context, log, settled
from actiontrac.consumer import Consumer, Delivery
from actiontrac.context import RequestContext
from actiontrac.contracts.topology import SUBSCRIPTIONS
from actiontrac.events import Event, MalformedEvent, is_plain_id
from actiontrac.failpoints import failpoint, register
from actiontrac.storage import Store

_log = log.get(__name__)

Method = TypeVar("Method", bound=Callable[..., Any])

#: Pauses before the next attempts; then the event waits for a person.
BACK_OFF_SECONDS = (1, 5, 30, 120, 600)

#: Retries claimed by a replica that died are free again after this.
RETRY_LEASE_SECONDS = 60

#: While the database is away, what came from the broker is held and tried again after these pauses, the last
#: of them again and again ...
HOLD_SECONDS = (1, 2, 5)

#: ... until it goes back to the queue, well before RabbitMQ takes a consumer that acknowledges nothing for dead
#: (30 minutes). Going back counts against the queue's delivery limit; holding does not.
HOLD_AT_MOST_SECONDS = 600

#: Events of one kind that a replica has in hand: the broker writes every acknowledgement down
#: before it sends the next event, and meanwhile there should be work.
PREFETCH = 16

#: Events of all kinds that a replica works on at once: each needs a connection of its database.
AT_ONCE = 12

register("event.before_handler", "an event's arrival, and the transaction of its effect")
register("event.before_ack", "the transaction of an event's effect, and its acknowledgement")


@dataclass(frozen=True)
class Failure:
    """What is kept of an event that could not be handled."""

    event_id: str
    body: bytes
    headers: dict[str, Any]
    reason: str


def _jittered(seconds: float) -> timedelta:
    # Without it, what failed together would come back together.
    return timedelta(seconds=seconds * random.uniform(0.8, 1.2))  # noqa: S311


def hold(record: Callable[[], None], handler: str, delivery: Delivery | None) -> bool:
    """
    Write a failure down, again and again while the database is away; whether it was done.

    When it was not, the message has gone back to its queue.
    """
    began = clock.wall()
    for pause in chain(HOLD_SECONDS, repeat(HOLD_SECONDS[-1])):
        try:
            record()
            return True
        except Exception as problem:
            _log.error("failure_not_recorded", handler=handler, error=type(problem).__name__)
        if delivery is None:
            # The row that it came from is due again when its lease is over.
            break
        until = clock.wall() + pause
        while clock.wall() < until and not delivery.must_go:
            eventlet.sleep(0.1)
        if delivery.must_go or clock.wall() - began > HOLD_AT_MOST_SECONDS:
            delivery.give_back()
            break
    return False


class FailedEvents(SharedExtension):
    """Keeps what could not be handled, and tries again when it is due."""

    consumer = Consumer()

    def __init__(self) -> None:
        self._handlers: dict[str, Handle] = {}
        self._timer: Any = None
        self._stopping = False

    def add(self, entrypoint: "Handle") -> None:
        if not self._handlers:
            dead = bus.dead_queue(self.container.service_name)
            self.consumer.subscribe(dead, self._bury, lane="events", prefetch=1)
        self._handlers[entrypoint.handler] = entrypoint

    def _bury(self, delivery: Delivery) -> None:
        """Keep what the broker gave up on, because it crashed its consumer again and again."""
        queue = str(delivery.headers.get("x-first-death-queue", ""))
        handler = queue.rpartition("--")[2] or self.container.service_name
        failure = Failure(
            _event_id(delivery.body), delivery.body, _plain(delivery.headers), "crashed its consumer"
        )
        self.keep(handler, failure, delivery, dead=True)

    def keep(self, handler: str, failure: Failure, delivery: Delivery | None, *, dead: bool = False) -> None:
        """Record a failure in the background, then acknowledge its message; a database that is away is waited for."""
        asked = context.current()

        def kept() -> None:
            context.enter(asked)
            if hold(lambda: self.record(handler, failure, dead=dead), handler, delivery) and delivery is not None:
                delivery.ack()
                settled.tell(failure.event_id, handler)

        eventlet.spawn(kept)

    def _store(self) -> Store:
        store: Store = self.container.config["chassis_store"](self.container.service_name)
        return store

    def start(self) -> None:
        if self._handlers and self._timer is None:
            self._timer = self.container.spawn_managed_thread(self._run, identifier="retries")

    def stop(self) -> None:
        self._stopping = True

    def record(self, handler: str, failure: Failure, *, dead: bool = False) -> None:
        """Keep a failure; its attempts are counted from the first one on."""
        with self._store() as store:
            table = store.base.FailedEvent
            found = store.session.get(table, (failure.event_id, handler), with_for_update=True)
            if found is None:
                found = table(
                    event_id=failure.event_id,
                    handler=handler,
                    attempts=0,
                    reason=failure.reason,
                    body=failure.body,
                    headers=orjson.dumps(failure.headers).decode(),
                    first_failed_at=clock.now(),
                )
                store.session.add(found)
            found.attempts += 1
            last = dead or found.attempts > len(BACK_OFF_SECONDS)
            found.state = "dead" if last else "retry"
            pause = BACK_OFF_SECONDS[min(found.attempts, len(BACK_OFF_SECONDS)) - 1]
            found.due_at = clock.now() + _jittered(pause)
        _log.error(
            "event_parked" if last else "event_failed",
            event_id=failure.event_id,
            handler=handler,
            reason=failure.reason.splitlines()[0],
        )

    def forget(self, event_id: str, handler: str) -> None:
        with self._store() as store:
            found = store.session.get(store.base.FailedEvent, (event_id, handler))
            if found is not None:
                store.session.delete(found)

    def _run(self) -> None:
        while not self._stopping:
            try:
                for row in self._claim():
                    self._retry(row)
            except Exception as problem:
                _log.warning("retries_paused", error=type(problem).__name__)
            eventlet.sleep(1)

    def _claim(self) -> list[Any]:
        with self._store() as store:
            table = store.base.FailedEvent
            due = (
                select(table)
                .where(table.state == "retry", table.due_at <= clock.now())
                .order_by(table.due_at)
                .limit(10)
            )
            rows = list(store.claim_due(due))
            for row in rows:
                row.due_at = clock.now() + timedelta(seconds=RETRY_LEASE_SECONDS)
            return rows

    def _retry(self, row: Any) -> None:
        entrypoint = self._handlers.get(row.handler)
        if entrypoint is not None:
            entrypoint.run(row.body, orjson.loads(row.headers), kept_as=row.event_id)


class Turns(SharedExtension):
    """Lets so many events at a time be worked on; the others wait in the order in which they came."""

    def __init__(self) -> None:
        self._running = 0
        self._waiting: deque[Callable[[], None]] = deque()

    def take(self, work: Callable[[], None]) -> None:
        """Begin ``work`` now or when it is its turn; whoever began it gives the turn back once."""
        if self._running >= AT_ONCE:
            self._waiting.append(work)
            return
        self._running += 1
        work()

    def give_back(self) -> None:
        if self._waiting:
            self._waiting.popleft()()
        else:
            self._running -= 1


class Handle(Entrypoint):
    """A method that is run for every event of one type."""

    consumer = Consumer()
    failed = FailedEvents()
    turns = Turns()

    def __init__(self, event: type[Event], *, broadcast: bool = False) -> None:
        super().__init__()
        self.event = event
        self.broadcast = broadcast

    @property
    def handler(self) -> str:
        return f"{self.container.service_name}.{self.method_name}"

    def setup(self) -> None:
        service = self.container.service_name
        declared = SUBSCRIPTIONS.get(self.event.type, ())
        if self.broadcast:
            queue = bus.broadcast_queue(self.event.source, self.event.type, service, uuid4().hex[:12])
        else:
            if self.handler not in declared:
                raise RuntimeError(f"{self.handler} is missing in contracts/topology.py")
            queue = bus.event_queue(self.event.source, self.event.type, service, self.method_name)
            self.failed.add(self)
        self.consumer.subscribe(queue, self._receive, lane="events", prefetch=PREFETCH)

    def stop(self) -> None:
        self.consumer.drain()

    def _receive(self, delivery: Delivery) -> None:
        self.run(delivery.body, delivery.headers, delivery)

    def run(
        self, body: bytes, headers: dict[str, Any], delivery: Delivery | None = None, *, kept_as: str = ""
    ) -> None:
        """Handle one message: one that was delivered, or one that waited in the database under an id."""
        try:
            event = self.event.from_wire(body, handler=self.handler)
        except MalformedEvent as problem:
            self._park(body, headers, delivery, f"malformed: {problem}", kept_as)
            return
        failpoint("event.before_handler")
        asked = context.from_headers(headers, self.container.config["settings"].secret("BUS_KEY"))
        self.turns.take(
            partial(
                self.container.spawn_worker,
                self,
                (event,),
                {},
                context_data={"context": RequestContext(request_id=asked.request_id)},
                handle_result=partial(self._done, kept_as or event.event_id, body, headers, delivery),
            )
        )

    def _park(
        self, body: bytes, headers: dict[str, Any], delivery: Delivery | None, reason: str, kept_as: str
    ) -> None:
        """What can never be handled is kept for the operator, then acknowledged."""
        if not self.broadcast:
            failure = Failure(kept_as or _raw_id(body), body, _plain(headers), reason)
            self.failed.keep(self.handler, failure, delivery, dead=True)
        elif delivery is not None:
            delivery.ack()

    def _done(
        self,
        event_id: str,
        body: bytes,
        headers: dict[str, Any],
        delivery: Delivery | None,
        worker_ctx: Any,
        result: Any,
        exc_info: Any,
    ) -> tuple[Any, Any]:
        failpoint("event.before_ack")
        self.turns.give_back()
        if exc_info and not self.broadcast:
            reason = "\n".join([type(exc_info[1]).__name__, *log.trace_of(exc_info[1])])
            # Not in this worker: where the database is away it may take long, and others need the place.
            self.failed.keep(self.handler, Failure(event_id, body, _plain(headers), reason), delivery)
            return result, None
        if exc_info:
            _log.error("broadcast_failed", handler=self.handler, exc_info=exc_info[1])
        if delivery is None:
            self._forget(event_id)
            return result, None
        delivery.ack()
        if not self.broadcast:
            settled.tell(event_id, self.handler)
        return result, None

    def _forget(self, event_id: str) -> None:
        try:
            self.failed.forget(event_id, self.handler)
        except Exception as problem:
            # Its lease runs out and it is handled again, which its claim makes harmless. Raising here would
            # end the container (fact 7).
            _log.error("failure_not_recorded", handler=self.handler, error=type(problem).__name__)


def _raw_id(body: bytes) -> str:
    """Of what is no event: the same for the same bytes, so that it is kept once however often it comes."""
    return f"raw_{hashlib.sha256(body).hexdigest()[:32]}"


def _event_id(body: bytes) -> str:
    try:
        found = orjson.loads(body)["event_id"]
    except (ValueError, KeyError, TypeError):
        return _raw_id(body)
    # It becomes a key in the database, whatever somebody sent.
    return found if is_plain_id(found) else _raw_id(body)


def _plain(headers: dict[str, Any]) -> dict[str, Any]:
    """Headers as JSON can keep them: text and numbers of ours, nothing of the broker's."""
    return {key: value for key, value in headers.items() if isinstance(value, (str, int)) and not key.startswith("x-")}


def handle(event: type[Event], *, broadcast: bool = False) -> Callable[[Method], Method]:
    """
    Run the method for every event of this type, on one replica of the service;
    with ``broadcast`` on each replica that is up, which is then not guaranteed.

    The method claims the event (``store.claim``) in the transaction of its effect.
    """
    decorate: Callable[[Method], Method] = Handle.decorator(event, broadcast=broadcast)
    return decorate
