"""
``actiontrac broker migrate``: queues whose arguments a release has changed.

RabbitMQ cannot change a queue; it refuses a declaration that differs. Services then work
with the queue as it is and log ``queue_differs``, until this command has moved what is
in it to one that is as this release wants it. Messages keep their order. Ended anywhere,
the command goes on when it is run again: a message may then be there twice, which its
consumer notices, but never not at all.
"""

from collections.abc import Iterator
from typing import Any

from amqp.exceptions import NotFound
from kombu import Queue

from actiontrac import bus
from actiontrac.commands.catalogue import events
from actiontrac.config import SERVICES, ConfigurationError, Settings
from actiontrac.contracts.topology import SUBSCRIPTIONS


def migrate(settings: Settings) -> int:
    """
    Move every queue of every service that is not as it should be; a running consumer's stays. 0 when all are.

    Raises:
        ConfigurationError: there is no broker.
    """
    if settings.embedded:
        raise ConfigurationError("There are no queues to move: set ACTIONTRAC_BUS_URL to your RabbitMQ.")
    code = 0
    for service in SERVICES:
        with bus.connect(settings.of_service(service)) as connection:
            for queue in queues_of(service):
                said = move(connection, queue)
                print(f"{queue.name}: {said}")
                code = code or int(said == IN_USE)
    return code


def queues_of(service: str) -> Iterator[Queue]:
    """The durable queues that a service consumes."""
    yield bus.rpc_queue(service)
    handled = False
    for event in events():
        for handler in SUBSCRIPTIONS.get(event.type, ()):
            consumer, _, method = handler.partition(".")
            if consumer == service:
                handled = True
                yield bus.event_queue(event.source, event.type, service, method)
    if handled:
        yield bus.dead_queue(service)


AS_IT_SHOULD_BE, IN_USE = "as it should be", "in use; stop its service first"


def move(connection: Any, queue: Queue) -> str:
    """
    Make one queue as it should be, with what is in it; says what was done.

    What is published meanwhile finds no queue: it stays in its outbox and is published again.
    """
    between = Queue(
        queue.name + bus.MOVING, no_declare=True, durable=True, queue_arguments={"x-queue-type": "quorum"}
    )
    if bus.declare(connection, [queue]) and _length(connection, between) is None:
        return AS_IT_SHOULD_BE
    channel = connection.channel()
    if not bus.declare(connection, [queue]):
        if channel.queue_declare(queue.name, passive=True).consumer_count:
            return IN_USE
        # Nothing more comes in: the services do not bind what is not as they want it.
        queue(channel).queue_unbind()
        between(channel).queue_declare()
        _carry(connection, queue.name, between.name)
        channel.queue_delete(queue.name)
    queue(channel).queue_declare()
    moved = _carry(connection, between.name, queue.name)
    queue(channel).queue_bind()
    channel.queue_delete(between.name)
    channel.close()
    return f"moved, with {moved} messages"


def _carry(connection: Any, source: str, target: str) -> int:
    """Each message is safe in its new place before it leaves its old one."""
    # A channel of its own: the broker remembers in each of what kind the queue of a name was.
    channel = connection.channel()
    channel.confirm_select()
    carried = 0
    while (message := channel.basic_get(source)) is not None:
        channel.basic_publish_confirm(message, exchange="", routing_key=target)
        channel.basic_ack(message.delivery_tag)
        carried += 1
    channel.close()
    return carried


def _length(connection: Any, queue: Queue) -> int | None:
    """Messages in a queue; None where there is no such queue."""
    channel = connection.channel()
    try:
        found: int = channel.queue_declare(queue.name, passive=True).message_count
    except NotFound:
        return None
    channel.close()
    return found
