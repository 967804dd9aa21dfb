"""
Hashing passwords with argon2id, beside the requests instead of in their way (A08).

Parameters are OWASP's and RFC 9106's second choice: 64 MiB, 3 passes, one lane. An unknown
name costs the same work as a known one, so that the time tells nothing (A18, A19).
"""

import base64
import secrets
import sys
import threading
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from actiontrac.config import Settings
from actiontrac.errors import Unavailable
from services.accounts.policies import normal_password

Result = TypeVar("Result")

TIME_COST = 3
MEMORY_KIB = 64 * 1024

#: Each hash takes 64 MiB and a core; more at once would only take longer.
AT_ONCE = 2

#: Who waits longer than this is told to come back, instead of filling every worker.
LONGEST_WAIT_SECONDS = 6


def run_in_thread(function: Callable[..., Result], *arguments: Any) -> Result:
    """
    Run something that keeps a core busy so that other requests go on.

    Under eventlet that is its thread pool; in a plain process argon2 lets the other
    threads run by itself.
    """
    eventlet = sys.modules.get("eventlet")
    if eventlet is None or not eventlet.patcher.is_monkey_patched("thread"):
        return function(*arguments)
    from eventlet import tpool

    result: Result = tpool.execute(function, *arguments)
    return result


class Passwords:
    """Makes and checks password hashes, at most two at once in this process."""

    def __init__(self, *, time_cost: int = TIME_COST, memory_kib: int = MEMORY_KIB) -> None:
        self._hasher = PasswordHasher(
            time_cost=time_cost, memory_cost=memory_kib, parallelism=1, hash_len=32, salt_len=16, type=Type.ID
        )
        # Green where the process is green, because eventlet patches threading.
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        # Nobody's password: checking it is the same work as any other, and it never matches.
        chance = [base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (16, 32)]
        self._of_nobody = f"$argon2id$v=19$m={memory_kib},t={time_cost},p=1${chance[0]}${chance[1]}"
        #: How many checks were made, for the test that counts them (A18).
        self.checked = 0

    def hash(self, password: str) -> str:
        """
        Raises:
            Unavailable: too many people are signing in at this moment.
        """
        return self._beside(self._hasher.hash, normal_password(password))

    def matches(self, stored: str | None, password: str) -> bool:
        """
        Whether a password is the one that was hashed; never for ``stored`` None, which
        takes as long as any other.

        Raises:
            Unavailable: too many people are signing in at this moment.
        """
        self.checked += 1
        found = self._beside(self._verify, stored or self._of_nobody, normal_password(password))
        return found and stored is not None

    def outdated(self, stored: str) -> bool:
        """Whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    def _beside(self, function: Callable[..., Result], *arguments: Any) -> Result:
        if not self._slots.acquire(timeout=LONGEST_WAIT_SECONDS):
            raise Unavailable()
        try:
            return run_in_thread(function, *arguments)
        finally:
            self._slots.release()


@cache
def _passwords(time_cost: int, memory_kib: int) -> Passwords:
    return Passwords(time_cost=time_cost, memory_kib=memory_kib)


def passwords_for(settings: Settings) -> Passwords:
    """The process's ``Passwords``; weaker parameters are for tests, so live mode does not know them."""
    if not settings.sandbox:
        return _passwords(TIME_COST, MEMORY_KIB)
    return _passwords(
        int(settings.option("PASSWORD_TIME_COST", str(TIME_COST))),
        int(settings.option("PASSWORD_MEMORY_KIB", str(MEMORY_KIB))),
    )
