"""Who reports to whom once a file is taken: the rules of W12 and W13 over many changes at once."""

from collections import Counter
from typing import NamedTuple


class Place(NamedTuple):
    manager_id: str | None
    counts: bool


class Chart:
    """Everybody of a company by id, as they were and as they would be."""

    def __init__(self, everybody: dict[str, Place]) -> None:
        self._before = everybody
        self._after = dict(everybody)

    def place(self, worker_id: str, place: Place) -> None:
        self._after[worker_id] = place

    def take_back(self, worker_id: str) -> None:
        """What was planned for a worker does not happen."""
        if worker_id in self._before:
            self._after[worker_id] = self._before[worker_id]
        else:
            self._after.pop(worker_id, None)

    def leaving_with_reports(self, planned: list[str]) -> set[str]:
        """Who would no longer be managed and still have somebody reporting to them."""
        reports = Counter(place.manager_id for place in self._after.values() if place.counts)
        return {one for one in planned if self._counted(one) and not self._after[one].counts and reports[one]}

    def under_nobody_managed(self, planned: list[str]) -> set[str]:
        """Who would get, or come back to, a manager who is not managed here."""
        return {one for one in planned if self._is_checked(one) and not self._is_managed(self._after[one].manager_id)}

    def in_loops(self, planned: list[str]) -> set[str]:
        """Who would be above themselves."""
        return self._looping() & set(planned)

    def _counted(self, worker_id: str) -> bool:
        return worker_id in self._before and self._before[worker_id].counts

    def _is_checked(self, worker_id: str) -> bool:
        place = self._after[worker_id]
        if place.manager_id is None or not place.counts:
            # Who is not managed any more may have a manager who is not either.
            return False
        before = self._before.get(worker_id)
        return before is None or before.manager_id != place.manager_id or (place.counts and not before.counts)

    def _is_managed(self, manager_id: str | None) -> bool:
        return manager_id in self._after and self._after[manager_id].counts

    def _looping(self) -> set[str]:
        done: set[str] = set()
        looping: set[str] = set()
        for start in self._after:
            path: dict[str, int] = {}
            at: str | None = start
            while at is not None and at in self._after and at not in done and at not in path:
                path[at] = len(path)
                at = self._after[at].manager_id
            if at in path:
                looping.update(one for one, step in path.items() if step >= path[at])
            done.update(path)
        return looping
