"""
Requests at a steady rate over kept connections, each written down with what became of it.

What counts as a failed request: one whose answer is not what it should be, after the repeats that RFC 9110
(9.2.2) and RFC 9112 (9.3.1) allow a client without asking anybody. A client may repeat when a connection that it
had used before was closed without a single byte of an answer, and when the request does the same however often
it is made: a read, or a write under an Idempotency-Key. It repeats once and at once, on a new connection. Everything
else counts: a new connection that is refused or reset, an answer that ends in the middle, another status, none in time.
"""

import http.client
import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

#: Longer than the gateway may take for anything; who waits longer hangs.
PATIENCE_SECONDS = 15.0


@dataclass(frozen=True)
class Ask:
    """A request, and the answers that are right."""

    method: str
    path: str
    body: Any = None
    key: str = ""
    expect: tuple[int, ...] = (200,)

    @property
    def repeatable(self) -> bool:
        return self.method == "GET" or bool(self.key)


@dataclass(frozen=True)
class Answered:
    ask: Ask
    at: float
    seconds: float
    #: 0: no answer.
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    repeated: bool = False

    @property
    def good(self) -> bool:
        return self.status in self.ask.expect

    @property
    def says_when_to_come_back(self) -> bool:
        """A refusal as it must be: a problem document with the request's id, and Retry-After."""
        if self.status not in (429, 503, 504) or "application/problem+json" not in self.headers.get("content-type", ""):
            return False
        return bool(self.headers.get("retry-after")) and bool(json.loads(self.body).get("request_id"))


class Line:
    """One client: one connection, kept as long as the server keeps it."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self._host = urlsplit(url).netloc
        self._token = token
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, ask: Ask) -> Answered:
        began = time.monotonic()
        found = self._once(ask, began)
        if found is None:
            found = self._once(ask, began, repeated=True)
        assert found is not None
        return found

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _once(self, ask: Ask, began: float, *, repeated: bool = False) -> Answered | None:
        """None: the connection was closed between two requests, and the request may be repeated."""
        used_before = self._connection is not None
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._host, timeout=PATIENCE_SECONDS)
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if ask.key:
            headers["Idempotency-Key"] = ask.key
        body = ask.body if isinstance(ask.body, bytes) or ask.body is None else json.dumps(ask.body)
        try:
            self._connection.request(ask.method, ask.path, body=body, headers=headers)
            answer = self._connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as problem:
            self.close()
            if used_before and ask.repeatable and not repeated:
                return None
            return self._none(ask, began, problem, repeated)
        except (OSError, http.client.HTTPException) as problem:
            self.close()
            return self._none(ask, began, problem, repeated)
        try:
            content = answer.read()
        except (OSError, http.client.HTTPException) as problem:
            self.close()
            return self._none(ask, began, problem, repeated)
        if answer.will_close:
            self.close()
        kept = {name.lower(): value for name, value in answer.getheaders()}
        return Answered(ask, began, time.monotonic() - began, answer.status, content, kept, repeated=repeated)

    def _none(self, ask: Ask, began: float, problem: BaseException, repeated: bool) -> Answered:
        said = f"{type(problem).__name__}: {problem}"
        return Answered(ask, began, time.monotonic() - began, 0, problem=said, repeated=repeated)


class Traffic:
    """
    Clients that together ask so many times a second until they are told to stop.

    With ``rate`` None each asks again as soon as it is answered.
    """

    def __init__(
        self, url: str, token: str | None, make: Callable[[], Ask], *, clients: int, rate: float | None = None
    ) -> None:
        self._make = make
        self._lines = [Line(url, token) for _ in range(clients)]
        self._pause = clients / rate if rate else None
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(line, number), daemon=True)
            for number, line in enumerate(self._lines)
        ]
        self.answers: list[Answered] = []

    def __enter__(self) -> "Traffic":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(2 * PATIENCE_SECONDS + 5)
        for line in self._lines:
            line.close()
        assert not [thread for thread in self._threads if thread.is_alive()], "a client hangs"

    def _run(self, line: Line, number: int) -> None:
        due = time.monotonic() + (self._pause or 0) * number / len(self._lines)
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            answered = line.ask(self._make())
            self.answers.append(answered)
            if self._pause:
                due = max(due + self._pause, time.monotonic())
            elif answered.status in (0, 503):
                # Who is told to come back does so, only sooner than it should.
                due = time.monotonic() + 0.05

    def of(self, *statuses: int) -> list[Answered]:
        return [one for one in self.answers if one.status in statuses]

    @property
    def wrong(self) -> list[Answered]:
        return [one for one in self.answers if not one.good]

    @property
    def repeated(self) -> int:
        return sum(one.repeated for one in self.answers)

    def statuses(self) -> dict[int, int]:
        return dict(sorted(Counter(one.status for one in self.answers).items()))


def percentile(values: list[float], share: float) -> float:
    """The smallest value that is not below this share of them; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class OfficeWork:
    """
    What the people of a company do all day, over every service: a third of it writes, under a key each.
    """

    READS = ("/v1/me", "/v1/workers?limit=20", "/v1/subscription", "/v1/me/email-preferences")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number = 0
        self.mark = secrets.token_hex(3)

    def __call__(self) -> Ask:
        with self._lock:
            self._number += 1
            number = self._number
        if number % 3:
            return Ask("GET", self.READS[number % len(self.READS)])
        worker = {"first_name": "Rolling", "last_name": "Stone", "worker_number": f"{self.mark}-{number:06}"}
        return Ask("POST", "/v1/workers", worker, key=secrets.token_hex(12), expect=(201,))

    def acknowledged(self, traffic: Traffic) -> dict[str, str]:
        """Worker number to id, of what was answered with success."""
        added = [one for one in traffic.answers if one.good and one.ask.path == "/v1/workers"]
        return {one.ask.body["worker_number"]: json.loads(one.body)["id"] for one in added}
