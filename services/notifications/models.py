"""Messages, what people want, what they agreed to, who must not be mailed, and campaigns."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped

from actiontrac import clock
from actiontrac.storage import (
    CompanyOwned,
    Sealed,
    UTCDateTime,
    column,
    declarative_base,
    sealed_column,
)

Base: Any = declarative_base("notifications")

#: Tables that belong to no company, each with its reason.
UNISOLATED = {
    "suppressions": "an address that bounces does so for every company; it holds keyed hashes only",
    "campaigns": "mailings are the operators' own; they hold nothing of a company",
    "bounces": "an address that bounces does so for every company; keyed hashes only",
    "suppression_changes": "what staff did to the list of suppressions, which belongs to no company",
    "inbound_mails": "a hash of what came in, before it is known whose it is",
}


class Message(CompanyOwned, Base):
    """
    One mail to one person about one business event (N11).

    ``due_at`` is when to try (again), by the product's clock. ``lease_until`` is until
    when the process that took it may keep it, by the machine's clock: a sandbox that
    jumps ahead by a month must not hand the same mail to two processes.
    """

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("company_id", "recipient_id", "template", "event_key"),
        Index(None, "state", "priority", "due_at"),
    )

    id: Mapped[str] = column(String(40), "corporate", primary_key=True, purpose="identity; also the Message-ID")
    recipient_id: Mapped[str] = column(
        String(40), "personal", nullable=False, purpose="whose address to ask accounts for"
    )
    category: Mapped[str] = column(
        String(20), "corporate", nullable=False, purpose="what consent it needs", retention="90 days"
    )
    template: Mapped[str] = column(String(40), "corporate", nullable=False, purpose="what it says")
    version: Mapped[int] = column(
        Integer, "corporate", nullable=False, purpose="which wording was sent", retention="90 days"
    )
    event_key: Mapped[str] = column(
        String(80), "corporate", nullable=False, purpose="the business event; one mail for each"
    )
    campaign_id: Mapped[str | None] = column(
        String(40), "corporate", ForeignKey("campaigns.id"), nullable=True, index=True, purpose="count a campaign"
    )
    params: Mapped[str] = column(
        Text, "corporate", nullable=False, default="{}", purpose="ids and figures to write out", retention="90 days"
    )
    priority: Mapped[int] = column(
        Integer, "corporate", nullable=False, purpose="security mail overtakes campaigns", retention="90 days"
    )
    state: Mapped[str] = column(
        String(12), "corporate", nullable=False, default="queued", purpose="where it stands", retention="90 days"
    )
    reason: Mapped[str | None] = column(
        String(40), "corporate", nullable=True, purpose="why it was not delivered, as a code", retention="90 days"
    )
    attempts: Mapped[int] = column(
        Integer, "corporate", nullable=False, default=0, purpose="back-off", retention="90 days"
    )
    due_at: Mapped[datetime] = column(
        UTCDateTime, "corporate", nullable=False, purpose="next attempt", retention="90 days"
    )
    lease_until: Mapped[datetime | None] = column(
        UTCDateTime, "corporate", nullable=True, purpose="one process at a time", retention="short"
    )
    request_id: Mapped[str] = column(
        String(64), "corporate", nullable=False, default="", purpose="trace it to its cause", retention="90 days"
    )
    created_at: Mapped[datetime] = column(
        UTCDateTime, "corporate", nullable=False, purpose="age of the queue", retention="90 days"
    )
    finished_at: Mapped[datetime | None] = column(
        UTCDateTime, "corporate", nullable=True, index=True, purpose="purge", retention="90 days"
    )

    def finish(self, state: str, at: datetime, reason: str | None = None) -> None:
        self.state = state
        self.reason = reason
        self.lease_until = None
        self.finished_at = at

    def forget_details(self) -> None:
        """Keep only what stops a second mail about the same event, and what a campaign counts (N21)."""
        self.params = "{}"
        self.reason = None
        self.request_id = ""
        self.finished_at = None


class Preference(CompanyOwned, Base):
    """What a person chose for a category; without a row the category's default holds."""

    __tablename__ = "preferences"

    user_id: Mapped[str] = column(
        String(40), "personal", primary_key=True, purpose="whose choice", retention="suppression"
    )
    category: Mapped[str] = column(
        String(20), "personal", primary_key=True, purpose="which mail", retention="suppression"
    )
    wanted: Mapped[bool] = column(
        Boolean, "personal", nullable=False, purpose="the choice (S55)", retention="suppression"
    )
    source: Mapped[str] = column(
        String(20), "personal", nullable=False, purpose="where it was made", retention="suppression"
    )
    policy_version: Mapped[str] = column(
        String(40),
        "corporate",
        nullable=False,
        purpose="the policy that the person last agreed to",
        retention="suppression",
    )
    changed_at: Mapped[datetime] = column(
        UTCDateTime, "personal", nullable=False, purpose="which choice is the latest", retention="suppression"
    )


