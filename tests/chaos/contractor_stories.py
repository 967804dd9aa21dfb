"""A company that sells, while something ends in the middle: its account, a bill, its payment, and money back."""

import html
import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import requests

from actiontrac import clock
from tests.chaos.actors import Actor
from tests.chaos.scene import JOINED, Scene
from tests.chaos.truth import Books

MERCHANT = "WNM9VDLXSZPFW"

ISSUED = Books(bills={"open": 1}, mails={**JOINED.mails, "bill": 1})
BILL_PAID = replace(
    ISSUED, bills={"paid": 1}, checkouts={"paid": 1}, starts=1, charges=1, payments=1,
    mails={**ISSUED.mails, "bill_receipt": 1},
)  # fmt: skip
BILL_REFUNDED = replace(
    BILL_PAID, bills={"refunded": 1}, checkouts={"refunded": 1}, refunds=1, bill_credits=1,
    mails={**BILL_PAID.mails, "bill_refund": 1},
)  # fmt: skip


def connecting(scene: Scene) -> None:
    """One account is opened at Stripe, however often it is asked for, and it is the one that is written down."""
    owner = scene.actor()
    scene.arm()
    owner.send("POST", "/v1/contractor/account", wanted=(201,), json={"provider": "stripe"})
    scene.converge(owner, JOINED, also=lambda: _one_account(scene, owner))


def bill_paid(scene: Scene) -> None:
    """The client opens the page, pays at the processor and comes back."""
    seller, bill = issued(scene)
    scene.arm()
    pay(scene, seller, bill)
    scene.converge(seller, BILL_PAID)


def bill_paid_unseen(scene: Scene) -> None:
    """The client never comes back; a webhook or the reconciler finds it."""
    seller, bill = issued(scene)
    scene.arm()
    pay(scene, seller, bill, come_back=False)
    scene.converge(seller, BILL_PAID)


def bill_refunded(scene: Scene) -> None:
    seller, bill = issued(scene)
    pay(scene, seller, bill)
    scene.converge(seller, BILL_PAID, keep=False)
    scene.arm()
    seller.send(
        "POST", f"/v1/contractor/bills/{bill['id']}/refunds", wanted=(201,), json={"reason": "Fitted the wrong press"}
    )
    scene.converge(seller, BILL_REFUNDED)


def issued(scene: Scene) -> tuple[Actor, dict[str, Any]]:
    """A seller with both accounts, and a bill that its client has by mail."""
    seller = scene.actor()
    http = seller.customer.http
    http.request("POST", "/v1/contractor/account", json={"provider": "paypal", "merchant_id": MERCHANT}, expect=201)
    begun = http.json("POST", "/v1/contractor/account", json={"provider": "stripe"}, expect=201)
    requests.post(begun["onboarding_url"], data={"act": "finish"}, timeout=30)
    sold = {
        "client": {"name": "Clara Finch", "email": f"clara.{seller.customer.name}@client.example"},
        "lines": [{"description": "Fitting of presses", "quantity": 2, "unit_minor": 6000}],
        # The product's clock may be well ahead of ours.
        "due_on": (clock.today() + timedelta(days=200)).isoformat(),
    }
    bill: dict[str, Any] = seller.send("POST", "/v1/contractor/bills", wanted=(201,), json=sold).json()
    scene.converge(seller, ISSUED, keep=False)
    return seller, bill


def pay(scene: Scene, seller: Actor, bill: dict[str, Any], *, come_back: bool = True) -> None:
    """Press the button until the processor's page is known, and pay there."""
    found: list[str] = []

    def left() -> bool:
        send = {"method": scene.method}
        answer = scene.lane.insist(lambda: requests.post(bill["page_url"], data=send, timeout=30), (200,))
        url = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', answer.text)
        found[:] = [html.unescape(url.group(1))] if url else []
        return bool(found)

    scene.wait("the payment page", left)
    seller.pay({"approval_url": found[0], "method": scene.method}, come_back=come_back)


def _one_account(scene: Scene, owner: Actor) -> list[str]:
    rows = scene.truth.rows("billing", "SELECT * FROM seller_accounts WHERE company_id = :id", id=owner.company_id)
    theirs = scene.truth.rows("sandbox", "SELECT body FROM objects WHERE kind = 'stripe.account'")
    opened = [json.loads(row["body"]) for row in theirs]
    ids = {row["id"] for row in rows}
    ours = [one["id"] for one in opened if one["metadata"].get("seller_id") in ids]
    written = [row["account"] for row in rows]
    entries = scene.truth.rows("billing", "SELECT id FROM disclosures WHERE company_id = :id", id=owner.company_id)
    wrong = [] if len(ours) == 1 and written == ours else [f"Stripe opened {ours} and written down is {written}"]
    return wrong if len(entries) == 1 else [*wrong, f"{len(entries)} disclosures instead of one"]
