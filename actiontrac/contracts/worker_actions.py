"""What workers promises about actions: what a company writes down about a worker and sees through (W15)."""

from typing import Annotated, Literal, TypedDict

from pydantic import AfterValidator, Field

from actiontrac.contracts.texts import Blank, Day, Filled, Line40, Short, several_lines
from actiontrac.errors import Conflict, NotFound
from actiontrac.schemas import Input

ActionKind = Literal["note", "praise", "coaching", "warning", "incident", "task"]
ActionState = Literal["open", "done", "cancelled"]

#: managers: who may change workers, and the owner of the action; everybody: who may see workers.
Visibility = Literal["managers", "everybody"]

#: How many templates a company can have; they are told all at once.
TEMPLATES = 200

_TEXT = {"pattern": r"\S"}
Text = Annotated[
    str, Field(min_length=1, max_length=4000, json_schema_extra=_TEXT), AfterValidator(several_lines)
]
DueIn = Annotated[int, Field(ge=0, le=3650)]


# Requests


class ActionInput(Input):
    """
    An action about a worker. What is left out comes from the template, where one is named.

    Without a state it is open if it is a task or falls due, and done otherwise.
    """

    template_id: Annotated[Line40 | None, Blank] = None
    kind: Annotated[ActionKind | None, Field(description="Needed without a template.")] = None
    text: Annotated[Text | None, Field(description="Needed without a template.")] = None
    happened_on: Annotated[Day | None, Field(description="The day it is about; today's otherwise.")] = None
    owner_id: Annotated[
        Line40 | None, Blank, Field(description="The member of the company who sees to it; you otherwise.")
    ] = None
    due_on: Day | None = None
    remind_on: Annotated[
        Day | None, Field(description="When `action.due` is told, once, while it is open; on the due day otherwise.")
    ] = None
    state: ActionState | None = None
    visibility: Annotated[
        Visibility | None, Field(description="managers only, or everybody who sees workers; managers otherwise.")
    ] = None


class ActionChange(Input):
    """Only the fields that are sent change; null empties a field that may be empty."""

    kind: Annotated[ActionKind | None, Filled] = None
    text: Annotated[Text | None, Filled] = None
    happened_on: Annotated[Day | None, Filled] = None
    owner_id: Annotated[Line40 | None, Blank] = None
    due_on: Day | None = None
    remind_on: Day | None = None
    state: Annotated[ActionState | None, Filled] = None
    visibility: Annotated[Visibility | None, Filled] = None


class ActionQuery(Input):
    """Which actions, in which order."""

    worker_id: Annotated[Line40 | None, Blank] = None
    owner_id: Annotated[Line40 | None, Blank] = None
    kind: ActionKind | None = None
    state: ActionState | None = None
    due_by: Annotated[Day | None, Field(description="Only what falls due on this day or before.")] = None
    sort: Annotated[
        Literal["newest", "due"], Field(description="Newest first, or what falls due first; without a day last.")
    ] = "newest"
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    #: Sealed, as every cursor of workers.
    cursor: Annotated[str | None, Field(max_length=2000, description="next_cursor of the page before.")] = None


class TemplateInput(Input):
    """What an action begins with."""

    name: Short
    kind: ActionKind
    text: Text
    due_in_days: Annotated[DueIn | None, Field(description="How many days after it happened it falls due.")] = None
    visibility: Visibility = "managers"


# Views


class ActionView(TypedDict):
    id: str
    worker_id: str
    kind: str
    text: str
    happened_on: str
    #: Members of the company; null where nobody stands behind it.
    author_id: str | None
    owner_id: str | None
    due_on: str | None
    remind_on: str | None
    #: When `action.due` was told; null until then, and again once another day is set.
    reminded_at: str | None
    overdue: bool
    state: str
    visibility: str
    created_at: str
    updated_at: str


class ActionList(TypedDict):
    items: list[ActionView]
    next_cursor: str | None


class TemplateView(TypedDict):
    id: str
    name: str
    kind: str
    text: str
    due_in_days: int | None
    visibility: str
    created_at: str


class TemplateList(TypedDict):
    items: list[TemplateView]


# Errors


class ActionNotFound(NotFound):
    """This company has no such action, or not for your eyes."""


class TemplateNotFound(NotFound):
    """This company has no such template."""


class TooManyTemplates(Conflict):
    """There are 200 templates already; delete one that nobody uses."""


