"""What comes in, checked against the route's models before anybody is asked anything."""

import re
from typing import Any
from urllib.parse import parse_qsl

import orjson
from pydantic import BaseModel, ValidationError

from actiontrac import forbidden
from actiontrac.errors import FieldProblem, Invalid
from actiontrac.http.messages import Request
from actiontrac.http.problems import (
    IdempotencyKeyMalformed,
    IdempotencyKeyMissing,
    MalformedJson,
    MalformedRequest,
    MediaTypeNotSupported,
)
from actiontrac.http.routes import Route
from actiontrac.schemas import Input, problems_of

#: Control characters are no text; databases and mail choke on them.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")

MAX_PARAMETERS = 50


class NoParameters(Input):
    """For routes that take none."""


def query_of(request: Request, route: Route) -> dict[str, Any]:
    """
    The query's values that were sent, as plain JSON values.

    Raises:
        Invalid, ForbiddenData: naming every parameter that is wrong.
    """
    if route.page or route.raw or route.probe:
        # Providers, mail programs and monitors add parameters of their own; nobody reads them.
        return {}
    sent = parameters(request)
    if not sent and route.query is None:
        return {}
    forbidden.check(sent, field="")
    return _checked(route.query or NoParameters, sent)


def parameters(request: Request) -> dict[str, str]:
    """
    The query's parameters as they were sent.

    Raises:
        MalformedRequest: not UTF-8, or too many.
        Invalid: one was sent twice, or holds control characters.
    """
    if not request.query_string:
        return {}
    try:
        pairs = parse_qsl(request.query_string, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except ValueError:
        raise MalformedRequest("The address's query is malformed.") from None
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise Invalid.at(next(name for name in names if names.count(name) > 1), "was sent twice.")
    _refuse_control(found)
    return found


def _checked(model: type[BaseModel], sent: dict[str, Any]) -> dict[str, Any]:
    try:
        return model.model_validate(sent).model_dump(mode="json", exclude_unset=True)
    except ValidationError as error:
        raise Invalid.fields_of(problems_of(error)) from None


def body_of(request: Request, route: Route) -> Any:
    """
    The JSON body as it was sent, found to fit the route's model.

    Raises:
        MediaTypeNotSupported, BodyTooLarge, MalformedJson.
        Invalid, ForbiddenData: naming every field that is wrong.
    """
    if request.media_type != "application/json":
        raise MediaTypeNotSupported()
    payload = json_of(request.read(route.body_limit))
    assert route.body is not None
    if not isinstance(payload, dict):
        raise Invalid.at("body", "must be a JSON object.")
    _refuse_control(payload)
    guarded = payload
    if route.unguarded:
        guarded = {name: value for name, value in payload.items() if name not in route.unguarded}
    forbidden.check(guarded, field="")
    try:
        route.body.model_validate(payload)
    except ValidationError as error:
        raise Invalid.fields_of(problems_of(error)) from None
    return payload


def json_of(raw: bytes) -> Any:
    """
    Raises:
        MalformedJson: it is not JSON in UTF-8.
    """
    try:
        return orjson.loads(raw)
    except ValueError:
        raise MalformedJson() from None


def text_of(raw: bytes, limit_to: str = "body") -> str:
    """
    A text file's content, whichever of the usual encodings a spreadsheet wrote it in.

    Raises:
        Invalid: it is not text.
    """
    for encoding in _encodings(raw):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if _CONTROL.search(text):
            break
        return text
    raise Invalid.at(limit_to, "is not a text file; save it as CSV in UTF-8.")


def _encodings(raw: bytes) -> tuple[str, ...]:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ("utf-16",)
    return ("utf-8-sig", "cp1252")


def _refuse_control(value: Any) -> None:
    problems: list[FieldProblem] = []
    _find_control(value, "", problems, 0)
    if problems:
        raise Invalid.fields_of(problems[:20])


def _find_control(value: Any, path: str, problems: list[FieldProblem], depth: int) -> None:
    if depth > 64:
        problems.append({"field": "body", "problem": "is nested too deeply."})
    elif isinstance(value, str):
        if _CONTROL.search(value):
            problems.append({"field": path or "body", "problem": "holds control characters."})
    elif isinstance(value, dict):
        for name, inner in value.items():
            if _CONTROL.search(name):
                problems.append({"field": path or "body", "problem": "has a name with control characters."})
            else:
                _find_control(inner, f"{path}.{name}" if path else name, problems, depth + 1)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _find_control(inner, f"{path}[{index}]", problems, depth + 1)


def idempotency_key_of(request: Request, route: Route) -> str | None:
    """
    The key under which this request's effect happens once.

    Raises:
        IdempotencyKeyMissing, IdempotencyKeyMalformed.
        ForbiddenData: keys are kept for a while, so what nobody may keep is no key.
    """
    if not route.writes:
        return None
    key = request.headers.get("idempotency-key")
    if key is None:
        if route.needs_idempotency_key:
            raise IdempotencyKeyMissing()
        return None
    if not _KEY.fullmatch(key):
        raise IdempotencyKeyMalformed()
    # A random UUID may look like a card number by chance; it is none.
    if not _UUID.fullmatch(key):
        forbidden.check({"Idempotency-Key": key}, field="")
    return key
