"""
Journey 2: what S23 forbids is carried to every door there is; none takes it, none repeats it,
and afterwards it is nowhere.
"""

import hashlib
import hmac
import json
import re
import time
from datetime import datetime
from urllib.parse import quote, quote_plus

import pytest
import requests

from actiontrac.demo.client import Customer, wait_for
from services.notifications.signing import signature_of
from tests.journeys.doors import Door, all_doors
from tests.journeys.people import joined, staff
from tests.journeys.stores import found_in, logs
from tests.stack import Product

#: Card numbers that the card schemes publish for tests.
CARDS = (
    "5555555555554444",
    "3782 822463 10005",
    "6011-1111-1111-1117",
    "3530111333300000",
    "4012 8888 8888 1881",
)

PLANTED = (
    *CARDS,
    # Invented social security numbers.
    "524-61-8823",
    "601 44 7712",
    "SSN 417832290",
    "DE89370400440532013000",
    "GB82 WEST 1234 5698 7654 32",
    "born 12/03/1984",
)

#: Each door meets so many of them, each time others.
EACH_DOOR = 3


def needles(value: str) -> set[str]:
    """How a planted value would look in a log, an address or a database."""
    core = re.sub(r"^(born|SSN) ", "", value)
    spellings = {core, core.replace(" ", ""), core.replace("-", "").replace(" ", "")}
    return spellings | {form(one) for one in spellings for form in (quote, quote_plus)} | {quote(core, safe="")}


NEEDLES = frozenset(needle for value in PLANTED for needle in needles(value))


@pytest.fixture(scope="module")
def owner(product: Product) -> Customer:
    return joined(product)


@pytest.fixture(scope="module")
def doors(product: Product, owner: Customer) -> list[Door]:
    return all_doors(product.url, {"owner": owner.http.token or "", "staff": staff(product).token or ""})


def problem_at(door: Door, answer: requests.Response, value: str) -> str | None:
    """What is wrong with this answer; never with the value in it."""
    whole = answer.text + json.dumps(dict(answer.headers))
    if any(needle in whole for needle in needles(value)):
        return f"{door.name} repeats the value ({answer.status_code})"
    if answer.status_code != door.status:
        return f"{door.name} answers {answer.status_code} to planted value {PLANTED.index(value)}"
    if door.status != 422 or "json" not in answer.headers["Content-Type"]:
        return None
    refusal = answer.json()
    if refusal["code"] != "forbidden_data":
        return f"{door.name} refuses as {refusal['code']}, not for what it is"
    fields = [one["field"] for one in refusal["fields"]]
    if door.field is not None and door.field not in fields:
        return f"{door.name} names {fields} and not {door.field}"
    return None


def test_every_door_refuses_forbidden_data_and_does_not_repeat_it(doors: list[Door]) -> None:
    problems = []
    turn = 0
    for door in doors:
        for _ in range(EACH_DOOR):
            values = CARDS if door.secret else PLANTED
            value = values[turn % len(values)]
            turn += 1
            problem = problem_at(door, door.send(value), value)
            if problem:
                problems.append(problem)
    assert not problems, "\n".join(problems)


def test_there_are_far_more_than_twenty_doors(doors: list[Door]) -> None:
    names = {door.name for door in doors}
    assert len(names) > 100
    # Some that must never be missing, whatever else the document says.
    assert {
        "register first_name",
        "register company_address",
        "create_worker notes",
        "create_worker tags.[]",
        "create_worker Idempotency-Key",
        "update_company company_name",
        "create_refund reason",
        "create_campaign body",
        "list_workers ?search=",
        "create_invitation email",
        "import_workers options.mapping.{key}",
    } <= names


def test_a_file_loses_the_rows_that_hold_forbidden_data_and_no_others(owner: Customer) -> None:
    rows = [f'R-{number},Row,Number{number},"{value}"' for number, value in enumerate(PLANTED)]
    file = "\n".join(["No,First name,Last name,Remarks", *rows, "R-99,Good,Row,Night shift", ""])
    for options in ({"dry_run": True}, {}):
        answer = owner.http.request("POST", "/v1/worker-imports", json={"text": file, "options": options}, expect=201)
        done = answer.json()
        assert (done["created"], done["failed"]) == (1, len(PLANTED))
        assert [(error["row"], error["field"]) for error in done["errors"]] == [
            (row, "notes") for row in range(2, len(PLANTED) + 2)
        ]
        assert not [needle for needle in NEEDLES if needle in answer.text]
    kept = owner.http.json("GET", "/v1/workers")["items"]
    assert [worker["worker_number"] for worker in kept] == ["R-99"]


