"""The doors of notifications over HTTP, in the embedded product."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from actiontrac.demo.client import Http
from services.notifications.signing import signature_of
from tests.notifications.replies_corpus import mail
from tests.stack import Product, embedded_product


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    product = embedded_product(tmp_path_factory.mktemp("product"))
    product.start()
    yield product
    product.stop()


@pytest.fixture(scope="module")
def staff(product: Product) -> Http:
    http = product.http()
    http.token = product.settings.secret("STAFF_TOKEN")
    return http


def comes_in(product: Product, raw: bytes, *, expect: int = 200, key: str | None = None) -> Any:
    signature = signature_of(raw, key or product.settings.secret("INBOUND_KEY"), int(time.time()))
    headers = {"Content-Type": "message/rfc822", "X-ActionTrac-Signature": signature}
    return product.http().json("POST", "/inbound/email", data=raw, headers=headers, expect=expect)


def test_a_mail_comes_in_and_is_answered(product: Product, staff: Http) -> None:
    raw = mail("How do we import our workers?", subject="A question", to="support@actiontrac.example")

    assert comes_in(product, raw) == {"outcome": "ticket"}
    assert comes_in(product, raw) == {"outcome": "duplicate"}
    ticket = staff.json("GET", "/v1/support-tickets")["items"][0]
    answered = staff.json("POST", f"/v1/support-tickets/{ticket['id']}/answers", json={"text": "With a CSV file."})

    assert answered["state"] == "closed"
    assert [one["direction"] for one in answered["entries"]] == ["in", "out"]
    assert staff.json("GET", f"/v1/support-tickets/{ticket['id']}")["subject"] == "A question"


def test_the_door_is_closed_to_everybody_else(product: Product) -> None:
    assert comes_in(product, mail("STOP"), key="guessed", expect=400)["code"] == "mail_signature_refused"
    assert comes_in(product, b"x" * (2 * 1024 * 1024 + 1), expect=413)
    for path in ("/v1/support-tickets", "/v1/support-tickets/tkt_x"):
        product.http().request("GET", path, expect=401)


def test_an_address_is_suppressed_and_mailed_again(product: Product, staff: Http) -> None:
    change = {"address": "eve@elsewhere.example", "reason": "Asked on the phone"}
    added = staff.json("POST", "/v1/suppressions", json=change, expect=201)

    assert added in staff.json("GET", "/v1/suppressions", params={"reason": "manual"})["items"]
    assert "eve" not in str(added)
    staff.request("POST", "/v1/suppressions/removals", json={**change, "reason": "Changed her mind"}, expect=204)
    staff.request("POST", "/v1/suppressions/removals", json=change, expect=404)
    search = {"address": "Eve@elsewhere.example"}
    history = staff.json("POST", "/v1/suppressions/searches", json=search)
    assert history["suppression"] is None
    assert [one["change"] for one in history["changes"]] == ["added", "removed"]
    product.http().request("GET", "/v1/suppressions", expect=401)
