"""
Card payments on Stripe's hosted Checkout page (S30, S31, S33).

The only module that imports the Stripe SDK, and it does so at the first use: the
import takes about half a second, which a start of the product does not have.
"""

import contextlib
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeVar

from actiontrac import clock
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
from services.billing.providers.money import from_stripe, to_stripe
from services.billing.providers.wire import is_private, never_sent, patiently

Answer = TypeVar("Answer")

#: Stripe's own tolerance for old signatures; 60 s ahead is for clocks that differ.
OLDEST_SIGNATURE_SECONDS = 300
NEWEST_SIGNATURE_SECONDS = 60

REFERENCE = re.compile(r"cs_[A-Za-z0-9_]{1,250}")
CHARGE_REFERENCE = re.compile(r"(pi|ch)_[A-Za-z0-9_]{1,250}")
ACCOUNT = re.compile(r"acct_[A-Za-z0-9]{1,64}")

#: ``warning_…`` are inquiries: the bank asks, and no money has moved yet.
DISPUTE_STATES = {
    "won": DisputeState.WON,
    "warning_closed": DisputeState.WON,
    "prevented": DisputeState.WON,
    "lost": DisputeState.LOST,
}
REFUND_STATES = {"succeeded": RefundState.DONE, "failed": RefundState.FAILED, "canceled": RefundState.FAILED}


