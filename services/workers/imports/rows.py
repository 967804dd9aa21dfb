"""Cells to fields, row by row; what is wrong is said by row and field, never by value."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from actiontrac import forbidden
from actiontrac.contracts.workers import RowError, WorkerChange
from actiontrac.schemas import problems_of
from services.workers import policies
from services.workers.imports import dates
from services.workers.imports.columns import FULL_NAME, MANAGER_NUMBER
from services.workers.imports.table import Record, Table
from services.workers.normal import normalised

#: One tag and what is around it, up to the mark that ends it.
_TAG = re.compile(r'\s*(?:"((?:[^"]|"")*)"\s*(?=[,;|]|$)|([^,;|]*))')

_DATES = ("started_on", "ended_on")
_NO_DAY = "is not a date that is certain; write it like 2026-11-23"

#: Rows between two pauses in which other requests of this process get on.
_ROWS_AT_A_STRETCH = 100

_KINDS = {
    "employee": "employee|employees|emp|staff|permanent|regular|full time|fulltime|ft|fte|part time|parttime|pt|"
    "payroll|angestellt|angestellter|angestellte|festangestellt|vollzeit|teilzeit|empleado|employe|cdi",
    "contractor": "contractor|contractors|contract|independent contractor|freelance|freelancer|consultant|external|"
    "self employed|1099|vendor|extern|freiberufler|selbstandig|contratista|prestataire|independant",
    "temp": "temp|temporary|temps|seasonal|casual|agency|agency worker|fixed term|leiharbeiter|zeitarbeit|befristet|"
    "temporal|interim|interimaire|cdd",
}
_STATUSES = {
    "active": "active|a|current|employed|working|aktiv|activo|actif",
    "suspended": "suspended|on leave|leave|paused|on hold|furloughed|beurlaubt|ruhend|suspendido|suspendu",
    "left": "left|terminated|resigned|former|ex|gone|leaver|departed|retired|dismissed|ausgeschieden|baja|parti",
    "archived": "archived|archive|archiviert|archivado",
}


def _by_spelling(spellings: dict[str, str]) -> dict[str, str]:
    return {spelling: value for value, known in spellings.items() for spelling in known.split("|")}


_WORDS = {"kind": _by_spelling(_KINDS), "status": _by_spelling(_STATUSES)}


@dataclass
class Row:
    """One row as it was understood."""

    number: int
    fields: dict[str, Any] = field(default_factory=dict)
    manager_number: str | None = None
    errors: list[RowError] = field(default_factory=list)

    def refuse(self, where: str, problem: str) -> None:
        self.errors.append({"row": self.number, "field": where, "problem": problem})


def read_rows(table: Table) -> list[Row]:
    """Understand every row; every row that is not understood has errors."""
    orders = {
        name: dates.order_of(record.cells[place] for record in table.records if place < len(record.cells))
        for place, name in enumerate(table.fields)
        if name in _DATES
    }
    rows = []
    for done, record in enumerate(table.records, start=1):
        rows.append(_read_row(table, record, orders))
        if done % _ROWS_AT_A_STRETCH == 0:
            time.sleep(0)
    return rows


def _read_row(table: Table, record: Record, orders: dict[str, dates.Order | None]) -> Row:
    row = Row(record.row)
    # Columns that are left out are looked at too: such data has no place in a file for us.
    for position, cell in enumerate(record.cells):
        _refuse_forbidden(row, table.name_of(position), cell)
    if any(record.cells[len(table.headers) :]):
        row.refuse("row", "has more cells than the file has columns; is a quotation mark missing?")
    if row.errors:
        return row
    texts = {name: cell for name, cell in zip(table.fields, record.cells, strict=False) if name and cell}
    row.manager_number = texts.pop(MANAGER_NUMBER, None)
    _split_name(row, texts)
    values: dict[str, Any] = {name: _value(name, text, orders.get(name)) for name, text in texts.items()}
    for name in _DATES:
        if name in values and values[name] is None:
            row.refuse(name, _NO_DAY)
            del values[name]
    try:
        row.fields = policies.tidy(WorkerChange.model_validate(values).model_dump(exclude_unset=True))
    except ValidationError as error:
        for problem in problems_of(error):
            row.refuse(problem["field"], problem["problem"])
    return row


def _refuse_forbidden(row: Row, name: str, cell: str) -> None:
    if not cell or not forbidden.find(cell, field=name):
        return
    try:
        forbidden.check(cell, field=name)
    except forbidden.ForbiddenData as error:
        for problem in error.fields:
            row.refuse(name, problem["problem"])
    else:
        row.refuse(name, "looks like it contains data that ActionTrac does not hold; remove it and try again.")


def _split_name(row: Row, texts: dict[str, str]) -> None:
    """``Last, First`` or ``First Second Last``; columns of their own go before."""
    whole = texts.pop(FULL_NAME, None)
    if whole is None:
        return
    last, comma, first = whole.partition(",")
    if not comma:
        first, _, last = whole.rpartition(" ")
    first, last = first.strip(), last.strip()
    if not first or not last:
        row.refuse(FULL_NAME, "is not a first and a last name")
        return
    texts.setdefault("first_name", first)
    texts.setdefault("last_name", last)


def _tags_of(text: str) -> Iterator[str]:
    """Tags between commas, semicolons or bars; one that holds such a mark stands in quotation marks."""
    at = 0
    while at <= len(text) and (found := _TAG.match(text, at)):
        yield found[1].replace('""', '"').strip() if found[1] is not None else found[2].strip()
        at = found.end() + 1


def _value(name: str, text: str, order: dates.Order | None) -> Any:
    if name in _DATES:
        return dates.day_of(text, order)
    if name in _WORDS:
        # What is not known stays as it is, and the contract refuses it.
        return _WORDS[name].get(normalised(re.sub(r"[-_/]", " ", text)), text)
    if name == "tags":
        return [tag for tag in _tags_of(text) if tag]
    return text
