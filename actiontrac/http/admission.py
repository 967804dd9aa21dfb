"""How much may go on at once: a bound, a short wait, and a reserve for payments."""

from collections.abc import Iterator
from contextlib import contextmanager

from eventlet.semaphore import Semaphore

from actiontrac.http.problems import Overloaded

#: Longer than this nobody waits for a place; a quick "try again" is kinder than a slow answer.
WAIT_SECONDS = 0.5

#: This part of the places is kept for critical requests, as Stripe keeps it.
RESERVE = 0.2


class Admission:
    """Lets a bounded number of requests in at once."""

    def __init__(self, places: int) -> None:
        reserved = max(1, round(places * RESERVE))
        self._common = Semaphore(max(1, places - reserved))
        self._reserved = Semaphore(reserved)

    @contextmanager
    def place(self, *, critical: bool) -> Iterator[None]:
        """
        Raises:
            Overloaded: no place became free in time.
        """
        taken = self._take(critical)
        try:
            yield
        finally:
            taken.release()

    def _take(self, critical: bool) -> Semaphore:
        if self._common.acquire(blocking=False):
            return self._common
        if critical and self._reserved.acquire(blocking=False):
            return self._reserved
        if self._common.acquire(timeout=WAIT_SECONDS):
            return self._common
        raise Overloaded()