class StripeProvider:
    """A PaymentProvider; one per process."""

    name = "stripe"

    def __init__(
        self,
        secret_key: str,
        webhook_secret: str,
        *,
        environment: str,
        connect_secret: str = "",
        base: str = "",
        timeout: tuple[float, float] = (5, 8),
    ) -> None:
        if base.endswith("/"):
            raise ValueError("the base address must not end with a slash")
        self.environment = environment
        self._secret_key = secret_key
        self._webhook_secret = webhook_secret
        self._connect_secret = connect_secret
        self._base = base
        self._timeout = timeout

    def start(self, request: Request) -> Started:
        parameters = self._session_parameters(request)
        options = self._options(request.seller, f"{request.payment_id}:{request.attempt}:start")
        session = self._call(lambda: self._client.v1.checkout.sessions.create(parameters, options), writes=True)
        self._require_environment(session.livemode)
        # A repeated start of a session that is over has no page any more: the return address tells how it ended.
        return Started(session.id, session.url or request.success_url)

    def _session_parameters(self, request: Request) -> dict[str, Any]:
        """
        One charge and nothing that could charge again (B05).

        ``customer``, ``setup_future_usage``, ``saved_payment_method_options``,
        ``customer_creation`` and ``invoice_creation`` stay unset on purpose, and a
        test keeps them so.
        """
        intent: dict[str, Any] = {
            # A session's own metadata is not copied to the payment.
            "metadata": {"payment_id": request.payment_id},
            "description": request.description,
        }
        if request.seller and request.fee:
            intent["application_fee_amount"] = to_stripe(request.fee)
        price = {
            "currency": request.amount.currency.lower(),
            "unit_amount": to_stripe(request.amount),
            "product_data": {"name": request.description},
        }
        parameters: dict[str, Any] = {
            "mode": "payment",
            "line_items": [{"quantity": 1, "price_data": price}],
            "success_url": request.success_url,
            "cancel_url": request.cancel_url,
            "client_reference_id": request.payment_id,
            "metadata": {"payment_id": request.payment_id},
            "customer_email": request.email,
            # Only what is paid or declined while the buyer looks on.
            "allowed_payment_method_types": ["card"],
            # No offer to save the card with Link.
            "wallet_options": {"link": {"display": "never"}},
            # Asks for 3-D Secure wherever the card can do it; it does not guarantee it.
            "payment_method_options": {"card": {"request_three_d_secure": "any"}},
            "payment_intent_data": intent,
        }
        if request.expires_at is not None:
            parameters["expires_at"] = int(request.expires_at.timestamp())
        return parameters

    def settle(self, ref: str, seller: str | None = None, *, capture_attempt: int = 1) -> Snapshot:
        """Stripe captures by itself: to settle is to read."""
        return self.fetch(ref, seller)

    def fetch(self, ref: str, seller: str | None = None) -> Snapshot:
        _require(REFERENCE, ref)
        expand = {"expand": ["payment_intent.latest_charge"]}
        options = self._options(seller)
        session = self._call(lambda: self._client.v1.checkout.sessions.retrieve(ref, expand, options), writes=False)
        self._require_environment(session.livemode)
        return self._snapshot(session, seller)

    def cancel(self, ref: str, seller: str | None = None) -> Snapshot:
        found = self.fetch(ref, seller)
        if found.state is not State.OPEN:
            return found
        options = self._options(seller, f"{ref}:expire")
        # Refused when it was paid or expired in between; the last line says which.
        with contextlib.suppress(ProviderRefused):
            self._call(lambda: self._client.v1.checkout.sessions.expire(ref, {}, options), writes=True)
        return self.fetch(ref, seller)

    def refund(self, snapshot: Snapshot, refund_id: str, amount: Money, seller: str | None = None) -> Refunded:
        charge = _require(CHARGE_REFERENCE, snapshot.charge_ref or "")
        parameters: dict[str, Any] = {
            "payment_intent": charge,
            "amount": to_stripe(amount),
            "metadata": {"refund_id": refund_id, "payment_id": snapshot.payment_id or ""},
        }
        if seller and snapshot.fee:
            parameters["refund_application_fee"] = True
        options = self._options(seller, f"refund:{refund_id}")
        made = self._call(lambda: self._client.v1.refunds.create(parameters, options), writes=True)
        return Refunded(made.id, REFUND_STATES.get(made.status, RefundState.PENDING))

    def aftermath(self, ref: str, charge_ref: str, seller: str | None = None) -> Aftermath:
        wanted = {"payment_intent": _require(CHARGE_REFERENCE, charge_ref), "limit": 100}
        options, client = self._options(seller), self._client
        refunds = self._all(lambda: client.v1.refunds.list(wanted, options))
        disputes = self._all(lambda: client.v1.disputes.list(wanted, options))
        return Aftermath(refunds=tuple(map(_given_back, refunds)), disputes=tuple(map(_disputed, disputes)))

    def received(self, since: datetime, until: datetime) -> Iterator[Charge]:
        wanted = {"created": {"gte": int(since.timestamp()), "lte": int(until.timestamp())}, "limit": 100}
        for each in self._all(lambda: self._client.v1.charges.list(wanted)):
            if each.paid:
                yield Charge(
                    ref=each.payment_intent or each.id,
                    amount=from_stripe(each.amount, each.currency),
                    made_at=datetime.fromtimestamp(each.created, UTC),
                    payment_id=_told(each.metadata, "payment_id"),
                )

    def _all(self, listing: Callable[[], Any]) -> list[Any]:
        """Every page of a list."""
        return self._call(lambda: list(listing().auto_paging_iter()), writes=False)

    def open_account(self, key: str) -> str:
        """A standard account: its owner deals with Stripe directly, and is the merchant of every direct charge."""
        parameters: dict[str, Any] = {"type": "standard", "metadata": {"seller_id": key}}
        options = self._options(None, f"{key}:account")
        made = self._call(lambda: self._client.v1.accounts.create(parameters, options), writes=True)
        return _require(ACCOUNT, str(made.id))

    def account_page(self, account: str, back_url: str) -> str:
        parameters: dict[str, Any] = {
            "account": _require(ACCOUNT, account),
            "refresh_url": f"{back_url}?again=1",
            "return_url": back_url,
            "type": "account_onboarding",
        }
        made = self._call(lambda: self._client.v1.account_links.create(parameters), writes=False)
        return str(made.url)

    def can_be_paid(self, account: str) -> bool:
        _require(ACCOUNT, account)
        return bool(self._call(lambda: self._client.v1.accounts.retrieve(account), writes=False).charges_enabled)

    def notice(self, headers: Mapping[str, str], raw: bytes) -> Notice:
        """
        The SDK checks the signature and our clock its age: the SDK itself would compare with the machine's time,
        which is not the product's time in a sandbox that was moved forward.
        """
        import stripe

        given = next((value for name, value in headers.items() if name.lower() == "stripe-signature"), "")
        try:
            self._verify(raw, given)
            event = json.loads(raw)
            about = event["data"]["object"]
            kind = about["object"]
            live = event["livemode"]
            event_id, event_type = str(event["id"]), str(event["type"])
        except (ValueError, KeyError, TypeError, stripe.SignatureVerificationError) as problem:
            raise BadSignature("the signature or the event is not Stripe's") from problem
        age = clock.now().timestamp() - _signed_at(given)
        if not -NEWEST_SIGNATURE_SECONDS <= age <= OLDEST_SIGNATURE_SECONDS:
            raise BadSignature("the signature is too old or from the future")
        if live != (self.environment == "live"):
            raise BadSignature("the event belongs to the other environment")
        metadata = about.get("metadata") or {}
        session = kind == "checkout.session"
        return Notice(
            event_id=event_id,
            kind=event_type,
            ref=about["id"] if session else None,
            payment_id=about.get("client_reference_id") if session else metadata.get("payment_id"),
            charge_ref=about["id"] if kind == "payment_intent" else about.get("payment_intent"),
            seller=event.get("account"),
        )

    def _verify(self, raw: bytes, given: str) -> None:
        """Our own events and those of connected accounts come from two endpoints, each with a secret of its own."""
        import stripe

        *others, last = [secret for secret in (self._webhook_secret, self._connect_secret) if secret]
        for secret in others:
            with contextlib.suppress(stripe.SignatureVerificationError):
                stripe.WebhookSignature.verify_header(raw, given, secret, tolerance=None)
                return
        stripe.WebhookSignature.verify_header(raw, given, last, tolerance=None)

    def check(self) -> None:
        self._call(lambda: self._client.v1.balance.retrieve(), writes=False)

    def _snapshot(self, session: Any, seller: str | None) -> Snapshot:
        intent = session.payment_intent
        state = _state(session, intent)
        amount = from_stripe(session.amount_total, session.currency)
        charge = intent.latest_charge if intent is not None and state is State.PAID else None
        fee = getattr(intent, "application_fee_amount", None) if intent is not None else None
        return Snapshot(
            ref=session.id,
            state=state,
            amount=amount,
            environment=self.environment,
            payment_id=session.client_reference_id,
            seller=seller,
            charge_ref=intent.id if intent is not None and state in (State.PAID, State.PROCESSING) else None,
            last_error=None if state is State.PAID else _last_error(intent),
            authentication=_authentication(charge),
            method="card",
            retry_url=session.url if state is State.OPEN else None,
            fee=None if fee is None else from_stripe(fee, session.currency),
            refunded=None if charge is None else from_stripe(charge.amount_refunded, session.currency),
            disputed=charge is not None and bool(charge.disputed),
        )

    def _require_environment(self, live: bool) -> None:
        if live != (self.environment == "live"):
            raise ProviderRefused("environment_mismatch")

    def _options(self, seller: str | None, key: str | None = None) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if seller is not None:
            options["stripe_account"] = _require(ACCOUNT, seller)
        if key is not None:
            options["idempotency_key"] = key
        return options

    def _call(self, call: Callable[[], Answer], *, writes: bool) -> Answer:
        return patiently(lambda: self._once(call, writes))

    def _once(self, call: Callable[[], Answer], writes: bool) -> Answer:
        import stripe

        try:
            return call()
        except stripe.RateLimitError as problem:
            raise ProviderUnavailable("Stripe asks us to slow down.", outcome_unknown=False) from problem
        except stripe.APIConnectionError as problem:
            unknown = writes and not never_sent(problem)
            raise ProviderUnavailable("Stripe could not be reached.", outcome_unknown=unknown) from problem
        except stripe.IdempotencyError as problem:
            raise ProviderRefused("idempotency_error") from problem
        except (stripe.InvalidRequestError, stripe.CardError) as problem:
            raise ProviderRefused(problem.code or "invalid_request_error", field=problem.param) from problem
        except (stripe.AuthenticationError, stripe.PermissionError) as problem:
            raise ProviderRefused(problem.code or "authentication") from problem
        except stripe.StripeError as problem:
            # 409, 500 and whatever else says nothing about what happened.
            raise ProviderUnavailable("Stripe failed to answer.", outcome_unknown=writes) from problem

    @cached_property
    def _client(self) -> Any:
        import requests
        import stripe

        stripe.enable_telemetry = False
        # INFO logs every address and DEBUG what was posted, with the buyer's e-mail in it.
        logging.getLogger("stripe").setLevel(logging.WARNING)
        session = None
        if self._base and is_private(self._base):
            session = requests.Session()
            # A proxy from the environment is for the internet, not for the sandbox beside us.
            session.trust_env = False
        return stripe.StripeClient(
            self._secret_key,
            base_addresses={"api": self._base} if self._base else {},
            http_client=stripe.RequestsClient(timeout=self._timeout, session=session),
            # We repeat ourselves, because we must know whether any of the tries was sent.
            max_network_retries=0,
        )


