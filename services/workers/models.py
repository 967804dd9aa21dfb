"""Tables of workers. There is no column for what S23 forbids, and a test keeps it so."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Date, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped

from actiontrac.contracts.workers import COUNTED, WorkerInput
from actiontrac.storage import CompanyOwned, Sealed, UTCDateTime, column, sealed_column
from actiontrac.storage.columns import ID
from actiontrac.vault import SealBroken
from services.workers import normal
from services.workers.actions.models import ActionTemplate, WorkerAction
from services.workers.base import Base, Key
from services.workers.history.models import WorkerVersion
from services.workers.orgchart.models import Vacancy, WorkerPosition
from services.workers.seats.models import SeatAllowance

#: All tables of this service hang on one base; these are described beside what they are for.
ELSEWHERE = (WorkerAction, ActionTemplate, WorkerPosition, Vacancy, WorkerVersion, SeatAllowance)

#: Tables without a company, each with its reason.
UNISOLATED = {"sweep_runs": "one pass over all companies; it holds figures and a position only"}


class Worker(CompanyOwned, Base):
    """A profile; plain where it is searched, sealed where it reaches a person or is free text."""

    __tablename__ = "workers"
    # Every order of the list ends in the id, so that equal keys have one order too.
    __table_args__ = (
        UniqueConstraint("company_id", "number_key"),
        Index(None, "company_id", "name_key", "id"),
        Index(None, "company_id", "number_order", "id"),
        Index(None, "company_id", "created_at", "id"),
        Index(None, "company_id", "start_key", "id"),
        Index(None, "company_id", "manager_id"),
        Index(None, "company_id", "work_email_index"),
    )

    id: Mapped[str] = column(ID, "corporate", primary_key=True, purpose="names the worker")
    worker_number: Mapped[str] = column(
        String(40), "personal", purpose="the company's own number for the worker", nullable=False
    )
    first_name: Mapped[str] = column(String(80), "personal", purpose="who it is", nullable=False)
    last_name: Mapped[str] = column(String(80), "personal", purpose="who it is", nullable=False)
    title: Mapped[str | None] = column(String(120), "corporate", purpose="what the worker does", nullable=True)
    department: Mapped[str | None] = column(String(80), "corporate", purpose="where the worker belongs", nullable=True)
    site: Mapped[str | None] = column(String(80), "corporate", purpose="where the worker works", nullable=True)
    manager_id: Mapped[str | None] = column(ID, "personal", purpose="whom the worker reports to", nullable=True)
    kind: Mapped[str] = column(String(20), "personal", purpose="employee, contractor or temp", nullable=False)
    status: Mapped[str] = column(String(20), "personal", purpose="whether the worker is managed (S38)", nullable=False)
    started_on: Mapped[date | None] = column(
        Date, "personal", purpose="since when the worker works here", nullable=True
    )
    ended_on: Mapped[date | None] = column(Date, "personal", purpose="until when the worker worked here", nullable=True)
    tags: Mapped[list[str]] = column(JSON, "personal", purpose="the company's own groups", nullable=False)
    version: Mapped[int] = column(Integer, "corporate", purpose="how often the profile changed", nullable=False)
    created_at: Mapped[datetime] = column(UTCDateTime, "corporate", purpose="order of entry", nullable=False)
    updated_at: Mapped[datetime] = column(
        UTCDateTime, "corporate", purpose="when the profile last changed", nullable=False
    )

    work_email_sealed: Mapped[bytes | None] = sealed_column(purpose="reach the worker at work")
    work_phone_sealed: Mapped[bytes | None] = sealed_column(purpose="reach the worker at work")
    notes_sealed: Mapped[bytes | None] = sealed_column(purpose="what the company writes down about the worker")
    work_email = Sealed("work_email_sealed")
    work_phone = Sealed("work_phone_sealed")
    notes = Sealed("notes_sealed")

    work_email_index: Mapped[str | None] = column(
        String(64), "personal", purpose="find a worker by work e-mail without holding it open", nullable=True
    )
    name_key: Mapped[str] = column(Key, "personal", purpose="sort by name", nullable=False)
    number_key: Mapped[str] = column(Key, "personal", purpose="one worker for a number", nullable=False)
    number_order: Mapped[str] = column(Key, "personal", purpose="sort by number", nullable=False)
    start_key: Mapped[str] = column(Key, "personal", purpose="sort by start; empty without one", nullable=False)
    department_key: Mapped[str] = column(Key, "corporate", purpose="filter by department", nullable=False)
    site_key: Mapped[str] = column(Key, "corporate", purpose="filter by site", nullable=False)
    tags_key: Mapped[str] = column(Text, "personal", purpose="filter by tag", nullable=False)
    search_text: Mapped[str] = column(Text, "personal", purpose="search", nullable=False)

    def as_json(self) -> dict[str, Any]:
        """Every field that people give, as JSON holds it; what nobody can read any more is null."""
        found: dict[str, Any] = {}
        for name in WorkerInput.model_fields:
            try:
                value = getattr(self, name)
            except SealBroken:
                value = None
            found[name] = value.isoformat() if isinstance(value, date) else value
        return found

    @property
    def counts(self) -> bool:
        """Whether the worker counts as managed (W28)."""
        return self.status in COUNTED

    def change(self, fields: dict[str, Any], at: datetime) -> None:
        """Set fields, and everything that is derived from them except ``work_email_index``."""
        for name, value in fields.items():
            setattr(self, name, value)
        self.updated_at = at
        self.name_key = normal.name_key(self.first_name, self.last_name)
        self.number_key = normal.number_key(self.worker_number)
        self.number_order = normal.number_order(self.worker_number)
        self.start_key = self.started_on.isoformat() if self.started_on else ""
        self.department_key = normal.normalised(self.department or "")[: normal.KEY_LENGTH]
        self.site_key = normal.normalised(self.site or "")[: normal.KEY_LENGTH]
        self.tags_key = tags_key(self.tags)
        searched = (self.first_name, self.last_name, self.worker_number, self.title, self.department, self.site)
        self.search_text = normal.normalised(" ".join(text for text in (*searched, *self.tags) if text))


def tags_key(tags: list[str]) -> str:
    """Tags between line ends, so that a whole tag can be looked for."""
    return "".join(f"\n{normal.normalised(tag)}\n" for tag in tags)


class ManagedCount(CompanyOwned, Base):
    """
    How many workers a company manages; changed in the transaction of each change (S38).

    Whoever changes workers of a company locks this row first. That makes the count exact,
    numbers unique and loops of managers impossible, however many replicas write at once.
    """

    __tablename__ = "managed_counts"
    __table_args__ = (UniqueConstraint("company_id"),)

    id: Mapped[str] = column(ID, "corporate", primary_key=True, purpose="names the count")
    managed: Mapped[int] = column(Integer, "corporate", purpose="the right plan (S38)", nullable=False)
    high_water: Mapped[int] = column(
        Integer, "corporate", purpose="the most at one time since 1 January UTC", nullable=False
    )
    year: Mapped[int] = column(Integer, "corporate", purpose="the calendar year of high_water", nullable=False)
    sequence: Mapped[int] = column(Integer, "corporate", purpose="order of the events about it", nullable=False)
    last_number: Mapped[int] = column(
        Integer, "corporate", purpose="the last worker number that was given", nullable=False
    )

    def high_water_in(self, year: int) -> int:
        """The most workers at any one time of a calendar year; a new year begins with those who are there."""
        return self.high_water if self.year == year else self.managed

    def add(self, change: int, year: int) -> None:
        """Count workers in or out."""
        self.high_water = max(self.high_water_in(year), self.managed + change)
        self.year = year
        self.managed += change
        self.sequence += 1


class CountSnapshot(CompanyOwned, Base):
    """What the count was at the end of a day, or rather in the night after it (W28)."""

    __tablename__ = "count_snapshots"
    __table_args__ = (UniqueConstraint("company_id", "taken_on"),)

    id: Mapped[str] = column(ID, "corporate", primary_key=True, purpose="names the snapshot")
    taken_on: Mapped[date] = column(Date, "corporate", purpose="the night of the snapshot", nullable=False)
    managed: Mapped[int] = column(Integer, "corporate", purpose="trend of the count", nullable=False)


class WorkerImport(CompanyOwned, Base):
    """What came of a file of workers; the file itself is not kept."""

    __tablename__ = "worker_imports"

    id: Mapped[str] = column(ID, "corporate", primary_key=True, purpose="names the import", retention="90 days")
    created_at: Mapped[datetime] = column(
        UTCDateTime, "corporate", purpose="when it was, and its purge", retention="90 days", nullable=False, index=True
    )
    result_sealed: Mapped[bytes | None] = sealed_column(
        purpose="figures and rows with errors, as they were told", retention="90 days"
    )
    result = Sealed("result_sealed")


class SweepRun(Base):
    """One pass over the stored text of all companies (W05): figures, nobody's data."""

    __tablename__ = "sweep_runs"
    __table_args__ = (UniqueConstraint("night_of"),)

    id: Mapped[str] = column(ID, "corporate", primary_key=True, purpose="names the sweep")
    night_of: Mapped[date | None] = column(
        Date, "corporate", purpose="one sweep a night; empty for one that was asked for", nullable=True
    )
    position: Mapped[str] = column(ID, "corporate", purpose="the last row that was checked", nullable=False)
    checked: Mapped[int] = column(Integer, "corporate", purpose="how much was checked", nullable=False)
    quarantined: Mapped[int] = column(Integer, "corporate", purpose="how much was found", nullable=False)
    unreadable: Mapped[int] = column(
        Integer, "corporate", purpose="how many sealed values did not open", nullable=False
    )
    started_at: Mapped[datetime] = column(UTCDateTime, "corporate", purpose="when it began", nullable=False)
    finished_at: Mapped[datetime | None] = column(
        UTCDateTime, "corporate", purpose="when it was through", nullable=True, index=True
    )


class QuarantinedField(CompanyOwned, Base):
    """A field that held what it must not and was emptied; never the value (S23)."""

    __tablename__ = "quarantined_fields"

    id: Mapped[str] = column(ID, "corporate", primary_key=True, purpose="names the finding")
    worker_id: Mapped[str] = column(ID, "personal", purpose="whose profile, or which template", nullable=False)
    field: Mapped[str] = column(String(40), "corporate", purpose="which field was emptied", nullable=False)
    finding: Mapped[str] = column(String(40), "corporate", purpose="which kind of data it held", nullable=False)
    sweep_id: Mapped[str] = column(ID, "corporate", purpose="which sweep found it", nullable=False)
    found_at: Mapped[datetime] = column(UTCDateTime, "corporate", purpose="when it was found", nullable=False)
