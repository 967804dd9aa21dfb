"""Companies, people, sessions, links, invitations, the acceptance ledger and attempts to sign in."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Integer, String
from sqlalchemy.orm import Mapped

from actiontrac.storage import CompanyOwned, Sealed, UTCDateTime, column, declarative_base, sealed_column
from services.accounts.policies import Throttle

Base: Any = declarative_base("accounts")

ID = String(40)
HASH = String(64)

#: Tables of this service without a company, each with its reason.
UNISOLATED = {"attempts": "somebody who tries to sign in has no company yet; keyed hashes and counts only"}


class Company(CompanyOwned, Base):
    """A company account; its ``company_id`` is its own id, so that isolation covers it too."""

    __tablename__ = "companies"
    id: Mapped[str] = column(ID, "corporate", primary_key=True, purpose="identity of the company")
    name: Mapped[str | None] = column(
        String(120), "corporate", purpose="shown instead of the owner's name", nullable=True
    )
    address: Mapped[str] = column(
        String(200), "corporate", purpose="identifies the company account; invoices", nullable=False
    )
    city: Mapped[str] = column(
        String(80), "corporate", purpose="identifies the company account; invoices", nullable=False
    )
    state: Mapped[str] = column(String(80), "corporate", purpose="invoices; tax", nullable=False)
    zip: Mapped[str] = column(String(20), "corporate", purpose="invoices; tax", nullable=False)
    country: Mapped[str] = column(String(2), "corporate", purpose="invoices; tax", nullable=False)
    phone_sealed: Mapped[bytes | None] = sealed_column(purpose="reach the company")
    phone = Sealed("phone_sealed")
    status: Mapped[str] = column(
        String(12), "corporate", purpose="whether the owner's address is confirmed", nullable=False
    )
    created_at: Mapped[datetime] = column(
        UTCDateTime, "corporate", purpose="since when it is a customer", nullable=False
    )

    def activate(self) -> bool:
        """Whether this call made the company active."""
        if self.status == "active":
            return False
        self.status = "active"
        return True


class User(CompanyOwned, Base):
    """A person who signs in, as a member of one company."""

    __tablename__ = "users"
    id: Mapped[str] = column(ID, "personal", primary_key=True, purpose="identity of the person")
    login_name: Mapped[str] = column(
        String(40), "personal", purpose="the User ID as its owner writes it", nullable=False
    )
    login_key: Mapped[str] = column(
        String(40),
        "personal",
        purpose="sign-in whatever the case",
        nullable=False,
        unique=True,
    )
    email_sealed: Mapped[bytes | None] = sealed_column(purpose="security mail and mail that is wanted")
    email = Sealed("email_sealed")
    email_index: Mapped[str] = column(
        HASH,
        "personal",
        purpose="sign-in by e-mail address; one account per address",
        nullable=False,
        unique=True,
    )
    first_name: Mapped[str] = column(
        String(80), "personal", purpose="address the person; show who is a member", nullable=False
    )
    last_name: Mapped[str] = column(String(80), "personal", purpose="show who is a member", nullable=False)
    phone_sealed: Mapped[bytes | None] = sealed_column(purpose="reach the person")
    phone = Sealed("phone_sealed")
    language: Mapped[str] = column(String(8), "personal", purpose="language of mail", nullable=False)
    role: Mapped[str] = column(String(12), "corporate", purpose="what the member may do", nullable=False)
    password_hash: Mapped[str] = column(String(256), "secret", purpose="check the password; argon2id", nullable=False)
    email_verified_at: Mapped[datetime | None] = column(
        UTCDateTime, "personal", purpose="whether the address is the person's", nullable=True
    )
    created_at: Mapped[datetime] = column(UTCDateTime, "personal", purpose="member since", nullable=False)

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}"

    def confirm_email(self, at: datetime) -> bool:
        """Whether this call confirmed the address."""
        if self.email_verified_at is not None:
            return False
        self.email_verified_at = at
        return True


class Session(CompanyOwned, Base):
    """A sign-in that lasts; its token is known to its holder only."""

    __tablename__ = "sessions"
    id: Mapped[str] = column(ID, "personal", primary_key=True, purpose="identity of the session", retention="session")
    user_id: Mapped[str] = column(
        ID,
        "personal",
        purpose="who is signed in",
        retention="session",
        nullable=False,
        index=True,
    )
    token_hash: Mapped[str] = column(
        HASH,
        "secret",
        purpose="recognise the token without knowing it",
        retention="session",
        nullable=False,
        unique=True,
    )
    mode: Mapped[str] = column(String(8), "corporate", purpose="cookie or bearer", retention="session", nullable=False)
    browser: Mapped[str] = column(
        String(40),
        "personal",
        purpose="family and major version, so that the person knows the session again (S34)",
        retention="session",
        nullable=False,
    )
    created_at: Mapped[datetime] = column(
        UTCDateTime, "personal", purpose="shown in the list of sessions", retention="session", nullable=False
    )
    last_used_at: Mapped[datetime] = column(
        UTCDateTime,
        "personal",
        purpose="idle time-out",
        retention="session",
        nullable=False,
        index=True,
    )
    expires_at: Mapped[datetime] = column(
        UTCDateTime,
        "personal",
        purpose="absolute time-out",
        retention="session",
        nullable=False,
        index=True,
    )

    def alive(self, at: datetime, idle: timedelta) -> bool:
        return at < self.expires_at and at < self.last_used_at + idle


class Link(CompanyOwned, Base):
    """A link that was sent by mail: its secret is computed, not kept; it works once."""

    __tablename__ = "links"
    id: Mapped[str] = column(ID, "personal", primary_key=True, purpose="what the link names", retention="short")
    user_id: Mapped[str] = column(ID, "personal", purpose="whose link", retention="short", nullable=False, index=True)
    kind: Mapped[str] = column(
        String(20), "corporate", purpose="verify_email or reset_password", retention="short", nullable=False
    )
    created_at: Mapped[datetime] = column(UTCDateTime, "personal", purpose="age", retention="short", nullable=False)
    expires_at: Mapped[datetime] = column(
        UTCDateTime,
        "corporate",
        purpose="a link is valid for a short time",
        retention="short",
        nullable=False,
        index=True,
    )
    used_at: Mapped[datetime | None] = column(
        UTCDateTime, "personal", purpose="a link works once", retention="short", nullable=True
    )

    def usable(self, at: datetime) -> bool:
        return self.used_at is None and at < self.expires_at


class Invitation(CompanyOwned, Base):
    """A place in a company, kept for the holder of one mailbox."""

    __tablename__ = "invitations"
    id: Mapped[str] = column(
        ID, "personal", primary_key=True, purpose="identity of the invitation", retention="30 days"
    )
    email_sealed: Mapped[bytes | None] = sealed_column(purpose="send the invitation", retention="30 days")
    email = Sealed("email_sealed")
    email_index: Mapped[str] = column(
        HASH,
        "personal",
        purpose="one open invitation per address",
        retention="30 days",
        nullable=False,
        index=True,
    )
    role: Mapped[str] = column(
        String(12), "corporate", purpose="what the new member may do", retention="30 days", nullable=False
    )
    invited_by: Mapped[str] = column(
        ID, "personal", purpose="who let the person in", retention="30 days", nullable=False
    )
    tries: Mapped[int] = column(
        Integer, "corporate", purpose="nobody may try User IDs out", retention="30 days", nullable=False
    )
    created_at: Mapped[datetime] = column(UTCDateTime, "corporate", purpose="age", retention="30 days", nullable=False)
    expires_at: Mapped[datetime] = column(
        UTCDateTime,
        "corporate",
        purpose="an invitation lapses",
        retention="30 days",
        nullable=False,
        index=True,
    )
    accepted_at: Mapped[datetime | None] = column(
        UTCDateTime, "personal", purpose="an invitation works once", retention="30 days", nullable=True
    )
    revoked_at: Mapped[datetime | None] = column(
        UTCDateTime, "corporate", purpose="an invitation can be withdrawn", retention="30 days", nullable=True
    )

    def status(self, at: datetime) -> str:
        if self.accepted_at is not None:
            return "accepted"
        if self.revoked_at is not None:
            return "revoked"
        return "open" if at < self.expires_at else "expired"


class PendingContact(CompanyOwned, Base):
    """
    Somebody who tried to register with a User ID that is another's: kept until the mail
    that says so is out.

    The person belongs to no company, so the row is a company of its own: it is sealed
    under a key that is destroyed with it.
    """

    __tablename__ = "pending_contacts"
    id: Mapped[str] = column(ID, "personal", primary_key=True, purpose="recipient of one mail", retention="short")
    email_sealed: Mapped[bytes | None] = sealed_column(purpose="say that the User ID is taken", retention="short")
    email = Sealed("email_sealed")
    language: Mapped[str] = column(
        String(8), "personal", purpose="language of the mail", retention="short", nullable=False
    )
    created_at: Mapped[datetime] = column(
        UTCDateTime,
        "personal",
        purpose="purge",
        retention="short",
        nullable=False,
        index=True,
    )


class Acceptance(CompanyOwned, Base):
    """One line of the ledger: a person, a document or choice, its version, when. Never changed."""

    __tablename__ = "acceptances"
    id: Mapped[str] = column(ID, "personal", primary_key=True, purpose="identity of the line", retention="acceptance")
    user_id: Mapped[str] = column(
        ID,
        "personal",
        purpose="who agreed",
        retention="acceptance",
        nullable=False,
        index=True,
    )
    slug: Mapped[str] = column(String(40), "personal", purpose="to what", retention="acceptance", nullable=False)
    version: Mapped[str] = column(
        String(20), "personal", purpose="in which version", retention="acceptance", nullable=False
    )
    document_hash: Mapped[str] = column(
        HASH, "personal", purpose="in exactly which words", retention="acceptance", nullable=False
    )
    kind: Mapped[str] = column(
        String(10), "personal", purpose="agreed or declined", retention="acceptance", nullable=False
    )
    at: Mapped[datetime] = column(UTCDateTime, "personal", purpose="when", retention="acceptance", nullable=False)


class Attempt(Base):
    """
    How often something was tried lately, under a keyed hash of what was typed or of the
    address token: neither an account nor an address can be read from it (S36).
    """

    __tablename__ = "attempts"
    bucket: Mapped[str] = column(
        HASH, "personal", primary_key=True, purpose="recognise a repetition", retention="short"
    )
    counted: Mapped[int] = column(Integer, "corporate", purpose="growing delay", retention="short", nullable=False)
    since: Mapped[datetime] = column(
        UTCDateTime, "corporate", purpose="the window that is counted", retention="short", nullable=False
    )
    blocked_until: Mapped[datetime | None] = column(
        UTCDateTime, "corporate", purpose="the delay; never for good", retention="short", nullable=True
    )
    last_at: Mapped[datetime] = column(
        UTCDateTime,
        "corporate",
        purpose="purge",
        retention="short",
        nullable=False,
        index=True,
    )

    def wait(self, at: datetime) -> timedelta:
        """How long to wait before the next attempt; nothing when it may happen now."""
        if self.blocked_until is None or at >= self.blocked_until:
            return timedelta()
        return self.blocked_until - at

    def count(self, throttle: Throttle, at: datetime) -> None:
        """Count one attempt, before its outcome is known, and delay the next where it is due."""
        quiet_since = self.blocked_until or self.since
        if at >= quiet_since + throttle.window:
            self.counted, self.since, self.blocked_until = 0, at, None
        self.counted += 1
        self.last_at = at
        delay = throttle.delay(self.counted)
        if delay:
            self.blocked_until = at + delay

    def uncount(self, throttle: Throttle) -> None:
        """Take back one attempt that turned out to be right."""
        self.counted = max(0, self.counted - 1)
        if not throttle.delay(self.counted):
            self.blocked_until = None
