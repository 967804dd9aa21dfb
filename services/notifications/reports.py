"""
What mail servers report about mail of ours: bounces (RFC 3464) and complaints (RFC 5965, ARF).

Anybody can write such a report. It counts only where it names a message of ours by its
Message-ID, which has 85 bits of chance in it and was told to nobody but the recipient.
"""

import re
from dataclasses import dataclass
from email.errors import MessageError
from email.message import EmailMessage, Message
from typing import Literal

_OURS = re.compile(r"<(msg_[0-9a-z]{26})@[^<>\s]+>")
_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")


@dataclass(frozen=True)
class Report:
    kind: Literal["hard", "soft", "complaint"]
    #: Our message that it is about.
    message_id: str
    #: ``5.1.1`` and the like; empty where there is none.
    status: str = ""


def report_in(message: EmailMessage) -> Report | None:
    """What a report says about a message of ours; None where it says nothing that counts."""
    try:
        kinds = {part.get_content_type(): part for part in message.walk()}
        about = _message_id(message)
    except (MessageError, ValueError, LookupError, TypeError, AttributeError):
        return None
    if about is None:
        return None
    if "message/feedback-report" in kinds:
        fields = _text(kinds["message/feedback-report"])
        # "not-spam" and what filters tell each other is nobody's complaint.
        complained = re.search(r"(?im)^feedback-type:\s*(abuse|fraud|opt-out|opt-out-list)\b", fields)
        return Report("complaint", about) if complained else None
    if "message/delivery-status" in kinds:
        return _bounce(_text(kinds["message/delivery-status"]), about)
    return None


def _bounce(fields: str, about: str) -> Report | None:
    action = re.search(r"(?im)^action:\s*([a-z]+)", fields)
    status = re.search(r"(?im)^status:\s*(\S+)", fields)
    found = _STATUS.search(status[1]) if status else None
    code = found[0] if found else ""
    if action is None or action[1].lower() not in ("failed", "delayed"):
        return None
    # 5.1.x: nobody is there. All else (full, refused, too large) may be otherwise tomorrow.
    hard = action[1].lower() == "failed" and code.startswith("5.1.")
    return Report("hard" if hard else "soft", about, code)


def _text(part: Message) -> str:
    """A part's fields, whichever way the library has read them."""
    payload = part.get_payload()
    if isinstance(payload, list):
        return "\n".join(one.as_string() for one in payload if isinstance(one, Message))
    decoded = part.get_payload(decode=True)
    return decoded.decode("utf-8", "replace") if isinstance(decoded, bytes) else str(payload)


def _message_id(message: EmailMessage) -> str | None:
    """The Message-ID of the mail that came back, whole or as its headers alone."""
    for part in message.walk():
        kind = part.get_content_type()
        if kind in ("message/rfc822", "message/rfc822-headers", "text/rfc822-headers"):
            found = re.search(rf"(?im)^message-id:\s*{_OURS.pattern}", _text(part)[:100_000])
            if found is not None:
                return found[1]
    return None
