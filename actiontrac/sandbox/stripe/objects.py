"""Stripe's objects as its API shows them, with every field that the SDK says is always there."""

import secrets
from typing import Any

from actiontrac import clock
from actiontrac.sandbox.database import Document
from actiontrac.sandbox.stripe.cards import Card

#: The version that the pinned SDK sends; a test compares the two.
API_VERSION = "2026-10-28.endive"
#: How long a session lives when nobody says.
SESSION_SECONDS = 86400
#: The shortest that Stripe allows.
SHORTEST_SESSION_SECONDS = 1800


def new_id(prefix: str) -> str:
    alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789"
    return prefix + "_" + "".join(secrets.choice(alphabet) for _ in range(24))


def seconds_now() -> int:
    return int(clock.now().timestamp())


def session(parameters: Document, total: int, currency: str, public_url: str) -> Document:
    identifier = new_id("cs_test")
    return {
        "id": identifier,
        "object": "checkout.session",
        "amount_subtotal": total,
        "amount_total": total,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "cancel_url": parameters.get("cancel_url"),
        "client_reference_id": parameters.get("client_reference_id"),
        "created": seconds_now(),
        "currency": currency,
        "custom_fields": [],
        "custom_text": {"after_submit": None, "shipping_address": None, "submit": None},
        "customer": None,
        "customer_creation": parameters.get("customer_creation", "if_required"),
        "customer_details": None,
        "customer_email": parameters.get("customer_email"),
        "expires_at": int(parameters.get("expires_at", seconds_now() + SESSION_SECONDS)),
        "invoice": None,
        "livemode": False,
        "metadata": parameters.get("metadata", {}),
        "mode": "payment",
        "payment_intent": None,
        "payment_method_types": parameters.get("allowed_payment_method_types", ["card"]),
        "payment_status": "unpaid",
        "setup_intent": None,
        "shipping_options": [],
        "status": "open",
        "subscription": None,
        "success_url": parameters.get("success_url"),
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": f"{public_url}/stripe/c/pay/{identifier}",
    }


def payment_intent(of: Document, wishes: Document) -> Document:
    """``wishes`` is ``payment_intent_data``: a session's own metadata is not copied."""
    fee = wishes.get("application_fee_amount")
    return {
        "id": new_id("pi"),
        "object": "payment_intent",
        "amount": of["amount_total"],
        "amount_capturable": 0,
        "amount_received": 0,
        "application_fee_amount": None if fee is None else int(fee),
        "capture_method": "automatic_async",
        "client_secret": None,
        "confirmation_method": "automatic",
        "created": seconds_now(),
        "currency": of["currency"],
        "customer": None,
        "description": wishes.get("description"),
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": wishes.get("metadata", {}),
        "next_action": None,
        "on_behalf_of": wishes.get("on_behalf_of"),
        "payment_method": None,
        "payment_method_types": ["card"],
        "receipt_email": wishes.get("receipt_email"),
        "setup_future_usage": wishes.get("setup_future_usage"),
        "status": "requires_payment_method",
        "transfer_data": wishes.get("transfer_data"),
    }


#: What Stripe takes for a dispute whoever wins it, in minor units.
DISPUTE_FEE = 1500


def charge(intent: Document, card: Card, secure: str | None) -> Document:
    """``secure`` is the result of 3-D Secure, None where there was none."""
    three_d_secure = None if secure is None else {"result": secure, "version": "2.2.0", "authentication_flow": None}
    return {
        "id": new_id("ch"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"],
        "amount_refunded": 0,
        "application_fee_amount": intent["application_fee_amount"],
        "billing_details": {"address": None, "email": None, "name": None, "phone": None, "tax_id": None},
        "captured": True,
        "created": seconds_now(),
        "currency": intent["currency"],
        "description": intent["description"],
        "disputed": False,
        "livemode": False,
        "metadata": intent["metadata"],
        "paid": True,
        "payment_intent": intent["id"],
        "payment_method_details": {
            "type": "card",
            "card": {
                "brand": card.brand,
                "exp_month": 12,
                "exp_year": clock.now().year + 3,
                "funding": "credit",
                "last4": card.last4,
                "three_d_secure": three_d_secure,
            },
        },
        "refunded": False,
        "status": "succeeded",
    }


def refund(of: Document, amount: int, parameters: Document, status: str) -> Document:
    return {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "charge": of["id"],
        "created": seconds_now(),
        "currency": of["currency"],
        "metadata": parameters.get("metadata", {}),
        "payment_intent": of["payment_intent"],
        "reason": parameters.get("reason"),
        "status": status,
    }


def dispute(of: Document) -> Document:
    return {
        "id": new_id("dp"),
        "object": "dispute",
        "amount": of["amount"],
        "balance_transactions": [balance_transaction(-of["amount"], DISPUTE_FEE, of)],
        "charge": of["id"],
        "created": seconds_now(),
        "currency": of["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {},
        "evidence_details": {"due_by": seconds_now() + 7 * 86400, "has_evidence": False, "past_due": False},
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": of["payment_intent"],
        "reason": "fraudulent",
        "status": "needs_response",
    }


def balance_transaction(amount: int, fee: int, of: Document) -> Document:
    """A movement on our account at Stripe that a dispute caused; ``amount`` is negative where money leaves it."""
    return {
        "id": new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": seconds_now(),
        "balance_type": "payments",
        "created": seconds_now(),
        "currency": of["currency"],
        "description": f"Chargeback for {of['id']}",
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [],
        "net": amount - fee,
        "reporting_category": "dispute" if amount < 0 else "dispute_reversal",
        "source": of["id"],
        "status": "available",
        "type": "adjustment",
    }


def event(kind: str, about: Document, account: str, key: str | None = None) -> Document:
    body: dict[str, Any] = {
        "id": new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": seconds_now(),
        "data": {"object": about},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": key},
        "type": kind,
    }
    if account:
        body["account"] = account
    return body
