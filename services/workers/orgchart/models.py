"""What workers were when, and positions that nobody holds."""

from datetime import date, datetime

from sqlalchemy import Date, Index, String
from sqlalchemy.orm import Mapped

from actiontrac.storage import CompanyOwned, UTCDateTime, column
from actiontrac.storage.columns import ID
from services.workers.base import Base

#: The fields of a profile that make up a position.
POSITION = ("title", "department", "site", "manager_id", "kind", "status")


class WorkerPosition(CompanyOwned, Base):
    """
    What a worker is from a day on; the next row of the worker ends it.

    Rows are only added, so of two for one day the later id holds.
    """

    __tablename__ = "worker_positions"
    __table_args__ = (Index(None, "company_id", "worker_id", "effective_on", "id"),)

    id: Mapped[str] = column(ID, "corporate", primary_key=True, purpose="names the position, and orders a day's")
    worker_id: Mapped[str] = column(ID, "personal", purpose="whose position", nullable=False)
    effective_on: Mapped[date] = column(Date, "personal", purpose="since when it holds", nullable=False)
    title: Mapped[str | None] = column(String(120), "corporate", purpose="what the worker did", nullable=True)
    department: Mapped[str | None] = column(String(80), "corporate", purpose="where the worker belonged", nullable=True)
    site: Mapped[str | None] = column(String(80), "corporate", purpose="where the worker worked", nullable=True)
    manager_id: Mapped[str | None] = column(ID, "personal", purpose="whom the worker reported to", nullable=True)
    kind: Mapped[str] = column(String(20), "personal", purpose="employee, contractor or temp", nullable=False)
    status: Mapped[str] = column(String(20), "personal", purpose="whether the worker was managed", nullable=False)


class Vacancy(CompanyOwned, Base):
    """A position in the chart that nobody holds."""

    __tablename__ = "vacancies"

    id: Mapped[str] = column(ID, "corporate", primary_key=True, purpose="names the vacant position")
    title: Mapped[str] = column(String(120), "corporate", purpose="what is to be done there", nullable=False)
    department: Mapped[str | None] = column(String(80), "corporate", purpose="where it belongs", nullable=True)
    site: Mapped[str | None] = column(String(80), "corporate", purpose="where the work is", nullable=True)
    manager_id: Mapped[str | None] = column(ID, "personal", purpose="whom it reports to", nullable=True)
    created_at: Mapped[datetime] = column(UTCDateTime, "corporate", purpose="order of the list", nullable=False)
