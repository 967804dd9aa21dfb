"""
The mail catcher: it accepts every message and sends none.

What it has accepted stays in the ledger, also after the list was emptied, so that
a test can count what really went out.
"""

import json
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses
from typing import Any
from wsgiref.types import WSGIEnvironment

from werkzeug.wrappers import Request, Response

from actiontrac import clock, ids
from actiontrac.sandbox import faults, pages
from actiontrac.sandbox.database import Database, Document, Ledger
from actiontrac.sandbox.faults import FaultKind, Faults
from actiontrac.sandbox.pages import escape
from actiontrac.sandbox.web import Rule, as_html, as_json, hang_up, see_other

#: Styles and embedded pictures of a mail show; nothing is fetched and nothing runs.
MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
MOST_SHOWN = 500


class Mailbox:
    """The messages; also the store behind the SMTP listener."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._database = database
        self._ledger = ledger

    def accept(self, raw: bytes, recipients: list[str]) -> str:
        """Keep a message and return its id; from here on it counts as sent."""
        message = parse(raw)
        identifier = ids.new_id("mail")
        to = recipients or [address for _, address in getaddresses(message.get_all("To", []))]
        with self._database.transaction():
            sequence = self._database.row("SELECT coalesce(max(sequence), 0) + 1 AS next FROM mails")
            assert sequence is not None
            self._database.run(
                "INSERT INTO mails VALUES (?, ?, ?, ?, ?, ?)",
                identifier,
                clock.iso(clock.now()),
                json.dumps(to),
                str(message.get("Subject", "")),
                raw,
                sequence["next"],
            )
            self._ledger.write(
                "mail",
                "mail",
                identifier,
                to=to,
                subject=str(message.get("Subject", "")),
                message_id=str(message.get("Message-ID", "")).strip(),
            )
        return identifier

    def messages(self, to: str | None = None, subject: str | None = None) -> list[Document]:
        """Newest first; ``to`` is one whole address, ``subject`` a part of it, both in any case."""
        rows = self._database.rows("SELECT * FROM mails ORDER BY sequence DESC LIMIT ?", MOST_SHOWN)
        found = []
        for row in rows:
            recipients = json.loads(row["recipients"])
            if to and to.casefold() not in [address.casefold() for address in recipients]:
                continue
            if subject and subject.casefold() not in row["subject"].casefold():
                continue
            found.append(_shown(row, recipients))
        return found

    def message(self, identifier: str) -> Document | None:
        row = self._database.row("SELECT * FROM mails WHERE id = ?", identifier)
        return _shown(row, json.loads(row["recipients"])) if row else None

    def raw(self, identifier: str) -> bytes | None:
        row = self._database.row("SELECT raw FROM mails WHERE id = ?", identifier)
        return bytes(row["raw"]) if row else None

    def clear(self) -> int:
        return self._database.run("DELETE FROM mails")


class MailPages:
    """The catcher's HTTP side, under ``/mail``."""

    def __init__(self, mailbox: Mailbox, queue: Faults) -> None:
        self._mailbox = mailbox
        self._faults = queue

    def rules(self) -> Iterator[Rule]:
        yield Rule("/mail/messages", self.accept, "POST")
        yield Rule("/mail/messages", self.list, "GET")
        yield Rule("/mail/messages", self.clear, "DELETE")
        yield Rule("/mail/messages/<identifier>", self.one, "GET")
        yield Rule("/mail/messages/<identifier>/raw", self.raw, "GET")
        yield Rule("/mail/view/<identifier>", self.view, "GET")
        yield Rule("/mail", self.index, "GET")

    def accept(self, request: Request) -> Response:
        """A message as it would go over SMTP, its envelope in ``X-Envelope-To`` (repeated, or with commas)."""
        fault = self._faults.take("mail", "mail.accept")
        if _refuses(request.environ, fault):
            return as_json({"error": "The catcher was told to refuse this."}, 500)
        faults.wait(fault, FaultKind.LATE)
        envelope = ",".join(request.headers.getlist("X-Envelope-To"))
        recipients = [address.strip() for address in envelope.split(",") if address.strip()]
        identifier = self._mailbox.accept(request.get_data(), recipients)
        if faults.is_one_of(fault, FaultKind.ERROR_AFTER):
            return as_json({"error": "The catcher was told to lose this answer."}, 500)
        faults.wait(fault, FaultKind.TIMEOUT_AFTER)
        if faults.is_one_of(fault, FaultKind.RESET_AFTER):
            hang_up(request.environ)
        return as_json({"id": identifier}, 200)

    def list(self, request: Request) -> Response:
        found = self._mailbox.messages(request.args.get("to"), request.args.get("subject"))
        return as_json(found)

    def clear(self, request: Request) -> Response:
        return as_json({"removed": self._mailbox.clear()})

    def one(self, request: Request, identifier: str) -> Response:
        found = self._mailbox.message(identifier)
        return as_json(found) if found else as_json({"error": "There is no such message."}, 404)

    def raw(self, request: Request, identifier: str) -> Response:
        raw = self._mailbox.raw(identifier)
        if raw is None:
            return as_json({"error": "There is no such message."}, 404)
        response = Response(raw, mimetype="text/plain")
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    def index(self, request: Request) -> Response:
        if request.path.endswith("/"):
            # The links below are relative to an address without the slash.
            return see_other("../mail")
        to = request.args.get("to", "")
        rows = [
            [
                f'<a href="mail/view/{escape(each["id"])}">{escape(each["subject"] or "(no subject)")}</a>',
                escape(", ".join(each["to"])),
                pages.moment(each["received_at"]),
            ]
            for each in self._mailbox.messages(to or None)
        ]
        search = f"""<form class="card" role="search"><label for="to">Only mail to</label><div class="row">
<input type="search" id="to" name="to" value="{escape(to)}" placeholder="ada@acme.example">
<button>Show</button></div></form>"""
        empty = "No mail to this address yet." if to else "No mail yet. Register a company and look again."
        content = (
            '<h1>Mail</h1><p class="soft">Everything that ActionTrac sent. It stays on this machine.</p>'
            + search
            + pages.table(["Subject", "To", "Received (UTC)"], rows, empty)
        )
        return as_html(pages.page("Mail", content, ribbon="Sandbox — these messages were caught and reached nobody"))

    def view(self, request: Request, identifier: str) -> Response:
        found = self._mailbox.message(identifier)
        if found is None:
            missing = '<h1>No such message</h1><p><a href="../../mail">All mail</a></p>'
            return as_html(pages.page("No such message", missing), 404)
        heads = [[escape(name), escape(value)] for name, value in found["headers"].items()]
        html = f"<h2>As it looks</h2>{pages.frame(found['html'], 'The message')}" if found["html"] else ""
        text = f"<h2>As text</h2><pre>{escape(found['text'])}</pre>" if found["text"] else ""
        content = f"""<nav><a href="../../mail">All mail</a>
<a href="../messages/{escape(identifier)}/raw">Source</a></nav>
<h1>{escape(found["subject"] or "(no subject)")}</h1>
<p class="soft">From {escape(found["from"])} · to {escape(", ".join(found["to"]))} · {escape(found["received_at"])}</p>
{html}{text}<h2>Headers</h2>{pages.table(["Name", "Value"], heads, "None.")}"""
        ribbon = "Sandbox — this message was caught and reached nobody"
        return as_html(pages.page(found["subject"], content, ribbon=ribbon), policy=MAIL_POLICY)


def parse(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def _refuses(environ: WSGIEnvironment, fault: faults.Fault | None) -> bool:
    if faults.is_one_of(fault, FaultKind.RESET_BEFORE):
        hang_up(environ)
        return True
    return faults.is_one_of(fault, FaultKind.ERROR_BEFORE, FaultKind.ERROR_KEPT, FaultKind.RATE_LIMITED)


def _shown(row: Any, recipients: list[str]) -> Document:
    message = parse(row["raw"])
    headers: dict[str, str] = {}
    for name, value in message.items():
        headers[name] = f"{headers[name]}\n{value}" if name in headers else str(value)
    return {
        "id": row["id"],
        "received_at": row["received_at"],
        "to": recipients,
        "from": str(message.get("From", "")),
        "subject": row["subject"],
        "text": _body(message, "plain"),
        "html": _body(message, "html"),
        "headers": headers,
    }


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    if part is None:
        return ""
    try:
        return str(part.get_content())
    except (LookupError, ValueError):
        # An unknown character set: show what can be shown rather than nothing.
        payload = part.get_payload(decode=True)
        return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
