"""A person at the other end: speaks HTTP only, reads the sandbox's mail, pays on its pages."""

import re
import secrets
import time
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests

Found = TypeVar("Found")

TIMEOUT_SECONDS = 30


class WrongAnswer(Exception):
    """The product did not do what it promises."""


class Http:
    """One caller of the gateway, signed in by bearer token or not at all."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.token: str | None = None
        self._session = requests.Session()

    def request(
        self, method: str, path: str, *, expect: int | tuple[int, ...] = 200, key: str | None = None, **options: Any
    ) -> requests.Response:
        """
        Raises:
            WrongAnswer: another status than the expected one.
        """
        headers = dict(options.pop("headers", {}))
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if key:
            headers["Idempotency-Key"] = key
        address = path if path.startswith("http") else self.url + path
        answer = self._session.request(method, address, headers=headers, timeout=TIMEOUT_SECONDS, **options)
        expected = expect if isinstance(expect, tuple) else (expect,)
        if answer.status_code not in expected:
            raise WrongAnswer(f"{method} {path} answered {answer.status_code} instead of {expect}: {answer.text[:400]}")
        return answer

    def json(self, method: str, path: str, **options: Any) -> Any:
        return self.request(method, path, **options).json()


def wait_for(what: str, look: Callable[[], Found | None], seconds: float = 20) -> Found:
    """
    Look again and again until there is something.

    Raises:
        WrongAnswer: it did not come.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise WrongAnswer(f"{what} did not come within {seconds:g} seconds")
        time.sleep(0.1)


class Mailbox:
    """What the sandbox's catcher got for one address."""

    def __init__(self, http: Http, address: str) -> None:
        self._http = http
        self.address = address

    def all(self) -> list[dict[str, Any]]:
        answer = self._http.json("GET", "/sandbox/mail/messages", params={"to": self.address})
        found: list[dict[str, Any]] = answer["items"] if isinstance(answer, dict) else answer
        return found

    def find(self, words: str) -> dict[str, Any] | None:
        """The newest mail whose subject has these words."""
        for mail in self.all():
            if words.lower() in mail["subject"].lower():
                return mail
        return None

    def wait(self, words: str, seconds: float = 20) -> dict[str, Any]:
        return wait_for(f"mail with {words!r} in its subject", lambda: self.find(words), seconds)


def token_in(mail: dict[str, Any], path: str) -> str:
    """The secret of the link to ``path`` in a mail's text."""
    found = re.search(rf"{re.escape(path)}\?token=([\w.%~-]+)", mail["text"])
    if found is None:
        raise WrongAnswer(f"the mail {mail['subject']!r} has no link to {path}")
    return found.group(1)


class Customer:
    """Somebody who registers a company and uses ActionTrac for it."""

    def __init__(self, url: str, name: str = "") -> None:
        self.http = Http(url)
        self.name = name or f"demo{secrets.token_hex(4)}"
        self.email = f"{self.name}@customer.example"
        self.password = f"correct horse {secrets.token_hex(4)}"
        self.mailbox = Mailbox(Http(url), self.email)

    def registration(self) -> dict[str, Any]:
        """The eleven fields of S25, and the name that ZIP and state make twelve of on a form."""
        return {
            "first_name": "Olive",
            "last_name": "Archer",
            "user_id": self.name,
            "password": self.password,
            "company_address": "12 Mill Lane",
            "city": "Portland",
            "state": "OR",
            "zip": "97201",
            "country": "US",
            "phone": "+1 503 555 0142",
            "email": self.email,
        }

    def register(self) -> None:
        self.http.request("POST", "/v1/registrations", json=self.registration(), expect=(201, 202))

    def verify(self) -> None:
        mail = self.mailbox.wait("confirm")
        self.http.request("POST", "/v1/email-verifications", json={"token": token_in(mail, "/verify-email")})

    def sign_in(self) -> dict[str, Any]:
        credentials = {"user_id": self.name, "password": self.password, "mode": "bearer"}
        session: dict[str, Any] = self.http.json("POST", "/v1/sessions", json=credentials, expect=201)
        self.http.token = session["token"]
        return session

    def join(self) -> None:
        """Register, confirm the address, sign in."""
        self.register()
        self.verify()
        self.sign_in()

    def buy(self, plan: str, method: str, *, key: str | None = None) -> dict[str, Any]:
        order = {"plan": plan, "method": method}
        checkout: dict[str, Any] = self.http.json(
            "POST", "/v1/checkouts", json=order, expect=201, key=key or secrets.token_hex(12)
        )
        return checkout

    def checkout(self, checkout_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.http.json("GET", f"/v1/checkouts/{checkout_id}")
        return found

    def wait_paid(self, checkout_id: str, seconds: float = 30) -> dict[str, Any]:
        def paid() -> dict[str, Any] | None:
            found = self.checkout(checkout_id)
            return found if found["state"] == "paid" else None

        return wait_for("the payment", paid, seconds)

    def add_worker(self, **fields: Any) -> dict[str, Any]:
        worker = {"first_name": "Wanda", "last_name": "Rivers", **fields}
        added: dict[str, Any] = self.http.json("POST", "/v1/workers", json=worker, expect=201)
        return added


def pay(checkout: dict[str, Any], how: str = "pay", *, come_back: bool = True) -> requests.Response:
    """
    Do on the provider's page what a buyer does there: ``pay``, ``decline``, ``fail``
    (3-D Secure) or ``abandon``. The browser follows the way back only if told to.
    """
    page = checkout["approval_url"]
    if checkout["method"] == "card":
        # 4000 0027 6000 3184 is the published test card that always asks for 3-D Secure.
        fields = {
            "pay": {"number": "4000002760003184", "auth": "pass"},
            "decline": {"number": "4000000000000002"},
            "fail": {"number": "4000002760003184", "auth": "fail"},
            "abandon": {"auth": "abandon"},
        }[how]
    else:
        fields = {
            "pay": {"act": "ok"},
            "decline": {"act": "declined"},
            "fail": {"act": "declined"},
            "abandon": {"act": "cancel"},
        }[how]
    looked = requests.get(page, timeout=TIMEOUT_SECONDS)
    if looked.status_code != 200 or "<form" not in looked.text:
        raise WrongAnswer(f"the payment page answered {looked.status_code}")
    answer = requests.post(page, data=fields, allow_redirects=come_back, timeout=TIMEOUT_SECONDS)
    if answer.status_code >= 400:
        raise WrongAnswer(f"after {how!r} the payment page answered {answer.status_code}")
    return answer


def path_of(address: str) -> str:
    parts = urlsplit(address)
    return parts.path + (f"?{parts.query}" if parts.query else "")
