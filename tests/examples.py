"""
How many examples a property gets: few in every run, a thousand in ``make test-deep``.

The profiles are registered in one place, ``tests/conftest.py``. A test that says nothing gets what the
profile says; one whose examples each need a database takes ``on_a_database``.
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings

DEEP = os.environ.get("ACTIONTRAC_TEST_PROFILE") == "deep"
#: ``make test-deep``: at least this many for each property of money.
DEEP_EXAMPLES = 1000
#: Of an example that needs a database: so many times fewer, but not in the deep run.
DATABASE_SHARE = 10
TELL_SECONDS = 10


def register() -> None:
    """To be called once, before any test is collected."""
    settings.register_profile("quick", max_examples=100, deadline=None)
    settings.register_profile(
        "deep", max_examples=DEEP_EXAMPLES, deadline=None, print_blob=True,
        suppress_health_check=[HealthCheck.too_slow],
    )  # fmt: skip
    settings.load_profile("deep" if DEEP else "quick")


def on_a_database(share: int = DATABASE_SHARE) -> settings:
    """Settings of a property whose every example is a purchase on a real database."""
    most = settings().max_examples
    return settings(
        max_examples=most if DEEP else max(1, most // share), deadline=None, suppress_health_check=list(HealthCheck)
    )


class Progress:
    """In the deep run: how many examples of the running test are done, every ten seconds."""

    def __init__(self, write: Callable[[str], object] = sys.__stderr__.write) -> None:
        self._write = write
        self._running = ""
        self._done = 0
        self._since = 0.0
        self._stop = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._tell, daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def began(self, name: str) -> None:
        self._running, self._done, self._since = name, 0, time.monotonic()

    def counted(self, test: Callable[..., Any]) -> Callable[..., Any]:
        def example(*given: Any, **named: Any) -> Any:
            self._done += 1
            return test(*given, **named)

        return example

    def _tell(self) -> None:
        while not self._stop.wait(TELL_SECONDS):
            if self._running:
                took = time.monotonic() - self._since
                self._write(f"    {self._running}: {self._done} examples, {took:.0f} s\n")