def test_a_request_id_that_is_a_card_number_is_not_taken_over(product: Product) -> None:
    answer = product.http().request("GET", "/v1/plans", headers={"X-Request-Id": "5555555555554444"})
    assert answer.headers["X-Request-Id"].startswith("req_")


def signed_event(product: Product, value: str, number: int, **places: str) -> requests.Response:
    """An event that Stripe itself signed, with the value in it; ``places`` are ids that hold it too."""
    about = {
        "id": f"ch_gauntlet{number}",
        "object": "charge",
        "description": value,
        "metadata": {"payment_id": f"chk_gauntlet{number}", "note": value},
        "billing_details": {"name": value},
        **places,
    }
    event = {"id": f"evt_gauntlet{number}", "type": "charge.refunded", "livemode": False, "data": {"object": about}}
    if "payment_id" in places:
        about["metadata"] = {"payment_id": value}
    if "event_id" in places:
        event["id"] = value
    raw = json.dumps(event).encode()
    at = int(datetime.fromisoformat(product.http().json("GET", "/sandbox/clock")["now"]).timestamp())
    secret = product.settings.secret("STRIPE_WEBHOOK_SECRET")
    mac = hmac.new(secret.encode(), f"{at}.".encode() + raw, hashlib.sha256).hexdigest()
    headers = {"Stripe-Signature": f"t={at},v1={mac}", "Content-Type": "application/json"}
    return requests.post(f"{product.url}/webhooks/stripe", data=raw, headers=headers, timeout=30)


def test_a_webhook_that_is_signed_is_taken_without_what_it_says(product: Product) -> None:
    for number, value in enumerate(CARDS):
        answer = signed_event(product, value, number)
        assert (answer.status_code, answer.json()["status"]) == (200, "accepted")
        digits = "".join(char for char in value if char.isdigit())
        for place in ("payment_id", "event_id", "payment_intent"):
            answer = signed_event(product, digits, number + 100, **{place: digits})
            assert (answer.status_code, answer.json()["status"]) == (200, "ignored"), place
            assert digits not in answer.text


def test_a_mail_that_comes_in_is_kept_without_it(product: Product) -> None:
    for number, value in enumerate(CARDS):
        raw = (
            f"From: Somebody <somebody{number}@gauntlet.example>\r\nTo: support@actiontrac.example\r\n"
            f"Subject: My card {value}\r\nMessage-ID: <gauntlet-{number}@gauntlet.example>\r\n\r\n"
            f"Please charge {value}, thank you.\r\n"
        ).encode()
        header = signature_of(raw, product.settings.secret("INBOUND_KEY"), int(time.time()))
        for given, status in ((header, 200), ("t=1,v1=" + "0" * 64, 400)):
            answer = requests.post(
                f"{product.url}/inbound/email", data=raw, headers={"X-ActionTrac-Signature": given}, timeout=30
            )
            assert answer.status_code == status, answer.text
            assert not any(needle in answer.text for needle in needles(value))
    tickets = staff(product).json("GET", "/v1/support-tickets", params={"limit": 200})["items"]
    seen = json.dumps([staff(product).json("GET", f"/v1/support-tickets/{one['id']}") for one in tickets])
    assert "gauntlet" in seen or len(tickets) >= len(CARDS), "the mails arrived"
    assert not [needle for needle in NEEDLES if needle in seen]


def test_addresses_and_commands_do_not_repeat_it(product: Product) -> None:
    for value in CARDS:
        for path in (f"/billing/return/stripe?checkout={quote(value)}", f"/unsubscribe/{quote(value)}"):
            answer = requests.get(product.url + path, timeout=30)
            assert not any(needle in answer.text for needle in needles(value)), path
        requests.post(f"{product.url}/unsubscribe/{quote(value)}", timeout=30)
    shown = product.command("dead-letters", "show", "5555555555554444")
    assert shown.returncode != 0


def test_the_search_would_find_what_is_there(product: Product, owner: Customer) -> None:
    me = owner.http.json("GET", "/v1/me")["id"]
    places = found_in(product, [me])
    assert any("table" in place for place in places), "no table is searched"
    assert any(place.startswith("file") for place in places) or product.mode == "full", "no file is searched"


def test_afterwards_the_sweep_finds_nothing_and_no_store_queue_or_log_holds_any_of_it(product: Product) -> None:
    before = len(product.log())
    product.advance("1d")

    def swept() -> dict[str, int] | None:
        lines = [json.loads(line) for line in product.log()[before:].splitlines()]
        return next((line for line in lines if line["event"] == "sweep_finished"), None)

    sweep = wait_for("the nightly sweep", swept, 60)
    assert sweep["checked"] >= 1, "the sweep looked at nothing"
    assert sweep["quarantined"] == 0
    assert not [needle for needle in NEEDLES if needle in logs(product)]
    assert found_in(product, NEEDLES) == []
