"""The guard at every door: refuse forbidden data by the name of its field, never by its value (S23, S30, T2)."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from actiontrac.errors import FieldProblem, Invalid
from actiontrac.forbidden.detector import find
from actiontrac.forbidden.kinds import WORDING, Finding
from actiontrac.forbidden.names import is_forbidden_name
from actiontrac.forbidden.reading import read

#: How many fields one refusal names; whoever sends more mends these first.
_MOST_PROBLEMS = 20

#: Deeper nesting than any request has; beyond it we refuse instead of running out of stack.
_DEEPEST = 64

_NO_KINDS: frozenset[str] = frozenset()


class ForbiddenData(Invalid):
    """This looks like data that ActionTrac does not hold; remove it and try again."""

    code = "forbidden_data"


def check(value: Any, field: str = "body", *, allow: frozenset[str] | set[str] = _NO_KINDS) -> None:
    """
    Refuse a value that holds forbidden data, at any depth, in keys as in values.

    `field` names what is checked and begins every path ("worker" gives `worker.notes`);
    "body" and "" are left out of it. `allow` names kinds that are let through.

    Raises:
        ForbiddenData: with every field that offends and why, without what was typed into it.
    """
    problems: list[FieldProblem] = []
    for path, sentence in _offences(value, "" if field == "body" else field, allow, 0):
        problem: FieldProblem = {"field": path, "problem": sentence}
        if problem not in problems:
            problems.append(problem)
        if len(problems) == _MOST_PROBLEMS:
            break
    if problems:
        error = ForbiddenData(" ".join(f"{one['field']} {one['problem']}" for one in problems))
        error.fields = problems
        raise error


def _offences(value: Any, path: str, allow: frozenset[str] | set[str], depth: int) -> Iterator[tuple[str, str]]:
    if value is None or isinstance(value, bool):
        return
    if depth > _DEEPEST:
        yield _shown(path), "is nested too deeply to be checked; flatten it and try again."
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _offences_of_entry(key, inner, path, allow, depth)
        return
    if isinstance(value, (list, tuple, set, frozenset)):
        for index, inner in enumerate(value):
            yield from _offences(inner, f"{path or 'body'}[{index}]", allow, depth + 1)
        return
    if depth == 0 and path and not _is_empty(value) and is_forbidden_name(_last(path)):
        yield _shown(path, str(value)), _NAMED
        return
    text = _text_of(value)
    found = find(text, field=path or None, allow=allow) if text else []
    if found:
        shown = _shown(path, text, found)
        for kind in dict.fromkeys(finding.kind for finding in found):
            yield shown, _sentence(kind)


def _offences_of_entry(
    key: Any, inner: Any, path: str, allow: frozenset[str] | set[str], depth: int
) -> Iterator[tuple[str, str]]:
    name = key if isinstance(key, str) else _text_of(key)
    in_name = find(name, allow=allow) if name else []
    if in_name:
        # The name is the value: the parent is named instead.
        for kind in dict.fromkeys(finding.kind for finding in in_name):
            yield _parent(path), _sentence(kind)
        yield from _offences(inner, f"{path}.…" if path else "…", allow, depth + 1)
        return
    here = f"{path}.{_segment(name)}" if path else _segment(name)
    if is_forbidden_name(name) and not _is_empty(inner):
        yield _shown(here), _NAMED
        return
    yield from _offences(inner, here, allow, depth + 1)


_NAMED = (
    "is a field for data that ActionTrac does not hold: no birth dates, no social security or identity numbers, no"
    " payment data; leave it out and try again."
)


def _sentence(kind: str) -> str:
    wording = WORDING[kind]
    return f"looks like it contains {wording.with_article}. {wording.held_by_no_one}; remove it and try again."


def _text_of(value: Any) -> str:
    """What a value would read like once written down; only whole numbers can be identity or card numbers."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, int):
        return str(abs(value))
    if isinstance(value, float):
        return str(int(abs(value))) if value.is_integer() else ""
    if isinstance(value, Decimal):
        return str(int(abs(value))) if value.is_finite() and value == value.to_integral_value() else ""
    return ""


def _is_empty(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return value is None or value is False or (isinstance(value, (list, tuple, dict, set)) and not value)


def _last(path: str) -> str:
    return re.sub(r"\[\d*\]$", "", path).rpartition(".")[2]


#: A name that is safe to repeat: short, no marks that could break out of a sentence or a log line.
_PLAIN_NAME = re.compile(r"[\w \-]{1,64}")
_OWN_ID = re.compile(r"[a-z]{2,6}_[0-9a-z]{26}")


def _segment(name: str) -> str:
    if not _PLAIN_NAME.fullmatch(name):
        return "…"
    digits = sum(char.isdigit() for char in name)
    return name if digits < 6 or _OWN_ID.fullmatch(name) else "…"


def _parent(path: str) -> str:
    return f"a field name in {_shown(path)}"


def _shown(path: str, text: str = "", found: list[Finding] | None = None) -> str:
    """The path, unless it would give away (a part of) the value that it leads to."""
    if not path:
        return "body"
    if find(path):
        return "body"
    numbers_in_path = re.findall(r"\d{4,}", read(path))
    for finding in found or []:
        digits = "".join(char for char in read(text[finding.start : finding.end]) if char.isdigit())
        if any(number in digits for number in numbers_in_path):
            return "body"
    return path
