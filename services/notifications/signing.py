"""
Who may bring us mail, and to which mail of ours somebody answers.

Both are keyed hashes: one over the bytes that a mail server hands in, with the time in
it; one over a message's id, short enough for an address (RFC 5321 gives 64 characters).
"""

import hashlib
import hmac
import re

from actiontrac import clock
from actiontrac.contracts.notifications import MailSignatureRefused

#: A mail that was signed earlier or later than this is refused; the machine's clock counts.
TOLERANCE_SECONDS = 300

SIGNATURE_HEADER = "x-actiontrac-signature"
REPLY_PURPOSE = "reply tokens"

_HEADER = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")
#: 80 bits, in the alphabet of the ids: addresses do not tell upper from lower case.
_SIGNATURE_CHARS = 16
_TOKEN = re.compile(rf"([0-9a-z]{{26}})([0-9a-z]{{{_SIGNATURE_CHARS}}})")
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def signature_of(raw: bytes, key: str, at: int) -> str:
    """The header's value; what a mail server's hook computes."""
    signed = hmac.new(key.encode(), f"{at}.".encode() + raw, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"


def require_signature(raw: bytes, header: str, key: str) -> None:
    """
    Raises:
        MailSignatureRefused: it is not signed with the key, or was signed too long ago.
    """
    found = _HEADER.fullmatch(header.strip())
    if not key or found is None:
        raise MailSignatureRefused()
    at = int(found[1])
    if not hmac.compare_digest(header.strip(), signature_of(raw, key, at)):
        raise MailSignatureRefused()
    if abs(clock.machine_now().timestamp() - at) > TOLERANCE_SECONDS:
        raise MailSignatureRefused("The signature is too old.")


def _sign(identifier: str, key: bytes) -> str:
    digest = hmac.new(key, identifier.encode(), hashlib.sha256).digest()
    return "".join(_ALPHABET[byte & 31] for byte in digest[:_SIGNATURE_CHARS])


def reply_token(message_id: str, key: bytes) -> str:
    """Names a message of ours in an address; the same every time."""
    identifier = message_id.removeprefix("msg_")
    return f"{identifier}{_sign(identifier, key)}"


def message_of(token: str, key: bytes) -> str | None:
    """The message that a token names; None where we did not make it."""
    found = _TOKEN.fullmatch(token.lower())
    if found is None or not hmac.compare_digest(found[2], _sign(found[1], key)):
        return None
    return f"msg_{found[1]}"


def tokens_in(text: str, inbound_address: str) -> list[str]:
    """The tokens in plus-addresses of the inbound address, as they stand in header fields."""
    local, _, domain = inbound_address.partition("@")
    if not domain:
        return []
    pattern = rf"(?<![\w.+-]){re.escape(local)}\+([0-9a-z]{{42}})@{re.escape(domain)}(?![\w-])"
    return re.findall(pattern, text, re.IGNORECASE)
