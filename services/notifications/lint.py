"""What must hold for every mail before it may be sent by anybody (N10, N17)."""

import re
from email.headerregistry import HeaderRegistry
from html import unescape
from html.parser import HTMLParser

from services.notifications import policies
from services.notifications.rendering import TEXT_WIDTH, Rendered

#: Mail programs cut off, or hide, what is longer.
MOST_SUBJECT = 150
#: Gmail cuts a mail off behind this.
MOST_HTML_BYTES = 100_000

#: Elements that fetch, run or ask for something; a mail of ours does none of it.
_FORBIDDEN_ELEMENTS = frozenset(
    {"img", "script", "link", "iframe", "object", "embed", "form", "input", "video", "audio", "base", "svg"}
)
_FETCHING_ATTRIBUTES = frozenset({"src", "srcset", "background", "poster", "data", "ping"})


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.problems: list[str] = []
        self.links: list[str] = []
        self.language = ""
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in _FORBIDDEN_ELEMENTS:
            self.problems.append(f"<{tag}> has no place in a mail")
        for name, value in attributes:
            if name in _FETCHING_ATTRIBUTES or name.startswith("on"):
                self.problems.append(f"{name}= fetches or runs something")
            if name == "style" and "url(" in (value or ""):
                self.problems.append("a style fetches something")
            if tag == "a" and name == "href" and value:
                self.links.append(value)
            if tag == "html" and name == "lang":
                self.language = value or ""
        if tag not in ("meta", "br", "hr"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.problems.append(f"</{tag}> closes nothing")

    def handle_data(self, text: str) -> None:
        if self._open and self._open[-1] == "style" and ("url(" in text or "@import" in text):
            self.problems.append("a style fetches something")

    def close(self) -> None:
        super().close()
        if self._open:
            self.problems.append(f"<{self._open[-1]}> is not closed")


def problems_of(rendered: Rendered, *, category: str, postal_address: str, unsubscribe_url: str | None) -> list[str]:
    """Everything that is wrong with a mail; empty when it may go out."""
    reader = _Reader()
    reader.feed(rendered.html)
    reader.close()
    problems = list(reader.problems)
    if not reader.language:
        problems.append("the HTML names no language")
    if not 0 < len(rendered.subject) <= MOST_SUBJECT:
        problems.append("the subject is empty or too long")
    if HeaderRegistry()("Subject", rendered.subject).defects:
        problems.append("the subject cannot be a header")
    if len(rendered.html.encode()) > MOST_HTML_BYTES:
        problems.append("the HTML is so long that it would be cut off")
    problems += _text_problems(rendered.text)
    if policies.can_switch_off(category):
        for form, found in (("HTML", unsubscribe_url in reader.links), ("text", _holds(rendered, unsubscribe_url))):
            if not found:
                problems.append(f"the {form} has no link to opt out")
    elif "/unsubscribe/" in rendered.html + rendered.text:
        problems.append("it offers to switch off what cannot be switched off")
    for form, text in (("HTML", unescape(rendered.html)), ("text", " ".join(rendered.text.split()))):
        if not postal_address or postal_address not in text:
            problems.append(f"the {form} has no postal address")
    return problems


def _holds(rendered: Rendered, link: str | None) -> bool:
    return bool(link) and link in rendered.text.split("\n")


def _text_problems(text: str) -> list[str]:
    problems = []
    if re.search(r"</?[a-z]+[^>]*>|&(amp|lt|gt|quot|#\d+);", text):
        problems.append("the text holds leftovers of HTML")
    if any(len(line) > TEXT_WIDTH and " " in line.strip() for line in text.split("\n")):
        problems.append("a line of the text is too wide")
    if re.search(r"\n{4,}|[ \t]+\n", text):
        problems.append("the text has gaps")
    return problems
