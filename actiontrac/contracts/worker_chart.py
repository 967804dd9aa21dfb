"""What workers promises about who reports to whom, now and on any day before (W12 to W14)."""

from typing import Annotated, Literal, TypedDict

from pydantic import Field

from actiontrac.contracts.texts import Blank, Day, Line40, Line80, Short
from actiontrac.errors import Conflict, Invalid, NotFound
from actiontrac.schemas import Input

#: What one chart holds; a larger company looks at it part by part.
CHART_NODES = 5000

#: How many vacant positions a company can have; they are told all at once.
VACANCIES = 1000


# Requests


class ChartQuery(Input):
    """Which part of the chart, and on which day."""

    on: Annotated[Day | None, Field(description="As it was at the end of this day; as it is otherwise.")] = None
    root_id: Annotated[Line40 | None, Blank, Field(description="Only this worker and all below.")] = None
    department: Annotated[Line80 | None, Blank, Field(description="Only workers of this department.")] = None
    depth: Annotated[int | None, Field(ge=1, le=100, description="How many levels; all otherwise.")] = None
    show: Annotated[
        Literal["title", "department", "site", "worker_number"],
        Field(description="What the picture says below the name."),
    ] = "title"


class VacancyInput(Input):
    """A position that nobody holds yet."""

    title: Short
    department: Annotated[Line80 | None, Blank] = None
    site: Annotated[Line80 | None, Blank] = None
    manager_id: Annotated[Line40 | None, Blank] = None


# Views


class ChartNode(TypedDict):
    """A worker, or a vacant position; everybody stands after whoever they report to."""

    id: str
    #: Whom it stands below in this chart; null at the top.
    parent_id: str | None
    level: int
    name: str
    worker_number: str | None
    title: str | None
    department: str | None
    site: str | None
    vacant: bool
    #: The manager is no longer there, so it stands at the top.
    orphan: bool
    #: How many report directly; more than are shown below where `depth` ends.
    reports: int


class DepartmentView(TypedDict):
    name: str | None
    workers: int


class ChartView(TypedDict):
    on: str
    nodes: list[ChartNode]
    #: How many of the workers in this chart belong to which department.
    departments: list[DepartmentView]


class PositionView(TypedDict):
    """What a worker was from one day on, until another on which something else began."""

    effective_on: str
    until: str | None
    title: str | None
    department: str | None
    site: str | None
    manager_id: str | None
    kind: str
    status: str


class PositionList(TypedDict):
    #: The newest first.
    items: list[PositionView]


class VacancyView(TypedDict):
    id: str
    title: str
    department: str | None
    site: str | None
    manager_id: str | None
    created_at: str


class VacancyList(TypedDict):
    items: list[VacancyView]


# Errors


class ChartTooLarge(Invalid):
    """This chart has more than 5,000 positions; ask for less with depth, root_id or department."""


class VacancyNotFound(NotFound):
    """This company has no such vacant position."""


class TooManyVacancies(Conflict):
    """There are 1,000 vacant positions already; delete some."""
