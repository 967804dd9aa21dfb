"""What workers promises: profiles that cannot hold what they must not, and how many there are."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol, TypedDict

from pydantic import Field

from actiontrac.contracts.texts import (
    Blank,
    Day,
    Email,
    Filled,
    Line40,
    Line80,
    Line120,
    Line200,
    Notes,
    Number,
    Short,
    Tag,
)
from actiontrac.contracts.worker_actions import ActionList, ActionView, TemplateList, TemplateView
from actiontrac.contracts.worker_chart import ChartView, PositionList, VacancyList, VacancyView
from actiontrac.contracts.worker_history import History
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
    effective_on: Annotated[
        Day | None,
        Field(
            description="Since when the new title, department, site, manager, kind or status holds; today otherwise."
            " Not before the last such change."
        ),
    ] = None


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

    #: Profiles, actions and templates whose text was checked, over all companies.
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
    #: Since when there are more than the plan allows, and the last day on which more can be added; empty
    #: while there are not (B16).
    over_since: str = ""
    over_until: str = ""
    #: The version of billing's allowance that these days follow from.
    allowance: int = 0


@dataclass(frozen=True, kw_only=True)
class ActionDue(Event):
    """An open action of a worker is due, or its day of reminding has come; once for each such day (W15)."""

    source = SERVICE
    type = "action.due"

    action_id: str
    worker_id: str
    #: The member who sees to it; empty if nobody does.
    owner_id: str
    #: Days until it falls due; below zero once it is late, zero where no day is set.
    days_left: int


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


class SeatLimitReached(Conflict):
    """The plan allows no more workers; choose a larger plan, or archive workers who have left."""


class AccountReadOnly(Conflict):
    """Nothing is paid at the moment: workers can be read, exported and archived, and not added or changed."""


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

    # Actions (W15), contracts/worker_actions.py

    # [workers.write] W; action is ActionInput
    def create_action(self, *, company_id: str, worker_id: str, action: dict[str, Any]) -> ActionView: ...
    # [workers.read]
    def get_action(self, *, company_id: str, action_id: str) -> ActionView: ...
    # [workers.read]; query is ActionQuery
    def list_actions(self, *, company_id: str, query: dict[str, Any]) -> ActionList: ...
    # [workers.read]; the same of one worker
    def list_worker_actions(self, *, company_id: str, worker_id: str, query: dict[str, Any]) -> ActionList: ...
    # [workers.write] W; change is ActionChange, only the fields that were sent
    def update_action(self, *, company_id: str, action_id: str, change: dict[str, Any]) -> ActionView: ...
    # [workers.write] W; template is TemplateInput
    def create_action_template(self, *, company_id: str, template: dict[str, Any]) -> TemplateView: ...
    # [workers.write]
    def list_action_templates(self, *, company_id: str) -> TemplateList: ...
    # [workers.write] W
    def delete_action_template(self, *, company_id: str, template_id: str) -> None: ...

    # Who reports to whom (W12 to W14), contracts/worker_chart.py

    # [workers.read]; query is ChartQuery
    def get_org_chart(self, *, company_id: str, query: dict[str, Any]) -> ChartView: ...
    # [workers.read]; the same as an SVG document
    def draw_org_chart(self, *, company_id: str, query: dict[str, Any]) -> str: ...
    # [workers.read]; the newest first
    def list_positions(self, *, company_id: str, worker_id: str) -> PositionList: ...
    # [workers.write] W; vacancy is VacancyInput
    def create_vacancy(self, *, company_id: str, vacancy: dict[str, Any]) -> VacancyView: ...
    # [workers.read]
    def list_vacancies(self, *, company_id: str) -> VacancyList: ...
    # [workers.write] W
    def delete_vacancy(self, *, company_id: str, vacancy_id: str) -> None: ...

    # [workers.import]; format is csv or json, query is worker_exports.ExportQuery; the file's text (W10)
    def export_workers(self, *, company_id: str, format: str, query: dict[str, Any]) -> str: ...

    # What a profile was before (W25), contracts/worker_history.py

    # [workers.write]; query is HistoryQuery; the newest first
    def list_history(self, *, company_id: str, worker_id: str, query: dict[str, Any]) -> History: ...
    # [workers.write] W; restoration is Restoration
    def restore_worker(self, *, company_id: str, worker_id: str, restoration: dict[str, Any]) -> WorkerView: ...
