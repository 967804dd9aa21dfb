"""What happens to orders and captures at PayPal; every method runs inside the caller's transaction."""

import json
import secrets
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from actiontrac import clock
from actiontrac.sandbox.database import Document, Ledger, Objects
from actiontrac.sandbox.exchange import Effect
from actiontrac.sandbox.paypal import errors, shapes
from actiontrac.sandbox.webhooks import Webhooks

#: PayPal gives an approval back when nobody captured it by then.
CAPTURE_WINDOW = timedelta(hours=3)
#: How long the refunds take that are not done at once.
REFUND_SETTLES = timedelta(seconds=3)
PAYER = {"payer_id": "QYR5Z8XDVJNXQ", "email_address": "buyer@example.com", "name": {"given_name": "Test"}}


@dataclass(frozen=True)
class Funding:
    """One way for the buyer to pay, and what it does when the order is captured."""

    slug: str
    label: str
    explains: str


FUNDINGS = (
    Funding("ok", "PayPal balance", "The capture completes"),
    Funding("declined", "Card without money", "The capture is declined and you are sent back here"),
    Funding("pending", "Bank transfer under review", "The capture is pending until the sandbox is told otherwise"),
    Funding("refund_later", "PayPal balance, slow refunds", "The capture completes; a refund is pending first"),
)


class OrderClosed(Exception):
    """The order can no longer be approved."""


