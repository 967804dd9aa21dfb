"""
PostgreSQL in fewer messages: a transaction begins with its first statement, not before it.

psycopg2 would send BEGIN and wait, and the limit to one company would be a message more.
Here the connection is in autocommit mode, and the first statement travels together with
BEGIN and with what belongs before it; what belongs before the end travels with COMMIT.
"""

import _socket
import socket
from typing import Any

from psycopg2.extensions import TRANSACTION_STATUS_IDLE, QuotedString, connection
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2


class Link(connection):
    """A connection that knows what its next transaction begins and ends with."""

    #: Sent with the next statement; "" within a transaction, or outside of any.
    opening = ""
    #: Sent with COMMIT.
    closing = ""


class Dialect(PGDialect_psycopg2):
    supports_statement_cache = True

    def on_connect(self) -> Any:
        configure = super().on_connect()  # type: ignore[no-untyped-call]

        def connected(link: Link) -> None:
            link.autocommit = True
            if configure is not None:
                configure(link)

        return connected

    def do_begin(self, dbapi_connection: Any) -> None:
        link = _link(dbapi_connection)
        link.opening, link.closing = "BEGIN", ""

    def do_commit(self, dbapi_connection: Any) -> None:
        link = _link(dbapi_connection)
        if link.opening:
            link.opening = ""
            return
        _send(link, f"{link.closing}COMMIT")

    def do_rollback(self, dbapi_connection: Any) -> None:
        link = _link(dbapi_connection)
        link.opening = ""
        if link.info.transaction_status != TRANSACTION_STATUS_IDLE:
            _send(link, "ROLLBACK")

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        cursor.execute(_opened(cursor, statement), parameters)

    def do_execute_no_params(self, cursor: Any, statement: str, context: Any = None) -> None:
        cursor.execute(_opened(cursor, statement))

    def do_executemany(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        opening = _opened(cursor, "")
        if opening:
            cursor.execute(opening)
        super().do_executemany(cursor, statement, parameters, context)  # type: ignore[no-untyped-call]


registry.register("postgresql.fewer", __name__, "Dialect")


def engine_for(url: str, connect_args: dict[str, Any], **options: Any) -> Engine:
    """An engine whose connections are ``Link``s."""
    return create_engine(
        url.replace("postgresql://", "postgresql+fewer://", 1),
        connect_args={**connect_args, "connection_factory": Link},
        # Nobody has a column of that type, and asking for it takes a query a connection.
        use_native_hstore=False,
        **options,
    )


def limit(opened: Connection, company: str) -> None:
    """
    The transaction that begins with the next statement sees this company's rows only.

    It must be the first word on ``opened``: a transaction that has begun keeps its limit.
    """
    link = _link(opened.connection)
    quoted = QuotedString(company)
    quoted.prepare(link)
    value = quoted.getquoted().decode().replace("%", "%%")
    link.opening = f"BEGIN;SELECT set_config('app.company_id', {value}, true)"


def notify(opened: Connection, channel: str) -> None:
    """Wake who listens, with the commit of this transaction."""
    _link(opened.connection).closing = f"NOTIFY {channel};"


def is_stale(opened: Connection) -> bool:
    """
    Whether the server has left this resting connection, as when it was restarted; costs no message.

    An idle connection has nothing to read: whatever is there is an end or its announcement.
    """
    probe = _socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=_link(opened.connection).fileno())
    try:
        probe.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        probe.detach()
    return True


def _link(pooled: Any) -> Link:
    found: Link = getattr(pooled, "dbapi_connection", pooled)
    return found


def _opened(cursor: Any, statement: str) -> str:
    link = cursor.connection
    opening = link.opening
    if not opening:
        return statement
    link.opening = ""
    return f"{opening};{statement}"


def _send(link: Link, statement: str) -> None:
    with link.cursor() as cursor:
        cursor.execute(statement)
