"""Stripe's webhook signature."""

import hashlib
import hmac

from actiontrac.sandbox.stripe.objects import seconds_now


class StripeSigner:
    """Signs every try anew, as Stripe does: the time is part of what is signed."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def headers(self, body: bytes, delivery: int) -> dict[str, str]:
        moment = seconds_now()
        signature = hmac.new(self._secret, f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        return {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": f"t={moment},v1={signature}",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
