"""
A mail that came in, read so that nothing in it can do harm, and what kind of mail it is.

What a machine wrote never counts as somebody's wish: bounces, out-of-office replies,
ticket systems, mailing lists, our own mail coming back (N05, N19).
"""

import re
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import parseaddr
from typing import Literal

from services.notifications.replies import written_by
from services.notifications.reports import Report, report_in
from services.notifications.wishes import lines_of, normal

Kind = Literal["person", "auto_reply", "report", "loop"]

#: A mail that passed so many servers goes round in circles (RFC 5321, 6.3).
MOST_HOPS = 50
MOST_SUBJECT = 200

_POLICY = EmailPolicy(raise_on_defect=False)

_MACHINE_SENDERS = re.compile(
    r"(?:mailer-?daemon|postmaster|mail-?delivery|no-?reply|do-?not-?reply|nao-?responda|noresponder|no-?responder"
    r"|nepasrepondre|ne-pas-repondre|nicht-?antworten|auto-?(?:reply|responder|mailer)|bounces?)(?:[+.=_-].*)?",
    re.IGNORECASE,
)

_AUTO_SUBJECT = re.compile(
    rf"(?:(?:re|aw|sv|rv|tr|r[ée]f|antw)\s*:\s*)*(?:{'|'.join(lines_of('auto_subject'))})", re.IGNORECASE
)

#: In the words of those who leave the headers out.
_AUTO_TEXT = re.compile(rf"\b(?:{'|'.join(lines_of('auto_text'))})\b")


@dataclass(frozen=True)
class Inbound:
    """One mail as far as we look into it."""

    message: EmailMessage
    kind: Kind
    #: The bare address of who wrote it; empty where there is none.
    sender: str
    subject: str
    #: What the sender wrote themselves.
    text: str
    #: ``<…>`` of this mail, for threads; empty where it is none.
    message_id: str
    #: Where it was sent to, as the header fields say.
    recipients: str
    attachments: int
    #: What a mail server says about a mail of ours.
    report: Report | None = None


def header(message: EmailMessage, name: str) -> str:
    """A header field as plain text; whatever is broken in it is no reason to fail."""
    try:
        value = str(message.get(name, ""))
    except (MessageError, ValueError, IndexError, TypeError, AttributeError, LookupError):
        value = ""
    return " ".join("".join(char if char.isprintable() else " " for char in value).split())


def _headers(message: EmailMessage, *names: str) -> str:
    found = []
    for name in names:
        try:
            found += [str(value) for value in message.get_all(name, [])]
        except (MessageError, ValueError, IndexError, TypeError, AttributeError, LookupError):
            continue
    return " ".join(found)


def read(raw: bytes, *, own_address: str) -> Inbound:
    """
    Read a mail; however broken it is, something comes of it.

    ``own_address`` is what our own mail comes from: such a mail is one of ours that came back.
    """
    message = message_from_bytes(raw, policy=_POLICY)
    assert isinstance(message, EmailMessage)
    sender = parseaddr(header(message, "From"))[1][:254]
    subject = header(message, "Subject")[:MOST_SUBJECT]
    try:
        text = written_by(message)
    except (MessageError, ValueError, IndexError, TypeError, AttributeError, LookupError, RecursionError):
        text = ""
    message_id = header(message, "Message-ID")
    return Inbound(
        message=message,
        kind=kind_of(message, sender, subject, text, own_address),
        sender=sender if re.fullmatch(r"[^@\s]+@[^@\s]+", sender) else "",
        subject=subject,
        text=text,
        message_id=message_id if re.fullmatch(r"<[\x21-\x3b\x3d\x3f-\x7e]{1,250}>", message_id) else "",
        recipients=_headers(message, "To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To", "X-Delivered-To"),
        attachments=_attachments(message),
        report=report_in(message),
    )


def _attachments(message: EmailMessage) -> int:
    try:
        return sum(1 for part in message.walk() if part.get_content_disposition() == "attachment")
    except (MessageError, ValueError, IndexError, TypeError, AttributeError, LookupError):
        return 0


def kind_of(message: EmailMessage, sender: str, subject: str, text: str, own_address: str) -> Kind:
    if sender.casefold() == own_address.casefold() or len(message.get_all("Received", [])) > MOST_HOPS:
        return "loop"
    if header(message, "Feedback-ID").endswith(":actiontrac"):
        return "loop"
    if message.get_content_type() == "multipart/report":
        return "report"
    if _says_machine(message) or _MACHINE_SENDERS.fullmatch(sender.partition("@")[0]):
        return "auto_reply"
    if _AUTO_SUBJECT.match(subject) or _AUTO_TEXT.search(normal(text)):
        return "auto_reply"
    return "person"


def _says_machine(message: EmailMessage) -> bool:
    """Header fields by which machines tell that they are none of the living (RFC 3834 and older habits)."""
    submitted = header(message, "Auto-Submitted").lower()
    if submitted and not submitted.startswith("no"):
        return True
    if header(message, "Precedence").lower() in ("bulk", "junk", "list", "auto_reply", "auto-reply"):
        return True
    if "Return-Path" in message and header(message, "Return-Path") in ("", "<>"):
        return True
    if (
        header(message, "X-POST-MessageClass").startswith("9;")
        or "oof" in header(message, "X-Auto-Response-Suppress").lower()
    ):
        return True
    present = (
        *(
            "X-Autoreply",
            "X-Autorespond",
            "X-Autoresponder",
            "X-Auto-Reply-From",
            "X-Autogenerated",
            "X-Mail-Autoreply",
        ),
        *(
            "X-FC-MachineGenerated",
            "X-AutoReply-From",
            "X-Loop",
            "X-Cron-Env",
            "X-Ebay-Mailtracker",
            "X-Failed-Recipients",
        ),
        *("List-Id", "List-Unsubscribe", "Feedback-ID", "X-Zendesk-From-Account-Id", "X-Jira-Fingerprint"),
    )
    return any(name in message for name in present) or header(message, "X-Auto-Response-Suppress").lower() == "all"
