"""
How much may go on at once: a bound, a short wait, and a reserve for payments.

There is a bound for all requests together, which protects this process, and one for each service behind it, which
adapts: when that service's answers become slow, fewer are let in to it at a time, so that those that are let in are
answered in time and the rest are told to come back, and a service that hangs does not take the others' places.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

import eventlet
from eventlet.event import Event as Signal

from actiontrac.http.problems import Overloaded

#: Longer than this nobody waits for a place; a quick "try again" is kinder than a slow answer.
WAIT_SECONDS = 0.5

#: This part of the places is kept for critical requests, as Stripe keeps it.
RESERVE = 0.2

#: A service whose answers take longer than this, in the middle, has too much to do.
SLOW_SECONDS = 0.3

#: How often a bound is thought over, and by how much it falls and rises.
WINDOW_SECONDS = 0.25
FALL, RISE = 0.7, 1.1

#: A bound falls no lower: a service that is slow for another reason than its load goes on working.
FEWEST = 8


class Lane:
    """Places of which a part is reserved; ``adapts`` to how long they are taken."""

    def __init__(self, places: int, *, adapts: bool = False, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._reserved = max(1, round(places * RESERVE))
        self._most = max(1, places - self._reserved)
        self._adapts = adapts
        self._elapsed = elapsed
        self._waiting: deque[Signal] = deque()
        self._took: list[float] = []
        self._thought_at = elapsed()
        self._taken = 0
        self._taken_reserved = 0
        #: Places for everybody, at the moment.
        self.limit = float(self._most)

    @contextmanager
    def place(self, *, critical: bool) -> Iterator[None]:
        """
        Raises:
            Overloaded: no place became free in time.
        """
        from_reserve = self._take(critical)
        began = self._elapsed()
        try:
            yield
        finally:
            if from_reserve:
                self._taken_reserved -= 1
            else:
                self._taken -= 1
                self._learn(self._elapsed() - began)
            self._let_in()

    def _take(self, critical: bool) -> bool:
        """Whether the place is one of the reserved."""
        if not self._waiting and self._taken < int(self.limit):
            self._taken += 1
            return False
        if critical and self._taken_reserved < self._reserved:
            self._taken_reserved += 1
            return True
        if len(self._waiting) < self._most and self._wait():
            return False
        raise Overloaded()

    def _wait(self) -> bool:
        """Whether a place became free in time; then it is taken."""
        mine = Signal()
        self._waiting.append(mine)
        try:
            with eventlet.Timeout(WAIT_SECONDS, False):
                mine.wait()
        except BaseException:
            # The connection is ended while it waits: what it was just given, the next one gets.
            if mine.ready():
                self._taken -= 1
                self._let_in()
            else:
                self._waiting.remove(mine)
            raise
        if not mine.ready():
            self._waiting.remove(mine)
        return bool(mine.ready())

    def _let_in(self) -> None:
        while self._waiting and self._taken < int(self.limit):
            self._taken += 1
            self._waiting.popleft().send()

    def _learn(self, seconds: float) -> None:
        if not self._adapts:
            return
        self._took.append(seconds)
        now = self._elapsed()
        if now - self._thought_at < WINDOW_SECONDS:
            return
        if median(self._took) > SLOW_SECONDS:
            self.limit = max(min(FEWEST, self._most), self.limit * FALL)
        elif self._waiting or self._taken + 1 >= int(self.limit):
            self.limit = min(self._most, self.limit * RISE + 1)
        self._took.clear()
        self._thought_at = now


class Admission:
    """Lets a bounded number of requests in at once: altogether, and to each service."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._whole = Lane(places)
        self._services: dict[str, Lane] = {}

    @contextmanager
    def place(self, *, critical: bool, service: str = "") -> Iterator[None]:
        """
        Raises:
            Overloaded: no place became free in time.
        """
        if not service:
            with self._whole.place(critical=critical):
                yield
            return
        lane = self._services.get(service)
        if lane is None:
            lane = self._services[service] = Lane(self._places, adapts=True)
        with lane.place(critical=critical), self._whole.place(critical=critical):
            yield
