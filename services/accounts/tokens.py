"""
Secrets that people carry: session tokens, and links in mail.

A session token is chance, and only its hash is kept. A link's secret is computed from a
key and the link's id whenever it is needed, so neither table nor event nor queue holds it.
"""

import base64
import hashlib
import hmac
import secrets

from actiontrac.contracts import accounts as contract
from actiontrac.vault import KeyProvider

SESSION_TOKEN_BYTES = 32

#: Where the link of each kind of mail leads; the gateway serves these pages.
PAGES = {
    "verify_email": "verify-email",
    "reset_password": "reset-password",
    "invitation": "accept-invitation",
}


def new_session_token() -> str:
    return secrets.token_urlsafe(SESSION_TOKEN_BYTES)


def session_token_hash(token: str) -> str:
    """A fast hash is enough: nobody guesses 256 bits of chance."""
    return hashlib.sha256(token.encode()).hexdigest()


def csrf_token(keys: KeyProvider, session_id: str) -> str:
    """What a page of the session sends back with each write, to show that it is ours."""
    return _sign(keys.derive("accounts.csrf"), session_id)


def link_token(keys: KeyProvider, kind: str, subject_id: str) -> str:
    """``<id>.<secret>``: the secret is for this kind and id only."""
    return f"{subject_id}.{_sign(keys.derive('accounts.links'), f'{kind}|{subject_id}')}"


def open_link_token(keys: KeyProvider, kind: str, token: str) -> str:
    """
    The id in a link's token.

    Raises:
        TokenInvalid: we did not make it, or made it for something else.
    """
    subject_id, _, _ = token.partition(".")
    expected = link_token(keys, kind, subject_id)
    if not hmac.compare_digest(expected.encode(), token.encode()):
        raise contract.TokenInvalid()
    return subject_id


def same_secret(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _sign(key: bytes, text: str) -> str:
    digest = hmac.new(key, text.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
