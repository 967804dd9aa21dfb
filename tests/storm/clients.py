"""
Those who use the product in the storm: owners who join, hire, choose their mail and buy.

Each is as stubborn as a person with a good program: what was not answered is sent again
under the same Idempotency-Key, until it is. What was answered is noted, because nobody
but the client knows what it was promised.
"""

import html
import json
import random
import re
import secrets
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from actiontrac.demo.client import Customer

#: To connect, and for the answer; more than the product's own deadline.
TIMEOUTS = (3.0, 13.0)
PAUSE_SECONDS = 0.4

#: 4000 0027 6000 3184 always asks for 3-D Secure.
ENTERED = {
    ("card", "pay"): {"number": "4000002760003184", "auth": "pass"},
    ("card", "decline"): {"number": "4000000000000002"},
    ("paypal", "pay"): {"act": "ok"},
}

#: Answers that say "not now": sent again.
NOT_NOW = (500, 502, 503, 504)


class GaveUp(Exception):
    """The storm is over, or the product answered what it must not."""


@dataclass
class Shared:
    """What all clients of a storm have in common."""

    url: str
    catcher_url: str
    mail_ledger: Path
    notes_file: Path
    #: When even the most stubborn give up, by ``time.monotonic``.
    until: float
    done: Counter[str] = field(default_factory=Counter)
    #: What went wrong for a client for good, in its words.
    complaints: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    stopping: threading.Event = field(default_factory=threading.Event)
    #: The first owner has joined.
    under_way: threading.Event = field(default_factory=threading.Event)

    def note(self, what: str, **facts: Any) -> None:
        """Keep what a client was promised, at once."""
        with self.lock, self.notes_file.open("a") as file:
            file.write(json.dumps({"what": what, **facts}) + "\n")

    def count(self, what: str, number: int = 1) -> None:
        with self.lock:
            self.done[what] += number


class Letterbox:
    """Follows the catcher's ledger, so that hundreds who wait for mail need not ask it again and again."""

    def __init__(self, ledger: Path) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._read = 0
        self._mails: dict[str, list[dict[str, Any]]] = {}

    def find(self, address: str, words: str) -> dict[str, Any] | None:
        """The newest mail to this address with these words in its subject."""
        with self._lock:
            self._follow()
            fitting = [mail for mail in self._mails.get(address, []) if words in mail["subject"].lower()]
            return fitting[-1] if fitting else None

    def _follow(self) -> None:
        if not self._ledger.exists():
            return
        with self._ledger.open("rb") as file:
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._read += len(line)
                mail = json.loads(line)
                for address in mail.get("to", []):
                    self._mails.setdefault(address, []).append(mail)


@dataclass(frozen=True)
class Order:
    """What one owner will do: chosen before anything happens, so that a seed says it all."""

    number: int
    method: str
    writes: int
    chance: random.Random


