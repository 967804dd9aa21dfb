"""
What the logs of all processes say after somebody used everything: JSON, one request id from
the first line to the last, and nothing of what that person typed or was given. S34, G08.
"""

import json
import re
import secrets
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from actiontrac.demo.client import Customer, Http, pay, token_in, wait_for
from tests.journeys.people import invite, joined, staff
from tests.journeys.stores import logs
from tests.stack import Product

#: What no request caused: processes that start and stop, timers between requests, the bus.
OF_NO_REQUEST = re.compile(
    r"(service_(ready|stopped)|process_restarted|relay_\w+|bus_\w+|sweep_finished|housekeeping_\w+|.*_started|.*_stopped)"
)


class Used:
    """Every value that a person typed, or that was given to one."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def __call__(self, what: str, value: str) -> str:
        self.values[what] = value
        return value

    def spellings(self) -> Iterator[tuple[str, str]]:
        for what, value in self.values.items():
            for form in {value, value.casefold(), quote(value), quote_plus(value), json.dumps(value)[1:-1]}:
                yield what, form


class Person(Customer):
    """An owner whose every value is like no other."""

    def __init__(self, url: str, used: Used) -> None:
        super().__init__(url, used("user id", f"quirin-{secrets.token_hex(4)}"))
        self.email = used("e-mail", f"q.{secrets.token_hex(4)}@zephyrine.example")
        self.password = used("password", f"Featherbed {secrets.token_hex(5)}")
        self.mailbox.address = self.email
        self.used = used

    def registration(self) -> dict[str, Any]:
        used = self.used
        return {
            **super().registration(),
            "first_name": used("first name", "Quirinius"),
            "last_name": used("last name", "Featherstonehaugh"),
            "company_name": used("company", "Zephyrine Tooling"),
            "company_address": used("address", "4711 Brackenthwaite Lane"),
            "city": used("city", "Llanfairpwll"),
            "zip": used("zip", "97219-4482"),
            "phone": used("phone", "+1 503 555 0177"),
        }


@pytest.fixture(scope="module")
def used(product: Product) -> Used:
    """Everything that was used while a person did everything there is to do."""
    used = Used()
    person = Person(product.url, used)
    person.register()
    used("verification link", token_in(person.mailbox.wait("confirm"), "/verify-email"))
    person.verify()
    wrong = {"user_id": person.name, "password": used("wrong password", "Candlestick parade"), "mode": "bearer"}
    person.http.request("POST", "/v1/sessions", json=wrong, expect=401)
    by_mail = {"user_id": person.email, "password": person.password, "mode": "cookie"}
    cookie = person.http.request("POST", "/v1/sessions", json=by_mail, expect=201)
    used("cookie", cookie.headers["Set-Cookie"].split(";")[0].partition("=")[2])
    used("csrf token", cookie.json()["csrf_token"])
    used("session token", person.sign_in()["token"])
    used("staff token", staff(product).token or "")
    _account(product, person)
    _workers(person)
    _payments(person)
    _mail(product, person)
    return used


def _account(product: Product, person: Person) -> None:
    used, http = person.used, person.http
    http.request("PATCH", "/v1/me", json={"phone": used("new phone", "+1 971 555 0133")})
    http.request("PATCH", "/v1/company", json={"company_name": used("new company", "Mistlethwaite Works")})
    guest = used("guest", f"guest.{secrets.token_hex(4)}@zephyrine.example")
    invite(person, guest, "viewer")
    visitor = Customer(product.url)
    visitor.mailbox.address = guest
    token = used("invitation link", token_in(visitor.mailbox.wait("invite"), "/accept-invitation"))
    acceptance = {
        "token": token,
        "first_name": used("guest's first name", "Thessalonia"),
        "last_name": used("guest's last name", "Oakenshield"),
        "user_id": used("guest's user id", f"thessa-{secrets.token_hex(4)}"),
        "password": used("guest's password", f"Lantern {secrets.token_hex(5)}"),
    }
    http.request("POST", "/v1/invitations/acceptances", json=acceptance)
    http.request("POST", "/v1/password-resets", json={"email": person.email}, expect=202)
    reset = used("reset link", token_in(person.mailbox.wait("password"), "/reset-password"))
    person.password = used("new password", f"Umbrella {secrets.token_hex(5)}")
    completion = {"token": reset, "new_password": person.password}
    http.request("POST", "/v1/password-resets/completions", json=completion)
    used("session token after the reset", person.sign_in()["token"])
    # Addresses that only pages see, with their secrets in the query.
    http.request("GET", "/verify-email", params={"token": reset})


def _workers(person: Person) -> None:
    used, http = person.used, person.http
    person.add_worker(
        first_name=used("worker's first name", "Wilhelmina"),
        last_name=used("worker's last name", "Abernathy"),
        work_email=used("worker's e-mail", "w.abernathy@zephyrine.example"),
        work_phone=used("worker's phone", "+1 503 555 0188"),
        notes=used("notes", "Prefers the mezzanine"),
    )
    http.request("GET", "/v1/workers", params={"search": used("search", "Abernathy Wilhelmina")})
    card = used("card number", "5105 1051 0510 5100")
    born = used("birth date", "born 17/09/1961")
    file = f'Name;E-mail;Notes\n"Ashgrove, Peregrine";p@zephyrine.example;{card}\n"Ives, Isolde";nobody;{born}\n'
    used("imported name", "Peregrine")
    used("refused name", "Isolde")
    http.request("POST", "/v1/worker-imports", json={"text": file}, expect=201)
    http.request("POST", "/v1/workers", json={"first_name": card, "last_name": born}, expect=422)
    http.request("GET", f"/v1/workers/{used('invented id', 'Montgomery-Scott')}", expect=404)
    http.request("POST", "/v1/workers", data=b'{"first_name": "Bartholomew', expect=(400, 415))
    used("broken body", "Bartholomew")


def _payments(person: Person) -> None:
    for plan, method in (("starter", "paypal"), ("starter", "card")):
        checkout = person.buy(plan, method)
        pay(checkout, "decline")
        pay(person.checkout(checkout["id"]))
        person.wait_paid(checkout["id"])
        refund = {
            "checkout_id": checkout["id"],
            "reason": person.used(f"reason {method}", f"Second thoughts, {method}"),
        }
        person.http.request("POST", "/v1/refunds", json=refund, key=secrets.token_hex(12), expect=201)
        refunded = partial(is_refunded, person, checkout["id"])
        wait_for("the refund", refunded, 40)
    person.used("card on the provider's page", "4000002760003184")


def is_refunded(person: Person, checkout_id: str) -> bool:
    return bool(person.checkout(checkout_id)["state"] == "refunded")


def _mail(product: Product, person: Person) -> None:
    person.http.request("PATCH", "/v1/me/email-preferences", json={"categories": {"promotions": True}})
    subject = person.used("campaign", f"Wayfarers {secrets.token_hex(3)}")
    campaign = {"name": subject, "subject": subject, "heading": subject, "body": "An hour."}
    staff(product).request("POST", "/v1/campaigns", json=campaign, expect=201)
    mail = person.mailbox.wait(subject, 60)
    found = re.search(r"/unsubscribe/([\w.~-]+)", str(mail["headers"]))
    assert found, "the campaign has no way out"
    token = person.used("unsubscribe link", found[1])
    person.http.request("POST", f"/unsubscribe/{token}", data={"List-Unsubscribe": "One-Click"})
    person.http.request("DELETE", "/v1/sessions/current", expect=204)


def lines_of(product: Product) -> list[dict[str, Any]]:
    return [json.loads(line) for line in product.log().splitlines()]


def test_nothing_that_a_person_typed_or_was_given_stands_in_any_log(product: Product, used: Used) -> None:
    assert len(used.values) > 30
    written = logs(product)
    low = written.casefold()
    found = sorted({what for what, form in used.spellings() if form in written or form.casefold() in low})
    assert not found, f"in the logs: {', '.join(found)}"


def test_every_line_is_json_and_says_when_who_and_for_which_request(product: Product, used: Used) -> None:
    lines = lines_of(product)
    assert len(lines) > 50
    for line in lines:
        assert {"at", "event", "level", "process"} <= line.keys(), line["event"]
        if not OF_NO_REQUEST.fullmatch(line["event"]):
            assert line.get("request_id"), line["event"]
    events = [line["event"] for line in lines]
    assert "request" in events
    assert "mail_sent" in events
    errors = [line for line in lines if line["level"] in ("error", "critical")]
    assert not errors, errors[:3]


def test_the_product_prints_nothing_but_where_it_is(product: Product, used: Used) -> None:
    assert "Traceback" not in product.output()
    assert "Warning" not in product.output()


def trail(product: Product, request_id: str) -> list[dict[str, Any]]:
    return [line for line in lines_of(product) if line.get("request_id") == request_id]


def test_one_request_id_leads_from_the_clients_header_to_the_last_handler(product: Product) -> None:
    """A file of eight workers: gateway, workers, billing's warning, the mail about it."""
    owner = joined(product)
    checkout = owner.buy("starter", "card")
    pay(checkout)
    owner.wait_paid(checkout["id"])
    request_id = f"journey-{secrets.token_hex(8)}"
    file = "First name;Surname\n" + "".join(f"Ada{number};Lane\n" for number in range(8))
    answer = owner.http.request(
        "POST", "/v1/worker-imports", json={"text": file}, headers={"X-Request-Id": request_id}, expect=201
    )
    assert answer.headers["X-Request-Id"] == request_id
    owner.mailbox.wait("8 of 10")
    sent = wait_for(
        "the mail's line", lambda: [one for one in trail(product, request_id) if one["event"] == "mail_sent"]
    )
    assert [line["template"] for line in sent] == ["usage_80"]
    events = [line["event"] for line in trail(product, request_id)]
    assert events.index("request") < events.index("mail_sent")
    processes = {line["process"] for line in trail(product, request_id)}
    assert processes == {"embedded"} if product.mode == "embedded" else {"gateway", "notifications"} <= processes


@pytest.mark.parametrize("sent", ["", "short", "two words", "é" * 12, "x" * 65, "4242424242424242"])
def test_a_request_id_that_could_do_harm_is_replaced(product: Product, sent: str) -> None:
    answer = Http(product.url).request("GET", "/v1/plans", headers={"X-Request-Id": sent.encode()})
    assert re.fullmatch(r"req_[0-9a-z]{26}", answer.headers["X-Request-Id"])