def _told(metadata: Any, name: str) -> str | None:
    """What we wrote beside an object; the SDK's objects are no dictionaries."""
    return getattr(metadata, name, None)


def _given_back(refund: Any) -> GivenBack:
    return GivenBack(
        ref=refund.id,
        amount=from_stripe(refund.amount, refund.currency),
        state=REFUND_STATES.get(refund.status, RefundState.PENDING),
        ours=_told(refund.metadata, "refund_id"),
    )


def _disputed(dispute: Any) -> Disputed:
    return Disputed(
        ref=dispute.id,
        amount=from_stripe(dispute.amount, dispute.currency),
        state=DISPUTE_STATES.get(dispute.status, DisputeState.OPEN),
        reason=str(dispute.reason),
        fee=sum(from_stripe(each.fee, each.currency).minor for each in dispute.balance_transactions
                if each.currency == dispute.currency),
    )  # fmt: skip


def _require(shape: re.Pattern[str], identifier: str) -> str:
    """An id of the right form; anything else never leaves this process."""
    if not shape.fullmatch(identifier):
        raise ProviderRefused("bad_reference")
    return identifier


def _signed_at(header: str) -> int:
    """The time in the header that the SDK has just verified."""
    return next(int(value) for name, _, value in (part.partition("=") for part in header.split(",")) if name == "t")


def _state(session: Any, intent: Any) -> State:
    if session.payment_status == "paid":
        return State.PAID
    if session.status == "expired":
        return State.CLOSED
    if session.status == "complete" or (intent is not None and intent.status == "processing"):
        return State.PROCESSING
    return State.OPEN


def _last_error(intent: Any) -> str | None:
    error = getattr(intent, "last_payment_error", None) if intent is not None else None
    if error is None:
        return None
    return getattr(error, "decline_code", None) or getattr(error, "code", None) or "declined"


def _authentication(charge: Any) -> str | None:
    if charge is None:
        return None
    card = getattr(charge.payment_method_details, "card", None)
    secure = getattr(card, "three_d_secure", None) if card is not None else None
    return getattr(secure, "result", None) if secure is not None else "not_attempted"
