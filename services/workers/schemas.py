"""From rows to what the contract shows."""

from datetime import date
from typing import Any

from actiontrac import clock
from actiontrac.contracts.workers import COUNT_RULE, CountView, SweepView, WorkerView
from actiontrac.vault import Cipher
from services.workers.models import ManagedCount, SweepRun, Worker

_TABLE = Worker.__tablename__
_EMAIL, _PHONE, _NOTES = Worker.work_email, Worker.work_phone, Worker.notes


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


#: The columns behind a view.
SHOWN = (
    "id", "worker_number", "first_name", "last_name", "work_email_sealed", "work_phone_sealed", "title", "department",
    "site", "manager_id", "kind", "status", "started_on", "ended_on", "tags", "notes_sealed", "created_at",
    "updated_at",
)  # fmt: skip


def shown_view(found: Any, cipher: Cipher) -> WorkerView:
    """The same of the columns ``SHOWN``, without a mapped row: for what is asked all the time."""
    return {
        "id": found.id,
        "worker_number": found.worker_number,
        "first_name": found.first_name,
        "last_name": found.last_name,
        "work_email": _EMAIL.open(found, _TABLE, cipher),
        "work_phone": _PHONE.open(found, _TABLE, cipher),
        "title": found.title,
        "department": found.department,
        "site": found.site,
        "manager_id": found.manager_id,
        "kind": found.kind,
        "status": found.status,
        "started_on": _day(found.started_on),
        "ended_on": _day(found.ended_on),
        "tags": list(found.tags),
        "notes": _NOTES.open(found, _TABLE, cipher),
        "created_at": clock.iso(found.created_at),
        "updated_at": clock.iso(found.updated_at),
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
