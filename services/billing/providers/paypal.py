"""
PayPal payments by Orders v2 (S31, S33).

The buyer's approval moves no money: ``settle`` captures. An order that says
COMPLETED is not enough either: its capture says whether there is money.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from services.billing.providers import (
    Aftermath,
    BadSignature,
    Charge,
    Disputed,
    DisputeState,
    GivenBack,
    Money,
    Notice,
    ProviderRefused,
    ProviderUnavailable,
    Refunded,
    RefundState,
    Request,
    Snapshot,
    Started,
    State,
)
from services.billing.providers.money import PAYPAL_DECIMALS, as_decimal, from_decimal

if TYPE_CHECKING:
    from services.billing.providers.paypal_api import PayPalApi

#: PayPal's own form of ids. What comes back in a return address is chosen by the browser.
IDENTIFIER = re.compile(r"[A-Z0-9]{1,36}")

#: What each status of a capture means to us.
CAPTURE_STATES = {
    "COMPLETED": State.PAID,
    "PARTIALLY_REFUNDED": State.PAID,
    "REFUNDED": State.PAID,
    "PENDING": State.PROCESSING,
    "DECLINED": State.CLOSED,
    "FAILED": State.CLOSED,
}
REFUND_STATES = {"COMPLETED": RefundState.DONE, "FAILED": RefundState.FAILED, "CANCELLED": RefundState.FAILED}
#: How a dispute ended. What PayPal paid out of its own pocket, or the buyer took back, costs the seller nothing.
OUTCOMES = {
    "RESOLVED_BUYER_FAVOUR": DisputeState.LOST,
    "ACCEPTED": DisputeState.LOST,
    "RESOLVED_SELLER_FAVOUR": DisputeState.WON,
    "RESOLVED_WITH_PAYOUT": DisputeState.WON,
    "CANCELED_BY_BUYER": DisputeState.WON,
    "DENIED": DisputeState.WON,
}
DISPUTE = re.compile(r"[A-Z0-9-]{1,64}")
#: The transaction search spans 31 days at most, and tells up to 500 at a time.
SEARCH = timedelta(days=31)
SEARCH_PAGE = 500
#: Event codes of payments that arrive: T00… are payments; refunds and reversals are T11… and fees T01….
PAYMENT_CODE = "T00"
SIGNED_HEADERS = ("auth_algo", "cert_url", "transmission_id", "transmission_sig", "transmission_time")
LONGEST_DESCRIPTION = 127


class PayPalProvider:
    """A PaymentProvider; one per process."""

    name = "paypal"

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        webhook_id: str,
        *,
        environment: str,
        endpoint: str,
        timeout: tuple[float, float] = (5, 8),
    ) -> None:
        if endpoint.endswith("/"):
            raise ValueError("the endpoint must not end with a slash")
        self.environment = environment
        self._client_id = client_id
        self._client_secret = client_secret
        self._webhook_id = webhook_id
        self._endpoint = endpoint
        self._timeout = timeout

    @cached_property
    def api(self) -> "PayPalApi":
        """Imported at the first use; a start of the product has no time for it."""
        from services.billing.providers.paypal_api import PayPalApi

        return PayPalApi(self._endpoint, self._client_id, self._client_secret, self._timeout)

    def start(self, request: Request) -> Started:
        unit: dict[str, Any] = {
            "amount": _amount(request.amount),
            "custom_id": request.payment_id,
            "invoice_id": f"{request.payment_id}-{request.attempt}",
            "description": request.description[:LONGEST_DESCRIPTION],
        }
        if request.seller is not None:
            unit["payee"] = {"merchant_id": _require(request.seller)}
        if request.seller is not None and request.fee is not None:
            fees = [{"amount": _amount(request.fee)}]
            unit["payment_instruction"] = {"disbursement_mode": "INSTANT", "platform_fees": fees}
        experience = {
            "payment_method_preference": "IMMEDIATE_PAYMENT_REQUIRED",
            "shipping_preference": "NO_SHIPPING",
            "user_action": "PAY_NOW",
            "return_url": request.success_url,
            "cancel_url": request.cancel_url,
        }
        # The address is passed on to PayPal and not kept (B04); no vault, so nothing can be charged again (B05).
        source = {"paypal": {"email_address": request.email, "experience_context": experience}}
        order = self.api.ask(
            "POST",
            "/v2/checkout/orders",
            {"intent": "CAPTURE", "purchase_units": [unit], "payment_source": source},
            {"PayPal-Request-Id": f"{request.payment_id}:{request.attempt}:start"},
        )
        links = _links(order)
        # No such link is left on an order that was approved meanwhile: the return address settles it.
        page = links.get("payer-action") or links.get("approve") or request.success_url
        return Started(_require(str(order["id"])), page)

    def settle(self, ref: str, seller: str | None = None, *, capture_attempt: int = 1) -> Snapshot:
        """
        Capture an approved order, then tell.

        A declined capture is remembered by PayPal under its request id, so the next
        one needs ``capture_attempt + 1``; after a time-out the same id is the only
        safe one.
        """
        order = self._order(ref)
        if order["status"] != "APPROVED":
            return self._snapshot(order, seller)
        from services.billing.providers.paypal_api import PayPalRefusal

        headers = {"PayPal-Request-Id": f"{ref}:capture:{capture_attempt}", "Prefer": "return=representation"}
        try:
            captured = self.api.ask(
                "POST", f"/v2/checkout/orders/{ref}/capture", {}, {**headers, **self._acting_for(seller)}
            )
        except PayPalRefusal as refusal:
            if refusal.code == "INSTRUMENT_DECLINED":
                open_again = replace(self._snapshot(order, seller), authentication=None)
                retry = refusal.links.get("redirect") or refusal.links.get("payer-action")
                return replace(open_again, last_error=refusal.code, retry_url=retry, capture_declined=True)
            if refusal.code == "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED":
                return replace(self._snapshot(order, seller), state=State.CLOSED, last_error=refusal.code)
            if refusal.code not in ("ORDER_ALREADY_CAPTURED", "ORDER_NOT_APPROVED"):
                raise
            captured = {}
        if _captures(captured):
            return self._snapshot(captured, seller)
        return self.fetch(ref, seller)

    def fetch(self, ref: str, seller: str | None = None) -> Snapshot:
        return self._snapshot(self._order(ref), seller)

    def cancel(self, ref: str, seller: str | None = None) -> Snapshot:
        """Orders v2 cannot be cancelled: this only reads, and the caller remembers."""
        return self.fetch(ref, seller)

    def refund(self, snapshot: Snapshot, refund_id: str, amount: Money, seller: str | None = None) -> Refunded:
        charge = _require(snapshot.charge_ref or "")
        body: dict[str, Any] = {"amount": _amount(amount), "invoice_id": refund_id}
        if snapshot.payment_id is not None:
            body["custom_id"] = snapshot.payment_id
        headers = {"PayPal-Request-Id": f"refund:{refund_id}", "Prefer": "return=representation"}
        made = self.api.ask(
            "POST", f"/v2/payments/captures/{charge}/refund", body, {**headers, **self._acting_for(seller)}
        )
        return Refunded(str(made["id"]), REFUND_STATES.get(made.get("status", ""), RefundState.PENDING))

    def aftermath(self, ref: str, charge_ref: str, seller: str | None = None) -> Aftermath:
        refunds = self._order(ref)["purchase_units"][0].get("payments", {}).get("refunds", [])
        asked = {"disputed_transaction_id": _require(charge_ref)}
        listed = self.api.ask("GET", "/v1/customer/disputes", headers=self._acting_for(seller), query=asked)
        return Aftermath(
            refunds=tuple(_given_back(each) for each in refunds),
            disputes=tuple(self._dispute(str(each["dispute_id"]), seller) for each in listed.get("items", [])),
        )

    def _dispute(self, identifier: str, seller: str | None) -> Disputed:
        """The list does not say how a dispute ended."""
        if not DISPUTE.fullmatch(identifier):
            raise ProviderRefused("bad_reference")
        return _disputed(self.api.ask("GET", f"/v1/customer/disputes/{identifier}", headers=self._acting_for(seller)))

    def received(self, since: datetime, until: datetime) -> Iterator[Charge]:
        first = since
        while first < until:
            last = min(first + SEARCH, until)
            yield from self._searched(first, last)
            first = last

    def _searched(self, first: datetime, last: datetime) -> Iterator[Charge]:
        page, pages = 1, 1
        while page <= pages:
            asked = {"start_date": _moment(first), "end_date": _moment(last), "fields": "transaction_info",
                     "page_size": SEARCH_PAGE, "page": page}  # fmt: skip
            found = self.api.ask("GET", "/v1/reporting/transactions", query=asked)
            for each in found.get("transaction_details", []):
                about = each["transaction_info"]
                money = about["transaction_amount"]
                amount = from_decimal(money["value"], money["currency_code"])
                if str(about.get("transaction_event_code", "")).startswith(PAYMENT_CODE) and amount.minor > 0:
                    yield Charge(
                        ref=str(about["transaction_id"]),
                        amount=amount,
                        made_at=datetime.fromisoformat(about["transaction_initiation_date"]),
                        payment_id=about.get("custom_field"),
                    )
            page, pages = page + 1, int(found.get("total_pages", 1))

    def open_account(self, key: str) -> str:
        """PayPal opens none for others: a seller names the merchant id of the account that they have."""
        raise ProviderRefused("merchant_id_needed")

    def account_page(self, account: str, back_url: str) -> str:
        raise ProviderRefused("merchant_id_needed")

    def can_be_paid(self, account: str) -> bool:
        """PayPal tells only its approved partners about accounts: what can be checked is the form of the id."""
        return IDENTIFIER.fullmatch(account) is not None

    def notice(self, headers: Mapping[str, str], raw: bytes) -> Notice:
        """
        PayPal itself verifies: it must see the very bytes that came, so they are put between our own and not
        decoded and written again. They are decoded once before, because what is no single JSON object could
        otherwise add fields of its own to our request.
        """
        envelope, event = self._envelope(headers), _event(raw)
        body = json.dumps(envelope)[:-1].encode() + b',"webhook_event":' + raw + b"}"
        try:
            verdict = self.api.ask("POST", "/v1/notifications/verify-webhook-signature", body)
        except ProviderRefused as refusal:
            if refusal.code == "authentication":
                # Our own keys are wrong: the event may be good and must come again.
                raise ProviderUnavailable("PayPal does not know our keys.", outcome_unknown=False) from refusal
            raise BadSignature("PayPal refuses to verify it") from refusal
        if verdict.get("verification_status") != "SUCCESS":
            raise BadSignature("PayPal did not sign it")
        try:
            return _notice(event)
        except (KeyError, TypeError, IndexError, AttributeError) as problem:
            raise BadSignature("the event has no known form") from problem

    def check(self) -> None:
        self.api.ask("GET", f"/v1/notifications/webhooks/{_require(self._webhook_id)}")

    def _envelope(self, headers: Mapping[str, str]) -> dict[str, str]:
        given = {name.lower(): value for name, value in headers.items()}
        try:
            signed = {name: given["paypal-" + name.replace("_", "-")] for name in SIGNED_HEADERS}
        except KeyError as missing:
            raise BadSignature(f"the header {missing.args[0]} is missing") from None
        return {**signed, "webhook_id": self._webhook_id}

    def _order(self, ref: str) -> dict[str, Any]:
        return self.api.ask("GET", f"/v2/checkout/orders/{_require(ref)}")

    def _acting_for(self, seller: str | None) -> dict[str, str]:
        """The unsigned JWT by which a platform names the seller that it acts for."""
        if seller is None:
            return {}
        parts = [{"alg": "none"}, {"iss": self._client_id, "payer_id": _require(seller)}]
        encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
        return {"PayPal-Auth-Assertion": ".".join(encoded) + "."}

    def _snapshot(self, order: dict[str, Any], seller: str | None) -> Snapshot:
        unit = order["purchase_units"][0]
        capture = _best(_captures(order))
        state = State.CLOSED if order["status"] == "VOIDED" else State.OPEN
        if capture is not None:
            state = CAPTURE_STATES.get(capture["status"], State.PROCESSING)
        money = (capture or unit)["amount"]
        amount = from_decimal(money["value"], money["currency_code"])
        fees = unit.get("payment_instruction", {}).get("platform_fees", [])
        links = _links(order)
        return Snapshot(
            ref=str(order["id"]),
            state=state,
            amount=amount,
            environment=self.environment,
            payment_id=unit.get("custom_id"),
            # PayPal names ourselves when nobody else is paid: only a seller that was asked for is told.
            seller=unit.get("payee", {}).get("merchant_id") if seller is not None else None,
            charge_ref=capture["id"] if capture is not None else None,
            last_error=f"CAPTURE_{capture['status']}" if capture is not None and state is State.CLOSED else None,
            authentication="payer_approved" if order.get("payer") else None,
            method="paypal",
            retry_url=links.get("payer-action") or links.get("approve"),
            fee=from_decimal(fees[0]["amount"]["value"], fees[0]["amount"]["currency_code"]) if fees else None,
            refunded=_refunded(unit, capture, amount),
        )


def _require(identifier: str) -> str:
    """An id of PayPal's form; anything else never leaves this process."""
    if not IDENTIFIER.fullmatch(identifier):
        raise ProviderRefused("bad_reference")
    return identifier


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _given_back(refund: dict[str, Any]) -> GivenBack:
    return GivenBack(
        ref=str(refund["id"]),
        amount=from_decimal(refund["amount"]["value"], refund["amount"]["currency_code"]),
        state=REFUND_STATES.get(refund.get("status", ""), RefundState.PENDING),
        ours=refund.get("invoice_id"),
    )


