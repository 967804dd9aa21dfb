"""What happens to sessions and charges at Stripe; every method runs inside the caller's transaction."""

import json
import re
from typing import Any

from actiontrac.sandbox.database import Document, Ledger, Objects
from actiontrac.sandbox.stripe import errors, forms, objects
from actiontrac.sandbox.stripe.cards import CARDS, Card, Outcome
from actiontrac.sandbox.webhooks import Webhooks

#: Stripe's minimum for the currencies that we sell in, in minor units.
SMALLEST_AMOUNT = 50
#: How long the cards with a slow refund take.
REFUND_SETTLES_SECONDS = 3

AUTHENTICATION_FAILED = {
    "type": "invalid_request_error",
    "code": "payment_intent_authentication_failure",
    "message": "We are unable to authenticate your payment method. Please choose a different payment method.",
}


class SessionClosed(Exception):
    """The session can no longer be paid."""


class StripeBook:
    """The books of the fake Stripe."""

    def __init__(self, store: Objects, ledger: Ledger, webhooks: Webhooks, public_url: str) -> None:
        self._store = store
        self._ledger = ledger
        self._webhooks = webhooks
        self._public_url = public_url

    def create_session(self, parameters: Document, account: str, key: str | None) -> Document:
        total, currency = _total(parameters)
        _require_session_is_possible(parameters, account, total)
        session = objects.session(parameters, total, currency, self._public_url)
        if not (
            objects.SHORTEST_SESSION_SECONDS - 60
            <= session["expires_at"] - objects.seconds_now()
            <= objects.SESSION_SECONDS + 60
        ):
            raise errors.refuse(
                "The `expires_at` timestamp must be between 30 minutes and 24 hours after creation.",
                parameter="expires_at",
            )
        wishes = {
            "intent": parameters.get("payment_intent_data", {}),
            "secure": parameters.get("payment_method_options", {}).get("card", {}).get("request_three_d_secure"),
            "name": _name(parameters),
        }
        self._store.put("session", session, account=account, hidden=wishes)
        self._ledger.write(
            "stripe",
            "session",
            session["id"],
            key=key,
            account=account,
            payment_id=session["client_reference_id"],
            amount_minor=total,
            currency=currency.upper(),
            parameters=forms.names(parameters),
        )
        return session

    def session(self, identifier: str, account: str | None) -> Document:
        """The session, expired on the way when its time is over; ``account`` None is the buyer's browser."""
        session = self._store.get("session", identifier, account)
        if session is None:
            raise errors.missing("checkout.session", identifier)
        if session["status"] == "open" and session["expires_at"] <= objects.seconds_now():
            return self.expire(session)
        return session

    def expire(self, session: Document, key: str | None = None) -> Document:
        if session["status"] != "open":
            raise errors.refuse('Only Checkout Sessions with a status in ["open"] can be expired.')
        session.update(status="expired", url=None)
        account = self._store.account("session", session["id"])
        self._store.put("session", session)
        self._ledger.write("stripe", "session_expired", session["id"], key=key)
        self.emit("checkout.session.expired", session, account)
        return session

    def sweep(self) -> None:
        """What the calendar does by itself."""
        for session in self._store.where("session", "status", "open"):
            if session["expires_at"] <= objects.seconds_now():
                self.expire(session)
        for refund in self._store.where("refund", "status", "pending", "succeeded"):
            self._settle_refund(refund)

    # A buyer's browser from here.

    def intent_of(self, session: Document) -> Document | None:
        return self._store.get("payment_intent", session["payment_intent"]) if session["payment_intent"] else None

    def name_of(self, session: Document) -> str:
        return str(self._store.hidden("session", session["id"]).get("name", ""))

    def use_card(self, session: Document, card: Card) -> Document:
        """
        The buyer pressed "Pay"; returns the payment intent as it stands then.

        Raises:
            SessionClosed: paid already, or its time is over.
        """
        if session["status"] != "open":
            raise SessionClosed
        intent = self._intent(session)
        if card.outcome is Outcome.INVALID:
            return self._fail(session, intent, _card_error(card, "Your card number is incorrect."))
        if card.outcome is Outcome.DECLINED:
            return self._fail(session, intent, _card_error(card, "Your card was declined."))
        if card.outcome in (Outcome.CHALLENGE, Outcome.CHALLENGE_THEN_DECLINED):
            intent.update(status="requires_action", next_action={"type": "use_stripe_sdk"}, last_payment_error=None)
            hidden = self._store.hidden("payment_intent", intent["id"])
            self._store.put("payment_intent", intent, hidden={**hidden, "card": card.slug})
            self.emit("payment_intent.requires_action", intent, self._account(session))
            return intent
        asked = self._store.hidden("session", session["id"])["secure"] in ("any", "challenge")
        return self._charge(session, intent, card, card.silent_result if asked else None)

    def card_in_challenge(self, intent: Document | None) -> str | None:
        """The slug of the card whose 3-D Secure question is open."""
        if intent is None or intent["status"] != "requires_action":
            return None
        return str(self._store.hidden("payment_intent", intent["id"])["card"])

    def answer_challenge(self, session: Document, card: Card, passed: bool) -> Document:
        """
        The buyer answered the bank's question.

        Raises:
            SessionClosed: paid already, or its time is over.
        """
        if session["status"] != "open":
            raise SessionClosed
        intent = self._intent(session)
        if not passed:
            return self._fail(session, intent, dict(AUTHENTICATION_FAILED))
        if card.outcome is Outcome.CHALLENGE_THEN_DECLINED:
            return self._fail(session, intent, _card_error(card, "Your card was declined."))
        return self._charge(session, intent, card, "authenticated")

    def _intent(self, session: Document) -> Document:
        found = self.intent_of(session)
        if found is not None:
            return found
        hidden = self._store.hidden("session", session["id"])
        intent = objects.payment_intent(session, hidden["intent"])
        self._store.put("payment_intent", intent, account=self._account(session))
        session["payment_intent"] = intent["id"]
        self._store.put("session", session)
        return intent

    def _fail(self, session: Document, intent: Document, error: Document) -> Document:
        intent.update(status="requires_payment_method", next_action=None, last_payment_error=error)
        self._store.put("payment_intent", intent)
        self.emit("payment_intent.payment_failed", intent, self._account(session))
        return intent

    def _charge(self, session: Document, intent: Document, card: Card, secure: str | None) -> Document:
        account = self._account(session)
        charge = objects.charge(intent, card, secure)
        intent.update(
            status="succeeded",
            amount_received=intent["amount"],
            latest_charge=charge["id"],
            last_payment_error=None,
            next_action=None,
        )
        session.update(
            status="complete",
            payment_status="paid",
            url=None,
            customer_details={"email": session["customer_email"], "name": None, "phone": None, "address": None},
        )
        self._store.put("charge", charge, account=account, hidden={"refund": card.refund})
        self._store.put("payment_intent", intent)
        self._store.put("session", session)
        self._ledger.write(
            "stripe",
            "charge",
            charge["id"],
            session=session["id"],
            account=account,
            payment_id=session["client_reference_id"],
            amount_minor=charge["amount"],
            currency=charge["currency"].upper(),
            fee_minor=charge["application_fee_amount"],
        )
        self.emit("payment_intent.succeeded", intent, account)
        self.emit("charge.succeeded", charge, account)
        self.emit("checkout.session.completed", session, account)
        if card.disputed:
            self.dispute(charge)
        return intent

    # Money on its way back.

    def refund(self, parameters: Document, account: str, key: str | None) -> Document:
        charge = self._charge_to_refund(parameters, account)
        if any(each["status"] != "won" for each in self._store.where("dispute", "charge", charge["id"])):
            raise errors.refuse(f"Charge {charge['id']} has been charged back; cannot issue a refund.",
                                code="charge_disputed")  # fmt: skip
        left = charge["amount"] - charge["amount_refunded"]
        amount = int(parameters.get("amount", left))
        if left == 0:
            raise errors.refuse(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
        if amount <= 0:
            raise errors.refuse("Invalid positive integer", code="parameter_invalid_integer", parameter="amount")
        if amount > left:
            raise errors.refuse("Refund amount is greater than unrefunded amount on charge", parameter="amount")
        slowness = self._store.hidden("charge", charge["id"]).get("refund", "at once")
        refund = objects.refund(charge, amount, parameters, "pending" if slowness == "later" else "succeeded")
        settles = {"later": "succeeded", "fails": "failed"}.get(slowness)
        hidden = {"becomes": settles, "at": objects.seconds_now() + REFUND_SETTLES_SECONDS}
        self._store.put("refund", refund, account=account, hidden=hidden)
        self._take_back(charge, amount)
        self._ledger.write(
            "stripe",
            "refund",
            refund["id"],
            key=key,
            account=account,
            charge=charge["id"],
            amount_minor=amount,
            currency=charge["currency"].upper(),
        )
        self.emit("refund.created", refund, account, key)
        self.emit("charge.refunded", charge, account, key)
        return refund

    def _charge_to_refund(self, parameters: Document, account: str) -> Document:
        if "payment_intent" in parameters:
            intent = self._store.get("payment_intent", parameters["payment_intent"], account)
            if intent is None:
                raise errors.missing("payment_intent", parameters["payment_intent"], "payment_intent")
            if intent["latest_charge"] is None:
                raise errors.refuse("This PaymentIntent does not have a successful charge to refund.")
            identifier = intent["latest_charge"]
        elif "charge" in parameters:
            identifier = parameters["charge"]
        else:
            raise errors.refuse("One of the following params should be provided: payment_intent, charge.")
        charge = self._store.get("charge", identifier, account)
        if charge is None:
            raise errors.missing("charge", identifier, "charge")
        return charge

    def _take_back(self, charge: Document, amount: int) -> None:
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        self._store.put("charge", charge)

    def _settle_refund(self, refund: Document) -> None:
        hidden = self._store.hidden("refund", refund["id"])
        if hidden.get("becomes") is None or hidden["at"] > objects.seconds_now():
            return
        account = self._store.account("refund", refund["id"])
        refund["status"] = hidden["becomes"]
        if refund["status"] == "failed":
            refund["failure_reason"] = "expired_or_canceled_card"
            charge = self._store.get("charge", refund["charge"])
            if charge is not None:
                self._take_back(charge, -refund["amount"])
        self._store.put("refund", refund, hidden={"becomes": None})
        self._ledger.write("stripe", f"refund_{refund['status']}", refund["id"])
        self.emit("refund.failed" if refund["status"] == "failed" else "refund.updated", refund, account)

    def dispute(self, charge: Document) -> Document:
        account = self._store.account("charge", charge["id"])
        charge["disputed"] = True
        dispute = objects.dispute(charge)
        self._store.put("charge", charge)
        self._store.put("dispute", dispute, account=account)
        self._ledger.write("stripe", "dispute", dispute["id"], charge=charge["id"])
        self.emit("charge.dispute.created", dispute, account)
        self.emit("charge.dispute.funds_withdrawn", dispute, account)
        return dispute

    def close_dispute(self, identifier: str, status: str) -> Document:
        """``won`` or ``lost``, as the bank would decide."""
        dispute = self._store.get("dispute", identifier)
        if dispute is None or status not in ("won", "lost") or dispute["status"] in ("won", "lost"):
            raise errors.missing("dispute", identifier)
        account = self._store.account("dispute", identifier)
        dispute["status"] = status
        if status == "won":
            charge = self._store.get("charge", dispute["charge"])
            assert charge is not None
            # The money comes back and the fee does not.
            dispute["balance_transactions"].append(objects.balance_transaction(dispute["amount"], 0, charge))
            dispute["is_charge_refundable"] = True
        self._store.put("dispute", dispute)
        self._ledger.write("stripe", f"dispute_{status}", identifier, charge=dispute["charge"])
        if status == "won":
            self.emit("charge.dispute.funds_reinstated", dispute, account)
        self.emit("charge.dispute.closed", dispute, account)
        return dispute

    def charge_elsewhere(self, amount: int, currency: str) -> Document:
        """A charge that somebody made by hand in the dashboard: no checkout of anybody's stands behind it."""
        session = objects.session({}, amount, currency, self._public_url)
        intent = objects.payment_intent(session, {})
        card = next(each for each in CARDS if each.slug == "visa")
        charge = objects.charge(intent, card, None)
        intent.update(status="succeeded", amount_received=amount, latest_charge=charge["id"])
        self._store.put("payment_intent", intent)
        self._store.put("charge", charge, hidden={"refund": "at once"})
        self._ledger.write("stripe", "charge", charge["id"], payment_id=None, amount_minor=amount,
                           currency=currency.upper())  # fmt: skip
        self.emit("charge.succeeded", charge, "")
        return charge

    def emit(self, kind: str, about: Document, account: str, key: str | None = None) -> None:
        event = objects.event(kind, json.loads(json.dumps(about)), account, key)
        self._store.put("event", event, account=account)
        # Two spaces, as Stripe writes its webhooks: a receiver that re-serialises is found out.
        self._webhooks.emit("stripe", event["id"], kind, json.dumps(event, indent=2).encode())

    def _account(self, session: Document) -> str:
        return self._store.account("session", session["id"])


def _total(parameters: Document) -> tuple[int, str]:
    lines = parameters.get("line_items")
    if not lines:
        raise errors.refuse(
            "Missing required param: line_items.", code="parameter_missing", parameter="line_items", kept=False
        )
    total, currencies = 0, set()
    for index, line in enumerate(lines):
        price: Any = line.get("price_data")
        if not isinstance(price, dict) or "unit_amount" not in price:
            where = f"line_items[{index}][price_data]"
            raise errors.refuse("The sandbox keeps no prices: send price_data with unit_amount.", parameter=where)
        total += int(price["unit_amount"]) * int(line.get("quantity", 1))
        currencies.add(price["currency"])
    currency = currencies.pop()
    if currencies or not re.fullmatch("[a-z]{3}", currency):
        where = "line_items[0][price_data][currency]"
        raise errors.refuse("Invalid currency: three lower-case letters, one for all lines.", parameter=where)
    return total, currency


def _require_session_is_possible(parameters: Document, account: str, total: int) -> None:
    if parameters.get("mode") != "payment":
        raise errors.refuse("The sandbox knows only mode=payment.", parameter="mode")
    if not parameters.get("success_url"):
        raise errors.refuse("Missing required param: success_url.", code="parameter_missing", parameter="success_url")
    if total < SMALLEST_AMOUNT:
        raise errors.refuse("The total amount must convert to at least 50 cents.", code="amount_too_small")
    wishes = parameters.get("payment_intent_data", {})
    fee = wishes.get("application_fee_amount")
    if fee is None:
        return
    where = "payment_intent_data[application_fee_amount]"
    if not account and "transfer_data" not in wishes:
        raise errors.refuse("An application fee needs a connected account.", parameter=where)
    if int(fee) > total:
        raise errors.refuse("The application fee is greater than the amount.", parameter=where)


def _name(parameters: Document) -> str:
    product = parameters["line_items"][0]["price_data"].get("product_data", {})
    return str(product.get("name", ""))


def _card_error(card: Card, message: str) -> Document:
    error: Document = {"type": "card_error", "code": card.code, "message": message}
    if card.decline_code is not None:
        error["decline_code"] = card.decline_code
    return error
