"""
Leaving a quorum queue so that nothing of it is delivered twice.

A quorum queue that is told to cancel a consumer goes on assigning messages to it until all its members have agreed.
Those reach nobody, go back, and are delivered to the next consumer as redelivered: about one for every stop under
load. So the queue is first told to give this consumer nothing more (RabbitMQ's ``basic.credit``, an extension that its
3.x releases have), and the consumer is cancelled when it has said that it does so.
"""

import time
from collections.abc import Callable
from typing import Any

from amqp import Channel
from amqp.spec import method

_CREDIT, _CREDIT_OK = (60, 200), (60, 201)

#: Longer nobody waits for the queues; then they are left as they are.
SECONDS = 3.0


def knows_credit(connection: Any) -> bool:
    """Whether the broker behind an open connection has the extension."""
    said = str(getattr(connection.connection, "server_properties", {}).get("version", ""))
    return said.partition(".")[0] == "3"


def give_nothing_more(consumers: list[Any], drain_events: Callable[[float], None]) -> bool:
    """
    Ask the queues of these consumers to assign them nothing more; whether all have said so.

    Nothing may be acknowledged meanwhile: each acknowledgement asks for one more. What was assigned before still
    arrives, through ``drain_events``.
    """
    agreed: list[int] = []
    asked = 0
    for consumer in consumers:
        channel = consumer.channel
        if not isinstance(channel, Channel):
            continue
        # py-amqp does not know the extension's answer: it is told here, for this channel only.
        channel._METHODS = {**channel._METHODS, _CREDIT_OK: method(_CREDIT_OK, "l")}
        channel._callbacks[_CREDIT_OK] = agreed.append
        for tag in consumer._active_tags.values():
            channel.send_method(_CREDIT, "slb", (tag, 0, False))
            asked += 1
    until = time.monotonic() + SECONDS
    while len(agreed) < asked and time.monotonic() < until:
        drain_events(0.05)
    return len(agreed) >= asked
