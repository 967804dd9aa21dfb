"""Mail that comes in: opting out by reply, and what a person has to look at."""

import base64
import binascii
import hashlib
from typing import Any

from actiontrac import clock, forbidden, log
from actiontrac.config import Settings
from actiontrac.contracts import accounts as people
from actiontrac.contracts import notifications as contract
from actiontrac.errors import Invalid, NotFound
from actiontrac.schemas import parse
from actiontrac.service import PUBLIC, Opener, rpc
from services.notifications import inbound, mails, policies, signing, wishes
from services.notifications.composing import inbound_address_of, sender_of
from services.notifications.models import Message, Ticket
from services.notifications.replies import MOST_TEXT
from services.notifications.reports import Report
from services.notifications.repository import NotificationsStore, looks_like_id
from services.notifications.schemas import page_size, ticket_thread_view, ticket_view

_log = log.get(__name__)

#: What one mail may have with its attachments; none of those is kept.
MOST_BYTES = 2 * 1024 * 1024

#: So many mails that came back within a month are as good as an address that does not exist.
SOFT_BOUNCES = 5

#: Whoever presses "this is spam" wants none of these; the plan's status is not advertising.
COMPLAINT_STOPS = ("promotions", "educational", "service_updates")

NO_SUBJECT = "(no subject)"


