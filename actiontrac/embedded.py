"""
The bus inside one process: kombu's memory transport with a wake-up instead of polling.

kombu's own polls its queues; at an interval that answers quickly it keeps a core
busy for nothing. Here a consumer sleeps until something for it arrives.
"""

import threading
import time
from queue import Empty
from typing import Any, ClassVar

from kombu.transport import memory


class Channel(memory.Channel):
    def _put(self, queue: str, message: Any, **kwargs: Any) -> None:
        super()._put(queue, message, **kwargs)
        Transport.arrived(queue)

    def basic_ack(self, delivery_tag: Any, multiple: bool = False) -> None:
        super().basic_ack(delivery_tag, multiple)
        # There is room again under the prefetch limit.
        self.connection.wake_up.set()


class Transport(memory.Transport):
    Channel = Channel

    _open: ClassVar[list["Transport"]] = []

    def __init__(self, client: Any, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)
        self.wake_up = threading.Event()

    @classmethod
    def arrived(cls, queue: str) -> None:
        for transport in list(cls._open):
            if queue in transport._callbacks:
                transport.wake_up.set()

    def establish_connection(self) -> Any:
        self._open.append(self)
        return super().establish_connection()

    def close_connection(self, connection: Any) -> None:
        if self in self._open:
            self._open.remove(self)
        super().close_connection(connection)

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            self.wake_up.clear()
            try:
                self.cycle.get(self._deliver, timeout=timeout)
                return
            except Empty:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise TimeoutError from None
                if not self.wake_up.wait(left):
                    raise TimeoutError from None
