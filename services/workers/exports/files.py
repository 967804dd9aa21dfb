"""
Workers as CSV, in the columns that an import knows, and as JSON.

A spreadsheet takes a cell that begins like a formula for one, and would run it: such a
cell gets an apostrophe in front, which an import takes off again.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import orjson

from services.workers.imports.columns import MANAGER_NUMBER
from services.workers.imports.table import FORMULA_STARTS
from services.workers.models import Worker

#: As many as an import takes.
MOST_ROWS = 5000
#: Below what an import takes and a message on the bus may hold, whatever is written in notes.
MOST_BYTES = 4_000_000

COLUMNS = (
    "worker_number", "first_name", "last_name", "work_email", "work_phone", "title", "department", "site",
    MANAGER_NUMBER, "kind", "status", "started_on", "ended_on", "tags", "notes",
)  # fmt: skip

_FORMULA = re.compile(f"'*[{FORMULA_STARTS}]")
_SPECIAL_IN_TAG = re.compile('[,;|"]')


class Entry(NamedTuple):
    worker: Worker
    manager_number: str | None


def csv_of(entries: Iterable[Entry]) -> str:
    """A file that begins with a byte order mark, so that spreadsheets read it as UTF-8."""
    return "\ufeff" + _line(COLUMNS) + "".join(_within_limits(_line(_cells(entry)) for entry in entries))


def json_of(entries: Iterable[Entry]) -> str:
    """A list of profiles with ids; as many as the same CSV file would hold at most."""
    rows = _within_limits(orjson.dumps(_object(entry)).decode() for entry in entries)
    return f"[{','.join(rows)}]"


def _within_limits(rows: Iterator[str]) -> Iterator[str]:
    size = 0
    for row in rows:
        size += len(row.encode())
        if size > MOST_BYTES:
            return
        yield row


def _line(cells: Iterable[str]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue()


def _cells(entry: Entry) -> list[str]:
    fields = _fields(entry)
    fields["tags"] = "; ".join(_tag(tag) for tag in entry.worker.tags)
    return [_harmless(fields[name] or "") for name in COLUMNS]


def _object(entry: Entry) -> dict[str, Any]:
    return {"id": entry.worker.id, "manager_id": entry.worker.manager_id, **_fields(entry)}


def _fields(entry: Entry) -> dict[str, Any]:
    profile = entry.worker.as_json()
    return {name: entry.manager_number if name == MANAGER_NUMBER else profile[name] for name in COLUMNS}


def _tag(tag: str) -> str:
    """A tag in which the mark between tags occurs stands in quotation marks."""
    if not _SPECIAL_IN_TAG.search(tag):
        return tag
    inner = tag.replace('"', '""')
    return f'"{inner}"'


def _harmless(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell
