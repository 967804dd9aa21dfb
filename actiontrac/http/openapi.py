"""The OpenAPI 3.1 document of a table of routes: everything that can be asked, and everything that can come back."""

from typing import Any

from pydantic import BaseModel

from actiontrac import errors
from actiontrac.errors import ServiceError
from actiontrac.http import problems
from actiontrac.http.routes import PART, PUBLIC, SIGNED_IN, Route, Table
from actiontrac.http.schema import Schema, Views, requests

PROBLEM = {
    "type": "object",
    "description": "A refusal (RFC 9457). `code` is stable; `detail` is a sentence for people.",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "description": "Where the documentation explains it."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "request_id": {"type": "string", "description": "Quote it when you ask us about this."},
        "fields": {
            "type": "array",
            "description": "What is wrong where; values are never repeated.",
            "items": {
                "type": "object",
                "required": ["field", "problem"],
                "properties": {"field": {"type": "string"}, "problem": {"type": "string"}},
            },
        },
    },
}

_SECURITY = {
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-actiontrac",
        "description": "A browser's session. Requests that change something also carry the header X-CSRF-Token.",
    },
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": 'The token that `POST /v1/sessions` answers with when it is asked in `"mode": "bearer"`.',
    },
}

_REQUEST_ID = {
    "description": "Names this request in our logs; a safe one of yours in the request is taken over.",
    "schema": {"type": "string"},
}


def build(table: Table, *, title: str, version: str, description: str, tags: dict[str, str], examples: Any) -> Schema:
    """``examples`` maps a view to an example of it."""
    views = Views()
    shown = [route for route in table.routes if not route.hidden]
    paths: dict[str, Any] = {}
    for route in shown:
        operation = _operation(route, views, examples)
        if links := _links(route, shown):
            operation["responses"][str(route.status)]["links"] = links
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    models = list({model for route in shown for model in (route.body,) if model is not None})
    schemas = {**views.components, **requests(sorted(models, key=lambda model: model.__name__)), "Problem": PROBLEM}
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "description": description},
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": sentence} for name, sentence in tags.items()],
        "paths": paths,
        "components": {"schemas": dict(sorted(schemas.items())), "securitySchemes": _SECURITY},
    }


def _operation(route: Route, views: Views, examples: Any) -> Schema:
    found: Schema = {"operationId": route.name, "summary": route.summary, "tags": [route.tag]}
    found["description"] = _description(route)
    found["security"] = [] if route.requires == PUBLIC else [{"bearer": []}, {"cookie": []}]
    if parameters := _parameters(route):
        found["parameters"] = parameters
    if route.body is not None:
        found["requestBody"] = _body(route, route.body)
    found["responses"] = {str(route.status): _success(route, views, examples), **_refusals(route)}
    for status in route.statuses:
        # A probe that fails answers in its usual form, or as if it were not there.
        found["responses"][str(status)] = (
            _success(route, views, examples) if status >= 500 else _refusal(route, [errors.NotFound])
        )
    return found


def _links(route: Route, shown: list[Route]) -> Schema:
    """What can be asked about the thing that was just made, by its id."""
    if route.method != "POST" or route.status != 201:
        return {}
    return {
        other.name: {"operationId": other.name, "parameters": {"id": "$response.body#/id"}}
        for other in shown
        if other.path == f"{route.path}/{{id}}"
    }


def _description(route: Route) -> str:
    parts = [route.description] if route.description else []
    if route.requires not in (PUBLIC, SIGNED_IN):
        parts.append(f"Needs the permission `{route.requires}`.")
    return " ".join(parts)


def _parameters(route: Route) -> list[Schema]:
    found: list[Schema] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": f"^{PART.pattern}$"},
        }
        for name in route.parameters
    ]
    if route.query is not None:
        found += _query(route.query)
    if route.writes and not route.raw and not route.page:
        found.append(_idempotency(route))
        if route.requires != PUBLIC:
            found.append(
                {
                    "name": "X-CSRF-Token",
                    "in": "header",
                    "required": False,
                    "description": "The session's `csrf_token`; needed with the cookie, not with a bearer token.",
                    "schema": {"type": "string"},
                }
            )
    return found


