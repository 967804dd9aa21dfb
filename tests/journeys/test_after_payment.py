"""
What happens to a payment after it arrived, over HTTP in both modes: disputes, refunds in the processor's
dashboard, and 3-D Secure that was failed, left alone or not offered (B06, B24, B27).
"""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from actiontrac.demo.client import Customer, pay, wait_for
from tests.journeys.people import joined, staff, subscribe
from tests.stack import Product

METHODS = ("card", "paypal")
PROVIDERS = {"card": "stripe", "paypal": "paypal"}


def charge_of(product: Product, checkout: dict[str, Any]) -> str:
    """The processor's own id of the money, from its ledger."""
    kind = {"card": "charge", "paypal": "capture"}[checkout["method"]]
    found = product.control("GET", "ledger", params={"kind": kind})
    return str(next(entry["ref"] for entry in found if entry.get("payment_id") == checkout["id"]))


def at_the_processor(product: Product, checkout: dict[str, Any], what: str, **given: Any) -> Any:
    wish = {"provider": PROVIDERS[checkout["method"]], "charge": charge_of(product, checkout), **given}
    return product.control("POST", what, json=wish)


def documents(customer: Customer) -> list[tuple[str, int]]:
    return [(each["kind"], each["total_minor"]) for each in customer.http.json("GET", "/v1/invoices")["items"]]


def subscription(customer: Customer) -> dict[str, Any]:
    found: dict[str, Any] = customer.http.json("GET", "/v1/subscription")
    return found


def eventually(what: str, look: Callable[[], bool]) -> None:
    wait_for(what, lambda: look() or None, 30)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("end", ["won", "lost"])
def test_a_dispute_is_marked_told_and_decided(product: Product, method: str, end: str) -> None:
    owner = joined(product)
    checkout = subscribe(owner, "team", method)
    opened = at_the_processor(product, checkout, "disputes")

    eventually("the mark", lambda: owner.checkout(checkout["id"])["dispute"] == "open")
    assert subscription(owner)["marks"] == ["disputed"]
    assert subscription(owner)["state"] == "active", "a disputed year stays usable"
    owner.mailbox.wait("disputed")
    listed = staff(product).json("GET", "/v1/staff/disputes", params={"state": "open", "limit": 200})["items"]
    assert opened["id"] in [each["provider_ref"] for each in listed]
    owner.http.request("GET", "/v1/staff/disputes", expect=403)
    refund = {"checkout_id": checkout["id"], "reason": "Meanwhile."}
    owner.http.request("POST", "/v1/refunds", json=refund, key=f"during-{opened['id']}", expect=409)

    product.control("POST", f"disputes/{opened['id']}/close", json={"status": end})
    eventually("the decision", lambda: owner.checkout(checkout["id"])["dispute"] == end)

    paid = checkout["amount_minor"]
    if end == "won":
        owner.mailbox.wait("is over")
        assert (subscription(owner)["state"], subscription(owner)["marks"]) == ("active", [])
        assert documents(owner) == [("invoice", paid)]
    else:
        owner.mailbox.wait("went back after a dispute")
        assert (subscription(owner)["state"], subscription(owner)["marks"]) == ("read_only", ["refunded"])
        assert documents(owner) == [("credit_note", -paid), ("invoice", paid)]
    assert len([mail for mail in owner.mailbox.all() if "disputed" in mail["subject"]]) == 1
    assert owner.mailbox.find("Refund of") is None, "the bank took it: we have sent nothing back"


@pytest.mark.parametrize("method", METHODS)
def test_a_refund_in_the_dashboard_becomes_one_credit_note(product: Product, method: str) -> None:
    owner = joined(product)
    checkout = subscribe(owner, "starter", method)
    ours = {"checkout_id": checkout["id"], "amount_minor": 1000, "reason": "A day was lost."}
    owner.http.request("POST", "/v1/refunds", json=ours, key="ours", expect=201)
    amount = {"card": 2500, "paypal": "25.00"}[method]
    at_the_processor(product, checkout, "refunds", amount=amount)

    expected = [("credit_note", -2500), ("credit_note", -1000), ("invoice", checkout["amount_minor"])]
    eventually("the credit note", lambda: documents(owner) == expected)
    eventually("both mails", lambda: len([m for m in owner.mailbox.all() if "Refund of" in m["subject"]]) == 2)
    assert documents(owner) == expected


def use_card(checkout: dict[str, Any], **fields: str) -> None:
    answer = requests.post(checkout["approval_url"], data=fields, timeout=30)
    assert answer.status_code < 400, answer.text


class TestThreeDSecure:
    """Only the processor's result is stored; where it is not good enough the money goes back (S33)."""

    def test_that_is_passed_buys(self, product: Product) -> None:
        owner = joined(product)
        checkout = owner.buy("starter", "card")
        pay(checkout)
        assert owner.wait_paid(checkout["id"])["state"] == "paid"

    def test_that_fails_charges_nothing_and_lets_the_buyer_try_again(self, product: Product) -> None:
        owner = joined(product)
        checkout = owner.buy("starter", "card")
        pay(checkout, "fail")
        found = owner.checkout(checkout["id"])
        assert found["state"] == "open"
        assert not charges(product, checkout)

        pay(checkout)
        assert owner.wait_paid(checkout["id"])["state"] == "paid"
        assert len(charges(product, checkout)) == 1

    def test_that_is_left_alone_charges_nothing(self, product: Product) -> None:
        owner = joined(product)
        checkout = owner.buy("starter", "card")
        use_card(checkout, number="4000002760003184")
        assert owner.checkout(checkout["id"])["state"] == "open"
        assert not charges(product, checkout)
        assert subscription(owner)["state"] == "pending_payment"

    def test_that_the_card_cannot_do_is_refused_and_refunded(self, product: Product) -> None:
        owner = joined(product)
        checkout = owner.buy("starter", "card")
        # This American Express card of the published ones cannot do 3-D Secure.
        use_card(checkout, number="378282246310005")
        eventually("the refund", lambda: owner.checkout(checkout["id"])["state"] == "refunded")
        assert owner.checkout(checkout["id"])["last_error"] == "not_authenticated"
        owner.mailbox.wait("Refund of")
        assert documents(owner) == []
        assert subscription(owner)["state"] == "none"
        assert len(charges(product, checkout)) == len(charges(product, checkout, "refund")) == 1


def charges(product: Product, checkout: dict[str, Any], kind: str = "charge") -> list[dict[str, Any]]:
    ledger = product.control("GET", "ledger")
    made = [entry for entry in ledger if entry["kind"] == "charge" and entry.get("payment_id") == checkout["id"]]
    if kind == "charge":
        return made
    refs = {entry["ref"] for entry in made}
    return [entry for entry in ledger if entry["kind"] == kind and entry.get("charge") in refs]
