"""The connection to one service's database, and the lock that SQLite needs."""

import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

from actiontrac.config import Settings
from actiontrac.storage import postgres

_in_unit_of_work: ContextVar[bool] = ContextVar("actiontrac_unit_of_work", default=False)

#: A request waits this long for a connection or for SQLite's lock, then it is told to come back.
POOL_TIMEOUT_SECONDS = 3

#: The server ends a statement after this, because leaving a green thread does not (bus.md).
STATEMENT_TIMEOUT_MS = 10_000


_CHANGED = "actiontrac_changed"


def _note_change(connection: Connection, cursor: Any, _sql: str, _given: Any, execution: Any, _many: bool) -> None:
    # A failpoint at a commit stands between two effects: most looks of a timer have none.
    if (execution.isinsert or execution.isupdate or execution.isdelete) and cursor.rowcount:
        connection.info[_CHANGED] = True


def take_change(connection: Connection) -> bool:
    """Whether rows were changed on this connection since this was last asked."""
    return bool(connection.info.pop(_CHANGED, False))


def in_unit_of_work() -> bool:
    """Whether a transaction is open here: then there is no RPC, no provider, no mail."""
    return _in_unit_of_work.get()


class Database:
    """One service's database: an engine, and on SQLite a lock around each unit of work."""

    def __init__(self, url: str, *, pool_size: int = 20) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        # SQLite's busy wait sleeps in C and would stop every green thread, so units of
        # work queue here instead. Patched by eventlet where the process is green.
        self.lock = threading.Lock() if self.is_sqlite else None
        self._pool_size = pool_size
        self.engine = self._engine(pool_size)
        event.listen(self.engine, "after_cursor_execute", _note_change)
        self._wakers: list[Callable[[], None]] = []
        self.running_keys: set[tuple[str, str]] = set()

    def _engine(self, pool_size: int) -> Engine:
        if not self.is_sqlite:
            return postgres.engine_for(
                self.url,
                pool_size=pool_size,
                max_overflow=0,
                pool_timeout=POOL_TIMEOUT_SECONDS,
                connect_args={
                    "connect_timeout": POOL_TIMEOUT_SECONDS,
                    "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c timezone=UTC",
                },
            )
        engine = create_engine(self.url, poolclass=StaticPool, connect_args={"check_same_thread": False})

        @event.listens_for(engine, "connect")
        def configure(connection: Any, _: Any) -> None:
            # pysqlite begins transactions late by itself; we begin them ourselves.
            connection.isolation_level = None
            cursor = connection.cursor()
            cursor.execute("PRAGMA journal_mode=WAL")
            # A commit that was acknowledged survives a power cut.
            cursor.execute("PRAGMA synchronous=FULL")
            cursor.execute("PRAGMA foreign_keys=ON")
            cursor.execute("PRAGMA busy_timeout=5000")
            cursor.close()

        @event.listens_for(engine, "begin")
        def begin(connection: Any) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        return engine

    def connect(self) -> Connection:
        """
        A connection from the pool, outside of a transaction.

        One that the server has left while it rested says nothing about the server: it is replaced.
        """
        connection = self.engine.connect()
        if self.is_sqlite:
            return connection
        for _ in range(self._pool_size):
            if not postgres.is_stale(connection):
                break
            connection.invalidate()
            connection.close()
            connection = self.engine.connect()
        return connection

    def on_commit_with_events(self, wake: Callable[[], None]) -> None:
        """Call this after every commit that left something in the outbox (embedded mode)."""
        self._wakers.append(wake)

    def wake(self) -> None:
        for wake in self._wakers:
            wake()

    def dispose(self) -> None:
        self.engine.dispose()


_databases: dict[str, Database] = {}


def database_for(service: str, settings: Settings) -> Database:
    """
    The one ``Database`` of a service in this process; the embedded relay shares it.
    """
    url = settings.database_url_for(service)
    if url not in _databases:
        # Every worker may need a connection, and the timers beside them.
        _databases[url] = Database(url, pool_size=settings.max_workers + 5)
    return _databases[url]
