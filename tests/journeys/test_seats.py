"""Journey 3, the limit: the last seat, the days over it, a year that ended unpaid, what heals it (B12, B14 to B17)."""

import os
import secrets
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from actiontrac.demo.client import Customer, Http, pay, wait_for
from tests.journeys.people import joined, subscribe
from tests.stack import Product


@pytest.fixture(scope="module")
def product(own_product: Product) -> Product:
    return own_product


def file_of(number: int, prefix: str = "F", status: str = "active") -> str:
    rows = [f"{prefix}-{row},Wanda,Rivers,{status}" for row in range(number)]
    return "\n".join(["Number,First name,Surname,Status", *rows])


def take(http: Http, text: str, *, dry_run: bool = False, expect: int | tuple[int, ...] = 201) -> Any:
    body = {"text": text, "options": {"dry_run": dry_run}}
    return http.request("POST", "/v1/worker-imports", json=body, expect=expect)


def wait_limited(owner: Customer, more: int) -> None:
    """Until so many more workers would be refused: workers has heard what billing allows."""
    file = file_of(more, "Z")
    wait_for("the limit", lambda: take(owner.http, file, dry_run=True, expect=(201, 409)).status_code == 409)


def managed(http: Http) -> list[dict[str, Any]]:
    """The company's own list of who counts, page by page."""
    found: list[dict[str, Any]] = []
    for status in ("active", "suspended"):
        cursor = None
        while True:
            query = {"status": status, "limit": 200, **({"cursor": cursor} if cursor else {})}
            page = http.json("GET", "/v1/workers", params=query)
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                break
    return found


def usage_of(owner: Customer, level: str | None, count: int) -> dict[str, Any]:
    def as_expected() -> dict[str, Any] | None:
        usage: dict[str, Any] = owner.http.json("GET", "/v1/usage")
        return usage if (usage["level"], usage["managed"]) == (level, count) else None

    return wait_for(f"level {level} at {count}", as_expected)


def at_once(owner: Customer, times: int) -> list[int]:
    """So many adds at the same moment, one caller each; the status of each, once it was more than "come again"."""
    gate = threading.Barrier(times)
    came = [0] * times

    def add(number: int) -> None:
        http = Http(owner.http.url)
        http.token = owner.http.token
        worker, key = {"first_name": "Last", "last_name": "Seat"}, secrets.token_hex(12)
        gate.wait()
        while came[number] in (0, 429, 503, 504):
            if came[number]:
                time.sleep(0.5)
            answer = http.request("POST", "/v1/workers", json=worker, key=key, expect=(201, 409, 429, 503, 504))
            code = answer.json().get("code") if answer.status_code == 409 else None
            came[number] = 503 if code == "idempotency_key_in_use" else answer.status_code
            assert code in (None, "seat_limit_reached", "idempotency_key_in_use"), answer.text

    threads = [threading.Thread(target=add, args=(number,)) for number in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return came


@contextmanager
def without_billing(product: Product) -> Iterator[None]:
    """Where services are processes of their own, billing stands still meanwhile."""
    stopped = product.pids("serve billing") if product.mode == "full" else []
    assert stopped or product.mode == "embedded"
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)


def test_one_of_a_hundred_parallel_adds_gets_the_last_seat_though_billing_is_away(product: Product) -> None:
    owner = joined(product)
    trial = owner.http.json("POST", "/v1/trials", expect=201)
    assert (trial["state"], trial["worker_limit"]) == ("trial", 50)
    take(owner.http, file_of(49))
    gone = owner.add_worker(status="left")
    wait_limited(owner, 2)

    with without_billing(product):
        came = at_once(owner, 100)
        assert sorted(set(came)) == [201, 409]
        assert came.count(201) == 1
        refusal = owner.http.json("PATCH", f"/v1/workers/{gone['id']}", json={"status": "active"}, expect=409)
        assert refusal["code"] == "seat_limit_reached"
        assert "Business allows 250: buy it with POST /v1/checkouts" in refusal["detail"]
        take(owner.http, file_of(1, "N"), expect=409)
    assert len(managed(owner.http)) == 50
    usage = usage_of(owner, "100", 50)
    assert usage["high_water"] == 50
    owner.mailbox.wait("All 50 workers of your plan are in use")


