"""What workers promises: profiles that cannot hold what they must not, and how many there are."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, Protocol, TypedDict

from pydantic import EmailStr, Field

from actiontrac.errors import Conflict, NotFound
from actiontrac.events import Event
from actiontrac.schemas import Input

SERVICE = "workers"

Kind = Literal["employee", "contractor", "temp"]
Status = Literal["active", "suspended", "left", "archived"]

#: The published rule (W28, S38): these count as managed; left and archived do not, users never do.
COUNTED = ("active", "suspended")

Short = Annotated[str, Field(min_length=1, max_length=80)]
Tag = Annotated[str, Field(min_length=1, max_length=40)]


# Requests


class WorkerInput(Input):
    """A worker profile; only the name is required. There is no field for what S23 forbids."""

    first_name: Short
    last_name: Short
    worker_number: Annotated[str | None, Field(min_length=1, max_length=40, description="Your own number; unique in the company. One is given when it is left out.")] = None
    work_email: EmailStr | None = None
    work_phone: Annotated[str | None, Field(max_length=40)] = None
    title: Annotated[str | None, Field(max_length=120)] = None
    department: Annotated[str | None, Field(max_length=80)] = None
    site: Annotated[str | None, Field(max_length=80)] = None
    manager_id: Annotated[str | None, Field(max_length=40)] = None
    kind: Kind = "employee"
    status: Status = "active"
    started_on: date | None = None
    ended_on: date | None = None
    tags: Annotated[list[Tag], Field(max_length=30)] = []
    notes: Annotated[str | None, Field(max_length=4000)] = None


class WorkerChange(Input):
    """Only the fields that are sent change; null empties a field that may be empty."""

    first_name: Short | None = None
    last_name: Short | None = None
    worker_number: Annotated[str | None, Field(min_length=1, max_length=40)] = None
    work_email: EmailStr | None = None
    work_phone: Annotated[str | None, Field(max_length=40)] = None
    title: Annotated[str | None, Field(max_length=120)] = None
    department: Annotated[str | None, Field(max_length=80)] = None
    site: Annotated[str | None, Field(max_length=80)] = None
    manager_id: Annotated[str | None, Field(max_length=40)] = None
    kind: Kind | None = None
    status: Status | None = None
    started_on: date | None = None
    ended_on: date | None = None
    tags: Annotated[list[Tag] | None, Field(max_length=30)] = None
    notes: Annotated[str | None, Field(max_length=4000)] = None


class WorkerQuery(Input):
    """How to find and arrange workers (W06)."""

    search: Annotated[str | None, Field(max_length=120, description="In name, number, title, department, site and tags.")] = None
    status: Status | None = None
    kind: Kind | None = None
    department: Annotated[str | None, Field(max_length=80)] = None
    site: Annotated[str | None, Field(max_length=80)] = None
    tag: Annotated[str | None, Field(max_length=40)] = None
    manager_id: Annotated[str | None, Field(max_length=40)] = None
    sort: Literal["name", "-name", "worker_number", "-worker_number", "created_at", "-created_at", "started_on", "-started_on"] = "name"
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str | None, Field(max_length=400)] = None


class ImportOptions(Input):
    """How a file of workers is taken (W09)."""

    dry_run: Annotated[bool, Field(description="Only say what would happen.")] = False
    on_error: Annotated[Literal["skip", "stop"], Field(description="skip bad rows, or stop and change nothing.")] = "skip"
    mapping: Annotated[dict[str, str], Field(description="File column to field; guessed where it is left out.")] = {}
    file_name: Annotated[str | None, Field(max_length=200)] = None


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
    errors: list[RowError]
    created_at: str


class SweepView(TypedDict):
    """What the sweep of stored text found (W05)."""

    checked: int
    quarantined: int
    at: str


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


class ManagerLoop(Conflict):
    """Nobody can be their own manager, directly or through others."""


class ReportsNotReassigned(Conflict):
    """Others still report to this worker; give them another manager first."""


class ImportNotFound(NotFound):
    """This company has no such import."""


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
    # [service] sweep of one batch; the timer does all (W05)
    def sweep(self) -> SweepView: ...
