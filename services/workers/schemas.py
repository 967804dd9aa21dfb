"""From rows to what the contract shows."""

from datetime import date

from actiontrac import clock
from actiontrac.contracts.workers import COUNT_RULE, CountView, SweepView, WorkerView
from services.workers.models import ManagedCount, SweepRun, Worker


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def worker_view(worker: Worker) -> WorkerView:
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
        "started_on": _day(worker.started_on),
        "ended_on": _day(worker.ended_on),
        "tags": list(worker.tags),
        "notes": worker.notes,
        "created_at": clock.iso(worker.created_at),
        "updated_at": clock.iso(worker.updated_at),
    }


def count_view(count: ManagedCount | None) -> CountView:
    year = clock.today().year
    return {
        "managed": count.managed if count else 0,
        "high_water": count.high_water_in(year) if count else 0,
        "rule": COUNT_RULE,
    }


def sweep_view(run: SweepRun) -> SweepView:
    return {
        "checked": run.checked,
        "quarantined": run.quarantined,
        "at": clock.iso(run.finished_at) if run.finished_at else None,
    }
