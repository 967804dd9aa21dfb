"""
Taking messages off the bus, acknowledging them when they are done, and stopping cleanly.

It replaces nameko's QueueConsumer, which closes its connection while workers still
run, so that a graceful stop runs their work twice (bus.md, facts 2, 4, 6 and 7).
One green thread reads; acknowledgements are written at once by whoever is done.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import eventlet
from eventlet.event import Event as Signal
from eventlet.semaphore import Semaphore
from kombu import Consumer as KombuConsumer
from kombu import Queue
from nameko.extensions import SharedExtension
from prometheus_client import Counter

from actiontrac import bus, handover, leaving, log
from actiontrac.config import Settings

_log = log.get(__name__)

REDELIVERED = Counter(
    "actiontrac_redelivered_messages", "Messages that the broker had delivered to somebody before", ["queue"]
)

#: How long one wait for a message lasts; heartbeats and a stop are noticed in between.
TICK_SECONDS = 0.5


class Delivery:
    """One message in hand: acknowledged or given back exactly once."""

    def __init__(self, consumer: "Consumer", message: Any) -> None:
        self._consumer = consumer
        self._message = message
        self._connection = consumer.connections
        self.body: bytes = message.body if isinstance(message.body, bytes) else str(message.body).encode()
        self.headers: dict[str, Any] = message.headers or {}
        self.properties: dict[str, Any] = message.properties or {}
        self.routing_key: str = message.delivery_info.get("routing_key", "")
        self.redelivered: bool = bool(message.delivery_info.get("redelivered"))

    def ack(self) -> None:
        self._consumer.settle(self._message.ack, self._connection)

    def give_back(self) -> None:
        """To the queue again; for when not even the failure could be recorded. It counts as a crash there."""
        self._consumer.settle(self._message.requeue, self._connection)

    @property
    def must_go(self) -> bool:
        """Whether whoever holds it must let it go: the process stops, or the connection it came over is gone."""
        return self._consumer.draining or self._connection != self._consumer.connections


@dataclass(frozen=True)
class _Subscription:
    queue: Queue
    callback: Callable[[Delivery], None]
    prefetch: int
    lane: str


class Consumer(SharedExtension):
    """The consuming connection of one service; entrypoints subscribe before it starts."""

    def __init__(self) -> None:
        self._subscriptions: list[_Subscription] = []
        self._write_lock = Semaphore()
        self._consumers: list[Any] = []
        self._in_flight = 0
        #: Acknowledgements that wait while the queues are left; None: they are written at once.
        self._held: list[tuple[Callable[[], None], int]] | None = None
        self._draining = False
        self._stopped = Signal()
        self._ready = Signal()
        self._thread: Any = None
        self.connected = False
        #: Counts connections: what came over an earlier one may have been missed in between.
        self.connections = 0

    @property
    def settings(self) -> Settings:
        found: Settings = self.container.config["settings"]
        return found

    def subscribe(self, queue: Queue, callback: Callable[[Delivery], None], *, lane: str, prefetch: int) -> None:
        """Deliver a queue's messages to a callback; queues of one lane share a channel."""
        self._subscriptions.append(_Subscription(queue, callback, prefetch, lane))

    def start(self) -> None:
        if self._subscriptions and self._thread is None:
            self._thread = self.container.spawn_managed_thread(self._run, identifier="consumer")
            # Serving begins when the queues exist; a broker that is away is waited for.
            self._ready.wait()

    def drain(self) -> None:
        """
        Take nothing more, finish and acknowledge what was taken, then disconnect.

        Called by every entrypoint's stop; the first call does it. After
        ``drain_seconds`` what is still running is left to be delivered again.
        """
        self._draining = True
        leaving.begin()
        if self._thread is None:
            return
        with eventlet.Timeout(self.settings.drain_seconds, False):
            self._stopped.wait()

    def stop(self) -> None:
        self.drain()

    @property
    def draining(self) -> bool:
        return self._draining

    def settle(self, acknowledge: Callable[[], None], connection: int) -> None:
        """
        Write an acknowledgement for what came over that connection, the first, the second ...

        On a lost one the broker delivers again by itself.
        """
        if self._held is not None:
            self._held.append((acknowledge, connection))
            return
        try:
            with self._write_lock:
                acknowledge()
        except Exception as problem:
            _log.info("ack_not_delivered", error=type(problem).__name__)
        finally:
            if connection == self.connections:
                self._in_flight -= 1

    def _run(self) -> None:
        attempt = 0
        while not self._draining:
            try:
                with bus.connect(self.settings) as connection:
                    self._open(connection)
                    attempt = 0
                    self._consume(connection)
            except Exception as problem:
                # Whatever happened to the connection, the answer is a new one. Raising
                # here would end the container (fact 7).
                self.connected = False
                if self._draining:
                    break
                _log.warning("bus_connection_lost", error=type(problem).__name__)
                pause = bus.RECONNECT_SECONDS[min(attempt, len(bus.RECONNECT_SECONDS) - 1)]
                attempt += 1
                eventlet.sleep(pause)
        self.connected = False
        if not self._ready.ready():
            self._ready.send()
        if not self._stopped.ready():
            self._stopped.send()

    def _open(self, connection: Any) -> None:
        connection.ensure_connection(max_retries=1, timeout=3)
        # From here on what came over an earlier connection counts no more.
        self.connections += 1
        self._in_flight = 0
        self._consumers = []
        bus.declare(connection, [subscription.queue for subscription in self._subscriptions])
        lanes: dict[str, Any] = {}
        for subscription in self._subscriptions:
            channel = lanes.get(subscription.lane)
            if channel is None:
                channel = lanes[subscription.lane] = connection.channel()
                # For each consumer, not for the channel: quorum queues know no other.
                channel.basic_qos(0, subscription.prefetch, False)
            consumer = KombuConsumer(
                channel,
                queues=[subscription.queue(channel)],
                on_message=self._receiver(subscription),
                auto_declare=False,
            )
            consumer.consume()
            self._consumers.append(consumer)
        self.connected = True
        if not self._ready.ready():
            self._ready.send()

    def _receiver(self, subscription: _Subscription) -> Callable[[Any], None]:
        def receive(message: Any) -> None:
            self._in_flight += 1
            delivery = Delivery(self, message)
            if delivery.redelivered:
                REDELIVERED.labels("(broadcast)" if subscription.queue.auto_delete else subscription.queue.name).inc()
            try:
                subscription.callback(delivery)
            except Exception as problem:
                _log.error("delivery_failed", queue=subscription.queue.name, exc_info=problem)
                delivery.give_back()

        return receive

    def _consume(self, connection: Any) -> None:
        left = False
        while True:
            if self._draining:
                if not left:
                    # Leaving reads the broker's answers, so it is this thread's to do.
                    self._leave(connection)
                    left = True
                if self._in_flight <= 0:
                    return
            self._take(connection, 0.05 if self._draining else TICK_SECONDS)

    def _take(self, connection: Any, seconds: float) -> None:
        """Receive what comes within this time."""
        try:
            connection.drain_events(timeout=seconds)
        except TimeoutError:
            pass
        if not self.settings.embedded:
            with self._write_lock:
                connection.heartbeat_check()

    def _leave(self, connection: Any) -> None:
        """Receive nothing more; what was received already is still worked on."""
        quorum = [one for one in self._consumers if _is_quorum(one)]
        self._held = []
        try:
            if quorum and not self.settings.embedded and handover.knows_credit(connection):
                agreed = handover.give_nothing_more(quorum, partial(self._take, connection))
                _log.info("queues_left", queues=len(quorum), agreed=agreed)
            for consumer in self._consumers:
                consumer.cancel()
        finally:
            held, self._held = self._held, None
            for acknowledge, number in held:
                self.settle(acknowledge, number)


def _is_quorum(consumer: Any) -> bool:
    return any((queue.queue_arguments or {}).get("x-queue-type") == "quorum" for queue in consumer.queues)