def _query(model: type[BaseModel]) -> list[Schema]:
    schema = model.model_json_schema()
    required = schema.get("required", [])
    found = []
    for name, plain in schema["properties"].items():
        described = {"name": name, "in": "query", "required": name in required}
        if "description" in plain:
            described["description"] = plain["description"]
        described["schema"] = _without_null(plain)
        found.append(described)
    return found


def _without_null(schema: Schema) -> Schema:
    """In a query a value is sent or left out; there is no null."""
    kept = {name: value for name, value in schema.items() if name not in ("title", "description")}
    kinds = [kind for kind in kept.pop("anyOf", []) if kind.get("type") != "null"]
    if kinds:
        kept.update(kinds[0])
        if kept.get("default", 0) is None:
            del kept["default"]
    return kept


def _idempotency(route: Route) -> Schema:
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "required": route.needs_idempotency_key,
        "description": (
            "The request's effect happens once per key: a repeat gets the same answer and the header "
            "`Idempotent-Replayed: true`; the same key with another request is refused with 422."
        ),
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"},
    }


def _body(route: Route, model: type[BaseModel]) -> Schema:
    json: Schema = {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}
    if route.example is not None:
        json["example"] = route.example
    content: Schema = {"application/json": json}
    for media_type in route.also_accepts:
        content[media_type] = {"schema": {"type": "string"}}
    return {"required": True, "content": content}


def _success(route: Route, views: Views, examples: Any) -> Schema:
    found: Schema = {"description": "Done." if route.status == 204 else "The answer."}
    found["headers"] = {"X-Request-Id": _REQUEST_ID}
    if route.status == 204:
        return found
    content: Schema = {}
    if route.answer is not None:
        content["schema"] = views.of(route.answer)
        example = examples.get(route.answer)
        if example is not None:
            content["example"] = example
    elif route.answers != "application/json":
        content["schema"] = {"type": "string"}
    found["content"] = {route.answers: content}
    return found


def refusals(route: Route) -> list[type[ServiceError]]:
    """Every refusal that this route can answer with, the most telling first."""
    found: list[type[ServiceError]] = [*route.errors]
    if route.requires != PUBLIC:
        found.append(errors.Unauthenticated)
        found.append(errors.Forbidden)
    if route.writes and not route.raw:
        found += [problems.CrossSiteRefused]
    if route.parameters or route.requires != PUBLIC:
        found.append(errors.NotFound)
    # What the wire refuses before anybody knows which route was meant.
    found += [problems.MalformedRequest, problems.AddressTooLong, problems.HeadersTooLarge]
    if route.body is not None and not route.raw:
        found += [problems.MalformedJson, problems.MediaTypeNotSupported]
    if route.body is not None or route.writes:
        found += [problems.BodyTooLarge, problems.RequestTooSlow]
    if not route.raw and not route.page:
        found.append(errors.Invalid)
    if route.writes and not route.raw and not route.page:
        found += [errors.IdempotencyKeyInUse, errors.IdempotencyKeyReused]
        if route.needs_idempotency_key:
            found.insert(0, problems.IdempotencyKeyMissing)
    if not route.probe:
        # Also what a plain connection gets in live mode.
        found += [problems.TlsRequired, errors.RateLimited, errors.InternalError, problems.Overloaded]
        found.append(errors.DeadlineExceeded)
    return list(dict.fromkeys(found))


def _refusals(route: Route) -> Schema:
    by_status: dict[int, list[type[ServiceError]]] = {}
    for kind in refusals(route):
        by_status.setdefault(kind.status, []).append(kind)
    return {str(status): _refusal(route, by_status[status]) for status in sorted(by_status)}


def _refusal(route: Route, kinds: list[type[ServiceError]]) -> Schema:
    headers: Schema = {"X-Request-Id": _REQUEST_ID}
    if kinds[0].status in (429, 503, 504):
        headers["Retry-After"] = {"description": "Seconds to wait.", "schema": {"type": "integer"}}
    content: Schema = {problems.CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    content[problems.CONTENT_TYPE]["example"] = problems.document(kinds[0](), "req_01jd8m3x2kq7v0c4n5r9t1w8ey")
    if route.page:
        content = {"text/html": {"schema": {"type": "string"}}}
    sentences = [f"`{kind.code}`: {problems.title_of(kind)}" for kind in kinds]
    return {"description": "\n\n".join(sentences), "headers": headers, "content": content}
