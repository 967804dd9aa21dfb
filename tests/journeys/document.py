"""What the product says about itself: its table of routes and its OpenAPI document, as data for tests."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from actiontrac.config import Settings
from actiontrac.http import Route, Table
from services.gateway import routes
from services.gateway.desk import Desk
from services.gateway.gate import SiteGate
from services.gateway.service import with_documentation
from services.gateway.sessions import Sessions
from tests.stack import Product

Schema = dict[str, Any]


def table_of(settings: Settings) -> Table:
    """Every route that the gateway serves with these settings, also those that no document names."""

    def nobody(*_: Any) -> Any:
        raise AssertionError("the table is only read here")

    sessions = Sessions(lambda: None)
    desk = Desk(settings, sessions, SiteGate(settings, sessions, nobody), nobody, {"version": "0"})
    return with_documentation(routes.table(desk), settings)


def api_routes(product: Product) -> list[Route]:
    """The routes of ``/v1``: the product's own, without pages, probes, webhooks and the sandbox."""
    return [route for route in table_of(product.settings).routes if route.path.startswith("/v1/")]


@dataclass(frozen=True, kw_only=True)
class Operation:
    method: str
    path: str
    operation_id: str
    #: Whether it needs a session.
    signed_in: bool
    needs_staff: bool
    body: Schema | None
    query: tuple[Schema, ...]
    path_parameters: tuple[str, ...]
    required_headers: tuple[str, ...]


def operations(document: Schema) -> list[Operation]:
    """Every operation of the document, its references resolved."""
    found = []
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            parameters = [resolved(document, one) for one in told.get("parameters", [])]
            content = told.get("requestBody", {}).get("content", {})
            body = content.get("application/json", {}).get("schema")
            found.append(
                Operation(
                    method=method.upper(),
                    path=path,
                    operation_id=told["operationId"],
                    signed_in=bool(told["security"]),
                    needs_staff=any(
                        f"`{permission}`" in told.get("description", "")
                        for permission in ("staff", "campaigns.read", "campaigns.write")
                    ),
                    body=resolved(document, body) if body else None,
                    query=tuple(one for one in parameters if one["in"] == "query"),
                    path_parameters=tuple(one["name"] for one in parameters if one["in"] == "path"),
                    required_headers=tuple(
                        one["name"] for one in parameters if one["in"] == "header" and one.get("required")
                    ),
                )
            )
    return found


def resolved(document: Schema, schema: Any) -> Any:
    """The same schema with its references replaced by what they refer to."""
    if isinstance(schema, list):
        return [resolved(document, one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        found: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return resolved(document, found)
    return {name: resolved(document, value) for name, value in schema.items()}


@dataclass(frozen=True)
class Place:
    """Where a text can be put in a body: names lead inward, ``[]`` into a list, ``{}`` to any key, ``{key}`` is one."""

    steps: tuple[str, ...]

    @property
    def path(self) -> str:
        """As a refusal names it."""
        shown = ""
        for step in self.steps:
            if step == "[]":
                shown += "[0]"
            elif step not in ("{}", "{key}"):
                shown += f".{step}" if shown else step
        return shown

    def put(self, body: Any, value: str) -> Any:
        return _put(body, list(self.steps), value)


def _put(body: Any, steps: list[str], value: str) -> Any:
    if not steps:
        return value
    step, *rest = steps
    if step == "[]":
        return [_put(None, rest, value)]
    if step == "{key}":
        return {value: True}
    if step == "{}":
        return {"Column": _put(None, rest, value)}
    known = dict(body) if isinstance(body, dict) else {}
    return {**known, step: _put(known.get(step), rest, value)}


def text_places(schema: Schema, steps: tuple[str, ...] = ()) -> Iterator[Place]:
    """Every place of a body that takes a text, at any depth, also the keys of open objects."""
    for choice in [schema, *schema.get("anyOf", []), *schema.get("oneOf", []), *schema.get("allOf", [])]:
        if choice is not schema:
            yield from text_places(choice, steps)
    kind = schema.get("type")
    if kind == "string":
        yield Place(steps)
    for name, inner in schema.get("properties", {}).items():
        yield from text_places(inner, (*steps, name))
    if isinstance(schema.get("items"), dict):
        yield from text_places(schema["items"], (*steps, "[]"))
    if isinstance(schema.get("additionalProperties"), dict):
        yield Place((*steps, "{key}"))
        yield from text_places(schema["additionalProperties"], (*steps, "{}"))
