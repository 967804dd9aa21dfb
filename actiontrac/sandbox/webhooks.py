"""
Webhooks: written with what caused them, sent by a background thread until they arrive.

As with the real processors, order is not promised and an event may come twice.
Tests can ask for worse: held, dropped, late, doubled, in reverse.
"""

import enum
import logging
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from actiontrac import clock
from actiontrac.sandbox.database import Database, Document

log = logging.getLogger(__name__)

#: The first retry is quick because most failures are a gateway that restarts;
#: 500 tries with at most 15 s between them are about two hours.
FIRST_RETRY_SECONDS = 0.2
LONGEST_RETRY_SECONDS = 15.0
MOST_ATTEMPTS = 500
#: How long the product may take to answer a webhook.
ANSWER_SECONDS = 10.0
#: Sent at the same time, so that one slow answer does not stop the others.
AT_ONCE = 8
#: How often the sender looks at the calendar when nothing wakes it.
TICK_SECONDS = 1.0
#: Between two events whose order was asked for.
SPACING_SECONDS = 0.15


class Mode(enum.StrEnum):
    """What happens to the events that are made from now on."""

    NORMAL = "normal"
    DUPLICATE = "duplicate"
    DELAY = "delay"
    REORDER = "reorder"
    HOLD = "hold"
    DROP = "drop"


class Signer(Protocol):
    """A processor's way to sign what it sends."""

    def headers(self, body: bytes, delivery: int) -> dict[str, str]: ...


def retry_delay(attempts: int) -> float:
    """Seconds until the next try after ``attempts`` failed ones."""
    return float(min(FIRST_RETRY_SECONDS * 2 ** min(attempts - 1, 10), LONGEST_RETRY_SECONDS))


class Webhooks:
    """The queue of deliveries."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.wake = threading.Event()

    def emit(self, provider: str, event_id: str, event_type: str, body: bytes) -> None:
        """Queue an event inside the caller's transaction, as the mode of the day says."""
        mode, seconds, times = self.mode(provider)
        now = clock.now().timestamp()
        state, at, copies = "pending", now, 1
        if mode is Mode.HOLD:
            state = "held"
        elif mode is Mode.DROP:
            state = "dropped"
        elif mode is Mode.DUPLICATE:
            copies = max(times, 2)
        elif mode is Mode.DELAY:
            at = now + seconds
        elif mode is Mode.REORDER:
            at = self._before_the_last_one(provider, now + seconds)
        for _ in range(copies):
            self._insert(provider, event_id, event_type, body, state, at)
        self.wake.set()

    def _before_the_last_one(self, provider: str, latest: float) -> float:
        found = self._database.row(
            "SELECT min(next_at) AS first FROM deliveries WHERE provider = ? AND state = 'pending' AND attempts = 0",
            provider,
        )
        first = found["first"] if found else None
        return latest if first is None else min(latest, first - SPACING_SECONDS)

    def _insert(self, provider: str, event_id: str, event_type: str, body: bytes, state: str, at: float) -> int:
        return self._database.insert(
            "INSERT INTO deliveries (provider, event_id, event_type, body, state, next_at) VALUES (?, ?, ?, ?, ?, ?)",
            provider,
            event_id,
            event_type,
            body,
            state,
            at,
        )

    def mode(self, provider: str) -> tuple[Mode, float, int]:
        found = self._database.row("SELECT * FROM webhook_modes WHERE provider = ?", provider)
        return (Mode(found["mode"]), found["seconds"], found["times"]) if found else (Mode.NORMAL, 0.0, 1)

    def set_mode(self, provider: str, mode: str, seconds: float = 1.0, times: int = 2) -> None:
        """
        Raises:
            ValueError: there is no such mode.
        """
        self._database.run(
            "INSERT OR REPLACE INTO webhook_modes VALUES (?, ?, ?, ?)", provider, Mode(mode).value, seconds, times
        )

    def release(self, provider: str, order: str = "sent") -> int:
        """Let the held events go, ``sent`` or ``reversed``; returns how many."""
        with self._database.transaction():
            rows = self._database.rows(
                "SELECT id FROM deliveries WHERE provider = ? AND state = 'held' ORDER BY id", provider
            )
            numbers = [row["id"] for row in rows]
            if order == "reversed":
                numbers.reverse()
            start = clock.now().timestamp()
            for position, number in enumerate(numbers):
                self._database.run(
                    "UPDATE deliveries SET state = 'pending', next_at = ? WHERE id = ?",
                    start + position * SPACING_SECONDS,
                    number,
                )
        self.wake.set()
        return len(numbers)

    def redeliver(self, event_id: str, times: int = 1) -> int:
        """Send an event again, also one that arrived, was held or was dropped; returns how many were queued."""
        with self._database.transaction():
            found = self._database.row("SELECT * FROM deliveries WHERE event_id = ? ORDER BY id LIMIT 1", event_id)
            if found is None:
                return 0
            for _ in range(times):
                now = clock.now().timestamp()
                self._insert(found["provider"], event_id, found["event_type"], found["body"], "pending", now)
        self.wake.set()
        return times

    def deliveries(self, provider: str | None = None) -> list[Document]:
        """Oldest first, without the bodies."""
        rows = self._database.rows(
            "SELECT id, provider, event_id, event_type, state, attempts, last_answer FROM deliveries"
            " WHERE (?1 IS NULL OR provider = ?1) ORDER BY id",
            provider,
        )
        return [dict(row) for row in rows]

    def undelivered(self, provider: str) -> set[str]:
        """Ids of events of which no delivery has arrived."""
        rows = self._database.rows(
            "SELECT event_id FROM deliveries WHERE provider = ? GROUP BY event_id HAVING sum(state = 'delivered') = 0",
            provider,
        )
        return {row["event_id"] for row in rows}


