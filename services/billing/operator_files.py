"""
Files that an operator edits: what is sold, and which tax is added.

A file takes effect by being applied: its text goes into the database, and every
replica works by the newest there. So ``actiontrac billing plans --apply`` reaches
running services without a restart, and a replica with an old file changes nothing.
"""

import hashlib
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from services.billing.models import AppliedFile

Contents = TypeVar("Contents")


class OperatorFileWrong(ValueError):
    """A file cannot be used; the sentence says why and where."""


def text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as problem:
        raise OperatorFileWrong(f"{path.name} cannot be read: {problem.strerror}.") from None


def digest_of(text: str) -> str:
    """Names what a file says: comments and the order of keys make no difference."""
    said = json.dumps(tomllib.loads(text), sort_keys=True, default=str)
    return hashlib.sha256(said.encode()).hexdigest()


class OperatorFile(Generic[Contents]):
    """One such file, read once per process, and what was applied of it last."""

    def __init__(self, kind: str, path: Path, parse: Callable[[str, str], Contents]) -> None:
        self.kind = kind
        self._path = path
        self._parse = parse
        self._read: tuple[str, Contents] | None = None
        self._applied: tuple[int, Contents] | None = None

    @property
    def text(self) -> str:
        return self._once()[0]

    @property
    def digest(self) -> str:
        return digest_of(self.text)

    @property
    def contents(self) -> Contents:
        """
        What this process's file says.

        Raises:
            OperatorFileWrong: it cannot be used.
        """
        return self._once()[1]

    def newest(self, applied: "AppliedFile | None") -> Contents:
        """What holds: what was applied last, on whichever machine; before that, this file."""
        if applied is None:
            return self.contents
        if self._applied is None or self._applied[0] != applied.number:
            self._applied = applied.number, self._parse(applied.content, f"{self.kind} that were applied")
        return self._applied[1]

    def _once(self) -> tuple[str, Contents]:
        if self._read is None:
            text = text_of(self._path)
            self._read = text, self._parse(text, self._path.name)
        return self._read
