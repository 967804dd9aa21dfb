"""Making pages: templates, forms, and plain text as paragraphs. They work without JavaScript."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from actiontrac import clock
from actiontrac.config import Settings
from actiontrac.contracts.accounts import PolicyView
from actiontrac.errors import ServiceError
from actiontrac.http import HTML, Request, Response
from actiontrac.http.headers import PAGE, Policy
from actiontrac.http.problems import MalformedRequest
from actiontrac.http.routes import PART

_environment = Environment(
    loader=PackageLoader("services.gateway"),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

STYLESHEET = "/assets/site.css"

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def show(template: str, *, status: int = 200, policy: Policy = PAGE, **values: Any) -> Response:
    page = _environment.get_template(template).render(stylesheet=STYLESHEET, **values)
    return Response(page.encode(), status=status, content_type=HTML, policy=policy)


def refusal(error: ServiceError, request_id: str) -> Response:
    """A refusal as a page."""
    return show("error.html", status=error.status, error=error, request_id=request_id)


def form_of(raw: bytes) -> dict[str, str]:
    """
    The fields of a form.

    Raises:
        MalformedRequest: it is none.
    """
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError:
        raise MalformedRequest("The form is malformed.") from None
    return {name: value for name, value in pairs if not _CONTROL.search(name + value)}


def query_of(request: Request) -> dict[str, str]:
    """The query's parameters as far as they can be read; pages are reached by links of all kinds."""
    try:
        return dict(parse_qsl(request.query_string, errors="strict", max_num_fields=50))
    except ValueError:
        return {}


def is_id(text: str) -> bool:
    return PART.fullmatch(text) is not None


def blocks_of(document: PolicyView) -> list[tuple[str, str]]:
    """
    A document's text as headings and paragraphs.

    A line that stands alone or opens a block, is short and ends no sentence is a heading.
    """
    found: list[tuple[str, str]] = []
    for block in re.split(r"\n\s*\n", document["text"].strip()):
        lines = [line.strip() for line in block.splitlines() if line.strip()]
        if len(lines) == 1 and lines[0] == document["title"]:
            continue
        for number, line in enumerate(lines):
            opens = number == 0 and len(line) <= 90 and not line.endswith((".", ":", ";", ",", "!", "?", ")"))
            found.append(("heading" if opens else "paragraph", line))
    return found


def security_txt(settings: Settings) -> str:
    """RFC 9116: where to report a weakness."""
    contact = settings.option("SECURITY_CONTACT", f"mailto:{settings.mail_reply_to}")
    expires = clock.iso(clock.now() + timedelta(days=180))
    return (
        f"Contact: {contact}\nExpires: {expires}\nPreferred-Languages: en\n"
        f"Canonical: {settings.public_url}/.well-known/security.txt\nPolicy: {settings.public_url}/terms\n"
    )
