"""A company that sells: connects its own accounts, bills a client, is paid once, and gives money back (T13, B30)."""

import re
import secrets
from datetime import timedelta
from typing import Any

import pytest
import requests

from actiontrac import clock
from actiontrac.demo.client import Customer, Http, Mailbox, pay, wait_for
from tests.journeys.people import joined
from tests.stack import Product

MERCHANT = "WNM9VDLXSZPFW"
METHODS = ("card", "paypal")


class Client:
    """Somebody without an account, who gets bills by mail and opens pages in a browser without scripts."""

    def __init__(self, product: Product) -> None:
        self.email = f"clara-{secrets.token_hex(4)}@client.example"
        self.http = Http(product.url)
        self.mailbox = Mailbox(self.http, self.email)

    def page_of(self, words: str) -> str:
        found = re.search(r"https?://\S+/pay/[\w-]+", self.mailbox.wait(words)["text"])
        assert found is not None
        return found.group(0)

    def pay(self, page: str, method: str, how: str = "pay", *, come_back: bool = True) -> requests.Response:
        looked = self.http.request("GET", page)
        assert f'value="{method}"' in looked.text
        leaving = self.http.request("POST", page, data={"method": method}).text
        found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', leaving)
        assert found is not None
        return pay({"approval_url": found.group(1), "method": method}, how, come_back=come_back)


@pytest.fixture(scope="module")
def seller(product: Product) -> Customer:
    """A company whose Stripe and PayPal accounts are connected, as its owner does it."""
    owner = joined(product)
    merchant = {"provider": "paypal", "merchant_id": MERCHANT}
    assert owner.http.json("POST", "/v1/contractor/account", json=merchant, expect=201)["state"] == "ready"
    begun = owner.http.json("POST", "/v1/contractor/account", json={"provider": "stripe"}, expect=201)
    assert begun["state"] == "connecting"
    back = requests.post(begun["onboarding_url"], data={"act": "finish"}, timeout=30)
    assert "Back from Stripe" in back.text
    accounts = owner.http.json("GET", "/v1/contractor/account")["items"]
    assert {account["provider"]: account["state"] for account in accounts} == {"stripe": "ready", "paypal": "ready"}
    return owner


def issue(seller: Customer, client: Client, **more: Any) -> dict[str, Any]:
    bill = {
        "client": {"name": "Clara Finch", "email": client.email},
        "lines": [{"description": "Fitting of presses", "quantity": 2, "unit_minor": 6000}],
        "due_on": (clock.today() + timedelta(days=30)).isoformat(),
        **more,
    }
    made: dict[str, Any] = seller.http.json(
        "POST", "/v1/contractor/bills", json=bill, key=secrets.token_hex(12), expect=201
    )
    return made


