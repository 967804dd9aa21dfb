"""Views as JSON Schema: the TypedDicts of the contracts, written down for OpenAPI."""

import types
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

Schema = dict[str, Any]

REFERENCE = "#/components/schemas/{model}"

_PLAIN: dict[Any, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    type(None): {"type": "null"},
    Any: {},
    object: {},
}


class Views:
    """Collects the schemas of every view that is asked for, each under its name."""

    def __init__(self) -> None:
        self.components: dict[str, Schema] = {}

    def of(self, kind: Any) -> Schema:
        """The schema of a type as views use them; a view becomes a reference."""
        if kind in _PLAIN:
            return dict(_PLAIN[kind])
        if is_typeddict(kind):
            return self._reference(kind)
        origin, arguments = get_origin(kind), get_args(kind)
        if origin is NotRequired:
            return self.of(arguments[0])
        if origin is Literal:
            return {"enum": list(arguments), **_type_of(arguments)}
        if origin is list:
            return {"type": "array", "items": self.of(arguments[0])}
        if origin is dict:
            return {"type": "object", "additionalProperties": self.of(arguments[1])}
        if origin in (Union, types.UnionType):
            return self._union(arguments)
        if kind in (dict, list):
            return {"type": "object" if kind is dict else "array"}
        raise TypeError(f"a view cannot hold {kind!r}")

    def _union(self, arguments: tuple[Any, ...]) -> Schema:
        found = [self.of(argument) for argument in arguments]
        plain = [schema["type"] for schema in found if set(schema) == {"type"}]
        if len(plain) == len(found):
            return {"type": plain}
        return {"anyOf": found}

    def _reference(self, view: Any) -> Schema:
        name = view.__name__
        if name not in self.components:
            self.components[name] = {}
            hints = get_type_hints(view, include_extras=True)
            schema: Schema = {
                "type": "object",
                "properties": {field: self.of(kind) for field, kind in hints.items()},
                "required": sorted(view.__required_keys__),
            }
            sentence = " ".join((view.__doc__ or "").split())
            if sentence and not sentence.startswith("dict("):
                schema["description"] = sentence
            self.components[name] = schema
        return {"$ref": REFERENCE.format(model=name)}


def _type_of(values: tuple[Any, ...]) -> Schema:
    kinds = {type(value) for value in values}
    return dict(_PLAIN[kinds.pop()]) if len(kinds) == 1 else {}


def requests(models: list[type[BaseModel]]) -> dict[str, Schema]:
    """The schemas of request models, each under its name."""
    _, found = models_json_schema([(model, "validation") for model in models], ref_template=REFERENCE)
    definitions: dict[str, Schema] = found.get("$defs", {})
    return definitions
