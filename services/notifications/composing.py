"""From a rendered mail to the bytes that go out: headers that are right, and nothing that tracks (N17)."""

import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime, parseaddr
from typing import Any

from actiontrac.config import Settings
from actiontrac.contracts.accounts import RecipientView
from actiontrac.contracts.notifications import CATEGORIES
from services.notifications import policies
from services.notifications.mails import Mail
from services.notifications.rendering import CannotRender, Rendered, render
from services.notifications.wording import shown_name, written_out


class AddressNotSupported(Exception):
    """The address cannot be written in a header that every server understands."""


class _Policy(EmailPolicy):
    """
    Links in headers stay in one piece: the library would fold them as encoded words,
    which no mail program turns back into a link. RFC 5322 allows 998 characters.
    """

    _WHOLE = ("list-unsubscribe", "message-id", "in-reply-to", "references")

    def fold(self, name: str, value: Any) -> str:
        return f"{name}: {value}\r\n" if name.lower() in self._WHOLE else super().fold(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name.lower() in self._WHOLE:
            return self.fold(name, value).encode("ascii")
        return super().fold_binary(name, value)


# RFC 2045 ends a quoted-printable line at 76 characters; the library's default is 78.
_POLICY = _Policy(linesep=SMTP.linesep, max_line_length=76)


def address_of(text: str) -> Address:
    """
    An address with its domain in the form that DNS knows.

    Raises:
        AddressNotSupported: it is none, or the part before the @ is not ASCII.
    """
    local, at, domain = text.strip().rpartition("@")
    try:
        ascii_domain = domain.encode("idna").decode("ascii")
        local.encode("ascii")
        if not (local and at and ascii_domain) or re.search(r"[\x00-\x20\x7f<>]", text.strip()):
            raise AddressNotSupported
        return Address(username=local, domain=ascii_domain)
    except (UnicodeError, ValueError):
        raise AddressNotSupported from None


def sender_of(settings: Settings) -> Address:
    """Who the mail is from; also the envelope's sender, where bounces go."""
    name, address = parseaddr(settings.mail_from)
    plain = address_of(address)
    return Address(display_name=name, username=plain.username, domain=plain.domain)


def inbound_address_of(settings: Settings) -> str:
    """
    Where answers come in, without a token; empty where nobody takes them in.

    In the sandbox there is one, so that a reply can be tried out.
    """
    domain = settings.mail_reply_to.rpartition("@")[2]
    return settings.option("MAIL_INBOUND_ADDRESS", "") or (f"reply@{domain}" if settings.sandbox else "")


def reply_to_of(settings: Settings, token: str | None) -> Address:
    """Where an answer to a mail goes: with a token it says which mail it answers (N05)."""
    local, _, domain = inbound_address_of(settings).rpartition("@")
    if token is None or not local:
        return address_of(settings.mail_reply_to)
    return address_of(f"{local}+{token}@{domain}")


def written(
    mail: Mail,
    category: str,
    *,
    params: dict[str, Any],
    recipient: RecipientView,
    settings: Settings,
    link: str | None,
    unsubscribe_url: str | None,
) -> Rendered:
    """
    The mail as this person reads it.

    Raises:
        CannotRender: something that it must say is missing.
    """
    if not settings.mail_postal_address.strip():
        # Commercial mail without a postal address is against the law in many places.
        raise CannotRender("no postal address")
    if policies.can_switch_off(category) and not unsubscribe_url:
        raise CannotRender("no way to opt out")
    return render(
        mail.name,
        {
            **written_out(params),
            "first_name": shown_name(recipient["first_name"]),
            "company_name": shown_name(recipient["company_name"]) or "your company",
            "category_name": CATEGORIES[category][0],
            "link": link,
            "public_url": settings.public_url,
            "reply_to": settings.mail_reply_to,
            "postal_address": settings.mail_postal_address,
            "unsubscribe_url": unsubscribe_url,
        },
    )


def composed(
    rendered: Rendered,
    *,
    message_id: str,
    template: str,
    category: str,
    to: Address,
    settings: Settings,
    at: datetime,
    unsubscribe_url: str | None,
    request_id: str = "",
    reply_token: str | None = None,
    in_reply_to: str | None = None,
) -> bytes:
    """
    The mail as RFC 5322 wants it. The same message gets the same Message-ID however
    often it is tried, so that whoever got it twice sees it once.
    """
    sender = sender_of(settings)
    message = EmailMessage(policy=_POLICY)
    message["From"] = sender
    message["To"] = to
    message["Reply-To"] = reply_to_of(settings, reply_token)
    message["Subject"] = rendered.subject
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{message_id}@{sender.domain}>"
    if in_reply_to:
        message["In-Reply-To"] = in_reply_to
        message["References"] = in_reply_to
    # No out-of-office reply to us (RFC 3834), also from servers that know only the second.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    # Lets mailbox providers count complaints by template; nothing in it names a person.
    message["Feedback-ID"] = f"{template}:{category}:actiontrac"
    if request_id:
        message["X-Request-ID"] = request_id
    if unsubscribe_url:
        message["List-Unsubscribe"] = f"<{unsubscribe_url}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(rendered.text, cte="quoted-printable")
    message.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
    message.set_boundary(f"=_{message_id}")
    return message.as_bytes()
