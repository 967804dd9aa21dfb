"""The tables of the peers, and the one view that all of them answer with."""

import os
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import JSON, Date, DateTime, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

DATABASE_URL = os.environ.get("BENCH_DATABASE_URL", "")
AMQP_URL = os.environ.get("BENCH_AMQP_URL", "")
PORT = int(os.environ.get("BENCH_PORT", "0"))


class Base(DeclarativeBase):
    pass


class Session(Base):
    """A sign-in; the token itself is not kept."""

    __tablename__ = "sessions"
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(40))
    company_id: Mapped[str] = mapped_column(String(40))
    permissions: Mapped[list[str]] = mapped_column(JSON)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Worker(Base):
    __tablename__ = "workers"
    __table_args__ = (UniqueConstraint("company_id", "worker_number"),)
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    company_id: Mapped[str] = mapped_column(String(40), index=True)
    worker_number: Mapped[str] = mapped_column(String(40))
    first_name: Mapped[str] = mapped_column(String(80))
    last_name: Mapped[str] = mapped_column(String(80))
    work_email: Mapped[str | None] = mapped_column(String(254))
    work_phone: Mapped[str | None] = mapped_column(String(40))
    title: Mapped[str | None] = mapped_column(String(120))
    department: Mapped[str | None] = mapped_column(String(80))
    site: Mapped[str | None] = mapped_column(String(80))
    manager_id: Mapped[str | None] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(20))
    status: Mapped[str] = mapped_column(String(20))
    started_on: Mapped[date | None] = mapped_column(Date)
    ended_on: Mapped[date | None] = mapped_column(Date)
    tags: Mapped[list[str]] = mapped_column(JSON)
    notes: Mapped[str | None] = mapped_column(String(4000))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Effect(Base):
    """What an event's handler leaves behind: one row a message."""

    __tablename__ = "effects"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    company_id: Mapped[str] = mapped_column(String(40))


def token_hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def token_in(authorization: str | None) -> str | None:
    scheme, _, token = (authorization or "").partition(" ")
    return token if scheme.lower() == "bearer" and token else None


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def view(worker: Worker) -> dict[str, Any]:
    """What a client sees of a worker."""
    return {
        "id": worker.id,
        "worker_number": worker.worker_number,
        "first_name": worker.first_name,
        "last_name": worker.last_name,
        "work_email": worker.work_email,
        "work_phone": worker.work_phone,
        "title": worker.title,
        "department": worker.department,
        "site": worker.site,
        "manager_id": worker.manager_id,
        "kind": worker.kind,
        "status": worker.status,
        "started_on": worker.started_on.isoformat() if worker.started_on else None,
        "ended_on": worker.ended_on.isoformat() if worker.ended_on else None,
        "tags": worker.tags,
        "notes": worker.notes,
        "created_at": iso(worker.created_at),
        "updated_at": iso(worker.updated_at),
    }
