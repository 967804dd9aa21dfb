"""
``actiontrac docs``: the event catalogue, written from the contracts.

``docs/events.md`` is for people, ``docs/asyncapi.json`` for tools. A test fails when
they are stale.
"""

import dataclasses
import json
from importlib import import_module
from pathlib import Path
from typing import Any

from actiontrac import __version__, bus
from actiontrac.config import SERVICES_WITH_DATA
from actiontrac.contracts.topology import SUBSCRIPTIONS
from actiontrac.events import Event, events_of

_JSON_TYPES: dict[str, dict[str, Any]] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "bool": {"type": "boolean"},
    "list[str]": {"type": "array", "items": {"type": "string"}},
}
_ENVELOPE = {
    "company_id": "whose event it is",
    "event_id": "its identity; handlers deal with each once",
    "occurred_at": "when, UTC",
    "type": "the routing key",
}


def events() -> list[type[Event]]:
    return [
        event
        for service in SERVICES_WITH_DATA
        for event in events_of(import_module(f"actiontrac.contracts.{service}"))
    ]


def own_fields(event: type[Event]) -> list[dataclasses.Field[Any]]:
    return [
        field
        for field in dataclasses.fields(event)
        if field.name not in (*Event._ENVELOPE, "handler")
    ]


def _schema(field: dataclasses.Field[Any]) -> dict[str, Any]:
    kind = field.type if isinstance(field.type, str) else getattr(field.type, "__name__", str(field.type))
    text = str(field.type) if str(field.type).startswith(("typing.Literal", "list")) else kind
    if text.startswith("typing.Literal"):
        return {"type": "string", "enum": list(field.type.__args__)}  # type: ignore[union-attr]
    return _JSON_TYPES[text]


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3.0 document of everything on the bus that is an event."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for event in events():
        name = event.__name__
        channels[event.type] = {
            "address": event.type,
            "title": f"Exchange {event.source}.events",
            "messages": {name: {"$ref": f"#/components/messages/{name}"}},
            "bindings": {"amqp": {"is": "routingKey", "exchange": {
                "name": bus.events_exchange(event.source).name, "type": "topic", "durable": True}}},
        }
        operations[f"{event.source}.{name}"] = {
            "action": "send", "channel": {"$ref": f"#/channels/{event.type}"}}
        for handler in SUBSCRIPTIONS.get(event.type, ()):
            operations[handler] = {
                "action": "receive", "channel": {"$ref": f"#/channels/{event.type}"}}
        own = {field.name: _schema(field) for field in own_fields(event)}
        envelope: dict[str, Any] = {
            key: {"type": "string", "description": text} for key, text in _ENVELOPE.items()
        }
        envelope["type"]["const"] = event.type
        messages[name] = {
            "summary": " ".join((event.__doc__ or "").split()),
            "contentType": "application/json",
            "payload": {
                "type": "object",
                "required": [*_ENVELOPE, "data"],
                "properties": {**envelope, "data": {
                    "type": "object",
                    "properties": own,
                    "required": [f.name for f in own_fields(event)
                                 if f.default is f.default_factory is dataclasses.MISSING],
                }},
            },
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "ActionTrac events",
            "version": __version__,
            "description": "Facts that the services tell each other. Ids and figures only; unknown fields are ignored.",
        },
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    }


def page() -> str:
    """The same for people."""
    lines = [
        "# Events",
        "",
        "Written by `actiontrac docs` from `actiontrac/contracts/`; do not edit. "
        "Every event is JSON with "
        + ", ".join(f"`{name}` ({text})" for name, text in _ENVELOPE.items())
        + " and its own fields under `data`. Events carry ids and figures, never personal data. "
        "They are published from an outbox, at least once, in order per company, and handled once.",
        "",
    ]
    for service in SERVICES_WITH_DATA:
        found = [event for event in events() if event.source == service]
        if not found:
            continue
        lines += [f"## {service}: exchange `{bus.events_exchange(service).name}`", ""]
        for event in found:
            handlers = SUBSCRIPTIONS.get(event.type, ())
            lines += [
                f"### `{event.type}`",
                " ".join((event.__doc__ or "").split()),
                "",
                "| field | type |",
                "|---|---|",
                *(f"| `{field.name}` | {_said(_schema(field))} |" for field in own_fields(event)),
                "",
                "Handled by " + (", ".join(f"`{handler}`" for handler in handlers) or "nobody durably") + ".",
                "",
            ]
    return "\n".join(lines)


def _said(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if schema["type"] == "array":
        return "list of text"
    return {"string": "text", "integer": "whole number", "boolean": "yes or no"}[schema["type"]]


def documents() -> dict[str, str]:
    return {
        "events.md": page(),
        "asyncapi.json": json.dumps(asyncapi(), indent=1) + "\n",
    }


def write(folder: Path) -> int:
    for name, text in documents().items():
        (folder / name).write_text(text)
        print(f"{folder / name} written")
    return 0
