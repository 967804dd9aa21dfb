"""
The sweep of stored text (W05): a part at a time, what must not be there is taken out.

The guard stands at every door, so a sweep finds nothing; if it ever finds something, a
door is open or the guard has learned to see more. What it found is never written down.
"""

from typing import Any

from actiontrac import clock, forbidden, log
from actiontrac.failpoints import failpoint, register
from actiontrac.vault import SealBroken
from services.workers.models import SweepRun, Worker
from services.workers.repository import WorkersStore

_log = log.get(__name__)

#: Few enough that nobody waits long for the lock of a unit of work on SQLite.
BATCH = 200

#: Every field that holds text which people typed. A test pins it against the table.
TEXTS = (
    "first_name", "last_name", "worker_number", "work_email", "work_phone",
    "title", "department", "site", "tags", "notes",
)

#: Fields in which a sentence about what was removed would be no value.
_EMPTIED = ("work_email", "work_phone")

register("workers.sweep.after_finding", "emptying the fields of one worker, and the commit of the batch")


def check_batch(store: WorkersStore, run: SweepRun) -> None:
    """
    Check the next workers and finish the run behind the last; in one transaction with
    how far it came, so that a run that is cut short goes on where it was.
    """
    workers = store.workers_after(run.position, BATCH)
    for worker in workers:
        texts, unreadable = _texts_of(worker)
        run.unreadable += unreadable
        if _findings(texts):
            run.quarantined += _quarantine(store, worker, run.id)
            failpoint("workers.sweep.after_finding")
    run.checked += len(workers)
    if workers:
        run.position = workers[-1].id
    if len(workers) < BATCH:
        run.finished_at = clock.now()
        _log.info("sweep_finished", checked=run.checked, quarantined=run.quarantined, unreadable=run.unreadable)


def _texts_of(worker: Worker) -> tuple[dict[str, Any], int]:
    texts: dict[str, Any] = {}
    unreadable = 0
    for field in TEXTS:
        try:
            texts[field] = getattr(worker, field)
        except SealBroken:
            # Its company's key was destroyed, or the row was damaged: nobody can read it.
            unreadable += 1
    return texts, unreadable


def _findings(texts: dict[str, Any]) -> dict[str, list[str]]:
    """Field to the kinds of forbidden data in it."""
    found: dict[str, list[str]] = {}
    for field, value in texts.items():
        for text in value if isinstance(value, list) else [value]:
            kinds = [finding.kind for finding in forbidden.find(text or "", field=field)]
            if kinds:
                found[field] = list(dict.fromkeys([*found.get(field, []), *kinds]))
    return found


def _quarantine(store: WorkersStore, seen: Worker, sweep_id: str) -> int:
    """Empty the fields of one worker, under the lock that every change of a worker holds."""
    company_id = seen.company_id
    count = store.lock_count(company_id)
    worker = store.locked_again(seen)
    texts, _ = _texts_of(worker)
    findings = _findings(texts)
    clean: dict[str, Any] = {}
    for field, kinds in findings.items():
        clean[field] = _clean(field, texts[field])
        if field == "worker_number":
            clean[field] = store.next_number(count, company_id)
        for kind in kinds:
            store.quarantine(worker, field, kind, sweep_id)
            _log.error("forbidden_data_quarantined", company_id=company_id, worker_id=worker.id, field=field, kind=kind)
    if clean:
        store.change_worker(worker, clean)
    return len(findings)


def _clean(field: str, value: Any) -> Any:
    if field in _EMPTIED:
        return None
    if isinstance(value, list):
        return [text for text in value if not forbidden.find(text, field=field)]
    column = Worker.__table__.columns.get(field)
    longest = getattr(column.type, "length", None) if column is not None else None
    masked = forbidden.mask(value)[:longest]
    # What the eye of the mask misses is not left behind.
    return "[removed]" if forbidden.find(masked, field=field) else masked