def test_over_the_limit_there_are_fourteen_days_then_no_adding_and_it_heals(product: Product) -> None:
    owner = joined(product)
    subscribe(owner, "starter")
    take(owner.http, file_of(12))
    usage = usage_of(owner, "over", 12)
    assert (usage["worker_limit"], usage["high_water"]) == (10, len(managed(owner.http)))
    assert usage["grace_ends_on"]
    owner.mailbox.wait("more workers than your plan allows")
    product.advance("13d")
    owner.sign_in()
    owner.add_worker(worker_number="Late")
    product.advance("1d")
    owner.sign_in()

    worker = {"first_name": "Too", "last_name": "Late"}
    refusal = owner.http.json("POST", "/v1/workers", json=worker, expect=409)
    assert refusal["code"] == "seat_limit_reached"
    assert "Team allows 50: upgrade with POST /v1/plan-changes/quotes" in refusal["detail"]
    usage = usage_of(owner, "blocked", 13)
    assert "everything else works" in usage["explanation"]
    owner.mailbox.wait("No more workers can be added", 60)
    # Nothing else is blocked.
    found = managed(owner.http)
    owner.http.json("PATCH", f"/v1/workers/{found[0]['id']}", json={"title": "Fitter"})
    owner.http.request("GET", "/v1/workers.csv")

    for one in found[:4]:
        owner.http.request("DELETE", f"/v1/workers/{one['id']}")
    usage_of(owner, "80", 9)
    assert at_once(owner, 20).count(201) == 1, "fewer workers give seats back, and not more than there are"
    usage_of(owner, "100", 10)

    quote = owner.http.json("POST", "/v1/plan-changes/quotes", json={"plan": "team"}, expect=(200, 201))
    change = {"quote_id": quote["id"], "method": "card"}
    taken = owner.http.json("POST", "/v1/plan-changes", json=change, key=secrets.token_hex(12), expect=(200, 201))
    pay(taken["checkout"])
    owner.wait_paid(taken["checkout"]["id"])
    wait_for(
        "the larger plan at workers",
        lambda: owner.http.request("POST", "/v1/workers", json=worker, expect=(201, 409)).status_code == 201,
    )
    assert usage_of(owner, None, 11)["worker_limit"] == 50


def test_a_year_that_ended_unpaid_can_be_read_exported_and_left_and_paying_opens_it(product: Product) -> None:
    owner = joined(product)
    subscribe(owner, "starter")
    http = owner.http
    worker = owner.add_worker(notes="Knows the old press.")
    action = http.json("POST", f"/v1/workers/{worker['id']}/actions", json={"kind": "task", "text": "Oil."}, expect=201)
    reads = [
        "/v1/workers", f"/v1/workers/{worker['id']}", f"/v1/workers/{worker['id']}/history", "/v1/actions",
        "/v1/org-chart", "/v1/workers.csv", "/v1/workers.json", "/v1/invoices", "/v1/members",
    ]  # fmt: skip
    before = {path: http.request("GET", path).text for path in reads if path not in ("/v1/org-chart", "/v1/members")}
    product.advance("400d")
    owner.sign_in()
    assert http.json("GET", "/v1/subscription")["state"] == "read_only"

    writes = [
        ("POST", "/v1/workers", {"first_name": "Too", "last_name": "Late"}),
        ("PATCH", f"/v1/workers/{worker['id']}", {"title": "Fitter"}),
        ("POST", "/v1/worker-imports", {"text": file_of(1)}),
        ("POST", f"/v1/workers/{worker['id']}/restorations", {"version": 1}),
        ("POST", f"/v1/workers/{worker['id']}/actions", {"kind": "note", "text": "Late."}),
        ("PATCH", f"/v1/actions/{action['id']}", {"text": "Late."}),
        ("POST", "/v1/action-templates", {"name": "Late", "kind": "task", "text": "Late."}),
        ("POST", "/v1/vacant-positions", {"title": "Fitter"}),
    ]
    for method, path, body in writes:
        refusal = http.json(method, path, json=body, expect=409)
        assert refusal["code"] == "account_read_only", path
        assert "pay for a year with POST /v1/checkouts" in refusal["detail"]
    for path in reads:
        answer = http.request("GET", path)
        # An action of long ago is overdue now; that is all that may differ.
        assert path not in before or answer.text.replace('"overdue":true', '"overdue":false') == before[path], path
    # What a person wants of their own is no worker data.
    http.json("PATCH", "/v1/me/email-preferences", json={"categories": {"educational": False}})
    http.request("DELETE", f"/v1/workers/{worker['id']}")

    subscribe(owner, "starter")
    wait_for(
        "the new year at workers",
        lambda: http.request("POST", "/v1/workers", json=writes[0][2], expect=(201, 409)).status_code == 201,
    )
    assert http.json("GET", f"/v1/workers/{worker['id']}")["notes"] == "Knows the old press."
