"""The one way in which a service takes input: checked shape, then no forbidden data."""

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from actiontrac import forbidden
from actiontrac.errors import FieldProblem, Invalid

Model = TypeVar("Model", bound=BaseModel)


class Input(BaseModel):
    """Base of every request model: unknown fields are refused, text is trimmed."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path or "body"


def problems_of(error: ValidationError) -> list[FieldProblem]:
    """Which fields are wrong and why, without what was typed into them."""
    return [
        {"field": _path(problem["loc"]), "problem": problem["msg"]}
        for problem in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def parse(model: type[Model], payload: Any, *, guard: bool = True) -> Model:
    """
    Check a payload against its model, and that it holds no forbidden data (S23).

    Raises:
        ForbiddenData: a value looks like something that ActionTrac must not hold.
        Invalid: a field is missing, unknown or malformed; every such field is named.
    """
    if guard:
        forbidden.check(payload, field="")
    try:
        return model.model_validate(payload)
    except ValidationError as error:
        raise Invalid.fields_of(problems_of(error)) from None
