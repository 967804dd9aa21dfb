"""Request models and views that belong to the HTTP side alone."""

import re
from datetime import date
from typing import Annotated, Literal, TypedDict

from pydantic import BeforeValidator, Field

from actiontrac.contracts.workers import ImportOptions
from actiontrac.schemas import Input

Limit = Annotated[int, Field(ge=1, le=200, description="How many at most.")]
Cursor = Annotated[str | None, Field(max_length=400, description="`next_cursor` of the page before.")]


class PageQuery(Input):
    limit: Limit = 50
    cursor: Cursor = None


class DisputeQuery(PageQuery):
    state: Annotated[Literal["open", "won", "lost"] | None, Field()] = None


class LimitQuery(Input):
    limit: Limit = 50


def _as_a_day(sent: object) -> object:
    # pydantic would take a number for the seconds since 1970.
    if isinstance(sent, str) and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", sent):
        raise ValueError("a day is written like 2026-11-23")
    return sent


class PolicyQuery(Input):
    on: Annotated[
        date | None,
        BeforeValidator(_as_a_day),
        Field(description="The documents in force on this day; today's otherwise."),
    ] = None


class ImportQuery(Input):
    """Options of an import whose body is the file itself."""

    dry_run: Annotated[bool, Field(description="Only say what would happen.")] = False
    on_error: Annotated[Literal["skip", "stop"], Field(description="Skip bad rows, or stop and change nothing.")] = (
        "skip"
    )
    file_name: Annotated[str | None, Field(max_length=200)] = None


class ImportRequest(Input):
    """A file of workers and how to take it."""

    text: Annotated[str, Field(min_length=1, description="The file's content: CSV with a line of column names.")]
    options: ImportOptions = ImportOptions()


class OneClick(Input):
    """What a mail program sends (RFC 8058)."""


class CurrentSessionView(TypedDict):
    """The session behind this request; a page gets its `csrf_token` back here after a reload."""

    id: str
    user_id: str
    company_id: str
    role: str
    permissions: list[str]
    mode: str
    csrf_token: str | None
    idle_expires_at: str
    expires_at: str


class HealthView(TypedDict):
    status: Literal["ok"]


class ReadinessView(TypedDict):
    """`ok` or `down` per service; `stopping` when this gateway was told to stop and should be sent nothing more."""

    status: Literal["ok", "down", "stopping"]
    services: dict[str, str]
