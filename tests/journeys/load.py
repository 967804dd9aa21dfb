"""Light load that knows what was promised to it: for tests that kill processes meanwhile."""

import secrets
import threading

import requests

from actiontrac.demo.client import Customer, Http, wait_for

#: While a process is away: it comes back, or nobody knows what became of this one.
AWAY = (503, 504)


class Load(threading.Thread):
    """
    Adds workers one after another, each under an Idempotency-Key of its own, and writes
    down what was acknowledged and what was not.
    """

    def __init__(self, customer: Customer) -> None:
        super().__init__(daemon=True)
        self._http = Http(customer.http.url)
        self._http.token = customer.http.token
        self._stopping = threading.Event()
        #: Worker number to id.
        self.acknowledged: dict[str, str] = {}
        #: Worker number to Idempotency-Key.
        self.unanswered: dict[str, str] = {}
        self.wrong: list[str] = []

    def run(self) -> None:
        number, pause = 0, 0.0
        while not self._stopping.wait(pause):
            number += 1
            # Who gets no answer waits a moment before the next try.
            pause = 0.05 if self._add(f"L-{number:05}", secrets.token_hex(12)) else 0.5

    def stop(self) -> None:
        self._stopping.set()
        self.join(40)

    def _add(self, number: str, key: str) -> bool:
        worker = {"first_name": "Load", "last_name": "Bearer", "worker_number": number}
        try:
            answer = self._http.request("POST", "/v1/workers", json=worker, key=key, expect=tuple(range(200, 600)))
        except requests.RequestException:
            self.unanswered[number] = key
            return False
        if answer.status_code == 201:
            self.acknowledged[number] = answer.json()["id"]
            self.unanswered.pop(number, None)
            return True
        self.unanswered[number] = key
        if answer.status_code not in AWAY:
            self.wrong.append(f"{answer.status_code} {answer.text[:200]}")
        return False

    def wait_for_more(self, seconds: float = 40) -> None:
        """Until a worker is acknowledged that was not sent yet: everything works again."""
        before = len(self.acknowledged)
        wait_for("an answer to the load", lambda: len(self.acknowledged) > before + 1, seconds)

    def repeat_what_was_not_answered(self) -> None:
        """As a careful client does: the same request under the same key."""
        for number, key in sorted(self.unanswered.items()):
            wait_for(f"an answer about {number}", lambda number=number, key=key: self._add(number, key))

    def check(self) -> None:
        """Everything that was acknowledged is there, once, and nothing else."""
        assert not self.wrong, self.wrong[:3]
        assert not self.unanswered
        found: list[tuple[str, str]] = []
        cursor: str | None = None
        while True:
            page = self._http.json(
                "GET", "/v1/workers", params={"limit": 200, **({"cursor": cursor} if cursor else {})}
            )
            found += [(one["worker_number"], one["id"]) for one in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        ours = sorted(pair for pair in found if pair[0].startswith("L-"))
        assert ours == sorted(self.acknowledged.items())