class Support:
    """The part of the notifications service that takes mail in."""

    store: Opener[NotificationsStore]
    settings: Settings
    accounts: people.Rpc

    @rpc(requires=PUBLIC)
    def receive_mail(self, *, signature: str, raw: str) -> contract.InboundView:
        """
        Take one mail from a mail server that holds our key. What a machine wrote is
        ignored; a clear wish to stop is carried out at once and confirmed once; all else
        waits for a person. The same mail twice is one.

        Raises:
            MailSignatureRefused, MailTooLarge: nothing was taken.
        """
        data = _decoded(raw)
        signing.require_signature(data, signature, self.settings.secrets.get("INBOUND_KEY", ""))
        if len(data) > MOST_BYTES:
            raise contract.MailTooLarge()
        mail = inbound.read(data, own_address=sender_of(self.settings).addr_spec)
        with self.store.across_companies() as store:
            # A server that hands a mail in again has added a line on top: its id stays.
            digest = (
                store.index(f"{mail.message_id}|{mail.sender}|{mail.text}", "inbound.mail")
                if mail.message_id
                else hashlib.sha256(data).hexdigest()
            )
            if mail.report is None:
                if not store.take_in(digest):
                    return {"outcome": "duplicate"}
                outcome = self._sort(store, mail, digest)
                store.note_outcome(digest, outcome["outcome"])
        if mail.report is not None:
            outcome = self._reported(mail.report)
        _log.info("mail_received", kind=mail.kind, outcome=outcome["outcome"])
        return outcome

    def _reported(self, report: Report) -> contract.InboundView:
        """
        A bounce or a complaint, for all mail of ours (N09). Every step may be repeated, so
        that the same report twice does nothing more.
        """
        with self.store.across_companies() as store:
            message = store.message_answered(report.message_id)
        if message is None or message.state != "sent":
            return {"outcome": "ignored"}
        address = ""
        if not message.recipient_id.startswith("tkt_"):
            try:
                address = self.accounts.get_recipient(recipient_id=message.recipient_id)["email"]
            except NotFound:
                return {"outcome": "ignored"}
        with self.store.across_companies() as store:
            message = store.message(report.message_id)
            if report.kind == "complaint":
                if not message.recipient_id.startswith("tkt_"):
                    # At once, and without a mail about it: that would be complained about as well.
                    for code in COMPLAINT_STOPS:
                        store.choose(
                            message.recipient_id, code, wanted=False, source="complaint", company_id=message.company_id
                        )
                return {"outcome": "report"}
            if report.kind == "hard":
                message.finish("failed", clock.now(), f"bounced_{report.status}")
            address = address or store.ticket(message.recipient_id).address or ""
            if report.kind == "hard":
                store.suppress(address, "hard_bounce")
            elif store.count_bounce(message.id, address) >= SOFT_BOUNCES:
                store.suppress(address, "soft_bounces")
        return {"outcome": "report"}

    def _sort(self, store: NotificationsStore, mail: inbound.Inbound, digest: str) -> contract.InboundView:
        if mail.kind != "person":
            return {"outcome": "ignored"}
        answered = self._answered(store, mail)
        asked = wishes.asked_in(mail.text, subject=mail.subject, sender=mail.sender)
        ticket = store.ticket(answered.recipient_id) if answered and answered.recipient_id.startswith("tkt_") else None
        company_id = answered.company_id if answered else ""
        user_id = ticket.user_id if ticket else answered.recipient_id if answered else None
        category = ticket.category if ticket else answered.category if answered else None
        stopped = asked.opts_out and user_id is not None
        if stopped and user_id is not None:
            stop(store, company_id, user_id, category, source="reply", event_key=f"stop:{digest[:40]}")
            if asked.ticket is None and ticket is None:
                return {"outcome": "opted_out"}
        subject, text = forbidden.mask(mail.subject or NO_SUBJECT), forbidden.mask(mail.text[:MOST_TEXT])
        if ticket is None:
            ticket = store.open_ticket(
                company_id=company_id,
                user_id=user_id,
                category=category,
                # Who may have written it is not certain: a person has to see it even if the wish is clear.
                kind=asked.ticket or wishes.OPT_OUT,
                address=mail.sender,
                subject=subject,
                mail_id=mail.message_id,
            )
        else:
            store.reopen(ticket, mail.message_id)
        store.add_entry(ticket, "in", text, mail.attachments)
        return {"outcome": "opted_out" if stopped else "ticket"}

    def _answered(self, store: NotificationsStore, mail: inbound.Inbound) -> Message | None:
        """The mail of ours that this one answers, by the token in its address."""
        key = self.store.keys.derive(signing.REPLY_PURPOSE)
        for token in signing.tokens_in(mail.recipients, inbound_address_of(self.settings)):
            message_id = signing.message_of(token, key)
            found = store.message_answered(message_id) if message_id else None
            if found is not None:
                return found
        return None

    # What a person does

    @rpc(requires="staff")
    def list_support_tickets(
        self, *, state: str = "open", kind: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> contract.TicketList:
        """What waits for a person, or what was closed in the last 90 days; oldest first."""
        size = page_size(limit)
        if cursor is not None and not looks_like_id(cursor):
            raise Invalid.at("cursor", "is not one that we gave out.")
        with self.store.across_companies() as store:
            found = store.tickets(state, kind, size + 1, cursor)
            page = found[:size]
            return {
                "items": [ticket_view(ticket) for ticket in page],
                "next_cursor": page[-1].id if len(found) > size else None,
            }

    @rpc(requires="staff")
    def get_support_ticket(self, *, ticket_id: str) -> contract.TicketThreadView:
        """
        A ticket with its thread.

        Raises:
            TicketNotFound
        """
        with self.store.across_companies() as store:
            ticket = store.ticket(ticket_id)
            return ticket_thread_view(ticket, store.entries(ticket.id))

    @rpc(requires="staff", write=True)
    def answer_support_ticket(self, *, ticket_id: str, answer: dict[str, Any]) -> contract.TicketThreadView:
        """
        Mail an answer, confirm an opt-out, file it under another kind, close it.

        Raises:
            TicketNotFound
            Invalid, ForbiddenData: by field; nothing happens.
        """
        asked = parse(contract.TicketAnswer, answer)
        with self.store.across_companies() as store:
            ticket = store.ticket(ticket_id, lock=True)
            ticket.kind = asked.kind or ticket.kind
            if asked.opt_out:
                self._confirm_opt_out(store, ticket)
            if asked.text is not None:
                if not ticket.address:
                    raise Invalid.at("text", "cannot be mailed: the mail named no sender.")
                entry = store.add_entry(ticket, "out", asked.text)
                store.queue(
                    mails.named("support_answer"),
                    recipient_id=ticket.id,
                    event_key=entry.id,
                    params={"entry_id": entry.id},
                    company_id=ticket.company_id,
                )
            if asked.close and ticket.state == "open":
                ticket.close()
            view: contract.TicketThreadView = store.answer(ticket_thread_view(ticket, store.entries(ticket.id)))
            return view

    def _confirm_opt_out(self, store: NotificationsStore, ticket: Ticket) -> None:
        if ticket.user_id is not None:
            event_key = f"stop:{ticket.id}"
            stop(store, ticket.company_id, ticket.user_id, ticket.category, source="support", event_key=event_key)
        elif ticket.address:
            # Whoever it is: nothing that can be switched off goes to this address any more.
            store.suppress(ticket.address, "opt_out")


def stop(
    store: NotificationsStore, company_id: str, user_id: str, category: str | None, *, source: str, event_key: str
) -> None:
    """Switch off promotions and the kind of mail that was answered; confirmed once, if it was on."""
    codes = [code for code in dict.fromkeys(("promotions", category)) if code and policies.can_switch_off(code)]
    changed = [
        code for code in codes if store.choose(user_id, code, wanted=False, source=source, company_id=company_id)
    ]
    if changed:
        store.queue(
            mails.named("opted_out"),
            recipient_id=user_id,
            event_key=event_key,
            params={"stopped": ", ".join(contract.CATEGORIES[code][0] for code in changed)},
            company_id=company_id,
        )


def _decoded(raw: str) -> bytes:
    try:
        return base64.b64decode(raw, validate=True)
    except (binascii.Error, ValueError):
        raise Invalid.at("raw", "is not base64.") from None
