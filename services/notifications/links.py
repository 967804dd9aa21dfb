"""
Links that switch a category off: signed, without expiry, and without a table (N04).

A link says whose subscription it ends and is signed, so it works as long as the mail
is kept, on every replica, and nobody can make one for another person.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass

from actiontrac.contracts.notifications import CATEGORIES, LinkInvalid

#: 128 bits: nobody guesses them, and the link stays short enough to be read aloud.
_SIGNATURE_BYTES = 16

PURPOSE = "unsubscribe links"


@dataclass(frozen=True)
class Subscription:
    """Whose mail of which category a link is about."""

    company_id: str
    user_id: str
    category: str


def _sign(key: bytes, payload: bytes) -> bytes:
    return hmac.new(key, payload, hashlib.sha256).digest()[:_SIGNATURE_BYTES]


def token_for(subscription: Subscription, key: bytes) -> str:
    """The part of the link behind ``/unsubscribe/``; the same every time."""
    payload = "|".join((subscription.company_id, subscription.user_id, subscription.category)).encode()
    return base64.urlsafe_b64encode(_sign(key, payload) + payload).decode().rstrip("=")


def subscription_of(token: str, key: bytes) -> Subscription:
    """
    Raises:
        LinkInvalid: we did not sign this, or it has been damaged.
    """
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise LinkInvalid() from None
    signature, payload = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _sign(key, payload)):
        raise LinkInvalid()
    company_id, user_id, category = payload.decode().split("|")
    if category not in CATEGORIES:
        # A category that a later release has taken away.
        raise LinkInvalid()
    return Subscription(company_id, user_id, category)
