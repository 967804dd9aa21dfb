"""
For tests: failures on request, webhooks under control, and the ledger of what happened.

Nothing of this exists at a real processor; the product itself never calls it.
"""

from collections.abc import Callable, Iterator

from werkzeug.wrappers import Request, Response

from actiontrac.sandbox.database import Document, Ledger, Objects
from actiontrac.sandbox.exchange import ApiError
from actiontrac.sandbox.faults import FaultKind, Faults
from actiontrac.sandbox.paypal.api import PayPalApi
from actiontrac.sandbox.paypal.book import PayPalBook
from actiontrac.sandbox.stripe.book import StripeBook
from actiontrac.sandbox.web import Handler, Rule, as_json, json_object
from actiontrac.sandbox.webhooks import Webhooks

PROVIDERS = ("stripe", "paypal")


class Control:
    """Under ``/_control``; every body and every answer is JSON."""

    def __init__(
        self,
        ledger: Ledger,
        queue: Faults,
        webhooks: Webhooks,
        stripe: tuple[StripeBook, Objects],
        paypal: tuple[PayPalBook, PayPalApi],
        in_transaction: Callable[[Callable[[], Response]], Response],
    ) -> None:
        self._ledger = ledger
        self._faults = queue
        self._webhooks = webhooks
        self._stripe, self._stripe_store = stripe
        self._paypal, self._paypal_api = paypal
        self._in_transaction = in_transaction

    def rules(self) -> Iterator[Rule]:
        table: list[tuple[str, str, Handler]] = [
            ("GET", "ledger", self.ledger),
            ("GET", "faults", self.faults),
            ("POST", "faults", self.add_fault),
            ("DELETE", "faults", self.clear_faults),
            ("GET", "webhooks", self.deliveries),
            ("POST", "webhooks", self.set_mode),
            ("POST", "webhooks/release", self.release),
            ("POST", "webhooks/redeliver", self.redeliver),
            ("POST", "paypal/expire-tokens", self.expire_tokens),
            ("POST", "paypal/captures/<identifier>", self.decide_capture),
            ("POST", "refunds", self.refund),
            ("POST", "charges", self.charge),
            ("POST", "disputes", self.open_dispute),
            ("POST", "disputes/<identifier>/close", self.close_dispute),
        ]
        for method, path, handler in table:
            yield Rule(f"/_control/{path}", self._guarded(handler), method)

    def _guarded(self, handler: Handler) -> Handler:
        def handle(request: Request, **names: str) -> Response:
            try:
                return self._in_transaction(lambda: handler(request, **names))
            except ApiError as refusal:
                return as_json(refusal.body, refusal.status)
            except (ValueError, KeyError) as problem:
                return as_json({"error": f"{type(problem).__name__}: {problem}"}, 400)

        return handle

    def ledger(self, request: Request) -> Response:
        """``?provider=`` and ``?kind=`` narrow it; oldest first."""
        return as_json(self._ledger.entries(request.args.get("provider"), request.args.get("kind")))

    def faults(self, request: Request) -> Response:
        return as_json({"waiting": self._faults.waiting(), "kinds": [kind.value for kind in FaultKind]})

    def add_fault(self, request: Request) -> Response:
        """``{"provider": "stripe", "kind": "reset_after", "operation": "refunds.create", "seconds": 1, "count": 1}``"""
        wanted = json_object(request)
        if wanted["provider"] not in (*PROVIDERS, "mail"):
            raise ValueError("provider is stripe, paypal or mail")
        self._faults.add(
            wanted["provider"],
            wanted["kind"],
            operation=str(wanted.get("operation", "")),
            seconds=float(wanted.get("seconds", 1)),
            count=int(wanted.get("count", 1)),
        )
        return self.faults(request)

    def clear_faults(self, request: Request) -> Response:
        self._faults.clear()
        return self.faults(request)

    def deliveries(self, request: Request) -> Response:
        return as_json(self._webhooks.deliveries(request.args.get("provider")))

    def set_mode(self, request: Request) -> Response:
        """``{"provider": "paypal", "mode": "hold"}``; ``seconds`` for delay and reorder, ``times`` for duplicate."""
        wanted = json_object(request)
        for provider in _providers(wanted.get("provider")):
            self._webhooks.set_mode(
                provider, wanted["mode"], float(wanted.get("seconds", 1)), int(wanted.get("times", 2))
            )
        return as_json({"mode": wanted["mode"]})

    def release(self, request: Request) -> Response:
        """Let held events go; ``{"order": "reversed"}`` turns them round."""
        wanted = json_object(request)
        order = str(wanted.get("order", "sent"))
        released = sum(self._webhooks.release(provider, order) for provider in _providers(wanted.get("provider")))
        return as_json({"released": released})

    def redeliver(self, request: Request) -> Response:
        wanted = json_object(request)
        return as_json({"queued": self._webhooks.redeliver(wanted["event_id"], int(wanted.get("times", 1)))})

    def expire_tokens(self, request: Request) -> Response:
        return as_json({"expired": self._paypal_api.expire_tokens()})

    def decide_capture(self, request: Request, identifier: str) -> Response:
        """End a pending capture's review: ``{"status": "COMPLETED"}`` or ``DECLINED``."""
        return as_json(self._paypal.decide(identifier, json_object(request)["status"]))

    def refund(self, request: Request) -> Response:
        """
        As by hand in the processor's dashboard, without a word to the product but the webhook:
        ``{"provider": "paypal", "charge": "…", "amount": "10.00"}``; Stripe takes minor units, no amount is all.
        """
        wanted = json_object(request)
        amount = wanted.get("amount")
        if wanted["provider"] == "paypal":
            capture = self._paypal.found_capture(wanted["charge"])
            body = {"amount": {**capture["amount"], "value": str(amount)}} if amount is not None else {}
            return as_json(self._paypal.refund(capture["id"], body, None))
        charge = self._found_charge(wanted["charge"])
        parameters = {"charge": charge["id"]} | ({"amount": int(amount)} if amount is not None else {})
        return as_json(self._stripe.refund(parameters, self._stripe_store.account("charge", charge["id"]), None))

    def charge(self, request: Request) -> Response:
        """A payment that nobody ordered here: ``{"provider": "stripe", "amount": 1000, "currency": "usd"}``."""
        wanted = json_object(request)
        if wanted["provider"] == "paypal":
            return as_json(self._paypal.capture_elsewhere(str(wanted["amount"]), wanted["currency"]))
        return as_json(self._stripe.charge_elsewhere(int(wanted["amount"]), wanted["currency"]))

    def open_dispute(self, request: Request) -> Response:
        """``{"provider": "stripe", "charge": "ch_…"}``, or a payment intent, or a PayPal capture."""
        wanted = json_object(request)
        if wanted["provider"] == "paypal":
            return as_json(self._paypal.dispute(self._paypal.found_capture(wanted["charge"])))
        return as_json(self._stripe.dispute(self._found_charge(wanted["charge"])))

    def _found_charge(self, identifier: str) -> Document:
        """By its own id or that of its payment intent."""
        intent = self._stripe_store.get("payment_intent", identifier)
        charge = self._stripe_store.get("charge", intent["latest_charge"] if intent else identifier)
        if charge is None:
            raise ValueError("there is no such charge")
        return charge

    def close_dispute(self, request: Request, identifier: str) -> Response:
        """``{"status": "won"}`` or ``lost``."""
        status = json_object(request)["status"]
        book = self._stripe if identifier.startswith("dp_") else self._paypal
        return as_json(book.close_dispute(identifier, status))


def _providers(name: str | None) -> tuple[str, ...]:
    if name is None:
        return PROVIDERS
    if name not in PROVIDERS:
        raise ValueError("provider is stripe or paypal")
    return (name,)
