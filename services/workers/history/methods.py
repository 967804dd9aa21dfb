"""What the workers service offers about what a profile was before."""

from collections.abc import Sequence
from typing import Any

from actiontrac import clock, schemas
from actiontrac.contracts import worker_history as contract
from actiontrac.contracts.workers import WorkerChange, WorkerView
from actiontrac.service import Opener, rpc
from services.workers import policies, profiles
from services.workers.history.models import WorkerVersion
from services.workers.repository import WorkersStore
from services.workers.schemas import worker_view


class HistoryMethods:
    """Part of ``WorkersService``."""

    store: Opener[WorkersStore]

    @rpc(requires="workers.write")
    def list_history(self, *, company_id: str, worker_id: str, query: dict[str, Any]) -> contract.History:
        """
        What every field of a profile was and became, by whom and when (W25).

        Raises:
            Invalid: a field of the query is wrong.
            WorkerNotFound: this company has no such worker.
        """
        wanted = schemas.parse(contract.HistoryQuery, query)
        with self.store(company_id) as store:
            store.worker(worker_id)
            below = int(wanted.cursor) if wanted.cursor else None
            # One more than the page: the last of it is told apart from the one before.
            found = store.versions_before(worker_id, below, wanted.limit + 1)
            items = [_version_view(version, _before(found, place)) for place, version in enumerate(found)]
        more = len(items) > wanted.limit
        page = items[: wanted.limit]
        return {"items": page, "next_cursor": str(page[-1]["version"]) if more else None}

    @rpc(requires="workers.write", write=True)
    def restore_worker(self, *, company_id: str, worker_id: str, restoration: dict[str, Any]) -> WorkerView:
        """
        Make a profile what it was in a version, under all rules of a change; that is a new
        version, so going back can be gone back on. Repeated, it changes nothing more.

        Raises:
            Invalid: the manager of then is nobody here any more.
            WorkerNotFound, VersionNotFound: there is no such worker or version.
            WorkerArchived, StatusMoveRefused, WorkerNumberTaken, ManagerLoop, ReportsNotReassigned: see
                ``update_worker``.
            SeatLimitReached, AccountReadOnly: see ``update_worker``.
        """
        wanted = schemas.parse(contract.Restoration, restoration)
        with self.store(company_id) as store:
            store.require_writable()
            store.worker(worker_id)
            then = store.version(worker_id, wanted.version).fields
            fields = policies.tidy(schemas.parse(WorkerChange, then).model_dump(exclude_unset=True))
            restored = profiles.change(store, worker_id, fields, restored_from=wanted.version)
            return store.answer(worker_view(restored))


def _before(versions: Sequence[WorkerVersion], place: int) -> dict[str, Any]:
    return versions[place + 1].fields if place + 1 < len(versions) else {}


def _version_view(version: WorkerVersion, before: dict[str, Any]) -> contract.VersionView:
    after = version.fields
    return {
        "version": version.version,
        "at": clock.iso(version.at),
        "author_id": version.author_id,
        "restored_from": version.restored_from,
        "changes": [
            {"field": name, "before": before.get(name), "after": after.get(name)} for name in version.changed
        ],
    }
