"""
One source for each mail, two forms of it: HTML and plain text.

A template calls parts (paragraph, button, facts …) that exist twice. Missing data is
an error, never a gap: a mail that cannot be written out is not sent (N10).
"""

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError
from markupsafe import Markup

#: What people find easy to read, and what survives being quoted a few times.
TEXT_WIDTH = 72

FOLDER = Path(__file__).parent / "templates"


class CannotRender(Exception):
    """Data is missing or the template is broken; sending again later would not help."""


@dataclass(frozen=True)
class Rendered:
    subject: str
    text: str
    html: str


def _wrapped(value: object, indent: str = "") -> str:
    """One paragraph; links stay whole, because a broken one does not open."""
    return textwrap.fill(
        " ".join(str(value).split()),
        TEXT_WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _columns(rows: Sequence[tuple[str, object]]) -> str:
    width = max(len(label) for label, _ in rows)
    return "\n".join(f"  {label:<{width}}  {value}" for label, value in rows)


def _paragraphs(body: str) -> list[list[str]]:
    """Blank lines part paragraphs, single line breaks stay."""
    blocks = re.split(r"\n\s*\n", body.replace("\r\n", "\n").strip())
    return [[line.strip() for line in block.split("\n")] for block in blocks]


def _linked(line: str) -> Markup:
    """Typed addresses as links to exactly there: nothing is rewritten and nobody is counted (N17)."""
    pieces = re.split(r"(https?://[^\s<>\"]*[^\s<>\".,;:!?)\]])", line)
    link = Markup('<a class="link" href="{0}" style="color:#0f5f59">{0}</a>')
    return Markup("").join(link.format(piece) if place % 2 else piece for place, piece in enumerate(pieces))


def _environment(form: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        # Plain text has nothing to escape; HTML escapes everything that is not ours.
        autoescape=form == "html",  # noqa: S701
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(wrapped=_wrapped, columns=_columns, paragraphs=_paragraphs, linked=_linked)
    parts = environment.get_template(f"parts.{form}.jinja").module
    environment.globals.update({name: value for name, value in vars(parts).items() if not name.startswith("_")})
    environment.globals["layout"] = f"layout.{form}.jinja"
    return environment


_ENVIRONMENTS = {form: _environment(form) for form in ("html", "txt")}


def _block(environment: Environment, template: str, name: str, values: Mapping[str, Any]) -> str:
    found = environment.get_template(template)
    return " ".join("".join(found.blocks[name](found.new_context(dict(values)))).split())


def render(template: str, values: Mapping[str, Any]) -> Rendered:
    """
    Raises:
        CannotRender: a value that the template needs is missing.
    """
    source = f"{template}.jinja"
    try:
        subject = _block(_ENVIRONMENTS["txt"], source, "subject", values)
        text = _ENVIRONMENTS["txt"].get_template(source).render(values)
        html = _ENVIRONMENTS["html"].get_template(source).render(values)
    except (TemplateError, KeyError, TypeError, ValueError) as problem:
        # The text of the problem may quote a value; its type does not.
        raise CannotRender(type(problem).__name__) from problem
    lines = [line.rstrip() for line in text.strip().split("\n")]
    tidy = re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
    return Rendered(subject=subject, text=f"{tidy}\n", html=f"{html.strip()}\n")
