"""
Connections to the bus, the names on it, and the one way to put a message on it.

Everything here works on RabbitMQ and on the memory of the embedded mode. It imports
no eventlet, because the relay uses it in a plain process.
"""

from collections.abc import Iterable
from typing import Any

import amqp
from amqp import spec
from amqp.exceptions import PreconditionFailed
from kombu import Connection, Exchange, Queue

from actiontrac import log
from actiontrac.config import Settings

_log = log.get(__name__)

RPC_EXCHANGE = Exchange("nameko-rpc", "topic", durable=True)
DEAD_EXCHANGE = Exchange("actiontrac.dead", "direct", durable=True)

#: Crashes, not failures, count against it: with prefetch a crashing consumer counts
#: against its neighbours' messages too (bus.md, fact 13).
DELIVERY_LIMIT = 20

#: kombu backs off to 30 s by itself (fact 6); a broker that is back should be noticed.
RECONNECT_SECONDS = (0.1, 0.3, 1.0, 2.0)

HEARTBEAT_SECONDS = 10

#: What is in a queue waits under its name and this, while the queue is made anew.
MOVING = ".moving"


def events_exchange(source: str) -> Exchange:
    return Exchange(f"{source}.events", "topic", durable=True)


def rpc_queue(service: str) -> Queue:
    """
    Where a service's questions wait. Not durable: a durable one lives on one node of a cluster, and
    while that node is away nobody may declare it elsewhere. This one is gone with its node, the
    service makes it again on another, and questions do not outlive their deadline anyway (ADR 13).
    """
    return Queue(f"rpc-{service}", exchange=RPC_EXCHANGE, routing_key=f"{service}.*", durable=False)


def event_queue(source: str, event_type: str, service: str, handler: str) -> Queue:
    """
    Where a handler's events wait. The handler's name is part of the queue's name:
    renaming it strands a durable queue, which is why a test pins the names.
    """
    return Queue(
        f"evt-{source}-{event_type}--{service}.{handler}",
        exchange=events_exchange(source),
        routing_key=event_type,
        durable=True,
        queue_arguments={
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-dead-letter-exchange": DEAD_EXCHANGE.name,
            "x-dead-letter-routing-key": service,
            "x-dead-letter-strategy": "at-least-once",
            # At-least-once dead lettering asks for it.
            "x-overflow": "reject-publish",
        },
    )


def dead_queue(service: str) -> Queue:
    """Where the broker puts what crashed its consumers too often."""
    return Queue(
        f"dead.{service}",
        exchange=DEAD_EXCHANGE,
        routing_key=service,
        durable=True,
        queue_arguments={"x-queue-type": "quorum"},
    )


def broadcast_queue(source: str, event_type: str, service: str, replica: str) -> Queue:
    """A queue of one replica, gone with it."""
    return Queue(
        f"evt-{source}-{event_type}--{service}-{replica}",
        exchange=events_exchange(source),
        routing_key=event_type,
        durable=False,
        auto_delete=True,
        exclusive=False,
    )


def connect(settings: Settings, **transport_options: Any) -> Connection:
    """A connection that is not opened yet; the caller closes it."""
    if settings.embedded:
        from actiontrac.embedded import Transport

        return Connection("memory://", transport=Transport)
    return Connection(
        settings.bus_url,
        heartbeat=HEARTBEAT_SECONDS,
        connect_timeout=3,
        transport_options=transport_options,
    )


def declare(connection: Any, queues: Iterable[Queue]) -> bool:
    """
    Declare queues with their exchanges and bindings; whether all are as they should be.

    One that is there with other arguments, of an older release, is left and used as it is:
    ``actiontrac broker migrate`` makes it anew. It is not bound again, for while it is moved
    nothing must come into it.
    """
    good = True
    channel = connection.channel()
    for queue in queues:
        try:
            queue(channel).declare()
        except PreconditionFailed:
            good = False
            _log.error("queue_differs", queue=queue.name, mend="actiontrac broker migrate")
            # The broker has closed it.
            channel = connection.channel()
    channel.close()
    return good


def publish(
    channel: Any,
    body: bytes,
    *,
    exchange: str,
    routing_key: str,
    headers: dict[str, Any],
    mandatory: bool = False,
    **properties: Any,
) -> None:
    """
    Send one message and return at once; the caller holds the connection's write lock.

    py-amqp's own ``basic_publish`` first reads from the socket when the broker may
    block publishers. Somebody else reads this socket, so the frame is sent directly.
    """
    message = channel.prepare_message(
        body,
        content_type="application/json",
        content_encoding="utf-8",
        headers=headers,
        properties=properties,
    )
    if not isinstance(channel, amqp.Channel):
        channel.basic_publish(message, exchange, routing_key)
        return
    channel.send_method(spec.Basic.Publish, "Bssbb", (0, exchange, routing_key, mandatory, False), message)
