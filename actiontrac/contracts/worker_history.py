"""What workers promises about what a profile was before, and going back to it (W25)."""

from typing import Annotated, TypedDict

from pydantic import Field

from actiontrac.errors import NotFound
from actiontrac.schemas import Input

# Requests


class HistoryQuery(Input):
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[
        str | None, Field(pattern="^[0-9]{1,9}$", max_length=9, description="next_cursor of the page before.")
    ] = None


class Restoration(Input):
    """Which version a profile goes back to."""

    version: Annotated[int, Field(ge=1, le=2_000_000_000)]


# Views


class FieldChange(TypedDict):
    """What a field was and what it became: a text, a list of texts, or null."""

    field: str
    before: str | list[str] | None
    after: str | list[str] | None


class VersionView(TypedDict):
    version: int
    at: str
    #: The member who changed it; null where nobody was signed in, such as the nightly sweep.
    author_id: str | None
    #: The version that was gone back to; null where it is another change.
    restored_from: int | None
    changes: list[FieldChange]


class History(TypedDict):
    #: The newest first.
    items: list[VersionView]
    next_cursor: str | None


# Errors


class VersionNotFound(NotFound):
    """This profile has no such version."""
