"""Every mail with its sample data, as a person would get it; also what docs/mail shows."""

from typing import Any

from actiontrac.config import Settings
from services.notifications.composing import address_of, composed, written
from services.notifications.mails import Mail
from services.notifications.policies import can_switch_off
from services.notifications.rendering import Rendered

RECIPIENT: Any = {
    "recipient_id": "usr_olive",
    "company_id": "com_acme",
    "company_name": "Acme Tools",
    "email": "olive@acme.example",
    "first_name": "Olive",
    "language": "en",
    "verified": True,
    "role": "owner",
}


def unsubscribe_url(mail: Mail, settings: Settings) -> str | None:
    if not can_switch_off(mail.category):
        return None
    return f"{settings.public_url}/unsubscribe/{'Zb3kQ9' * 20}"


def sample(mail: Mail, settings: Settings, **recipient: Any) -> Rendered:
    return written(
        mail,
        mail.category,
        params=dict(mail.sample),
        recipient={**RECIPIENT, **recipient},
        settings=settings,
        link=f"{settings.public_url}/{mail.name}?token={'k3Yw8' * 8}" if mail.linked else None,
        unsubscribe_url=unsubscribe_url(mail, settings),
    )


def sample_raw(mail: Mail, settings: Settings, at: Any, **recipient: Any) -> bytes:
    return composed(
        sample(mail, settings, **recipient),
        message_id="msg_01jd8m3x2kabcdefghjkmnpqrs",
        template=mail.name,
        category=mail.category,
        to=address_of(recipient.get("email", RECIPIENT["email"])),
        settings=settings,
        at=at,
        unsubscribe_url=unsubscribe_url(mail, settings),
        request_id="req_01jd8m3x2kabcdefghjkmnpqrs",
    )
