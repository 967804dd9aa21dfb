"""
Work that falls due by itself.

Timers fire on every replica (bus.md, fact 15): a timer's method claims rows, so that
each is worked on once.
"""

import random
from collections.abc import Callable
from typing import Any, TypeVar

import eventlet
from eventlet.event import Event as Signal
from nameko.extensions import Entrypoint

from actiontrac import log
from actiontrac.context import RequestContext
from actiontrac.ids import new_id

_log = log.get(__name__)

Method = TypeVar("Method", bound=Callable[..., Any])


class Every(Entrypoint):
    def __init__(self, *, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        self._stopping = Signal()
        self._thread: Any = None

    def start(self) -> None:
        self._thread = self.container.spawn_managed_thread(self._run, identifier=self.method_name)

    def stop(self) -> None:
        if not self._stopping.ready():
            self._stopping.send()

    def _run(self) -> None:
        while not self._stopping.ready():
            # Replicas that started together drift apart instead of meeting at every row.
            with eventlet.Timeout(self.seconds * random.uniform(0.9, 1.1), False):  # noqa: S311
                self._stopping.wait()
                return
            finished = Signal()
            self.container.spawn_worker(
                self,
                (),
                {},
                context_data={"context": RequestContext(request_id=new_id("req"))},
                handle_result=self._report(finished),
            )
            # The next round begins after this one: a timer never overlaps itself.
            finished.wait()

    def _report(self, finished: Signal) -> Callable[..., tuple[Any, Any]]:
        def report(worker_ctx: Any, result: Any, exc_info: Any) -> tuple[Any, Any]:
            if exc_info:
                _log.error("timer_failed", timer=self.method_name, exc_info=exc_info[1])
            finished.send()
            return result, None

        return report


def every(*, seconds: float) -> Callable[[Method], Method]:
    """Run the method again and again with this pause, on every replica."""
    decorate: Callable[[Method], Method] = Every.decorator(seconds=seconds)
    return decorate
