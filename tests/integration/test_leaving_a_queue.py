"""A consumer that leaves a quorum queue under load hands nothing over twice (bus.md, fact 2)."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from secrets import token_hex
from typing import Any

import pytest
from kombu import Connection, Consumer

from actiontrac import bus, handover
from tests.servers.servers import Servers

pytestmark = pytest.mark.full

QUEUES = 6
ROUNDS = 12
STAYS_SECONDS = 0.3


def queue(number: int) -> Any:
    return bus.event_queue("alpha", f"thing.{number}", "beta", f"on_{number}")


@pytest.fixture
def busy(servers: Servers) -> Iterator[str]:
    """The address of a broker whose queues are never quiet."""
    url = servers.create_vhost(f"l{token_hex(4)}")
    stopping = threading.Event()

    def publish() -> None:
        with Connection(url) as connection:
            channel = connection.channel()
            while not stopping.wait(0.01):
                for number in range(QUEUES):
                    message = channel.prepare_message(b"{}")
                    channel.basic_publish(message, bus.events_exchange("alpha").name, f"thing.{number}")

    with Connection(url) as connection:
        bus.DEAD_EXCHANGE(connection.default_channel).declare()
        for number in range(QUEUES):
            queue(number)(connection.default_channel).declare()
    publisher = threading.Thread(target=publish, daemon=True)
    publisher.start()
    yield url
    stopping.set()
    publisher.join()


class Visit:
    """A consumer of all queues that stays a moment and leaves as ours do."""

    def __init__(self, url: str) -> None:
        self.received = 0
        self.redelivered = 0
        self._held: list[Any] | None = None
        with Connection(url) as connection:
            channel = connection.channel()
            channel.basic_qos(0, 4, False)
            consumers = [
                Consumer(channel, [queue(number)(channel)], on_message=self._take, auto_declare=False)
                for number in range(QUEUES)
            ]
            for consumer in consumers:
                consumer.consume()
            until = time.monotonic() + STAYS_SECONDS
            while time.monotonic() < until:
                self._drain(connection, 0.05)
            self._held = []
            assert handover.knows_credit(connection)
            self.agreed = handover.give_nothing_more(consumers, lambda seconds: self._drain(connection, seconds))
            for consumer in consumers:
                consumer.cancel()
            for message in self._held:
                message.ack()

    def _drain(self, connection: Connection, seconds: float) -> None:
        with suppress(TimeoutError):
            connection.drain_events(timeout=seconds)

    def _take(self, message: Any) -> None:
        self.received += 1
        self.redelivered += bool(message.delivery_info["redelivered"])
        if self._held is None:
            message.ack()
        else:
            self._held.append(message)


def test_whoever_leaves_under_load_hands_nothing_over_twice(busy: str) -> None:
    visits = [Visit(busy) for _ in range(ROUNDS)]

    assert all(visit.agreed for visit in visits)
    assert min(visit.received for visit in visits) > 0
    assert sum(visit.redelivered for visit in visits) == 0
