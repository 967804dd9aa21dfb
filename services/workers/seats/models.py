"""What billing allows a company, as it was told last."""

from datetime import date, timedelta

from sqlalchemy import JSON, Date, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped

from actiontrac.contracts.billing import AllowanceChanged
from actiontrac.storage import CompanyOwned, column
from actiontrac.storage.columns import ID
from services.workers.base import Base

TERMS = String(80)


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


class SeatAllowance(CompanyOwned, Base):
    """
    What a company may do with its workers; read and written under the lock of its count.

    It holds the dates that lie ahead, so that a day which changes something needs nobody
    to tell of it: the bound holds while billing is away. Since when a company is over its
    limit is known here and nowhere else, because here it becomes so.
    """

    __tablename__ = "seat_allowances"
    __table_args__ = (UniqueConstraint("company_id"),)

    id: Mapped[str] = column(ID, "corporate", primary_key=True, purpose="names the allowance")
    version: Mapped[int] = column(Integer, "corporate", purpose="an older one never replaces a newer", nullable=False)
    plan: Mapped[str] = column(String(80), "corporate", purpose="what a refusal names", nullable=False)
    worker_limit: Mapped[int] = column(Integer, "corporate", purpose="how many workers; 0: no limit", nullable=False)
    grace_days: Mapped[int] = column(Integer, "corporate", purpose="days over the limit", nullable=False)
    terms: Mapped[str] = column(TERMS, "corporate", purpose="other terms begin with all days", nullable=False)
    next_on: Mapped[date | None] = column(Date, "corporate", purpose="when the next year counts", nullable=True)
    next_plan: Mapped[str] = column(String(80), "corporate", purpose="what a refusal names", nullable=False)
    next_limit: Mapped[int] = column(Integer, "corporate", purpose="how many workers then", nullable=False)
    next_terms: Mapped[str] = column(TERMS, "corporate", purpose="the terms then", nullable=False)
    read_only_on: Mapped[date | None] = column(Date, "corporate", purpose="first day of reading only", nullable=True)
    read_only_after: Mapped[str] = column(String(12), "corporate", purpose="what a refusal names", nullable=False)
    larger_plans: Mapped[list[str]] = column(JSON, "corporate", purpose="what a refusal proposes", nullable=False)
    over_since: Mapped[date | None] = column(Date, "corporate", purpose="more than allowed since then", nullable=True)
    grace_used: Mapped[int] = column(
        Integer, "corporate", purpose="days over the limit under these terms, before the present ones", nullable=False
    )

    def take(self, told: AllowanceChanged, managed: int, today: date) -> bool:
        """Follow what billing says; False when something newer was told before."""
        if told.version <= self.version:
            return False
        self.follow(managed, today)
        if told.terms != self.terms:
            self.over_since, self.grace_used = None, 0
        self.version, self.plan, self.worker_limit = told.version, told.plan, told.worker_limit
        self.grace_days, self.terms = told.grace_days, told.terms
        self.next_on, self.next_plan = _day(told.next_on), told.next_plan
        self.next_limit, self.next_terms = told.next_limit, told.next_terms
        self.read_only_on, self.read_only_after = _day(told.read_only_on), told.read_only_after
        self.larger_plans = list(told.larger_plans)
        self.follow(managed, today)
        return True

    def follow(self, managed: int, today: date) -> None:
        """Keep since when there are more workers than allowed; with few enough it heals by itself."""
        began = today
        if self.next_on is not None and self.next_on <= today:
            began = self.next_on
            self.plan, self.worker_limit, self.terms = self.next_plan, self.next_limit, self.next_terms
            self.next_on, self.over_since, self.grace_used = None, None, 0
        over = self.worker_limit > 0 and managed > self.worker_limit
        if over and self.over_since is None:
            self.over_since = began
        elif not over and self.over_since is not None:
            # A day on which it was over counts, however short it was.
            self.grace_used += max(1, (today - self.over_since).days)
            self.over_since = None

    @property
    def over_until(self) -> date | None:
        """The last day on which more can be added; None while there are not too many."""
        if self.over_since is None:
            return None
        # The day on which it went over is the first of them.
        return self.over_since + timedelta(days=self.grace_days - self.grace_used - 1)

    def has_room(self, managed: int, today: date) -> bool:
        """Whether so many workers may be managed, by the limit or for the days that it may be passed."""
        if self.worker_limit == 0 or managed <= self.worker_limit:
            return True
        until = self.over_until
        return self.grace_used < self.grace_days if until is None else today <= until