class PayPalBook:
    """The books of the fake PayPal."""

    def __init__(self, store: Objects, ledger: Ledger, webhooks: Webhooks, public_url: str, internal_url: str) -> None:
        self._store = store
        self._ledger = ledger
        self._webhooks = webhooks
        self._public_url = public_url
        self._api = f"{internal_url}/paypal/v2"

    def create_order(self, wanted: Document, key: str | None) -> Document:
        shapes.check_order(wanted)
        unit = wanted["purchase_units"][0]
        source = "payment_source" in wanted
        context = (
            wanted["payment_source"].get("paypal", {}).get("experience_context", {})
            if source
            else wanted.get("application_context", {})
        )
        order: Document = {
            "id": new_id(),
            "intent": wanted["intent"],
            "status": "PAYER_ACTION_REQUIRED" if source else "CREATED",
            "purchase_units": [{"reference_id": "default", **unit}],
            "create_time": clock.iso(clock.now()),
        }
        if source:
            order["payment_source"] = {"paypal": {}}
        self._store.put("order", order, hidden={"context": context, "funding": "ok"})
        self._ledger.write(
            "paypal",
            "order",
            order["id"],
            key=key,
            payment_id=unit.get("custom_id"),
            value=unit["amount"]["value"],
            currency=unit["amount"]["currency_code"],
            account=unit.get("payee", {}).get("merchant_id", ""),
            parameters=sorted(_paths(wanted)),
        )
        return order

    def order(self, identifier: str) -> Document:
        """The order, with its approval given back on the way when nobody captured it in time."""
        order = self._store.get("order", identifier)
        if order is None:
            raise errors.refuse(404, "INVALID_RESOURCE_ID")
        if order["status"] == "APPROVED" and self._is_too_late(order):
            self._reverse_approval(order)
        return order

    def context(self, order: Document) -> Document:
        return dict(self._store.hidden("order", order["id"]).get("context", {}))

    def shown(self, order: Document) -> Document:
        """With the links that its status allows."""
        links = [{"href": f"{self._api}/checkout/orders/{order['id']}", "rel": "self", "method": "GET"}]
        if order["status"] in ("CREATED", "PAYER_ACTION_REQUIRED"):
            relation = "payer-action" if "payment_source" in order else "approve"
            links.append({"href": self.approval_url(order), "rel": relation, "method": "GET"})
        if order["status"] == "APPROVED":
            href = f"{self._api}/checkout/orders/{order['id']}/capture"
            links.append({"href": href, "rel": "capture", "method": "POST"})
        return {**order, "links": links}

    def approval_url(self, order: Document) -> str:
        return f"{self._public_url}/paypal/checkoutnow?token={order['id']}"

    def approve(self, order: Document, funding: str) -> None:
        """
        The buyer pressed "Pay".

        Raises:
            OrderClosed: captured or given back already.
        """
        if order["status"] not in ("CREATED", "PAYER_ACTION_REQUIRED", "APPROVED"):
            raise OrderClosed
        order.update(status="APPROVED", payer=PAYER, update_time=clock.iso(clock.now()))
        hidden = self._store.hidden("order", order["id"])
        self._store.put("order", order, hidden={**hidden, "funding": funding, "approved": order["update_time"]})
        self._ledger.write("paypal", "approval", order["id"], funding=funding)
        self.emit("CHECKOUT.ORDER.APPROVED", "checkout-order", self.shown(order))

    def capture(self, identifier: str, key: str | None) -> Effect:
        """Move the money; a declined funding is an answer, not an exception, because it changes the order."""
        order = self.order(identifier)
        if order["status"] == "COMPLETED":
            raise errors.unprocessable("ORDER_ALREADY_CAPTURED")
        if order["status"] != "APPROVED":
            raise errors.unprocessable("ORDER_NOT_APPROVED")
        unit = order["purchase_units"][0]
        self._require_new_invoice(unit.get("invoice_id"))
        funding = self._store.hidden("order", identifier)["funding"]
        if funding == "declined":
            order.update(status="PAYER_ACTION_REQUIRED")
            self._store.put("order", order)
            self._ledger.write("paypal", "declined", identifier, key=key)
            back = [{"href": self.approval_url(order), "rel": "redirect", "method": "GET"}]
            return Effect(422, errors.body(422, "INSTRUMENT_DECLINED", links=back))
        capture = self._new_capture(order, unit, "PENDING" if funding == "pending" else "COMPLETED")
        self._store.put("capture", capture, account=identifier, hidden={"funding": funding})
        order.update(status="COMPLETED", update_time=clock.iso(clock.now()))
        self._write_payments(order)
        self._ledger.write(
            "paypal",
            "capture",
            capture["id"],
            key=key,
            order=identifier,
            payment_id=unit.get("custom_id"),
            value=unit["amount"]["value"],
            currency=unit["amount"]["currency_code"],
            account=unit.get("payee", {}).get("merchant_id", ""),
        )
        self.emit(f"PAYMENT.CAPTURE.{capture['status']}", "capture", capture)
        return Effect(201, self.shown(order))

    def _require_new_invoice(self, invoice_id: str | None) -> None:
        if invoice_id and self._store.where("capture", "invoice_id", invoice_id):
            raise errors.unprocessable("DUPLICATE_INVOICE_ID")

    def _new_capture(self, order: Document, unit: Document, status: str) -> Document:
        capture: Document = {
            "id": new_id(),
            "status": status,
            "amount": unit["amount"],
            "final_capture": True,
            "supplementary_data": {"related_ids": {"order_id": order["id"]}},
            "create_time": clock.iso(clock.now()),
            **{name: unit[name] for name in ("custom_id", "invoice_id", "payee") if name in unit},
        }
        if status == "PENDING":
            capture["status_details"] = {"reason": "PENDING_REVIEW"}
        if "payment_instruction" in unit:
            capture["seller_receivable_breakdown"] = {
                "gross_amount": unit["amount"],
                "platform_fees": unit["payment_instruction"].get("platform_fees", []),
            }
        return capture

    def found_capture(self, identifier: str) -> Document:
        capture = self._store.get("capture", identifier)
        if capture is None:
            raise errors.refuse(404, "INVALID_RESOURCE_ID")
        return capture

    def decide(self, identifier: str, status: str) -> Document:
        """End the review of a pending capture: COMPLETED or DECLINED."""
        capture = self.found_capture(identifier)
        if capture["status"] != "PENDING" or status not in ("COMPLETED", "DECLINED"):
            raise errors.unprocessable("CAPTURE_STATUS_INVALID")
        capture.pop("status_details", None)
        capture["status"] = status
        self._keep(capture)
        self._ledger.write("paypal", f"capture_{status.lower()}", identifier)
        kind = "COMPLETED" if status == "COMPLETED" else "DENIED"
        self.emit(f"PAYMENT.CAPTURE.{kind}", "capture", capture)
        return capture

    def refund(self, identifier: str, wanted: Document, key: str | None) -> Document:
        shapes.check(wanted, shapes.REFUND)
        capture = self.found_capture(identifier)
        if capture["status"] not in ("COMPLETED", "PARTIALLY_REFUNDED"):
            refunded = capture["status"] == "REFUNDED"
            raise errors.unprocessable("CAPTURE_FULLY_REFUNDED" if refunded else "REFUND_NOT_ALLOWED")
        if any(_stands_against(each) for each in self._store.of("case", identifier)):
            raise errors.unprocessable("REFUND_NOT_ALLOWED")
        total, back = Decimal(capture["amount"]["value"]), self._refunded(capture)
        money = wanted.get("amount") or {**capture["amount"], "value": f"{total - back}"}
        shapes.check_money(money, "/amount")
        if money["currency_code"] != capture["amount"]["currency_code"]:
            raise errors.unprocessable("CURRENCY_MISMATCH")
        if Decimal(money["value"]) > total - back:
            raise errors.unprocessable("REFUND_AMOUNT_EXCEEDED")
        later = self._store.hidden("capture", identifier).get("funding") == "refund_later"
        href = f"{self._api}/payments/captures/{identifier}"
        refund: Document = {
            "id": new_id(),
            "status": "PENDING" if later else "COMPLETED",
            "amount": money,
            "create_time": clock.iso(clock.now()),
            "links": [{"href": href, "rel": "up", "method": "GET"}],
            **{name: wanted[name] for name in ("invoice_id", "custom_id") if name in wanted},
        }
        self._store.put("refund", {**refund}, account=identifier)
        capture["status"] = "REFUNDED" if Decimal(money["value"]) == total - back else "PARTIALLY_REFUNDED"
        self._keep(capture)
        self._ledger.write(
            "paypal",
            "refund",
            refund["id"],
            key=key,
            capture=identifier,
            value=money["value"],
            currency=money["currency_code"],
        )
        if not later:
            self.emit("PAYMENT.CAPTURE.REFUNDED", "refund", refund)
        return refund

    def found_refund(self, identifier: str) -> Document:
        refund = self._store.get("refund", identifier)
        if refund is None:
            raise errors.refuse(404, "INVALID_RESOURCE_ID")
        return refund

    def _refunded(self, capture: Document) -> Decimal:
        return sum((Decimal(each["amount"]["value"]) for each in self._store.of("refund", capture["id"])), Decimal(0))

    def _keep(self, capture: Document) -> None:
        self._store.put("capture", capture)
        order = self._store.get("order", self._store.account("capture", capture["id"]))
        if order is not None:
            self._write_payments(order)

    def _write_payments(self, order: Document) -> None:
        """The order shows its captures and refunds as they are now."""
        captures = self._store.of("capture", order["id"])[::-1]
        payments: Document = {"captures": captures}
        refunds = [refund for capture in captures for refund in self._store.of("refund", capture["id"])]
        if refunds:
            payments["refunds"] = refunds
        order["purchase_units"][0]["payments"] = payments
        self._store.put("order", order)

    def sweep(self) -> None:
        """What the calendar does by itself."""
        for order in self._store.where("order", "status", "APPROVED"):
            if self._is_too_late(order):
                self._reverse_approval(order)
        for refund in self._store.where("refund", "status", "PENDING"):
            if clock.parse(refund["create_time"]) + REFUND_SETTLES <= clock.now():
                refund["status"] = "COMPLETED"
                capture = self.found_capture(self._store.account("refund", refund["id"]))
                self._store.put("refund", refund)
                self._keep(capture)
                self.emit("PAYMENT.CAPTURE.REFUNDED", "refund", refund)

    def _is_too_late(self, order: Document) -> bool:
        approved = self._store.hidden("order", order["id"])["approved"]
        return clock.parse(approved) + CAPTURE_WINDOW <= clock.now()

    def _reverse_approval(self, order: Document) -> None:
        order.update(status="VOIDED", update_time=clock.iso(clock.now()))
        self._store.put("order", order)
        self._ledger.write("paypal", "approval_reversed", order["id"])
        about: Document = {name: order[name] for name in ("id", "purchase_units")}
        self.emit("CHECKOUT.PAYMENT-APPROVAL.REVERSED", "checkout-order", {**about, "order_id": order["id"]})

    def dispute(self, capture: Document) -> Document:
        number = "PP-D-" + secrets.token_hex(4).upper()
        found: Document = {
            "id": number,
            "dispute_id": number,
            "create_time": clock.iso(clock.now()),
            "update_time": clock.iso(clock.now()),
            "status": "OPEN",
            "reason": "UNAUTHORISED",
            "dispute_amount": capture["amount"],
            "dispute_life_cycle_stage": "CHARGEBACK",
            "disputed_transactions": [{"seller_transaction_id": capture["id"], "custom": capture.get("custom_id", "")}],
        }
        self._store.put("case", found, account=capture["id"])
        self._ledger.write("paypal", "dispute", number, capture=capture["id"])
        self.emit("CUSTOMER.DISPUTE.CREATED", "dispute", shapes.case(found))
        return found

    def close_dispute(self, identifier: str, status: str) -> Document:
        found = self.found_case(identifier)
        if status not in ("won", "lost") or found["status"] == "RESOLVED":
            raise errors.unprocessable("ACTION_NOT_ALLOWED_IN_CURRENT_DISPUTE_STATE")
        outcome: Document = {"outcome_code": "RESOLVED_SELLER_FAVOUR"}
        if status == "lost":
            outcome = {"outcome_code": "RESOLVED_BUYER_FAVOUR", "amount_refunded": found["dispute_amount"]}
        found.update(status="RESOLVED", dispute_outcome=outcome, update_time=clock.iso(clock.now()))
        self._store.put("case", found)
        capture = found["disputed_transactions"][0]["seller_transaction_id"]
        self._ledger.write("paypal", f"dispute_{status}", identifier, capture=capture)
        self.emit("CUSTOMER.DISPUTE.RESOLVED", "dispute", shapes.case(found))
        return found

    def found_case(self, identifier: str) -> Document:
        found = self._store.get("case", identifier)
        if found is None:
            raise errors.refuse(404, "INVALID_RESOURCE_ID")
        return found

    def cases(self, capture: str | None) -> Document:
        """As PayPal lists them: without what was disputed and how it ended, which only the single one tells."""
        hidden = ("disputed_transactions", "dispute_outcome")
        found = self._store.of("case", capture) if capture else self._store.all("case")
        shown = [{k: v for k, v in shapes.case(each).items() if k not in hidden} for each in found]
        return {"items": shown, "links": []}

    def transactions(self, since: str, until: str) -> list[Document]:
        """Payments that arrived between two moments, as the reports tell them."""
        ours = [each for each in self._store.all("capture") if "payee" not in each]
        found = [each for each in ours if since <= each["create_time"] <= until]
        return [{"transaction_info": shapes.transaction(each)} for each in found]

    def capture_elsewhere(self, value: str, currency: str) -> Document:
        """A payment that reached the account without one of our orders, such as a money request sent by hand."""
        unit: Document = {"amount": {"currency_code": currency, "value": value}}
        order: Document = {"id": new_id(), "status": "COMPLETED", "purchase_units": [unit]}
        capture = self._new_capture(order, unit, "COMPLETED")
        self._store.put("capture", capture, account=order["id"])
        self._ledger.write("paypal", "capture", capture["id"], payment_id=None, value=value, currency=currency)
        self.emit("PAYMENT.CAPTURE.COMPLETED", "capture", capture)
        return capture

    def emit(self, kind: str, resource_type: str, resource: Document) -> None:
        event: Document = {
            "id": "WH-" + new_id(),
            "event_version": "1.0",
            "create_time": clock.iso(clock.now()),
            "resource_type": resource_type,
            "resource_version": "2.0",
            "event_type": kind,
            "summary": "Sandbox – nothing real happened",
            "resource": resource,
            "links": [],
        }
        # No spaces and unescaped letters: a receiver that re-serialises is found out.
        raw = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
        self._webhooks.emit("paypal", event["id"], kind, raw)


def _stands_against(case: Document) -> bool:
    """A dispute that is open or was lost: the money is held, or gone already."""
    return str(case.get("dispute_outcome", {}).get("outcome_code")) != "RESOLVED_SELLER_FAVOUR"


def new_id() -> str:
    return "".join(secrets.choice("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789") for _ in range(17))


def _paths(value: object, path: str = "") -> set[str]:
    """The names that were sent, without their values."""
    if isinstance(value, dict):
        return {found for key, inner in value.items() for found in _paths(inner, f"{path}/{key}")}
    if isinstance(value, list):
        return {found for inner in value for found in _paths(inner, path)}
    return {path}
