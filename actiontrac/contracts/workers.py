"""What workers promises: profiles that cannot hold what they must not, and how many there are."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, LiteralString, Protocol, TypedDict

from pydantic import (
    AfterValidator,
    BeforeValidator,
    EmailStr,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from actiontrac.errors import Conflict, NotFound
from actiontrac.events import Event
from actiontrac.schemas import Input

SERVICE = "workers"

Kind = Literal["employee", "contractor", "temp"]
Status = Literal["active", "suspended", "left", "archived"]

#: The published rule (W28, S38): these count as managed; left and archived do not, users never do.
COUNTED = ("active", "suspended")
COUNT_RULE = (
    "Active and suspended workers count as managed; workers who left or are archived do not, and users never do."
)

#: What one file of workers may hold (W09).
IMPORT_ROWS = 5000

_CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_CONTROL_IN_NOTES = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_NO_DAY: LiteralString = "is not a date; write it like 2026-11-23"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


# What fields may hold. The sentences name no values: a refusal never repeats what was typed.


def _one_line(value: str) -> str:
    if _CONTROL.search(value):
        raise PydanticCustomError("one_line", "must be one line of text, without control characters")
    return value


def _several_lines(value: str) -> str:
    if _CONTROL_IN_NOTES.search(value):
        raise PydanticCustomError("plain_text", "must be plain text, without control characters")
    return value


def _email(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    try:
        return check(value)
    except ValidationError:
        # The library's own sentence quotes characters of what was typed.
        raise PydanticCustomError("email", "is not an e-mail address") from None


def _day(value: Any) -> Any:
    # A number would be taken for seconds since 1970.
    if not isinstance(value, str | date) or (isinstance(value, str) and not _DAY.fullmatch(value)):
        raise PydanticCustomError("day", _NO_DAY)
    try:
        return date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        raise PydanticCustomError("day", _NO_DAY) from None


def _nothing_for_blank(value: Any) -> Any:
    """Forms send empty text for a field that was left empty."""
    return None if isinstance(value, str) and not value.strip() else value


_LINE = {"pattern": r"^[^\u0000-\u001f\u007f]*$"}
_FILLED = {"pattern": r"^[^\u0000-\u001f\u007f]*[^\s\u0000-\u001f\u007f][^\u0000-\u001f\u007f]*$"}


def _shown_filled(schema: dict[str, Any]) -> None:
    """Null is told apart by name at run time; the document says at once that it is not taken."""
    schema.update(next(one for one in schema.pop("anyOf") if one.get("type") != "null"))
    schema.pop("default", None)


Filled = Field(json_schema_extra=_shown_filled)
Blank = BeforeValidator(_nothing_for_blank)
OneLine = AfterValidator(_one_line)

Short = Annotated[str, Field(min_length=1, max_length=80, json_schema_extra=_FILLED), OneLine]
Number = Annotated[str, Field(min_length=1, max_length=40, json_schema_extra=_FILLED), OneLine]
Tag = Annotated[str, Field(min_length=1, max_length=40, json_schema_extra=_FILLED), OneLine]
Line40 = Annotated[str, Field(max_length=40, json_schema_extra=_LINE), OneLine]
Line80 = Annotated[str, Field(max_length=80, json_schema_extra=_LINE), OneLine]
Line120 = Annotated[str, Field(max_length=120, json_schema_extra=_LINE), OneLine]
Line200 = Annotated[str, Field(max_length=200, json_schema_extra=_LINE), OneLine]
Email = Annotated[EmailStr, WrapValidator(_email)]
Day = Annotated[date, BeforeValidator(_day)]
Notes = Annotated[str, Field(max_length=4000), AfterValidator(_several_lines)]


# Requests


class WorkerInput(Input):
    """A worker profile; only the name is required. There is no field for what S23 forbids."""

    first_name: Short
    last_name: Short
    worker_number: Annotated[
        Line40 | None,
        Blank,
        Field(description="Your own number; unique in the company. One is given when it is left out."),
    ] = None
    work_email: Email | None = None
    work_phone: Annotated[Line40 | None, Blank] = None
    title: Annotated[Line120 | None, Blank] = None
    department: Annotated[Line80 | None, Blank] = None
    site: Annotated[Line80 | None, Blank] = None
    manager_id: Annotated[Line40 | None, Blank] = None
    kind: Kind = "employee"
    status: Status = "active"
    started_on: Day | None = None
    ended_on: Day | None = None
    tags: Annotated[list[Tag], Field(max_length=30)] = []
    notes: Annotated[Notes | None, Blank] = None


class WorkerChange(Input):
    """Only the fields that are sent change; null empties a field that may be empty."""

    first_name: Annotated[Short | None, Filled] = None
    last_name: Annotated[Short | None, Filled] = None
    worker_number: Annotated[Number | None, Filled] = None
    work_email: Email | None = None
    work_phone: Annotated[Line40 | None, Blank] = None
    title: Annotated[Line120 | None, Blank] = None
    department: Annotated[Line80 | None, Blank] = None
    site: Annotated[Line80 | None, Blank] = None
    manager_id: Annotated[Line40 | None, Blank] = None
    kind: Annotated[Kind | None, Filled] = None
    status: Annotated[Status | None, Filled] = None
    started_on: Day | None = None
    ended_on: Day | None = None
    tags: Annotated[list[Tag] | None, Field(max_length=30)] = None
    notes: Annotated[Notes | None, Blank] = None


class WorkerQuery(Input):
    """How to find and arrange workers (W06)."""

    search: Annotated[
        Line120 | None,
        Blank,
        Field(
            description="Words that all occur in name, number, title, department, site or tags;"
            " capitals and accents do not matter."
        ),
    ] = None
    status: Status | None = None
    kind: Kind | None = None
    department: Annotated[Line80 | None, Blank] = None
    site: Annotated[Line80 | None, Blank] = None
    tag: Annotated[Line40 | None, Blank] = None
    manager_id: Annotated[Line40 | None, Blank] = None
    sort: Annotated[
        Literal[
            "name",
            "-name",
            "worker_number",
            "-worker_number",
            "created_at",
            "-created_at",
            "started_on",
            "-started_on",
        ],
        Field(description="Last name first; numbers as people count; workers without a start come before all others."),
    ] = "name"
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    #: Sealed, because it holds a name and travels in addresses and logs; so it is longer than it looks.
    cursor: Annotated[str | None, Field(max_length=2000, description="next_cursor of the page before.")] = None


class ImportOptions(Input):
    """
    How a file of workers is taken (W09).

    A row belongs to the worker with its worker number; without a number, to the one with
    its work e-mail; without both, to the only one of its name. A cell that is empty
    changes nothing. So the same file twice changes nothing the second time.
    """

    dry_run: Annotated[bool, Field(description="Only say what would happen.")] = False
    on_error: Annotated[Literal["skip", "stop"], Field(description="skip bad rows, or stop and change nothing.")] = (
        "skip"
    )
    mapping: Annotated[
        dict[str, str],
        Field(
            max_length=200,
            description="File column to field; guessed where it is left out. An empty field leaves a column out."
            " Beside the profile's fields: full_name, manager_number.",
        ),
    ] = {}
    file_name: Annotated[Line200 | None, Blank] = None


# Views


class WorkerView(TypedDict):
    id: str
    worker_number: str
    first_name: str
    last_name: str
    work_email: str | None
    work_phone: str | None
    title: str | None
    department: str | None
    site: str | None
    manager_id: str | None
    kind: str
    status: str
    started_on: str | None
    ended_on: str | None
    tags: list[str]
    notes: str | None
    created_at: str
    updated_at: str


class WorkerList(TypedDict):
    items: list[WorkerView]
    next_cursor: str | None


class CountView(TypedDict):
    """How many workers the company manages, by the published rule."""

    managed: int
    #: The most at any one time since 1 January UTC; billing keeps its own over a subscription's year.
    high_water: int
    rule: str


class RowError(TypedDict):
    row: int
    field: str
    problem: str


class ImportView(TypedDict):
    id: str
    status: Literal["checked", "done", "refused"]
    dry_run: bool
    rows: int
    created: int
    updated: int
    unchanged: int
    failed: int
    mapping: dict[str, str]
    ignored_columns: list[str]
    #: At most the first 1,000; errors_left_off says how many more there were.
    errors: list[RowError]
    errors_left_off: int
    created_at: str


class SweepView(TypedDict):
    """What the sweep of stored text found (W05)."""

    #: Worker profiles whose text was checked, over all companies.
    checked: int
    quarantined: int
    #: When it was finished; null while it is under way.
    at: str | None


# Events


@dataclass(frozen=True, kw_only=True)
class WorkerCountChanged(Event):
    """How many workers the company manages now; S38."""

    source = SERVICE
    type = "worker.count_changed"

    managed: int
    high_water: int
    #: Counts up with every change, so that a late event is recognised.
    sequence: int


# Errors


class WorkerNotFound(NotFound):
    """This company has no such worker."""


class WorkerNumberTaken(Conflict):
    """Another worker of this company has this worker number."""


class StatusMoveRefused(Conflict):
    """A worker cannot go from this status to that one."""


class WorkerArchived(Conflict):
    """This profile is archived and only readable; give it another status first."""


class ManagerLoop(Conflict):
    """Nobody can be their own manager, directly or through others."""


class ReportsNotReassigned(Conflict):
    """Others still report to this worker; give them another manager first."""


class ImportNotFound(NotFound):
    """This company has no such import."""


class NoSweepYet(NotFound):
    """No sweep of stored text has been finished yet."""


class Rpc(Protocol):
    """workers on the bus. ``[permission]`` stands before each; W marks writes."""

    # [workers.write] W; worker is WorkerInput
    def create_worker(self, *, company_id: str, worker: dict[str, Any]) -> WorkerView: ...
    # [workers.read]
    def get_worker(self, *, company_id: str, worker_id: str) -> WorkerView: ...
    # [workers.read]; query is WorkerQuery
    def list_workers(self, *, company_id: str, query: dict[str, Any]) -> WorkerList: ...
    # [workers.write] W; change is WorkerChange, only the fields that were sent
    def update_worker(self, *, company_id: str, worker_id: str, change: dict[str, Any]) -> WorkerView: ...
    # [workers.write] W; what DELETE does: the profile stays readable and no longer counts
    def archive_worker(self, *, company_id: str, worker_id: str) -> WorkerView: ...
    # [workers.read]
    def get_count(self, *, company_id: str) -> CountView: ...
    # [workers.import] W; text is the file's content decoded
    def import_workers(self, *, company_id: str, text: str, options: dict[str, Any]) -> ImportView: ...
    # [workers.read]
    def get_import(self, *, company_id: str, import_id: str) -> ImportView: ...
    # [service] check all stored text now, beside the nightly sweep, batch by batch (W05)
    def sweep(self) -> SweepView: ...
    # [public] the last sweep that was finished, for the promise page (W05); figures only
    def get_sweep(self) -> SweepView: ...