class Consent(CompanyOwned, Base):
    """One choice that somebody made; rows are added and never changed (A04)."""

    __tablename__ = "consents"

    id: Mapped[str] = column(String(40), "corporate", primary_key=True, purpose="identity", retention="acceptance")
    user_id: Mapped[str] = column(
        String(40), "personal", nullable=False, index=True, purpose="who chose", retention="acceptance"
    )
    category: Mapped[str] = column(String(20), "personal", nullable=False, purpose="which mail", retention="acceptance")
    wanted: Mapped[bool] = column(Boolean, "personal", nullable=False, purpose="yes or no", retention="acceptance")
    source: Mapped[str] = column(
        String(20),
        "personal",
        nullable=False,
        purpose="registration, preferences, link or one_click",
        retention="acceptance",
    )
    policy_version: Mapped[str] = column(
        String(40), "corporate", nullable=False, purpose="under which policy", retention="acceptance"
    )
    recorded_at: Mapped[datetime] = column(
        UTCDateTime, "personal", nullable=False, purpose="when", retention="acceptance"
    )


class Suppression(Base):
    """
    An address that must not be mailed, as a keyed hash: whoever reads the list learns no address.

    It belongs to no company: an address that bounces does so for everybody.
    """

    __tablename__ = "suppressions"

    address_index: Mapped[str] = column(
        String(64), "personal", primary_key=True, purpose="recognise the address", retention="suppression"
    )
    reason: Mapped[str] = column(
        String(20), "corporate", nullable=False, purpose="hard_bounce, complaint or manual", retention="suppression"
    )
    created_at: Mapped[datetime] = column(
        UTCDateTime, "corporate", nullable=False, purpose="when it was added", retention="suppression"
    )


class Bounce(Base):
    """That a mail came back for now; enough of them within a month suppress the address."""

    __tablename__ = "bounces"

    message_id: Mapped[str] = column(
        String(40), "corporate", primary_key=True, purpose="count each mail once", retention="30 days"
    )
    address_index: Mapped[str] = column(
        String(64), "personal", nullable=False, index=True, purpose="count by address", retention="30 days"
    )
    reported_at: Mapped[datetime] = column(
        UTCDateTime, "corporate", nullable=False, index=True, purpose="purge", retention="30 days"
    )


class SuppressionChange(Base):
    """Who of our staff changed the list, and why; rows are added and never changed."""

    __tablename__ = "suppression_changes"

    id: Mapped[str] = column(String(40), "corporate", primary_key=True, purpose="identity", retention="suppression")
    address_index: Mapped[str] = column(
        String(64), "personal", nullable=False, index=True, purpose="whose address", retention="suppression"
    )
    change: Mapped[str] = column(
        String(8), "corporate", nullable=False, purpose="added or removed", retention="suppression"
    )
    reason: Mapped[str] = column(Text, "corporate", nullable=False, purpose="why", retention="suppression")
    changed_by: Mapped[str] = column(
        String(40), "corporate", nullable=False, purpose="which member of staff", retention="suppression"
    )
    changed_at: Mapped[datetime] = column(
        UTCDateTime, "corporate", nullable=False, purpose="when", retention="suppression"
    )


