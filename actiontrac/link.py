"""
The connection over which a service asks others and answers them.

Separate from the consuming one: a broker under alarm stops reading from those who
publish, and acknowledgements must not wait behind that (bus.md, fact 8).
"""

from typing import Any
from uuid import uuid4

import eventlet
import orjson
from amqp.exceptions import AMQPError
from eventlet.event import Event as Signal
from eventlet.semaphore import Semaphore
from kombu import Consumer as KombuConsumer
from kombu import Queue
from nameko.extensions import SharedExtension

from actiontrac import bus, clock, context, log
from actiontrac.context import RequestContext
from actiontrac.errors import DeadlineExceeded, IdempotencyKeyInUse, Unavailable

_log = log.get(__name__)

#: A broker that was lost so lately is waited for; one that is away longer is not, so that refusals come at once.
BLINK_SECONDS = 0.8

#: RabbitMQ's pseudo-queue: answers come straight back over the connection that asked.
DIRECT_REPLY_TO = "amq.rabbitmq.reply-to"


#: Between a question that was lost and the next try.
AGAIN_SECONDS = 0.05


class BusUnavailable(Unavailable):
    """The services cannot reach each other at the moment; try again shortly."""


class AnswerUnknown(BusUnavailable):
    """The services lost each other; whether the work was done is unknown. Repeat with the same key."""


class ServiceMissing(Unavailable):
    """The part of ActionTrac that does this is not running; try again shortly."""


def _still_runs(answer: dict[str, Any]) -> bool:
    error = (answer.get("error") or {}).get("actiontrac") or {}
    return error.get("code") == IdempotencyKeyInUse.code