def _disputed(dispute: dict[str, Any]) -> Disputed:
    outcome = dispute.get("dispute_outcome") or {}
    state = DisputeState.OPEN
    if dispute.get("status") == "RESOLVED":
        state = OUTCOMES.get(outcome.get("outcome_code", ""), DisputeState.WON)
    money = outcome.get("amount_refunded") or dispute["dispute_amount"]
    return Disputed(
        ref=str(dispute["dispute_id"]),
        amount=from_decimal(money["value"], money["currency_code"]),
        state=state,
        # PayPal takes its fee apart from the dispute, and tells it only in its statements.
        reason=str(dispute.get("reason", "")).lower(),
    )


def _amount(money: Money) -> dict[str, str]:
    return {"currency_code": money.currency, "value": as_decimal(money, PAYPAL_DECIMALS)}


def _links(order: dict[str, Any]) -> dict[str, str]:
    return {link["rel"]: link["href"] for link in order.get("links", [])}


def _captures(order: dict[str, Any]) -> list[dict[str, Any]]:
    units = order.get("purchase_units") or [{}]
    return list(units[0].get("payments", {}).get("captures", []))


def _best(captures: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The capture with the money, else the last one."""
    paid = [each for each in captures if CAPTURE_STATES.get(each["status"]) is State.PAID]
    ranked = paid or captures
    return ranked[-1] if ranked else None


def _refunded(unit: dict[str, Any], capture: dict[str, Any] | None, amount: Money) -> Money | None:
    if capture is None:
        return None
    if capture["status"] == "REFUNDED":
        return amount
    counted = [each for each in unit["payments"].get("refunds", []) if each.get("status") in ("COMPLETED", "PENDING")]
    amounts = [from_decimal(each["amount"]["value"], each["amount"]["currency_code"]).minor for each in counted]
    return Money(sum(amounts), amount.currency)


def _event(raw: bytes) -> dict[str, Any]:
    try:
        event = json.loads(raw.decode("utf-8"))
    except ValueError as problem:
        raise BadSignature("the body is not JSON") from problem
    if not isinstance(event, dict):
        raise BadSignature("the body is not one JSON object")
    return event


def _notice(event: dict[str, Any]) -> Notice:
    about = event["resource"]
    kind = event["resource_type"]
    ref, charge, payment = None, None, about.get("custom_id")
    if kind == "checkout-order":
        ref = about["id"]
        payment = (about.get("purchase_units") or [{}])[0].get("custom_id")
    elif kind == "capture":
        charge = about["id"]
        ref = about.get("supplementary_data", {}).get("related_ids", {}).get("order_id")
    elif kind == "refund":
        charge = _links(about).get("up", "").rsplit("/", 1)[-1] or None
    elif kind == "dispute":
        disputed = about["disputed_transactions"][0]
        charge, payment = disputed["seller_transaction_id"], disputed.get("custom") or None
    return Notice(
        event_id=str(event["id"]), kind=str(event["event_type"]), ref=ref, payment_id=payment, charge_ref=charge
    )
