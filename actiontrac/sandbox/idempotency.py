"""The store of idempotency keys that both processors keep."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from actiontrac import clock
from actiontrac.sandbox.database import Database


class KeyInUse(Exception):
    """A request with this key is being worked right now."""


class KeyReused(Exception):
    """This key came with another request before."""


@dataclass(frozen=True)
class Answer:
    """What was answered: it is answered again, byte for byte."""

    status: int
    body: bytes
    request_id: str = ""


class Keys:
    """
    Keys with their answers in the database, keys under way in memory.

    A killed process forgets what was under way, and that is right: its
    transaction was rolled back, so there is nothing to remember.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._under_way: set[tuple[str, str]] = set()

    @contextmanager
    def hold(self, scope: str, key: str) -> Iterator[None]:
        """
        Be the only one who works on this key.

        Raises:
            KeyInUse: somebody else is.
        """
        with self._lock:
            if (scope, key) in self._under_way:
                raise KeyInUse
            self._under_way.add((scope, key))
        try:
            yield
        finally:
            with self._lock:
                self._under_way.discard((scope, key))

    def find(self, scope: str, key: str, fingerprint: str, kept_seconds: float) -> Answer | None:
        """
        The stored answer, as long as the processor keeps its keys.

        Raises:
            KeyReused: the key belongs to a request with other parameters.
        """
        found = self._database.row("SELECT * FROM keys WHERE scope = ? AND key = ?", scope, key)
        if found is None or found["at"] + kept_seconds < clock.now().timestamp():
            return None
        if found["fingerprint"] != fingerprint:
            raise KeyReused
        return Answer(found["status"], found["body"], found["request_id"])

    def store(self, scope: str, key: str, fingerprint: str, answer: Answer) -> None:
        self._database.run(
            "INSERT OR REPLACE INTO keys VALUES (?, ?, ?, ?, ?, ?, ?)",
            scope,
            key,
            fingerprint,
            answer.status,
            answer.body,
            answer.request_id,
            clock.now().timestamp(),
        )
