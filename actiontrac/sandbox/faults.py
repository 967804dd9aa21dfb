"""Failures on request: what a network and a processor do on a bad day."""

import enum
import time
from dataclasses import dataclass

from actiontrac.sandbox.database import Database, Document


class FaultKind(enum.StrEnum):
    """When and how the next answers go wrong."""

    #: Answer late, before anything happens (two of the same key at once meet here).
    LATE = "late"
    #: 500, nothing happened, a retry works.
    ERROR_BEFORE = "error_before"
    #: 500, nothing happened, and the key keeps answering 500 (Stripe stores these).
    ERROR_KEPT = "error_kept"
    #: The connection breaks before anything happens.
    RESET_BEFORE = "reset_before"
    #: It happened, and the answer is a 500.
    ERROR_AFTER = "error_after"
    #: It happened, and the answer comes too late.
    TIMEOUT_AFTER = "timeout_after"
    #: It happened, and the connection breaks.
    RESET_AFTER = "reset_after"
    #: 401, as with keys that were taken back.
    UNAUTHORIZED = "unauthorized"
    #: 429.
    RATE_LIMITED = "rate_limited"


@dataclass(frozen=True)
class Fault:
    kind: FaultKind
    seconds: float = 0.0


class Faults:
    """The queue of failures, each used up by one matching call."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, provider: str, kind: str, *, operation: str = "", seconds: float = 1.0, count: int = 1) -> None:
        """
        Let the next ``count`` calls fail; ``operation`` such as ``orders.capture`` narrows it.

        Raises:
            ValueError: there is no such kind of failure.
        """
        self._database.run(
            "INSERT INTO faults (provider, operation, kind, seconds, remaining) VALUES (?, ?, ?, ?, ?)",
            provider,
            operation,
            FaultKind(kind).value,
            seconds,
            count,
        )

    def take(self, provider: str, operation: str) -> Fault | None:
        with self._database.transaction():
            found = self._database.row(
                "SELECT * FROM faults WHERE provider = ? AND operation IN ('', ?) AND remaining > 0"
                " ORDER BY id LIMIT 1",
                provider,
                operation,
            )
            if found is None:
                return None
            self._database.run("UPDATE faults SET remaining = remaining - 1 WHERE id = ?", found["id"])
            return Fault(FaultKind(found["kind"]), found["seconds"])

    def waiting(self) -> list[Document]:
        return [dict(row) for row in self._database.rows("SELECT * FROM faults WHERE remaining > 0 ORDER BY id")]

    def clear(self) -> None:
        self._database.run("DELETE FROM faults")


def wait(fault: Fault | None, *kinds: FaultKind) -> None:
    if fault is not None and fault.kind in kinds:
        time.sleep(fault.seconds)


def is_one_of(fault: Fault | None, *kinds: FaultKind) -> bool:
    return fault is not None and fault.kind in kinds
