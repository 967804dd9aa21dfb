"""PayPal's HTTP interface, under ``/paypal/v1`` and ``/paypal/v2``."""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Iterator
from datetime import timedelta

from werkzeug.wrappers import Request, Response

from actiontrac import clock
from actiontrac.sandbox.database import Document, Objects
from actiontrac.sandbox.exchange import ApiError, Call, Effect, Exchange, Words
from actiontrac.sandbox.paypal import errors, shapes
from actiontrac.sandbox.paypal.book import PayPalBook
from actiontrac.sandbox.paypal.signing import CERTIFICATE_PATH, PayPalSigner
from actiontrac.sandbox.settings import SandboxSettings
from actiontrac.sandbox.web import Handler, Rule, as_json, json_object

LONGEST_KEY = 108
#: How many days one transaction search may span.
LONGEST_SEARCH_DAYS = 31
#: How long PayPal remembers a request id: for orders, and for captures and refunds.
ORDER_KEY_SECONDS = 6 * 3600
PAYMENT_KEY_SECONDS = 45 * 86400

Work = Callable[["Asked"], Effect]


class Asked:
    """One authorised request, decoded."""

    def __init__(self, body: Document, key: str | None, identifier: str, request: Request) -> None:
        self.body = body
        self.key = key
        self.identifier = identifier
        self.request = request


def _reused(key: str) -> ApiError:
    return errors.unprocessable("PAYPAL_REQUEST_ID_PREVIOUSLY_USED")


WORDS = Words(
    failure=lambda status: errors.body(status),
    in_use=lambda: errors.refuse(409, "PREVIOUS_REQUEST_IN_PROGRESS"),
    reused=_reused,
)


