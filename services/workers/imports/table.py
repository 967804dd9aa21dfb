"""A file of workers as a table: which delimiter, which columns, which rows."""

import csv
import io
import re
from collections.abc import Iterator
from typing import NamedTuple

from actiontrac import forbidden
from actiontrac.contracts.workers import IMPORT_ROWS
from actiontrac.errors import FieldProblem, Invalid
from services.workers.imports.columns import FIELDS, NAMING, guess, guess_all

#: Longer than 5,000 rows of full profiles with ordinary notes.
_MOST_CHARACTERS = 8_000_000
_MOST_COLUMNS = 200
_MOST_SHOWN = 80

_DELIMITERS = ",;\t|"

#: What begins a formula in some spreadsheet (inside a character class): an export puts an apostrophe before it.
FORMULA_STARTS = "=+\\-@\t\r＝＋－＠"

_MADE_HARMLESS = re.compile(f"'+[{FORMULA_STARTS}]")
#: How Excel keeps leading zeros in a file of text: ="00123".
_FORMULA_TEXT = re.compile(r'="?([^"]*)"?')


class Record(NamedTuple):
    """A row as a spreadsheet counts it (the header is row 1), and its cells."""

    row: int
    cells: list[str]


class Table(NamedTuple):
    headers: list[str]
    #: The field of each column; None where the column is left out.
    fields: list[str | None]
    records: list[Record]

    def name_of(self, position: int) -> str:
        """How a column is called in an error: its field, its header, or its place."""
        if position >= len(self.headers):
            return f"column {position + 1}"
        return self.fields[position] or self.headers[position][:_MOST_SHOWN] or f"column {position + 1}"


def read_table(text: str, mapping: dict[str, str]) -> Table:
    """
    Read a file's text.

    Raises:
        ForbiddenData: a column is for data that ActionTrac does not hold, or its header is such data.
        Invalid: it is no table, too large, or no column says who a row is; the mapping is wrong.
    """
    if len(text) > _MOST_CHARACTERS:
        raise Invalid.at("text", "is larger than one import may be; split the file")
    text = text.lstrip("\ufeff")
    told_delimiter = re.match(r"sep=(.)\r?\n?", text)
    if told_delimiter:
        text = text[told_delimiter.end() :]
    records = _records(text, told_delimiter[1] if told_delimiter else _delimiter_of(text))
    header = next(records, None)
    if header is None:
        raise Invalid.at("text", "is empty; the first row names the columns, every other row is a worker")
    headers = [" ".join(cell.split()) for cell in header.cells]
    _refuse_forbidden(headers)
    fields = guess_all(headers, _told(headers, mapping))
    if not any(field in NAMING for field in fields):
        raise Invalid.at(
            "text",
            "has no column that is known to hold worker numbers, names or work e-mails;"
            " name the columns in the first row, or say in mapping which is which",
        )
    return Table(headers, fields, _bounded(records, len(headers)))


def _records(text: str, delimiter: str) -> Iterator[Record]:
    """Rows that hold anything, with their place among all rows."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    row = 0
    while True:
        row += 1
        try:
            cells = [_cell(cell) for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error:
            raise Invalid.at("text", f"row {row} cannot be read; is a quotation mark missing?") from None
        if any(cells):
            yield Record(row, cells)


def _cell(cell: str) -> str:
    cell = cell.strip()
    if cell.startswith("=") and (plain := _FORMULA_TEXT.fullmatch(cell)):
        return plain[1].strip()
    # What an export, or a spreadsheet, put before a cell that would be taken for a formula.
    return cell[1:] if _MADE_HARMLESS.match(cell) else cell


def _delimiter_of(text: str) -> str:
    """The delimiter that makes most sense of the first row: most known columns, then most columns."""

    def sense(delimiter: str) -> tuple[int, int]:
        try:
            first = next(_records(text[:20_000], delimiter), None)
        except Invalid:
            return (0, 0)
        cells = first.cells if first else []
        return (sum(guess(cell) is not None for cell in cells), len(cells))

    return max(_DELIMITERS, key=sense)


def _refuse_forbidden(headers: list[str]) -> None:
    if len(headers) > _MOST_COLUMNS:
        raise Invalid.at("text", f"has more than {_MOST_COLUMNS} columns")
    problems: list[FieldProblem] = []
    for position, header in enumerate(headers, start=1):
        if forbidden.is_forbidden_name(header) or forbidden.find(header):
            problems.append(
                {
                    "field": f"column {position}",
                    "problem": "is for data that ActionTrac does not hold: no birth dates, no social security or"
                    " identity numbers, no payment data; remove the column from the file and try again.",
                }
            )
    if problems:
        raise forbidden.ForbiddenData.fields_of(problems)


def _told(headers: list[str], mapping: dict[str, str]) -> dict[int, str | None]:
    """What the mapping says, by the position of the column."""
    places = {header.casefold(): position for position, header in reversed(list(enumerate(headers)))}
    told: dict[int, str | None] = {}
    problems: list[FieldProblem] = []
    for header, field in mapping.items():
        place = places.get(" ".join(header.split()).casefold())
        # The header was checked by the guard, as everything in a request is.
        path = f"mapping.{header[:_MOST_SHOWN]}"
        if place is None:
            problems.append({"field": path, "problem": "the file has no column of this name"})
        elif field and field not in FIELDS:
            problems.append({"field": path, "problem": f"no such field; choose one of {', '.join(FIELDS)}"})
        elif field and field in told.values():
            problems.append({"field": path, "problem": "another column is mapped to this field too"})
        else:
            told[place] = field or None
    if problems:
        raise Invalid.fields_of(problems)
    return told


def _bounded(records: Iterator[Record], columns: int) -> list[Record]:
    found: list[Record] = []
    for record in records:
        if len(found) == IMPORT_ROWS:
            raise Invalid.at("text", f"holds more than {IMPORT_ROWS:,} rows; split the file")
        found.append(record)
    return found
