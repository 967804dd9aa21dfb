"""Queries about mail that came in and the tickets that were made of it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from actiontrac import clock
from actiontrac.contracts.notifications import TicketNotFound
from actiontrac.ids import new_id
from services.notifications.models import InboundMail, Message, Ticket, TicketEntry

#: "Unclear replies wait for a person for at most a day."
DUE_AFTER = timedelta(days=1)

KEEP_CLOSED = timedelta(days=90)
KEEP_SEEN = timedelta(days=30)

#: Rows that one purge deletes at most.
PURGE_BATCH = 200


class TicketQueries:
    """The part of the notifications store that is about what comes in."""

    if TYPE_CHECKING:
        session: Session

        def _insert_once(self, table: Any, **values: Any) -> bool: ...
        def claim_due(self, statement: Any) -> Sequence[Any]: ...

    # What came in

    def take_in(self, digest: str) -> bool:
        """Note that a mail came in; False when the same one came before."""
        return self._insert_once(InboundMail, digest=digest, outcome="ignored", received_at=clock.now())

    def note_outcome(self, digest: str, outcome: str) -> None:
        self.session.execute(update(InboundMail).where(InboundMail.digest == digest).values(outcome=outcome))

    def message_answered(self, message_id: str) -> Message | None:
        found: Message | None = self.session.get(Message, message_id)
        return found

    # Tickets

    def open_ticket(
        self,
        *,
        company_id: str,
        user_id: str | None,
        category: str | None,
        kind: str,
        address: str,
        subject: str,
        mail_id: str,
    ) -> Ticket:
        now = clock.now()
        ticket = Ticket(
            id=new_id("tkt"),
            company_id=company_id,
            user_id=user_id,
            category=category,
            kind=kind,
            state="open",
            due_at=now + DUE_AFTER,
            created_at=now,
        )
        ticket.address, ticket.subject, ticket.mail_id = address, subject, mail_id
        self.session.add(ticket)
        self.session.flush()
        return ticket

    def add_entry(self, ticket: Ticket, direction: str, text: str, attachments: int = 0) -> TicketEntry:
        entry = TicketEntry(
            id=new_id("ent"),
            company_id=ticket.company_id,
            ticket_id=ticket.id,
            direction=direction,
            attachments=attachments,
            created_at=clock.now(),
        )
        entry.text = text
        self.session.add(entry)
        self.session.flush()
        return entry

    def reopen(self, ticket: Ticket, mail_id: str) -> None:
        """Somebody answered: it waits for a person again, and no longer than a day."""
        if ticket.state == "closed":
            ticket.state, ticket.closed_at, ticket.due_at = "open", None, clock.now() + DUE_AFTER
        ticket.mail_id = mail_id or ticket.mail_id

    def ticket(self, ticket_id: str, *, lock: bool = False) -> Ticket:
        """
        Raises:
            TicketNotFound
        """
        found: Ticket | None = None
        if ticket_id.startswith("tkt_") and ticket_id.isascii() and ticket_id.isprintable():
            found = self.session.get(Ticket, ticket_id, with_for_update=lock)
        if found is None:
            raise TicketNotFound()
        return found

    def tickets(self, state: str, kind: str | None, limit: int, cursor: str | None) -> Sequence[Ticket]:
        """Oldest first: those are due first."""
        statement = select(Ticket).where(Ticket.state == state).order_by(Ticket.id).limit(limit)
        if kind is not None:
            statement = statement.where(Ticket.kind == kind)
        if cursor is not None:
            statement = statement.where(Ticket.id > cursor)
        found: Sequence[Ticket] = self.session.scalars(statement).all()
        return found

    def entries(self, ticket_id: str) -> Sequence[TicketEntry]:
        statement = select(TicketEntry).where(TicketEntry.ticket_id == ticket_id).order_by(TicketEntry.id)
        found: Sequence[TicketEntry] = self.session.scalars(statement).all()
        return found

    def entry(self, entry_id: str) -> TicketEntry:
        """
        Raises:
            TicketNotFound: it has been forgotten.
        """
        found: TicketEntry | None = self.session.get(TicketEntry, entry_id)
        if found is None:
            raise TicketNotFound()
        return found

    def forget_support(self) -> int:
        """Delete what was closed long ago, and the hashes of what came in; how many rows."""
        now = clock.now()
        seen = select(InboundMail).where(InboundMail.received_at <= now - KEEP_SEEN).limit(PURGE_BATCH)
        mails = self.claim_due(seen)
        for mail in mails:
            self.session.delete(mail)
        closed = select(Ticket).where(Ticket.closed_at <= now - KEEP_CLOSED).limit(PURGE_BATCH)
        tickets = self.claim_due(closed)
        ids = [ticket.id for ticket in tickets]
        if ids:
            self.session.execute(delete(TicketEntry).where(TicketEntry.ticket_id.in_(ids)))
            self.session.execute(delete(Ticket).where(Ticket.id.in_(ids)))
        return len(mails) + len(ids)