class Owner:
    """One company from its registration to its last change."""

    def __init__(self, shared: Shared, letterbox: Letterbox, order: Order) -> None:
        self.shared = shared
        self.letterbox = letterbox
        self.order = order
        self.chance = order.chance
        self.customer = Customer(shared.url, name=f"o{order.number}x{secrets.token_hex(4)}")
        self.session = requests.Session()
        # Everything is on loopback; and a look into the environment for proxies takes time with every request.
        self.session.trust_env = False
        self.token = ""
        self.workers: list[str] = []

    def live(self) -> None:
        """All of it; what cannot be done for good is a complaint."""
        try:
            self._join()
            self.shared.under_way.set()
            for step in self._steps():
                step()
            self.shared.count("owners")
        except GaveUp as problem:
            with self.shared.lock:
                self.shared.complaints.append(f"{self.customer.email}: {problem}")

    def _steps(self) -> list[Any]:
        """Writes, a purchase somewhere among them, and twice a choice about mail."""
        steps: list[Any] = [self._write] * self.order.writes
        for other in (self._choose_mail, self._buy, self._choose_mail):
            steps.insert(self.chance.randint(0, len(steps)), other)
        return steps

    # Speaking

    def send(
        self, method: str, path: str, *, wanted: tuple[int, ...] = (200, 201, 202, 204), signed_in: bool = True,
        **options: Any,
    ) -> requests.Response:  # fmt: skip
        """
        The same request under the same key until it is answered.

        Raises:
            GaveUp: another answer than the wanted ones, or none before the end.
        """
        headers = {} if method == "GET" else {"Idempotency-Key": str(uuid.uuid4())}
        for attempt in self._attempts():
            if signed_in:
                headers["Authorization"] = f"Bearer {self.token}"
            address = path if path.startswith("http") else self.shared.url + path
            try:
                answer = self.session.request(method, address, headers=headers, timeout=TIMEOUTS, **options)
            except requests.RequestException:
                self.shared.count("unanswered")
                continue
            if answer.status_code in wanted:
                if attempt and answer.headers.get("Idempotent-Replayed"):
                    self.shared.count("replayed")
                return answer
            self.shared.count(f"answered_{answer.status_code}")
            if answer.status_code == 401 and signed_in:
                self._sign_in()
            elif answer.status_code == 409 and "idempotency_key_in_use" in answer.text:
                continue
            elif answer.status_code not in NOT_NOW:
                raise GaveUp(f"{method} {path} answered {answer.status_code} {answer.text[:300]}")
        raise GaveUp(f"{method} {path} was never answered")

    def _attempts(self) -> Iterator[int]:
        """Numbers, with a pause between two of them, for as long as it makes sense."""
        attempt = 0
        while not self.shared.stopping.is_set() and time.monotonic() < self.shared.until:
            yield attempt
            attempt += 1
            self.shared.stopping.wait(PAUSE_SECONDS * min(attempt, 4))

    # Joining

    def _join(self) -> None:
        customer = self.customer
        self.send("POST", "/v1/registrations", json=customer.registration(), signed_in=False)
        # From here on somebody waits for a mail.
        self.shared.note("registered", email=customer.email)
        token = self._token("confirm", "/verify-email")
        self.send("POST", "/v1/email-verifications", json={"token": token}, signed_in=False)
        self._sign_in()
        me = self.send("GET", "/v1/me").json()
        self.company_id, self.user_id = me["company_id"], me["id"]
        self.shared.note("joined", company_id=self.company_id, user_id=self.user_id, email=customer.email)

    def _sign_in(self) -> None:
        asked = {"user_id": self.customer.name, "password": self.customer.password, "mode": "bearer"}
        self.token = self.send("POST", "/v1/sessions", json=asked, signed_in=False).json()["token"]

    def _token(self, words: str, path: str) -> str:
        for _ in self._attempts():
            found = self.letterbox.find(self.customer.email, words)
            if found is not None:
                mail = self.session.get(f"{self.shared.catcher_url}/mail/messages/{found['ref']}", timeout=30).json()
                link = re.search(rf"{re.escape(path)}\?token=([\w.%~-]+)", mail["text"])
                if link is None:
                    raise GaveUp(f"the mail {found['subject']!r} has no link to {path}")
                return link.group(1)
        raise GaveUp(f"no mail with {words!r} came")

    # Workers and preferences

    def _write(self) -> None:
        if len(self.workers) < 3 or (len(self.workers) < 8 and self.chance.random() < 0.5):
            self._hire()
        elif self.chance.random() < 0.5:
            self._promote()
        else:
            self._archive()
        self.shared.count("writes")

    def _hire(self) -> None:
        mark = f"Mark {secrets.token_hex(6)}"
        made = self.send(
            "POST", "/v1/workers", wanted=(201,), json={"first_name": "Wanda", "last_name": "Mills", "department": mark}
        ).json()
        self.workers.append(made["id"])
        self.shared.note("hired", company_id=self.company_id, worker_id=made["id"], mark=mark)

    def _promote(self) -> None:
        worker_id, title = self.chance.choice(self.workers), f"Fitter {secrets.token_hex(6)}"
        self.send("PATCH", f"/v1/workers/{worker_id}", json={"title": title})
        self.shared.note("changed", company_id=self.company_id, worker_id=worker_id, title=title)

    def _archive(self) -> None:
        worker_id = self.workers.pop(self.chance.randrange(len(self.workers)))
        self.send("DELETE", f"/v1/workers/{worker_id}")
        self.shared.note("archived", company_id=self.company_id, worker_id=worker_id)

    def _choose_mail(self) -> None:
        wanted = self.chance.random() < 0.5
        self.send("PATCH", "/v1/me/email-preferences", json={"categories": {"promotions": wanted}})
        self.shared.note("chosen", user_id=self.user_id, category="promotions", wanted=wanted)
        self.shared.count("preferences")

    # Buying

    def _buy(self) -> None:
        for _ in self._attempts():
            checkout = self._order()
            if checkout is not None:
                break
        else:
            raise GaveUp("no checkout could be opened")
        if self.order.method == "card" and self.chance.random() < 0.2:
            self._press(checkout, "decline")
        way_back = self._press(checkout, "pay")
        self.shared.note("paid", company_id=self.company_id, checkout_id=checkout["id"])
        self.shared.count("purchases")
        if self.chance.random() < 0.7 and way_back:
            self._browse("GET", way_back, (200,))

    def _order(self) -> dict[str, Any] | None:
        """A checkout with a page to pay on; none when the processor did not take it, and one orders again."""
        asked = {"plan": "team", "method": self.order.method}
        made: dict[str, Any] = self.send("POST", "/v1/checkouts", wanted=(201,), json=asked).json()
        self.shared.note("ordered", company_id=self.company_id, checkout_id=made["id"])
        return made if made["approval_url"] else self._page_of(made)

    def _page_of(self, checkout: dict[str, Any]) -> dict[str, Any] | None:
        for _ in self._attempts():
            found: dict[str, Any] = self.send("GET", f"/v1/checkouts/{checkout['id']}").json()
            if found["state"] in ("failed", "expired", "canceled"):
                return None
            if found["approval_url"]:
                return found
        raise GaveUp(f"the checkout {checkout['id']} never got a page")

    def _press(self, checkout: dict[str, Any], how: str) -> str:
        """On the processor's page; whose connection broke looks at the page before pressing anything again."""
        page = checkout["approval_url"]
        for _ in self._attempts():
            looked = self._browse("GET", page, (200, 410))
            if looked.status_code == 410:
                if not re.search(r"is complete|is paid", looked.text):
                    raise GaveUp(f"the page of {checkout['id']} was closed")
                # The answer to the first press was lost.
                link = re.search(r'href="(http[^"]+)"', looked.text)
                return html.unescape(link.group(1)) if link else ""
            try:
                pressed = self.session.post(
                    page, data=ENTERED[checkout["method"], how], allow_redirects=False, timeout=TIMEOUTS
                )
            except requests.RequestException:
                continue
            if pressed.status_code in (302, 303):
                return str(pressed.headers.get("Location", ""))
        raise GaveUp(f"the page of {checkout['id']} did not take {how!r}")

    def _browse(self, method: str, address: str, wanted: tuple[int, ...]) -> requests.Response:
        return self.send(method, address, wanted=wanted, signed_in=False)