class Campaign(Base):
    """One mailing to everybody who agreed to its category; it is the operators', not a company's."""

    __tablename__ = "campaigns"

    id: Mapped[str] = column(String(40), "corporate", primary_key=True, purpose="identity")
    name: Mapped[str] = column(String(80), "corporate", nullable=False, purpose="what operators call it")
    category: Mapped[str] = column(String(20), "corporate", nullable=False, purpose="what consent it needs")
    subject: Mapped[str] = column(String(150), "corporate", nullable=False, purpose="what is mailed")
    heading: Mapped[str] = column(String(150), "corporate", nullable=False, purpose="what is mailed")
    body: Mapped[str] = column(Text, "corporate", nullable=False, purpose="what is mailed")
    status: Mapped[str] = column(
        String(12), "corporate", nullable=False, default="queueing", index=True, purpose="where it stands"
    )
    cursor: Mapped[str | None] = column(
        Text, "corporate", nullable=True, purpose="how far the audience has been queued"
    )
    lease_until: Mapped[datetime | None] = column(
        UTCDateTime, "corporate", nullable=True, purpose="one process at a time", retention="short"
    )
    created_at: Mapped[datetime] = column(UTCDateTime, "corporate", nullable=False, purpose="when it was made")


class InboundMail(Base):
    """That a mail came in, so that the same mail twice is one; nothing of what it says."""

    __tablename__ = "inbound_mails"

    digest: Mapped[str] = column(
        String(64), "corporate", primary_key=True, purpose="recognise the same mail", retention="30 days"
    )
    outcome: Mapped[str] = column(
        String(12), "corporate", nullable=False, purpose="what became of it", retention="30 days"
    )
    received_at: Mapped[datetime] = column(
        UTCDateTime, "corporate", nullable=False, index=True, purpose="purge", retention="30 days"
    )


class Ticket(CompanyOwned, Base):
    """
    What a person has to look at (N19). Whoever cannot be told belongs to no company: "".

    ``due_at`` is at most a day after the first mail; nothing is forgotten while it is open.
    """

    __tablename__ = "support_tickets"
    __table_args__ = (Index(None, "state", "due_at"),)

    id: Mapped[str] = column(String(40), "corporate", primary_key=True, purpose="identity", retention="90 days")
    user_id: Mapped[str | None] = column(
        String(40), "personal", nullable=True, purpose="who wrote, where it is certain", retention="90 days"
    )
    category: Mapped[str | None] = column(
        String(20), "corporate", nullable=True, purpose="which mail was answered", retention="90 days"
    )
    kind: Mapped[str] = column(
        String(12),
        "personal",
        nullable=False,
        purpose="cancel, stop_use, opt_out, access or other",
        retention="90 days",
    )
    state: Mapped[str] = column(
        String(12), "corporate", nullable=False, default="open", purpose="whether it waits", retention="90 days"
    )
    address_sealed: Mapped[bytes | None] = sealed_column(purpose="answer whoever wrote", retention="90 days")
    address = Sealed("address_sealed")
    subject_sealed: Mapped[bytes | None] = sealed_column(purpose="what it is about", retention="90 days")
    subject = Sealed("subject_sealed")
    mail_id_sealed: Mapped[bytes | None] = sealed_column(purpose="answer in the same thread", retention="90 days")
    mail_id = Sealed("mail_id_sealed")
    due_at: Mapped[datetime] = column(
        UTCDateTime, "corporate", nullable=False, purpose="within a day (S66)", retention="90 days"
    )
    created_at: Mapped[datetime] = column(
        UTCDateTime, "corporate", nullable=False, purpose="when it came", retention="90 days"
    )
    closed_at: Mapped[datetime | None] = column(
        UTCDateTime, "corporate", nullable=True, index=True, purpose="purge", retention="90 days"
    )

    def close(self) -> None:
        self.state = "closed"
        self.closed_at = clock.now()


class TicketEntry(CompanyOwned, Base):
    """One mail of a ticket's thread, sealed."""

    __tablename__ = "support_entries"

    id: Mapped[str] = column(String(40), "corporate", primary_key=True, purpose="identity", retention="90 days")
    ticket_id: Mapped[str] = column(
        String(40),
        "corporate",
        ForeignKey("support_tickets.id"),
        nullable=False,
        index=True,
        purpose="whose thread",
        retention="90 days",
    )
    direction: Mapped[str] = column(
        String(4), "corporate", nullable=False, purpose="theirs or ours", retention="90 days"
    )
    attachments: Mapped[int] = column(
        Integer,
        "corporate",
        nullable=False,
        default=0,
        purpose="say that there were files; none is kept",
        retention="90 days",
    )
    text_sealed: Mapped[bytes | None] = sealed_column(purpose="what was written (S48)", retention="90 days")
    text = Sealed("text_sealed")
    created_at: Mapped[datetime] = column(
        UTCDateTime, "corporate", nullable=False, purpose="order of the thread", retention="90 days"
    )