class Sender:
    """Sends what is due until it is stopped; what is left is in the database for the next start."""

    def __init__(
        self,
        database: Database,
        webhooks: Webhooks,
        targets: Mapping[str, str],
        signers: Mapping[str, Signer],
        on_tick: Callable[[], None],
    ) -> None:
        self._database = database
        self._webhooks = webhooks
        self._targets = targets
        self._signers = signers
        self._on_tick = on_tick
        self._stopping = threading.Event()
        self._slots = threading.Semaphore(AT_ONCE)
        self._lock = threading.Lock()
        self._under_way: set[int] = set()
        # Our targets are on this machine or network: a proxy from the environment is not for them.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._loop, name="sandbox-webhooks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Send nothing new, and wait a little for what is under way."""
        self._stopping.set()
        self._webhooks.wake.set()
        if self._thread is not None:
            self._thread.join(timeout=2)

    def _loop(self) -> None:
        while not self._stopping.is_set():
            self._webhooks.wake.clear()
            try:
                self._on_tick()
                pause = self._send_due()
            except Exception:
                # A failure here must not end the sender for good: say it and go on.
                log.exception("sandbox_sender_failed")
                pause = TICK_SECONDS
            self._webhooks.wake.wait(pause)

    def _send_due(self) -> float:
        """Start what is due; returns how long to wait."""
        now = clock.now().timestamp()
        rows = self._database.rows(
            "SELECT id, next_at FROM deliveries WHERE state = 'pending' ORDER BY next_at LIMIT 100"
        )
        waiting = [row for row in rows if row["id"] not in self._under_way]
        for row in waiting:
            if row["next_at"] > now:
                return float(min(max(row["next_at"] - now, 0.01), TICK_SECONDS))
            if self._stopping.is_set() or not self._slots.acquire(blocking=False):
                return 0.05
            with self._lock:
                self._under_way.add(row["id"])
            threading.Thread(target=self._send, args=(row["id"],), daemon=True).start()
        return TICK_SECONDS

    def _send(self, number: int) -> None:
        try:
            row = self._database.row("SELECT * FROM deliveries WHERE id = ?", number)
            if row is not None:
                arrived, answer = self._post(row["provider"], row["body"], number)
                self._record(number, row["attempts"] + 1, arrived, answer)
        except Exception:
            log.exception("sandbox_delivery_failed")
        finally:
            with self._lock:
                self._under_way.discard(number)
            self._slots.release()
            self._webhooks.wake.set()

    def _post(self, provider: str, body: bytes, number: int) -> tuple[bool, str]:
        headers = self._signers[provider].headers(body, number)
        request = urllib.request.Request(self._targets[provider], body, headers)  # noqa: S310
        try:
            with self._opener.open(request, timeout=ANSWER_SECONDS) as response:
                return True, str(response.status)
        except urllib.error.HTTPError as refusal:
            with refusal:
                return False, str(refusal.code)
        except Exception as problem:
            # Whatever went wrong on the wire is tried again; its name is enough to see why.
            return False, type(problem).__name__

    def _record(self, number: int, attempts: int, arrived: bool, answer: str) -> None:
        state = "delivered" if arrived else "failed" if attempts >= MOST_ATTEMPTS else "pending"
        values: tuple[Any, ...] = (state, attempts, clock.now().timestamp() + retry_delay(attempts), answer, number)
        self._database.run(
            "UPDATE deliveries SET state = ?, attempts = ?, next_at = ?, last_answer = ? WHERE id = ?", *values
        )
