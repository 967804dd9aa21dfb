"""
Who has dealt with an event, told inside one process.

In the embedded mode messages live in memory only, so the outbox keeps a row until
every handler has dealt with it. On RabbitMQ the broker's confirm is enough.
"""

from collections.abc import Callable

_listeners: list[Callable[[str, str], None]] = []


def listen(listener: Callable[[str, str], None]) -> None:
    _listeners.append(listener)


def tell(event_id: str, handler: str) -> None:
    for listener in _listeners:
        listener(event_id, handler)
