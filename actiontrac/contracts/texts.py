"""What fields of a request may hold. The sentences name no values: a refusal never repeats what was typed."""

import re
from datetime import date
from typing import Annotated, Any, LiteralString

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

_CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_CONTROL_IN_NOTES = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_NO_DAY: LiteralString = "is not a date; write it like 2026-11-23"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _one_line(value: str) -> str:
    if _CONTROL.search(value):
        raise PydanticCustomError("one_line", "must be one line of text, without control characters")
    return value


def several_lines(value: str) -> str:
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


def shown_filled(schema: dict[str, Any]) -> None:
    """Null is told apart by name at run time; the document says at once that it is not taken."""
    schema.update(next(one for one in schema.pop("anyOf") if one.get("type") != "null"))
    schema.pop("default", None)


Filled = Field(json_schema_extra=shown_filled)
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
Notes = Annotated[str, Field(max_length=4000), AfterValidator(several_lines)]
