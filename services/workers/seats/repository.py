"""Every query about what a company is allowed."""

from typing import TYPE_CHECKING

from sqlalchemy import select

from actiontrac import clock
from actiontrac.contracts.workers import WorkerCountChanged
from actiontrac.ids import new_id
from actiontrac.storage import Store
from services.workers.seats import rules
from services.workers.seats.models import SeatAllowance

if TYPE_CHECKING:
    from services.workers.models import ManagedCount


class SeatsStore(Store):
    def allowance(self, company_id: str | None = None) -> SeatAllowance | None:
        """What billing told last; None before it told anything, and then nothing is limited."""
        found = select(SeatAllowance).where(SeatAllowance.company_id == (company_id or self.company_id))
        # Looked at again under the lock: what was read while waiting for it may be old.
        return self.session.scalars(found.execution_options(populate_existing=True)).one_or_none()

    def allowance_for_change(self) -> SeatAllowance:
        """The same, made when it is first needed; for who holds the lock of the count."""
        found = self.allowance()
        if found is None:
            found = SeatAllowance(
                id=new_id("alw"), company_id=self.company_id, version=0, plan="", worker_limit=0, grace_days=0,
                terms="", next_on=None, next_plan="", next_limit=0, next_terms="", read_only_on=None,
                read_only_after="", larger_plans=[], over_since=None, grace_used=0,
            )  # fmt: skip
            self.session.add(found)
        return found

    def require_writable(self) -> None:
        """
        Raises:
            AccountReadOnly: the company's worker data can only be read, exported and archived (B12).
        """
        allowance = self.allowance()
        if allowance is not None:
            rules.require_writable(allowance, clock.today())

    def require_seats(self, count: "ManagedCount", change: int) -> SeatAllowance | None:
        """
        Raises:
            SeatLimitReached: the plan does not allow so many more (B16); ``count`` is locked.
        """
        allowance = self.allowance(count.company_id)
        if allowance is not None:
            allowance.follow(count.managed, clock.today())
            rules.require_seats(allowance, count.managed, change, clock.today())
        return allowance

    def tell_count(self, count: "ManagedCount", allowance: SeatAllowance | None) -> None:
        """Tell how many there are, and since when that is too many."""
        over_since, over_until = (allowance.over_since, allowance.over_until) if allowance else (None, None)
        self.publish(
            WorkerCountChanged(
                company_id=count.company_id,
                managed=count.managed,
                high_water=count.high_water,
                sequence=count.sequence,
                over_since=over_since.isoformat() if over_since else "",
                over_until=over_until.isoformat() if over_until else "",
                allowance=allowance.version if allowance else 0,
            )
        )
