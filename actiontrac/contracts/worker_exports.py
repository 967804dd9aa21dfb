"""What workers promises about files of workers that are taken away (W10)."""

from typing import Annotated, Literal, TypedDict

from pydantic import Field

from actiontrac.contracts.texts import Blank, Line40, Line80, Line120
from actiontrac.contracts.workers import Kind, Status
from actiontrac.schemas import Input

ExportFormat = Literal["csv", "json"]


class ExportQuery(Input):
    """Which workers, as in the list; all otherwise."""

    search: Annotated[Line120 | None, Blank] = None
    status: Status | None = None
    kind: Kind | None = None
    department: Annotated[Line80 | None, Blank] = None
    site: Annotated[Line80 | None, Blank] = None
    tag: Annotated[Line40 | None, Blank] = None
    manager_id: Annotated[Line40 | None, Blank] = None
    after_number: Annotated[
        Line40 | None, Blank, Field(description="The worker number in the last row of the file before.")
    ] = None


class ExportedWorker(TypedDict):
    """One worker in a JSON file."""

    id: str
    manager_id: str | None
    worker_number: str
    first_name: str
    last_name: str
    work_email: str | None
    work_phone: str | None
    title: str | None
    department: str | None
    site: str | None
    manager_number: str | None
    kind: str
    status: str
    started_on: str | None
    ended_on: str | None
    tags: list[str]
    notes: str | None
