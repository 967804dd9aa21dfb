"""The tables that every service has, beside its own."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Integer, LargeBinary, MetaData, SmallInteger, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped

from actiontrac.storage.columns import ID, UTCDateTime, column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

#: Tables without row-level security, each with its reason.
UNISOLATED = {
    "outbox": "the relay publishes for all companies; it holds ids and figures only",
    "inbox": "event ids only",
    "failed_events": "operators look at and replay events of all companies; ids and figures only",
    "idempotency_keys": "a key is looked up before the company is known; responses are sealed",
    "alembic_version": "the schema's version",
}

#: SQLite counts up only an INTEGER PRIMARY KEY.
Serial = BigInteger().with_variant(Integer, "sqlite")


def declarative_base(service: str) -> Any:
    """
    The base class of one service's tables, with the chassis' tables on its metadata:
    ``Outbox``, ``Inbox``, ``FailedEvent``, ``IdempotencyKey`` and ``CompanyKey``.
    """

    class Base(DeclarativeBase):
        metadata = MetaData(naming_convention=NAMING)

    class Outbox(Base):
        """An event that was committed and waits until the bus has taken it over."""

        __tablename__ = "outbox"
        position: Mapped[int] = column(
            Serial, "corporate", primary_key=True, autoincrement=True, purpose="order of publishing", retention="short"
        )
        event_id: Mapped[str] = column(
            ID, "corporate", purpose="identity of the event", retention="short", unique=True, nullable=False
        )
        company_id: Mapped[str] = column(
            ID, "corporate", purpose="order is kept per company", retention="short", nullable=False
        )
        partition: Mapped[int] = column(
            SmallInteger, "corporate", purpose="shares the work between relays", retention="short", nullable=False
        )
        type: Mapped[str] = column(String(80), "corporate", purpose="routing key", retention="short", nullable=False)
        body: Mapped[str] = column(
            Text, "corporate", purpose="ids and figures for consumers", retention="short", nullable=False
        )
        headers: Mapped[str] = column(
            Text, "corporate", purpose="request id of the cause", retention="short", nullable=False
        )
        created_at: Mapped[datetime] = column(
            UTCDateTime, "corporate", purpose="lag of the outbox", retention="short", nullable=False
        )
        published_at: Mapped[datetime | None] = column(
            UTCDateTime, "corporate", purpose="what has been handed over", retention="short", nullable=True, index=True
        )

    class Inbox(Base):
        """An event that a handler has dealt with, claimed in the transaction of its effect."""

        __tablename__ = "inbox"
        event_id: Mapped[str] = column(
            ID, "corporate", primary_key=True, purpose="handle an event once", retention="30 days"
        )
        handler: Mapped[str] = column(
            String(80), "corporate", primary_key=True, purpose="handle an event once", retention="30 days"
        )
        claimed_at: Mapped[datetime] = column(
            UTCDateTime, "corporate", purpose="purge", retention="30 days", nullable=False, index=True
        )

    class FailedEvent(Base):
        """An event whose handler failed: it waits here for its next attempt, or for a person."""

        __tablename__ = "failed_events"
        event_id: Mapped[str] = column(
            String(64), "corporate", primary_key=True, purpose="identity of the event", retention="90 days"
        )
        handler: Mapped[str] = column(
            String(80), "corporate", primary_key=True, purpose="who could not handle it", retention="90 days"
        )
        state: Mapped[str] = column(
            String(10), "corporate", purpose="retry or dead", retention="90 days", nullable=False
        )
        attempts: Mapped[int] = column(Integer, "corporate", purpose="back-off", retention="90 days", nullable=False)
        reason: Mapped[str] = column(
            Text, "corporate", purpose="why it failed first, for the operator", retention="90 days", nullable=False
        )
        body: Mapped[bytes] = column(
            LargeBinary, "corporate", purpose="the message as it came", retention="90 days", nullable=False
        )
        headers: Mapped[str] = column(
            Text, "corporate", purpose="request id of the cause", retention="90 days", nullable=False
        )
        first_failed_at: Mapped[datetime] = column(
            UTCDateTime, "corporate", purpose="age of the failure", retention="90 days", nullable=False
        )
        due_at: Mapped[datetime] = column(
            UTCDateTime, "corporate", purpose="next attempt", retention="90 days", nullable=False, index=True
        )

    class IdempotencyKey(Base):
        """What was answered to a write, so that its repetition is answered alike (G05)."""

        __tablename__ = "idempotency_keys"
        scope: Mapped[str] = column(ID, "corporate", primary_key=True, purpose="whose key", retention="30 days")
        key: Mapped[str] = column(
            String(255), "corporate", primary_key=True, purpose="recognise a repetition", retention="30 days"
        )
        request_hash: Mapped[str] = column(
            String(64), "corporate", purpose="refuse the key for another request", retention="30 days", nullable=False
        )
        state: Mapped[str] = column(
            String(10), "corporate", purpose="running or done", retention="30 days", nullable=False
        )
        response_sealed: Mapped[bytes | None] = column(
            LargeBinary, "personal", purpose="answer a repetition alike", retention="30 days", nullable=True
        )
        lease_until: Mapped[datetime] = column(
            UTCDateTime, "corporate", purpose="free a key whose process died", retention="30 days", nullable=False
        )
        created_at: Mapped[datetime] = column(
            UTCDateTime, "corporate", purpose="purge", retention="30 days", nullable=False, index=True
        )

    class CompanyKey(Base):
        """The data key of one company, wrapped by the key provider; destroy it and the company is gone (S70)."""

        __tablename__ = "company_keys"
        company_id: Mapped[str] = column(ID, "corporate", primary_key=True, purpose="whose key")
        wrapped_key: Mapped[bytes] = column(
            LargeBinary, "secret", purpose="opens the company's sealed data", nullable=False
        )
        created_at: Mapped[datetime] = column(UTCDateTime, "corporate", purpose="rotation", nullable=False)

    Base.service = service
    for kind in (Outbox, Inbox, FailedEvent, IdempotencyKey, CompanyKey):
        setattr(Base, kind.__name__, kind)
    return Base
