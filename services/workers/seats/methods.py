"""What the workers service learns from billing."""

from actiontrac import clock
from actiontrac.contracts.billing import AllowanceChanged
from actiontrac.service import Opener, handle
from services.workers.repository import WorkersStore


class SeatMethods:
    """Part of ``WorkersService``."""

    store: Opener[WorkersStore]

    @handle(AllowanceChanged)
    def on_allowance_changed(self, event: AllowanceChanged) -> None:
        """
        Keep what a company may do from now on; what comes late never replaces what is newer.

        Whoever is over the new limit is told to billing, with the days that are left.
        """
        with self.store(event.company_id) as store:
            if not store.claim(event):
                return
            # Whoever adds a worker holds this lock too: a seat is never given by an old allowance and a new one.
            count = store.lock_count()
            allowance = store.allowance_for_change()
            if allowance.take(event, count.managed, clock.today()) and allowance.over_since is not None:
                count.sequence += 1
                store.tell_count(count, allowance)
