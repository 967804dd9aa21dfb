"""The documentation page: the OpenAPI document as HTML, made here, with nothing loaded from elsewhere."""

import json
import re
import shlex
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup, escape

from actiontrac.http import problems
from actiontrac.http.openapi import refusals
from actiontrac.http.routes import Table

_environment = Environment(
    loader=PackageLoader("actiontrac.http"), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True
)


def _marked(text: str) -> Markup:
    """Words between backticks as code."""
    # Escaped first; the words come from our own table.
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704


_environment.filters["marked"] = _marked

#: Only what explains itself is left out of the curl lines.
_LONG = 60


def page(document: dict[str, Any], table: Table, *, base: str, stylesheet: str, brand: str) -> str:
    """The whole page; ``base`` is the address that its curl lines use."""
    groups = [
        {"name": tag["name"], "description": tag["description"], "operations": _operations(document, tag["name"], base)}
        for tag in document["tags"]
    ]
    codes = {kind.code: kind for route in table.routes if not route.hidden for kind in refusals(route)}
    return _environment.get_template("docs.html").render(
        info=document["info"],
        groups=[group for group in groups if group["operations"]],
        problems=[
            {"code": code, "status": kind.status, "title": problems.title_of(kind)}
            for code, kind in sorted(codes.items(), key=lambda item: (item[1].status, item[0]))
        ],
        stylesheet=stylesheet,
        brand=brand,
        base=base,
    )


def _operations(document: dict[str, Any], tag: str, base: str) -> list[dict[str, Any]]:
    found = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if tag in operation["tags"]:
                found.append(_operation(document, method.upper(), path, operation, base))
    return found


def _operation(
    document: dict[str, Any], method: str, path: str, operation: dict[str, Any], base: str
) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {})
    success = next(status for status in operation["responses"] if status.startswith(("2", "3")))
    answer = operation["responses"][success].get("content", {})
    media_type: str = next(iter(answer), "")
    content: dict[str, Any] = answer.get(media_type, {})
    example = content.get("example")
    return {
        "id": operation["operationId"],
        "method": method,
        "path": path,
        "summary": operation["summary"],
        "description": operation["description"],
        "signed_in": bool(operation["security"]),
        "parameters": [_parameter(one) for one in operation.get("parameters", [])],
        "media_types": list(body),
        "fields": _fields(document, body.get("application/json", {}).get("schema")),
        "curl": _curl(method, path, operation, body, base),
        "status": success,
        "answer_type": media_type,
        "answer": json.dumps(example, indent=2, ensure_ascii=False) if example is not None else "",
        "answer_fields": _fields(document, content.get("schema")),
        "refusals": [
            {"status": status, "lines": response["description"].split("\n\n")}
            for status, response in operation["responses"].items()
            if status != success
        ],
    }


def _parameter(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": one["name"],
        "where": one["in"],
        "required": one["required"],
        "type": _type(one["schema"]),
        "description": one.get("description", ""),
        "default": one["schema"].get("default"),
    }


def _resolved(document: dict[str, Any], schema: dict[str, Any] | None) -> dict[str, Any]:
    if not schema:
        return {}
    if "$ref" in schema:
        found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return found
    return schema


def _fields(document: dict[str, Any], schema: dict[str, Any] | None) -> list[dict[str, Any]]:
    """One row per field; a list's rows are those of what is in it."""
    whole = _resolved(document, schema)
    required = set(whole.get("required", []))
    rows = []
    for name, field in whole.get("properties", {}).items():
        rows.append(
            {
                "name": name,
                "type": _type(field),
                "required": name in required,
                "description": field.get("description", ""),
            }
        )
        inner = _resolved(document, field.get("items"))
        for inner_name, inner_field in inner.get("properties", {}).items():
            rows.append(
                {
                    "name": f"{name}[].{inner_name}",
                    "type": _type(inner_field),
                    "required": inner_name in inner.get("required", []),
                    "description": inner_field.get("description", ""),
                }
            )
    return rows


def _type(schema: dict[str, Any]) -> str:
    """A type as a person says it."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(one) for one in schema["anyOf"]))
    kind = schema.get("type", "any")
    if isinstance(kind, list):
        return " or ".join(kind)
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if kind == "object" and "additionalProperties" in schema and isinstance(schema["additionalProperties"], dict):
        return f"object of {_type(schema['additionalProperties'])}"
    text = schema.get("format", kind)
    if "maxLength" in schema and kind == "string" and schema["maxLength"] <= 10_000:
        text += f", up to {schema['maxLength']}"
    return str(text)


def _curl(method: str, path: str, operation: dict[str, Any], body: dict[str, Any], base: str) -> str:
    lines = [f"curl {base}{path}" if method == "GET" else f"curl -X {method} {base}{path}"]
    if operation["security"]:
        lines.append('-H "Authorization: Bearer $TOKEN"')
    for one in operation.get("parameters", []):
        if one["name"] == "Idempotency-Key" and one["required"]:
            lines.append('-H "Idempotency-Key: $(uuidgen)"')
    example = body.get("application/json", {}).get("example")
    if example is not None:
        text = json.dumps(example, ensure_ascii=False)
        if len(text) > _LONG:
            text = json.dumps(example, indent=2, ensure_ascii=False)
        lines.append("-H 'Content-Type: application/json'")
        lines.append(f"-d {shlex.quote(text)}")
    return " \\\n  ".join(lines)