class PayPalApi:
    """Authorises by bearer token, checks the shape, and hands on."""

    def __init__(
        self, settings: SandboxSettings, book: PayPalBook, store: Objects, exchange: Exchange, signer: PayPalSigner
    ) -> None:
        self._settings = settings
        self._book = book
        self._store = store
        self._exchange = exchange
        self._signer = signer

    def rules(self) -> Iterator[Rule]:
        yield Rule("/paypal/v1/oauth2/token", self.token, "POST")
        yield Rule(CERTIFICATE_PATH, self.certificate, "GET")
        book = self._book
        table: list[tuple[str, str, str, float, Work]] = [
            ("POST", "v2/checkout/orders", "orders.create", ORDER_KEY_SECONDS, self._create),
            (
                "GET",
                "v2/checkout/orders/<identifier>",
                "orders.get",
                0,
                lambda asked: Effect(200, book.shown(book.order(asked.identifier))),
            ),
            (
                "POST",
                "v2/checkout/orders/<identifier>/capture",
                "orders.capture",
                ORDER_KEY_SECONDS,
                self._capture,
            ),
            (
                "GET",
                "v2/payments/captures/<identifier>",
                "captures.get",
                0,
                lambda asked: Effect(200, book.found_capture(asked.identifier)),
            ),
            (
                "POST",
                "v2/payments/captures/<identifier>/refund",
                "captures.refund",
                PAYMENT_KEY_SECONDS,
                self._refund,
            ),
            (
                "GET",
                "v2/payments/refunds/<identifier>",
                "refunds.get",
                0,
                lambda asked: Effect(200, book.found_refund(asked.identifier)),
            ),
            ("GET", "v1/customer/disputes", "disputes.list", 0, self._cases),
            (
                "GET",
                "v1/customer/disputes/<identifier>",
                "disputes.get",
                0,
                lambda asked: Effect(200, shapes.case(book.found_case(asked.identifier))),
            ),
            ("GET", "v1/reporting/transactions", "transactions.search", 0, self._transactions),
            ("GET", "v1/notifications/webhooks/<identifier>", "webhooks.get", 0, self._webhook),
            ("POST", "v1/notifications/verify-webhook-signature", "webhooks.verify", 0, self._verify),
        ]
        for method, path, operation, key_seconds, work in table:
            yield Rule(f"/paypal/{path}", self._handler(operation, key_seconds, work), method)

    def token(self, request: Request) -> Response:
        """OAuth 2 client credentials, the only grant there is."""
        told = request.authorization
        given = f"{told.username}:{told.password}" if told is not None and told.type == "basic" else ""
        wanted = f"{self._settings.paypal_client_id}:{self._settings.paypal_client_secret}"
        if not hmac.compare_digest(given.encode(), wanted.encode()):
            body = {"error": "invalid_client", "error_description": "Client Authentication failed"}
            return as_json(body, 401)
        if request.form.get("grant_type") != "client_credentials":
            return as_json({"error": "unsupported_grant_type", "error_description": "Grant Type is NULL"}, 400)
        lasts = self._settings.paypal_token_seconds
        token = "A21AA" + secrets.token_urlsafe(48)
        expires = clock.now() + timedelta(seconds=lasts)
        self._store.put("token", {"id": token, "expires": clock.iso(expires)})
        return as_json(
            {
                "scope": "https://uri.paypal.com/services/payments/payment",
                "access_token": token,
                "token_type": "Bearer",
                "app_id": "APP-80W284485P519543T",
                "expires_in": lasts,
                "nonce": clock.iso(clock.now()),
            }
        )

    def expire_tokens(self) -> int:
        """Take every token back; returns how many."""
        return self._store.remove("token")

    def certificate(self, request: Request) -> Response:
        return Response(self._signer.certificate(), mimetype="text/plain")

    def _handler(self, operation: str, key_seconds: float, work: Work) -> Handler:
        def handle(request: Request, identifier: str = "") -> Response:
            try:
                call = self._call(request, operation, key_seconds, work, identifier)
                answer, replayed = self._exchange.run(request, call)
            except ApiError as refusal:
                debug = str(refusal.body.get("debug_id", ""))
                return as_json(refusal.body, refusal.status, {"Paypal-Debug-Id": debug})
            # A repeated success is 200 and not 201, which is how a caller can tell.
            status = 200 if replayed and answer.status < 300 else answer.status
            headers = {"Paypal-Debug-Id": secrets.token_hex(6)}
            return Response(answer.body, status, headers, mimetype="application/json")

        return handle

    def _call(self, request: Request, operation: str, key_seconds: float, work: Work, identifier: str) -> Call:
        self._authorise(request)
        body: Document = {}
        if request.method == "POST":
            if request.mimetype != "application/json":
                raise errors.refuse(415)
            try:
                body = json_object(request)
            except ValueError:
                raise errors.refuse(400, "MALFORMED_REQUEST_JSON") from None
        key = request.headers.get("PayPal-Request-Id") if request.method == "POST" else None
        if key is not None and not 1 <= len(key) <= LONGEST_KEY:
            raise errors.refuse(400, "INVALID_STRING_LENGTH", field="PayPal-Request-Id")
        asked = Asked(body, key, identifier, request)
        return Call(
            operation=operation,
            work=lambda: work(asked),
            key=key,
            scope=f"paypal:{request.path}",
            fingerprint=hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest(),
            key_seconds=key_seconds,
        )

    def _authorise(self, request: Request) -> None:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        found = self._store.get("token", token) if kind == "Bearer" else None
        if found is None or clock.parse(found["expires"]) <= clock.now():
            raise errors.refuse(401)

    def _require_seller(self, asked: Asked, seller: str | None, needed: bool) -> None:
        """``PayPal-Auth-Assertion`` names the seller that the platform acts for."""
        header = asked.request.headers.get("PayPal-Auth-Assertion")
        if header is None:
            if needed and seller:
                raise errors.refuse(403, "PERMISSION_DENIED")
            return
        if _assertion(header) != (self._settings.paypal_client_id, seller):
            raise errors.refuse(403, "PERMISSION_DENIED")

    def _create(self, asked: Asked) -> Effect:
        order = self._book.create_order(asked.body, asked.key)
        shown = self._book.shown(order)
        status = 200 if "payment_source" in order else 201
        if "representation" in asked.request.headers.get("Prefer", ""):
            return Effect(status, shown)
        return Effect(
            status, {name: shown[name] for name in ("id", "status", "payment_source", "links") if name in shown}
        )

    def _capture(self, asked: Asked) -> Effect:
        shapes.check(asked.body, shapes.CAPTURE)
        unit = self._book.order(asked.identifier)["purchase_units"][0]
        self._require_seller(asked, unit.get("payee", {}).get("merchant_id"), needed=False)
        return self._book.capture(asked.identifier, asked.key)

    def _refund(self, asked: Asked) -> Effect:
        capture = self._book.found_capture(asked.identifier)
        self._require_seller(asked, capture.get("payee", {}).get("merchant_id"), needed=True)
        return Effect(201, self._book.refund(asked.identifier, asked.body, asked.key))

    def _cases(self, asked: Asked) -> Effect:
        return Effect(200, self._book.cases(asked.request.args.get("disputed_transaction_id")))

    def _transactions(self, asked: Asked) -> Effect:
        """At most 31 days at a time, in pages, as PayPal has it."""
        given = asked.request.args
        try:
            since, until = clock.parse(given["start_date"]), clock.parse(given["end_date"])
            page, size = int(given.get("page", 1)), int(given.get("page_size", 100))
        except (KeyError, ValueError):
            raise errors.refuse(400, "INVALID_REQUEST") from None
        if not timedelta(0) <= until - since <= timedelta(days=LONGEST_SEARCH_DAYS) or not 1 <= size <= 500 or page < 1:
            raise errors.refuse(400, "INVALID_REQUEST")
        found = self._book.transactions(clock.iso(since), clock.iso(until))
        first = (page - 1) * size
        return Effect(200, {
            "transaction_details": found[first : first + size],
            "page": page,
            "total_items": len(found),
            "total_pages": -(-len(found) // size),
        })  # fmt: skip

    def _webhook(self, asked: Asked) -> Effect:
        if asked.identifier != self._settings.paypal_webhook_id:
            raise errors.refuse(404, "INVALID_RESOURCE_ID")
        url = f"{self._settings.gateway}/webhooks/paypal"
        return Effect(200, {"id": asked.identifier, "url": url, "event_types": [{"name": "*"}]})

    def _verify(self, asked: Asked) -> Effect:
        try:
            ours = self._signer.verify(asked.request.get_data())
        except ValueError:
            raise errors.refuse(400, "MISSING_REQUIRED_PARAMETER") from None
        return Effect(200, {"verification_status": "SUCCESS" if ours else "FAILURE"})


def _assertion(header: str) -> tuple[str | None, str | None]:
    """Client and seller that an unsigned JWT names; (None, None) when it is not one."""
    try:
        head, body, signature = header.split(".")
        told = [json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in (head, body)]
    except (ValueError, binascii.Error):
        return None, None
    if signature or not all(isinstance(part, dict) for part in told) or told[0].get("alg") != "none":
        return None, None
    return told[1].get("iss"), told[1].get("payer_id")
