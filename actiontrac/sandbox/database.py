"""
The sandbox's memory: one SQLite file, one connection, one lock.

Every answer that has an effect is written in one transaction with the effect, its
idempotency key, its ledger entry and the webhooks that follow from it, so that a
kill at any moment leaves all of them or none.
"""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from actiontrac import clock
from actiontrac.config import ConfigurationError

Document = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    kind TEXT NOT NULL, id TEXT NOT NULL, account TEXT NOT NULL DEFAULT '', body TEXT NOT NULL,
    hidden TEXT NOT NULL DEFAULT '{}', sequence INTEGER PRIMARY KEY AUTOINCREMENT, UNIQUE (kind, id));
CREATE INDEX IF NOT EXISTS objects_of_account ON objects (kind, account);
CREATE TABLE IF NOT EXISTS keys (
    scope TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, status INTEGER NOT NULL,
    body BLOB NOT NULL, request_id TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (scope, key));
CREATE TABLE IF NOT EXISTS ledger (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, provider TEXT NOT NULL, kind TEXT NOT NULL,
    ref TEXT NOT NULL, detail TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, provider TEXT NOT NULL, event_id TEXT NOT NULL, event_type TEXT NOT NULL,
    body BLOB NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, next_at REAL NOT NULL,
    last_answer TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (state, next_at);
CREATE TABLE IF NOT EXISTS faults (
    id INTEGER PRIMARY KEY AUTOINCREMENT, provider TEXT NOT NULL, operation TEXT NOT NULL, kind TEXT NOT NULL,
    seconds REAL NOT NULL, remaining INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS webhook_modes (
    provider TEXT PRIMARY KEY, mode TEXT NOT NULL, seconds REAL NOT NULL, times INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS mails (
    id TEXT PRIMARY KEY, received_at TEXT NOT NULL, recipients TEXT NOT NULL, subject TEXT NOT NULL,
    raw BLOB NOT NULL, sequence INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS made_once (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class SandboxDataBroken(ConfigurationError):
    """The sandbox's data file cannot be used; the sentence says what to do."""


class Database:
    """Safe for threads and for green threads: nothing inside a transaction waits for anything."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._afterwards: list[Callable[[], None]] = []
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._connection.row_factory = sqlite3.Row
            # NORMAL survives the death of the process, which is what a sandbox must survive.
            self._connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;")
            # One transaction, so that a start waits for the disk once and not for every table.
            self._connection.executescript(f"BEGIN; {SCHEMA} COMMIT;")
        except (sqlite3.Error, OSError) as problem:
            raise SandboxDataBroken(
                f"The sandbox's data file {path} cannot be used ({problem}); move it away and start again."
            ) from None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; a nested one joins the outer one."""
        with self._lock:
            if self._depth:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield
                self._connection.execute("COMMIT")
                for work in self._afterwards:
                    work()
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            finally:
                self._depth = 0
                self._afterwards.clear()

    def after_commit(self, work: Callable[[], None]) -> None:
        """Done behind the commit of the transaction that is open, in order, before anybody else's; or now."""
        with self._lock:
            if self._depth:
                self._afterwards.append(work)
            else:
                work()

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        found = self.rows(sql, *values)
        return found[0] if found else None

    def run(self, sql: str, *values: Any) -> int:
        """Returns how many rows changed."""
        with self._lock:
            return self._connection.execute(sql, values).rowcount

    def insert(self, sql: str, *values: Any) -> int:
        """Returns the new row's number."""
        with self._lock:
            return int(self._connection.execute(sql, values).lastrowid or 0)

    def made_once(self, name: str, value: str) -> str:
        """The value under this name; ``value`` becomes it when there is none."""
        with self.transaction():
            self.run("INSERT OR IGNORE INTO made_once VALUES (?, ?)", name, value)
            found = self.row("SELECT value FROM made_once WHERE name = ?", name)
            assert found is not None
            return str(found["value"])

    def close(self) -> None:
        with self._lock:
            self._connection.close()


class Objects:
    """One processor's documents, each with what the processor shows and what it hides."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._owner = owner

    def put(self, kind: str, body: Document, *, account: str = "", hidden: Document | None = None) -> Document:
        """Keep it; a second put replaces the body, keeps the account, and the hidden part unless a new one is given."""
        self._database.run(
            "INSERT INTO objects (kind, id, account, body, hidden) VALUES (?1, ?2, ?3, ?4, COALESCE(?5, '{}'))"
            " ON CONFLICT (kind, id) DO UPDATE SET body = ?4, hidden = COALESCE(?5, hidden)",
            self._kind(kind),
            body["id"],
            account,
            json.dumps(body),
            None if hidden is None else json.dumps(hidden),
        )
        return body

    def get(self, kind: str, identifier: str, account: str | None = None) -> Document | None:
        """None too when it belongs to another account."""
        found = self._find(kind, identifier)
        if found is None or (account is not None and found["account"] != account):
            return None
        return dict(json.loads(found["body"]))

    def hidden(self, kind: str, identifier: str) -> Document:
        found = self._find(kind, identifier)
        return dict(json.loads(found["hidden"])) if found else {}

    def account(self, kind: str, identifier: str) -> str:
        found = self._find(kind, identifier)
        return str(found["account"]) if found else ""

    def of(self, kind: str, account: str) -> list[Document]:
        """All of one account, newest first."""
        rows = self._database.rows(
            "SELECT body FROM objects WHERE kind = ? AND account = ? ORDER BY sequence DESC", self._kind(kind), account
        )
        return [json.loads(row["body"]) for row in rows]

    def all(self, kind: str) -> list[Document]:
        """Of every account, oldest first."""
        rows = self._database.rows("SELECT body FROM objects WHERE kind = ? ORDER BY sequence", self._kind(kind))
        return [json.loads(row["body"]) for row in rows]

    def where(self, kind: str, field: str, *values: str) -> list[Document]:
        """Those whose ``field`` is one of these values, oldest first, without decoding the others."""
        marks = ", ".join("?" * len(values))
        rows = self._database.rows(
            "SELECT body FROM objects WHERE kind = ?"  # noqa: S608 - only question marks are put in
            f" AND json_extract(body, '$.' || ?) IN ({marks}) ORDER BY sequence",
            self._kind(kind),
            field,
            *values,
        )
        return [json.loads(row["body"]) for row in rows]

    def remove(self, kind: str) -> int:
        """Forget all of this kind; returns how many."""
        return self._database.run("DELETE FROM objects WHERE kind = ?", self._kind(kind))

    def _find(self, kind: str, identifier: str) -> sqlite3.Row | None:
        return self._database.row("SELECT * FROM objects WHERE kind = ? AND id = ?", self._kind(kind), identifier)

    def _kind(self, kind: str) -> str:
        return f"{self._owner}.{kind}"


class Ledger:
    """
    Everything that was accepted, in order, never changed: the truth that tests compare with.

    With ``copy`` every entry is appended to that file, too, a JSON object a line, as soon as
    it is committed: to be followed by whoever counts, without asking the sandbox.
    """

    def __init__(self, database: Database, copy: Path | None = None) -> None:
        self._database = database
        self._copy = copy

    def write(self, provider: str, kind: str, ref: str, **detail: Any) -> None:
        at = clock.iso(clock.now())
        self._database.run(
            "INSERT INTO ledger (at, provider, kind, ref, detail) VALUES (?, ?, ?, ?, ?)",
            at,
            provider,
            kind,
            ref,
            json.dumps(detail),
        )
        if self._copy is not None:
            # By the machine's clock as well: the product's may be moved while somebody compares times.
            line = {**detail, "at": at, "wall": clock.wall(), "provider": provider, "kind": kind, "ref": ref}
            self._database.after_commit(lambda: self._append(line))

    def _append(self, line: Document) -> None:
        assert self._copy is not None
        with self._copy.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def entries(self, provider: str | None = None, kind: str | None = None) -> list[Document]:
        rows = self._database.rows(
            "SELECT * FROM ledger WHERE (?1 IS NULL OR provider = ?1) AND (?2 IS NULL OR kind = ?2) ORDER BY sequence",
            provider,
            kind,
        )
        return [
            {
                **json.loads(row["detail"]),
                "sequence": row["sequence"],
                "at": row["at"],
                "provider": row["provider"],
                "kind": row["kind"],
                "ref": row["ref"],
            }
            for row in rows
        ]
