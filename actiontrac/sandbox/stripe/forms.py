"""Stripe's form encoding: ``line_items[0][price_data][currency]=usd``."""

import re
from collections.abc import Iterable
from typing import Any


def decode(items: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Nested dicts and lists; every leaf is text. Keys that are not in that form are kept as they are."""
    root: dict[str, Any] = {}
    for key, value in items:
        _place(root, _path(key), value)
    return {key: _lists(inner) for key, inner in root.items()}


def names(parameters: Any, path: str = "") -> list[str]:
    """The names that were sent, without their values: what the ledger may keep."""
    if isinstance(parameters, dict):
        return [
            name for key, inner in parameters.items() for name in names(inner, f"{path}[{key}]" if path else str(key))
        ]
    if isinstance(parameters, list):
        return sorted({name for inner in parameters for name in names(inner, f"{path}[]")})
    return [path]


def _path(key: str) -> list[str]:
    found = re.fullmatch(r"([^\[\]]+)((?:\[[^\[\]]*\])*)", key)
    if found is None:
        return [key]
    return [found[1], *re.findall(r"\[([^\[\]]*)\]", found[2])]


def _place(cursor: dict[str, Any], path: list[str], value: str) -> None:
    for step in path[:-1]:
        inner = cursor.setdefault(step, {})
        if not isinstance(inner, dict):
            return
        cursor = inner
    last = path[-1]
    if last == "":
        last = str(len(cursor))
    cursor[last] = value


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key.isdigit() for key in value):
        return [_lists(value[key]) for key in sorted(value, key=int)]
    return {key: _lists(inner) for key, inner in value.items()}