def look(seller: Customer, bill: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = seller.http.json("GET", f"/v1/contractor/bills/{bill['id']}")
    return found


def wait_state(seller: Customer, bill: dict[str, Any], state: str) -> dict[str, Any]:
    def is_so() -> dict[str, Any] | None:
        found = look(seller, bill)
        return found if found["state"] == state else None

    return wait_for(f"the bill as {state}", is_so, 40)


def ledger(product: Product, **wanted: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = product.http().json("GET", "/sandbox/_control/ledger", params=wanted)
    return found


@pytest.mark.parametrize("method", METHODS)
def test_a_bill_is_paid_once_into_the_sellers_account(product: Product, seller: Customer, method: str) -> None:
    client = Client(product)
    bill = issue(seller, client)
    page = client.page_of(f"Bill {bill['number']}")
    assert page == bill["page_url"]

    back = client.pay(page, method)

    assert "Paid: thank you" in back.text
    paid = wait_state(seller, bill, "paid")
    assert (paid["method"], paid["total_minor"]) == (method, 12000)
    receipt = client.mailbox.wait(f"Receipt: bill {bill['number']}")
    assert "120.00" in receipt["text"]
    # The money was routed to the seller, once, and nothing of it to us.
    checkouts = seller.http.json("GET", "/v1/disclosures")["items"]
    checkout = next(one["about_id"] for one in checkouts if one["subject_id"] == bill["id"])
    kind = {"card": "charge", "paypal": "capture"}[method]
    provider = {"card": "stripe", "paypal": "paypal"}[method]
    own = next(one for one in seller.http.json("GET", "/v1/contractor/account")["items"] if one["provider"] == provider)
    charges = [one for one in ledger(product, kind=kind) if one.get("payment_id", one.get("custom_id")) == checkout]
    assert [one["account"] for one in charges] == [own["account"]]
    # Its client can file it, and so can the seller.
    assert requests.get(f"{page}/pdf", timeout=30).content.startswith(b"%PDF-")
    assert seller.http.request("GET", f"/v1/contractor/bills/{bill['id']}/pdf").content.startswith(b"%PDF-")


@pytest.mark.parametrize("method", METHODS)
def test_a_client_who_does_not_come_back_has_paid_all_the_same(product: Product, seller: Customer, method: str) -> None:
    client = Client(product)
    bill = issue(seller, client)
    client.pay(bill["page_url"], method, come_back=False)

    wait_state(seller, bill, "paid")
    client.mailbox.wait("Receipt")
    assert len([mail for mail in client.mailbox.all() if "Receipt" in mail["subject"]]) == 1


@pytest.mark.parametrize("method", METHODS)
def test_a_decline_is_told_and_the_second_try_pays(product: Product, seller: Customer, method: str) -> None:
    client = Client(product)
    bill = issue(seller, client)
    client.pay(bill["page_url"], method, "decline")
    assert look(seller, bill)["state"] == "open"

    client.pay(bill["page_url"], method)

    wait_state(seller, bill, "paid")


@pytest.mark.parametrize("method", METHODS)
def test_money_goes_back_in_parts_with_credit_notes(product: Product, seller: Customer, method: str) -> None:
    client = Client(product)
    bill = issue(seller, client)
    client.pay(bill["page_url"], method)
    wait_state(seller, bill, "paid")

    where = f"/v1/contractor/bills/{bill['id']}/refunds"
    for amount in (2000, None):
        refund = {"amount_minor": amount, "reason": "Only one was fitted"}
        seller.http.request("POST", where, json=refund, key=secrets.token_hex(12), expect=201)
    found = wait_state(seller, bill, "refunded")

    assert [credit["amount_minor"] for credit in found["credits"]] == [2000, 10000]
    assert "Given back" in client.http.request("GET", bill["page_url"]).text
    wait_for("both mails", lambda: len([m for m in client.mailbox.all() if m["subject"].startswith("Refund")]) == 2)


def test_a_withdrawn_bill_says_so_and_takes_no_money(product: Product, seller: Customer) -> None:
    client = Client(product)
    bill = issue(seller, client)
    seller.http.request("POST", f"/v1/contractor/bills/{bill['id']}/void")

    assert "withdrawn" in client.http.request("GET", bill["page_url"]).text
    client.http.request("POST", bill["page_url"], data={"method": "card"}, expect=409)


def test_numbers_have_no_gap(seller: Customer) -> None:
    items = seller.http.json("GET", "/v1/contractor/bills", params={"limit": 200})["items"]
    numbers = sorted(int(bill["number"].rpartition("-")[2]) for bill in items)

    assert numbers == list(range(1, len(numbers) + 1))


def test_every_hand_over_is_listed(product: Product, seller: Customer) -> None:
    listed = seller.http.json("GET", "/v1/disclosures", params={"limit": 200})["items"]
    recipients = {one["recipient"] for one in listed}

    assert recipients == {"Stripe", "PayPal"}


def test_a_mail_to_a_client_has_nothing_to_unsubscribe_from(product: Product, seller: Customer) -> None:
    client = Client(product)
    bill = issue(seller, client)
    mail = client.mailbox.wait(f"Bill {bill['number']}")

    assert "unsubscribe" not in mail["text"].lower()


def test_a_disconnected_account_takes_no_more_money(product: Product, seller: Customer) -> None:
    client = Client(product)
    bill = issue(seller, client)
    seller.http.request("DELETE", "/v1/contractor/account/paypal")
    try:
        client.http.request("POST", bill["page_url"], data={"method": "paypal"}, expect=409)
        assert 'value="paypal"' not in client.http.request("GET", bill["page_url"]).text
    finally:
        merchant = {"provider": "paypal", "merchant_id": MERCHANT}
        seller.http.request("POST", "/v1/contractor/account", json=merchant, expect=201)
