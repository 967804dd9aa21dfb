"""
The legal documents, each version a text file, and which of them are in force on a day (P01).

A version's words never change: their hash stands in ``catalogue.json``, and a text that
does not match it is not loaded. Other words are a new version.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from actiontrac.contracts import accounts as contract

PRIVACY_POLICY = "privacy-policy"

_FOLDER = Path(__file__).parent


class DocumentAltered(Exception):
    """The words of a published version were changed; restore them, or publish a new version."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """One version of one document."""

    slug: str
    title: str
    version: str
    effective_on: date
    hash: str
    text: str


def read(folder: Path = _FOLDER) -> list[Document]:
    """
    Every version of every document, in the catalogue's order, oldest version first.

    Raises:
        DocumentAltered: a text is not the one that was published.
    """
    found = []
    for entry in json.loads((folder / "catalogue.json").read_text(encoding="utf-8")):
        for version in entry["versions"]:
            content = (folder / f"{entry['slug']}-{version['version']}.txt").read_bytes()
            if hashlib.sha256(content).hexdigest() != version["sha256"]:
                raise DocumentAltered(f"{entry['slug']} {version['version']}")
            found.append(
                Document(
                    slug=entry["slug"],
                    title=entry["title"],
                    version=version["version"],
                    effective_on=date.fromisoformat(version["effective_on"]),
                    hash=version["sha256"],
                    text=content.decode("utf-8"),
                )
            )
    return sorted(found, key=lambda document: document.effective_on)


@cache
def _published() -> tuple[Document, ...]:
    return tuple(read())


def in_force(on: date) -> list[Document]:
    """The newest version of each document whose effective date has come, by slug."""
    newest = {document.slug: document for document in _published() if document.effective_on <= on}
    return [newest[slug] for slug in sorted(newest)]


def document_in_force(slug: str, on: date) -> Document:
    """
    Raises:
        PolicyNotFound: there is no such document, or it was not in force on that day.
    """
    for document in in_force(on):
        if document.slug == slug:
            return document
    raise contract.PolicyNotFound()
