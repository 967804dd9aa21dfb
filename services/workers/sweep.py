"""
The sweep of stored text (W05): a part at a time, what must not be there is taken out.

The guard stands at every door, so a sweep finds nothing; if it ever finds something, a
door is open or the guard has learned to see more. What it found is never written down.
"""

from typing import Any, NamedTuple

from actiontrac import clock, forbidden, log
from actiontrac.failpoints import failpoint, register
from actiontrac.vault import SealBroken
from services.workers.actions.models import ActionTemplate, WorkerAction
from services.workers.history.models import WorkerVersion
from services.workers.models import SweepRun, Worker
from services.workers.orgchart.models import Vacancy, WorkerPosition
from services.workers.repository import WorkersStore

_log = log.get(__name__)

#: Few enough that nobody waits long for the lock of a unit of work on SQLite.
BATCH = 200

#: Every field of a profile that holds text which people typed. A test pins it against the table.
TEXTS = (
    "first_name", "last_name", "worker_number", "work_email", "work_phone",
    "title", "department", "site", "tags", "notes",
)

#: Fields in which a sentence about what was removed would be no value.
_EMPTIED = ("work_email", "work_phone")

register("workers.sweep.after_finding", "emptying the fields of one row, and the commit of the batch")


class Source(NamedTuple):
    """One table of text: how its ids begin, and its fields with text that people typed."""

    prefix: str
    table: Any
    fields: tuple[str, ...]
    #: How the record calls them.
    shown: str
    #: Whether its rows are told as checked; what was true once is checked with what is.
    counts: bool = True


#: In the order in which they are checked. A test pins it against the tables.
SOURCES = (
    Source("wrk", Worker, TEXTS, ""),
    Source("act", WorkerAction, ("text",), "action "),
    Source("tpl", ActionTemplate, ("name", "text"), "template "),
    Source("pos", WorkerPosition, ("title", "department", "site"), "position ", counts=False),
    Source("vac", Vacancy, ("title", "department", "site"), "vacancy "),
    Source("ver", WorkerVersion, TEXTS, "version ", counts=False),
)


def check_batch(store: WorkersStore, run: SweepRun) -> None:
    """
    Check the next rows and finish the run behind the last; in one transaction with
    how far it came, so that a run that is cut short goes on where it was.
    """
    while True:
        source = _source_at(run.position)
        rows = store.rows_after(source.table, run.position, BATCH)
        for row in rows:
            texts, unreadable = _texts_of(row, source.fields)
            run.unreadable += unreadable
            if _findings(texts):
                run.quarantined += _quarantine(store, source, row, run.id)
                failpoint("workers.sweep.after_finding")
        run.checked += len(rows) if source.counts else 0
        if rows:
            run.position = rows[-1].id
        if len(rows) == BATCH:
            return
        following = SOURCES.index(source) + 1
        if following == len(SOURCES):
            run.finished_at = clock.now()
            _log.info("sweep_finished", checked=run.checked, quarantined=run.quarantined, unreadable=run.unreadable)
            return
        run.position = f"{SOURCES[following].prefix}_"


def _source_at(position: str) -> Source:
    prefix = position.partition("_")[0]
    return next((source for source in SOURCES if source.prefix == prefix), SOURCES[0])


def _texts_of(row: Any, fields: tuple[str, ...]) -> tuple[dict[str, Any], int]:
    texts: dict[str, Any] = {}
    unreadable = 0
    for field in fields:
        try:
            texts[field] = row.text_of(field) if isinstance(row, WorkerVersion) else getattr(row, field)
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


def _quarantine(store: WorkersStore, source: Source, seen: Any, sweep_id: str) -> int:
    """Empty the fields of one row, under the lock that every change of it holds."""
    company_id = seen.company_id
    count = store.lock_count(company_id) if source.table is Worker else None
    row = store.locked_again(seen)
    texts, _ = _texts_of(row, source.fields)
    findings = _findings(texts)
    clean: dict[str, Any] = {}
    subject_id = getattr(row, "worker_id", row.id)
    for field, kinds in findings.items():
        clean[field] = _clean(source.table, field, texts[field])
        if count is not None and field == "worker_number":
            clean[field] = store.next_number(count, company_id)
        for kind in kinds:
            store.quarantine(company_id, subject_id, f"{source.shown}{field}", kind, sweep_id)
            _log.error("forbidden_data_quarantined", company_id=company_id, row_id=row.id, field=field, kind=kind)
    if clean and source.table is Worker:
        store.change_worker(row, clean)
    else:
        for field, value in clean.items():
            row.set_text(field, value) if isinstance(row, WorkerVersion) else setattr(row, field, value)
    return len(findings)


def _clean(table: Any, field: str, value: Any) -> Any:
    if field in _EMPTIED:
        return None
    if isinstance(value, list):
        return [text for text in value if not forbidden.find(text, field=field)]
    column = table.__table__.columns.get(field)
    longest = getattr(column.type, "length", None) if column is not None else None
    masked = forbidden.mask(value)[:longest]
    # What the eye of the mask misses is not left behind.
    return "[removed]" if forbidden.find(masked, field=field) else masked
