"""Making and changing one profile under all rules, within a unit of work."""

from typing import Any

from actiontrac import clock
from actiontrac.contracts.workers import WorkerNumberTaken
from services.workers import policies
from services.workers.models import Worker
from services.workers.repository import WorkersStore


def create(store: WorkersStore, fields: dict[str, Any]) -> Worker:
    """
    Make a profile and count it.

    Raises:
        WorkerNumberTaken, Invalid: see ``WorkersService.create_worker``.
    """
    policies.require_order(fields["started_on"], fields["ended_on"])
    count = store.lock_count()
    _require_free_number(store, fields["worker_number"], but=None)
    _require_manager(store, fields["manager_id"])
    number = fields["worker_number"] or store.next_number(count, store.company_id)
    worker = store.add_worker({**fields, "worker_number": number})
    store.count_in(count, int(worker.counts))
    return worker


def change(
    store: WorkersStore, worker_id: str, wanted: dict[str, Any], *, restored_from: int | None = None
) -> Worker:
    """
    Change what differs, and the count with it; nothing differs when it is repeated.

    Raises:
        WorkerNotFound, WorkerArchived, StatusMoveRefused, WorkerNumberTaken, ManagerLoop,
        ReportsNotReassigned, Invalid: see ``WorkersService.update_worker``.
    """
    count = store.lock_count()
    worker = store.worker(worker_id, lock=True)
    wanted = dict(wanted)
    effective_on = wanted.pop("effective_on", None)
    if effective_on is not None:
        policies.require_effective(effective_on, clock.today(), store.last_position_day(worker.id))
    changed = differences(worker, wanted)
    if not changed:
        return worker
    policies.require_editable(worker.status, changed)
    _require_status(store, worker, changed)
    policies.require_order(changed.get("started_on", worker.started_on), changed.get("ended_on", worker.ended_on))
    if "worker_number" in changed:
        _require_free_number(store, changed["worker_number"], but=worker.id)
    if "manager_id" in changed:
        policies.require_no_loop(worker.id, store.managers_above(changed["manager_id"]))
        _require_manager(store, changed["manager_id"])
    counted = worker.counts
    store.change_worker(worker, changed, effective_on, restored_from=restored_from)
    store.count_in(count, worker.counts - counted)
    return worker


def differences(worker: Worker, wanted: dict[str, Any]) -> dict[str, Any]:
    """The fields of ``wanted`` that the profile has differently."""
    return {name: value for name, value in wanted.items() if getattr(worker, name) != value}


def _require_status(store: WorkersStore, worker: Worker, changed: dict[str, Any]) -> None:
    status = changed.get("status", worker.status)
    policies.require_move(worker.status, status)
    if worker.counts and not policies.counts(status):
        policies.require_no_reports(store.count_reports(worker.id))
    if policies.counts(status) and not worker.counts and "manager_id" not in changed:
        # Who comes back may find that their manager has left meanwhile.
        _require_manager(store, worker.manager_id)


def _require_manager(store: WorkersStore, manager_id: str | None) -> None:
    if manager_id is not None:
        manager = store.find_worker(manager_id)
        policies.require_manager(manager.status if manager else None)


def _require_free_number(store: WorkersStore, number: str | None, *, but: str | None) -> None:
    if number and store.has_number(number, company_id=store.company_id, but=but):
        raise WorkerNumberTaken.at("worker_number", "another worker of this company has this number")
