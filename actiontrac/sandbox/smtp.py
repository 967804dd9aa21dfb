"""
Real SMTP into the catcher, so that the product's own SMTP code is what runs in the full mode.

Only for the sandbox's own process: aiosmtpd needs asyncio, which has no place
beside eventlet.
"""

import asyncio
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from actiontrac.sandbox.mail import Mailbox
from actiontrac.sandbox.web import LARGEST_BODY


class IntoMailbox:
    """aiosmtpd's handler: 250 only after the message is in the database."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        raw = envelope.original_content or b""
        identifier = await asyncio.to_thread(self._mailbox.accept, raw, list(envelope.rcpt_tos))
        return f"250 Accepted as {identifier}"


class SmtpListener:
    """Listens in a thread of its own."""

    def __init__(self, mailbox: Mailbox, host: str, port: int) -> None:
        options: dict[str, Any] = {"data_size_limit": LARGEST_BODY, "ident": "ActionTrac sandbox"}
        self._controller = Controller(IntoMailbox(mailbox), hostname=host, port=port, **options)

    def start(self) -> None:
        """
        Raises:
            OSError: the port is taken.
        """
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop()
