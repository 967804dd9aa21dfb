"""Tables of actions; what people write is sealed."""

from datetime import date, datetime

from sqlalchemy import Date, Index, Integer, String
from sqlalchemy.orm import Mapped

from actiontrac.storage import CompanyOwned, Sealed, UTCDateTime, column, sealed_column
from actiontrac.storage.columns import ID
from services.workers.base import Base, Key

#: The order of what never falls due.
NEVER = "9999-12-31"


class WorkerAction(CompanyOwned, Base):
    """A note, praise, coaching, warning, incident or task about one worker."""

    __tablename__ = "worker_actions"
    __table_args__ = (
        Index(None, "company_id", "worker_id", "id"),
        Index(None, "company_id", "due_key", "id"),
        Index(None, "reminder_on"),
    )

    id: Mapped[str] = column(ID, "corporate", primary_key=True, purpose="names the action")
    worker_id: Mapped[str] = column(ID, "personal", purpose="whom it is about", nullable=False)
    kind: Mapped[str] = column(String(20), "personal", purpose="what sort of action it is", nullable=False)
    state: Mapped[str] = column(String(20), "personal", purpose="whether something is left to do", nullable=False)
    visibility: Mapped[str] = column(String(20), "corporate", purpose="who may see it", nullable=False)
    happened_on: Mapped[date] = column(Date, "personal", purpose="the day it is about", nullable=False)
    due_on: Mapped[date | None] = column(Date, "corporate", purpose="until when it is to be done", nullable=True)
    due_key: Mapped[str] = column(Key, "corporate", purpose="sort by due day; last without one", nullable=False)
    remind_on: Mapped[date | None] = column(
        Date, "corporate", purpose="the day of reminding that was asked for", nullable=True
    )
    reminder_on: Mapped[date | None] = column(
        Date, "corporate", purpose="the day on which a reminder is still to be told; empty when none is", nullable=True
    )
    reminded_for: Mapped[date | None] = column(
        Date, "corporate", purpose="the day that a reminder was told for, so that none is told twice", nullable=True
    )
    reminded_at: Mapped[datetime | None] = column(
        UTCDateTime, "corporate", purpose="when a reminder was told", nullable=True
    )
    author_id: Mapped[str | None] = column(ID, "personal", purpose="who wrote it down", nullable=True)
    owner_id: Mapped[str | None] = column(ID, "personal", purpose="who sees to it", nullable=True)
    created_at: Mapped[datetime] = column(UTCDateTime, "corporate", purpose="when it was written", nullable=False)
    updated_at: Mapped[datetime] = column(UTCDateTime, "corporate", purpose="when it last changed", nullable=False)
    text_sealed: Mapped[bytes | None] = sealed_column(purpose="what the company writes down about the worker")
    text = Sealed("text_sealed")

    def arm(self) -> None:
        """Set what follows from state and days: its place in the list, and whether a reminder is to come."""
        self.due_key = self.due_on.isoformat() if self.due_on else NEVER
        day = self.remind_on or self.due_on
        self.reminder_on = day if self.state == "open" and day != self.reminded_for else None


class ActionTemplate(CompanyOwned, Base):
    """What an action begins with."""

    __tablename__ = "action_templates"

    id: Mapped[str] = column(ID, "corporate", primary_key=True, purpose="names the template")
    kind: Mapped[str] = column(String(20), "corporate", purpose="what sort of action it makes", nullable=False)
    visibility: Mapped[str] = column(String(20), "corporate", purpose="who may see such actions", nullable=False)
    due_in_days: Mapped[int | None] = column(
        Integer, "corporate", purpose="after how many days such actions fall due", nullable=True
    )
    created_at: Mapped[datetime] = column(UTCDateTime, "corporate", purpose="order of the list", nullable=False)
    name_sealed: Mapped[bytes | None] = sealed_column(purpose="what the company calls it")
    text_sealed: Mapped[bytes | None] = sealed_column(purpose="what such actions begin with")
    name = Sealed("name_sealed")
    text = Sealed("text_sealed")