class RpcLink(SharedExtension):
    def __init__(self) -> None:
        self._pending: dict[str, Signal] = {}
        self._write_lock = Semaphore()
        self._channel: Any = None
        self._connection: Any = None
        self._reply_to = ""
        self._stopping = False
        self._blocked = False
        self._lost_at = clock.wall()
        self._ready = Signal()
        self._thread: Any = None

    def start(self) -> None:
        if self._thread is None:
            self._thread = self.container.spawn_managed_thread(self._run, identifier="rpc-link")
            self._ready.wait()

    def stop(self) -> None:
        self._stopping = True

    @property
    def usable(self) -> bool:
        return self._channel is not None and not self._blocked

    @property
    def pending(self) -> int:
        """Questions that still wait for their answer."""
        return len(self._pending)

    def call(
        self, service: str, method: str, kwargs: dict[str, Any], asked: RequestContext, timeout: float
    ) -> dict[str, Any]:
        """
        Ask, and wait for the answer until the deadline.

        A question that the connection lost is put again with the same identity, which
        a write recognises as the same operation.

        Raises:
            DeadlineExceeded: no answer in time; the reply slot is given up.
            BusUnavailable, ServiceMissing: it could not be asked.
            AnswerUnknown: it was asked, and then the bus was gone for longer than a blink.
        """
        call_id = uuid4().hex
        deadline = clock.wall() + timeout
        body = orjson.dumps({"args": [], "kwargs": kwargs})
        times = 0
        while True:
            left = deadline - clock.wall()
            if left <= 0:
                raise DeadlineExceeded()
            if not self._usable_within(left):
                raise AnswerUnknown() if times else BusUnavailable()
            times += 1
            answer = self._ask(service, method, body, asked, call_id, deadline, left)
            if answer is not None and not (times > 1 and _still_runs(answer)):
                return answer
            # What was lost may still be at work under our own key: its answer is waited for.
            eventlet.sleep(AGAIN_SECONDS)

    def _usable_within(self, seconds: float) -> bool:
        """A blink of the broker is waited out; an absence or an alarm is not."""
        until = min(self._lost_at + BLINK_SECONDS, clock.wall() + seconds)
        while self._channel is None and not self._blocked and clock.wall() < until:
            eventlet.sleep(0.02)
        return self.usable

    def _ask(
        self,
        service: str,
        method: str,
        body: bytes,
        asked: RequestContext,
        call_id: str,
        deadline: float,
        left: float,
    ) -> dict[str, Any] | None:
        """The answer, or None when the connection was lost on the way."""
        slot = self._pending[call_id] = Signal()
        deadlined = RequestContext(
            request_id=asked.request_id,
            principal=asked.principal,
            idempotency_key=asked.idempotency_key,
            traceparent=asked.traceparent,
            deadline=deadline,
        )
        headers = context.to_headers(deadlined, self.container.config["settings"].secret("BUS_KEY"))
        try:
            with eventlet.Timeout(left):
                self._send(
                    body,
                    exchange=bus.RPC_EXCHANGE.name,
                    routing_key=f"{service}.{method}",
                    headers=headers,
                    mandatory=True,
                    reply_to=self._reply_to,
                    correlation_id=call_id,
                    expiration=str(max(1, int(left * 1000))),
                    delivery_mode=1,
                )
                answer: dict[str, Any] | None = slot.wait()
                return answer
        except eventlet.Timeout:
            raise DeadlineExceeded() from None
        except (OSError, AMQPError):
            return None
        finally:
            self._pending.pop(call_id, None)

    def reply(self, reply_to: str, correlation_id: str, body: bytes) -> None:
        """Send an answer; when nobody can be reached any more, the caller's deadline tells him."""
        direct = reply_to.startswith(DIRECT_REPLY_TO)
        try:
            with eventlet.Timeout(2):
                self._send(
                    body,
                    exchange="" if direct else bus.RPC_EXCHANGE.name,
                    routing_key=reply_to,
                    headers={},
                    correlation_id=correlation_id,
                    delivery_mode=1,
                )
        except (eventlet.Timeout, OSError, AMQPError) as problem:
            _log.warning("reply_not_sent", error=type(problem).__name__)

    def _send(self, body: bytes, **options: Any) -> None:
        with self._write_lock:
            if self._channel is None:
                raise ConnectionError
            bus.publish(self._channel, body, **options)

    def _run(self) -> None:
        settings = self.container.config["settings"]
        attempt = 0
        while not self._stopping:
            try:
                with bus.connect(settings, on_blocked=self._on_blocked, on_unblocked=self._on_unblocked) as connection:
                    self._open(connection, settings.embedded)
                    attempt = 0
                    self._read(connection, settings.embedded)
            except Exception as problem:
                if self._stopping:
                    break
                _log.warning("rpc_link_lost", error=type(problem).__name__)
                self._lose()
                eventlet.sleep(bus.RECONNECT_SECONDS[min(attempt, len(bus.RECONNECT_SECONDS) - 1)])
                attempt += 1
        self._lose()

    def _open(self, connection: Any, embedded: bool) -> None:
        connection.ensure_connection(max_retries=1, timeout=3)
        channel = connection.channel()
        bus.RPC_EXCHANGE(channel).declare()
        if embedded:
            name = f"rpc.reply-{uuid4().hex}"
            queue = Queue(name, exchange=bus.RPC_EXCHANGE, routing_key=name, auto_delete=True)
            queue(channel).declare()
        else:
            name = DIRECT_REPLY_TO
            queue = Queue(name, no_declare=True)
            channel.events["basic_return"].add(self._on_return)
        consumer = KombuConsumer(channel, [queue(channel)], no_ack=True, on_message=self._on_reply, auto_declare=False)
        consumer.consume()
        self._reply_to = name
        self._blocked = False
        self._channel = channel
        if not self._ready.ready():
            self._ready.send()

    def _read(self, connection: Any, embedded: bool) -> None:
        while not self._stopping:
            try:
                connection.drain_events(timeout=0.5)
            except TimeoutError:
                pass
            if not embedded:
                with self._write_lock:
                    connection.heartbeat_check()

    def _lose(self) -> None:
        """The connection is gone: wake everybody who waits, so that they ask again or give up."""
        if self._channel is not None:
            self._lost_at = clock.wall()
        self._channel = None
        self._ask_again()

    def _ask_again(self) -> None:
        for slot in list(self._pending.values()):
            if not slot.ready():
                slot.send(None)

    def _settle(self, call_id: str, answer: dict[str, Any]) -> None:
        slot = self._pending.get(call_id)
        if slot is not None and not slot.ready():
            slot.send(answer)

    def _on_reply(self, message: Any) -> None:
        try:
            answer = orjson.loads(message.body)
        except ValueError:
            return
        self._settle(str(message.properties.get("correlation_id")), answer)

    def _on_return(self, _error: Any, _exchange: str, _key: str, message: Any) -> None:
        missing = {"actiontrac": ServiceMissing().to_wire()}
        self._settle(str(message.properties.get("correlation_id")), {"error": missing})

    def _on_blocked(self, _reason: str) -> None:
        """
        The broker is under alarm and reads no more of what we publish: what waits for an answer
        would wait as long as the alarm lasts, because whoever answers is blocked, too.
        """
        self._blocked = True
        self._ask_again()

    def _on_unblocked(self) -> None:
        self._blocked = False

