"""
A unit of work for one company: everything in it happens, or nothing.

Nobody commits by hand. A service opens a store, changes rows, publishes events and
leaves; leaving normally commits all of it at once, leaving by an exception nothing.
"""

import zlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache
from types import TracebackType
from typing import Any, ClassVar, Self, TypeVar

import orjson
from sqlalchemy import Connection, Select, bindparam, event, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria

from actiontrac import clock, context
from actiontrac.errors import IdempotencyKeyInUse, IdempotencyKeyReused, Unavailable
from actiontrac.events import Event
from actiontrac.failpoints import failpoint, register
from actiontrac.storage import postgres
from actiontrac.storage.columns import CompanyOwned, sealed_attributes
from actiontrac.storage.database import POOL_TIMEOUT_SECONDS, Database, _in_unit_of_work, take_change
from actiontrac.vault import BlindIndex, Cipher, KeyProvider, new_key

Answer = TypeVar("Answer")
Row = TypeVar("Row")

#: Partitions of the outbox: enough for relays to share, few enough to ask for one by one.
PARTITIONS = 16

#: A key whose process died is free again after this; longer than any request may take.
LEASE_SECONDS = 60

ALL_COMPANIES = "*"
NOTIFY_CHANNEL = "actiontrac_outbox"

register("store.before_commit", "the changes of a unit of work, and their commit")
register("store.after_commit", "the commit of a unit of work, and everything that follows it")


class StorageUnavailable(Unavailable):
    """The data cannot be reached at the moment; try again shortly."""


class Replayed(Exception):
    """This very request was answered before; ``response`` is what was said then."""

    def __init__(self, response: Any) -> None:
        super().__init__("answered before")
        self.response = response


def _is_absence(error: BaseException) -> bool:
    """Whether the database could not be reached, was lost on the way or took too long; not that it said no."""
    if isinstance(error, (OperationalError, InterfaceError, PoolTimeout)):
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated


class _Session(Session):
    """The session of a store: limited to its company, and sealing what is to be sealed (A24)."""


def _rows_of(company_id: str) -> Any:
    """What limits every statement of a session to a company; made once for all of them."""
    return with_loader_criteria(CompanyOwned, lambda kind: kind.company_id == company_id, include_aliases=True)


@event.listens_for(_Session, "do_orm_execute")
def _limit_to_company(state: ORMExecuteState) -> None:
    limit = state.session.info["limit"]
    if limit is not None and (state.is_select or state.is_update or state.is_delete):
        state.statement = state.statement.options(limit)


@event.listens_for(_Session, "before_flush")
def _before_flush(session: Session, *_: Any) -> None:
    company_id = session.info["store"].company_id
    for row in session.new:
        if isinstance(row, CompanyOwned) and company_id:
            if row.company_id is None:
                row.company_id = company_id
            if row.company_id != company_id:
                raise RuntimeError("a row of another company in this company's store")
        kind: Any = type(row)
        for attribute in sealed_attributes(kind):
            attribute.seal(row)


class Store:
    """
    Base of every service's store: the session, the company, and what must happen
    in the same transaction as the change itself.
    """

    #: The service's declarative base, set by the subclass.
    base: ClassVar[Any]

    def __init__(self, database: Database, keys: KeyProvider, company_id: str | None, *, write: bool = True) -> None:
        """``company_id`` None opens the store across companies: for timers and look-ups."""
        self._database = database
        self._keys = keys
        self._write = write
        self._ciphers: dict[str, Cipher] = {}
        self._published: list[dict[str, Any]] = []
        self._running_key: tuple[str, str] | None = None
        self._connection: Connection | None = None
        self._session: Session | None = None
        self.company_id = company_id or ""

    @property
    def connection(self) -> Connection:
        """The transaction itself, for statements that need no mapped rows; PostgreSQL limits them to the company."""
        if self._connection is None:
            raise RuntimeError("a store is used inside its unit of work")
        return self._connection

    @property
    def session(self) -> Session:
        """The mapped rows of this unit of work; made when it is first asked for, because many need none."""
        if self._session is None:
            # It takes the transaction over: its commit is the unit of work's.
            self._session = _Session(self.connection, expire_on_commit=False, join_transaction_mode="control_fully")
            self._session.info["store"] = self
            self._session.info["limit"] = _rows_of(self.company_id) if self.company_id else None
        return self._session

    def __enter__(self) -> Self:
        if _in_unit_of_work.get():
            raise RuntimeError("one unit of work at a time")
        lock = self._database.lock
        if lock is not None and not lock.acquire(timeout=POOL_TIMEOUT_SECONDS):
            raise StorageUnavailable()
        _in_unit_of_work.set(True)
        try:
            self._begin()
            if self._write:
                self._look_up_key()
        except BaseException as problem:
            self._finish()
            if _is_absence(problem):
                raise StorageUnavailable() from problem
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            if kind is None:
                self._commit()
        except (DBAPIError, PoolTimeout) as problem:
            if not _is_absence(problem):
                raise
            raise StorageUnavailable() from problem
        finally:
            self._finish()
        if error is not None and _is_absence(error):
            raise StorageUnavailable() from error
        if kind is None and self._published:
            self._database.wake()

    def _begin(self) -> None:
        try:
            connection = self._connection = self._database.connect()
            connection.begin()
            if not self._database.is_sqlite:
                postgres.limit(connection, self.company_id or ALL_COMPANIES)
            take_change(connection)
        except (PoolTimeout, DBAPIError) as problem:
            raise StorageUnavailable() from problem

    def _commit(self) -> None:
        connection = self.connection
        if self._session is not None:
            self._session.flush()
        if self._published:
            connection.execute(insert(self.base.Outbox.__table__), self._published)
            if not self._database.is_sqlite:
                postgres.notify(connection, NOTIFY_CHANNEL)
        changed = take_change(connection)
        if changed:
            failpoint("store.before_commit")
        if self._session is not None:
            self._session.commit()
        else:
            connection.commit()
        if changed:
            failpoint("store.after_commit")

    def _finish(self) -> None:
        try:
            try:
                if self._session is not None:
                    self._session.close()
            finally:
                if self._connection is not None:
                    self._connection.close()
        except DBAPIError as problem:
            # It could not roll back because the connection is gone; then the server did that by itself.
            if not _is_absence(problem):
                raise
        finally:
            _in_unit_of_work.set(False)
            if self._running_key is not None:
                self._database.running_keys.discard(self._running_key)
            if self._database.lock is not None:
                self._database.lock.release()

    # Sealed data

    def cipher(self, company_id: str, wrapped: bytes | None = None) -> Cipher:
        """
        The cipher of one company; its data key is made the first time it is needed.

        ``wrapped`` is the company's key as this unit of work has just read it beside something else.
        """
        if company_id not in self._ciphers:
            label = f"{self.base.service}|{company_id}"
            key = self._unwrapped_key(company_id, label) if wrapped is None else self._keys.unwrap(wrapped, label)
            self._ciphers[company_id] = Cipher(key, company_id)
        return self._ciphers[company_id]

    def _unwrapped_key(self, company_id: str, label: str) -> bytes:
        table = self.base.CompanyKey
        find, mine = _find_key(table), {"of_company": company_id}
        wrapped = self.connection.execute(find, mine).scalar_one_or_none()
        if wrapped is None:
            self._insert_once(
                table,
                company_id=company_id,
                wrapped_key=self._keys.wrap(new_key(), label),
                created_at=clock.now(),
            )
            # Another replica may have been first; whose key stands is what counts.
            wrapped = self.connection.execute(find, mine).scalar_one()
        return self._keys.unwrap(wrapped, label)

    def index(self, value: str, place: str) -> str:
        """A blind index of a value, to find a sealed column by equality."""
        return BlindIndex(self._keys.derive(f"index|{self.base.service}")).of(value, place)

    def _insert_once(self, table: Any, **values: Any) -> bool:
        """Insert unless the primary key is taken; whether this call did it."""
        return bool(self.connection.execute(_insert_unless_taken(table, self._database.is_sqlite), values).rowcount)

    # Events (G06)

    def publish(self, published: Event) -> None:
        """Write an event into the outbox: it happens if and only if this unit of work does."""
        company_id = published.company_id or self.company_id
        whole = replace(published, company_id=company_id)
        self._published.append(
            {
                "event_id": whole.event_id,
                "company_id": company_id,
                "partition": zlib.crc32(company_id.encode()) % PARTITIONS,
                "type": whole.type,
                "body": whole.to_wire(),
                "headers": orjson.dumps({"request_id": context.current().request_id}).decode(),
                "created_at": clock.now(),
            }
        )

    def claim(self, received: Event) -> bool:
        """
        Take an event for the handler under way; False when it was handled before.

        The claim is part of this unit of work: if the effect is rolled back, so is it.
        """
        return self._insert_once(
            self.base.Inbox,
            event_id=received.event_id,
            handler=received.handler,
            # By the machine's own clock: a sandbox that jumps ahead must not forget what a
            # message that is still under way was claimed for.
            claimed_at=clock.machine_now(),
        )

    def claim_due(self, statement: Select[Any]) -> Sequence[Any]:
        """Rows for a timer, locked so that no other replica's timer has them too (property 8)."""
        return self.session.scalars(statement.with_for_update(skip_locked=True)).all()

    # Idempotency (G05)

    def newest(self, kind: type[Row], limit: int, cursor: str | None, *which: Any) -> tuple[list[Row], str | None]:
        """A page of at most 200 rows and where the next begins, newest first: ids sort by the time of their making."""
        size = max(1, min(limit, 200))
        table: Any = kind
        statement = select(table).where(*which)
        if cursor:
            statement = statement.where(table.id < cursor)
        rows = list(self.session.scalars(statement.order_by(table.id.desc()).limit(size + 1)))
        return rows[:size], rows[size - 1].id if len(rows) > size else None

    def answer(self, view: Answer) -> Answer:
        """
        Store the response under the request's Idempotency-Key, in this transaction,
        and return it. Without a key it only returns it.
        """
        asked = context.current()
        if self._write and asked.idempotency_key and asked.request_hash:
            self._keep_key(asked, "done", orjson.dumps(view))
        return view

    def reserve(self) -> None:
        """
        Hold the request's key beyond this unit of work, for work that goes on outside
        a transaction: until ``answer``, a repetition is told that it is still running.
        """
        asked = context.current()
        if asked.idempotency_key and asked.request_hash:
            self._keep_key(asked, "running", None)

    def _scope(self, asked: context.RequestContext) -> str:
        if asked.principal is not None and asked.principal.company_id:
            return asked.principal.company_id
        return self.company_id or "-"

    def _response_cipher(self, scope: str) -> Cipher:
        if scope.startswith("-"):
            return Cipher(self._keys.derive(f"idempotency|{self.base.service}"), scope)
        return self.cipher(scope)

    def _keep_key(self, asked: context.RequestContext, state: str, response: bytes | None) -> None:
        scope = self._scope(asked)
        place = f"idempotency_keys|response|{asked.idempotency_key}"
        sealed = response and self._response_cipher(scope).seal(response.decode(), place)
        self.connection.execute(
            _keep_or_replace(self.base.IdempotencyKey, self._database.is_sqlite),
            {
                "scope": scope,
                "key": asked.idempotency_key,
                "request_hash": asked.request_hash,
                "state": state,
                "response_sealed": sealed,
                "lease_until": clock.now() + timedelta(seconds=LEASE_SECONDS),
                "created_at": clock.now(),
            },
        )

    def _look_up_key(self) -> None:
        asked = context.current()
        if not asked.idempotency_key or not asked.request_hash:
            return
        scope = self._scope(asked)
        # Who holds the key waits for those who only look whether it is free.
        self._lock_key(scope, asked.idempotency_key, wait=asked.claimed_key)
        if asked.claimed_key:
            return  # A later unit of work of the request that holds the key.
        asked.claimed_key = True
        mine = {"of_scope": scope, "of_key": asked.idempotency_key}
        found = self.connection.execute(_find_answer(self.base.IdempotencyKey), mine).one_or_none()
        if found is None:
            return
        if found.request_hash != asked.request_hash:
            raise IdempotencyKeyReused()
        if found.state == "running" and found.lease_until > clock.now():
            raise IdempotencyKeyInUse()
        if found.state == "done":
            place = f"idempotency_keys|response|{asked.idempotency_key}"
            plain = self._response_cipher(scope).open(found.response_sealed, place)
            asked.replayed = True
            raise Replayed(orjson.loads(plain))

    def _lock_key(self, scope: str, key: str, *, wait: bool) -> None:
        """One request at a time under a key; the lock falls with the transaction."""
        if self._database.is_sqlite:
            if (scope, key) in self._database.running_keys:
                raise IdempotencyKeyInUse()
            self._running_key = (scope, key)
            self._database.running_keys.add((scope, key))
            return
        # A lock's second number is a signed integer of 32 bits.
        number = zlib.crc32(f"{scope}|{key}".encode()) - 2**31
        if wait:
            self.connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock(7411, {number})")
            return
        if not self.connection.exec_driver_sql(f"SELECT pg_try_advisory_xact_lock(7411, {number})").scalar_one():
            raise IdempotencyKeyInUse()


# Statements that every unit of work needs are made once: making one costs more than sending it.


@cache
def _find_key(table: Any) -> Select[Any]:
    return select(table.wrapped_key).where(table.company_id == bindparam("of_company"))


@cache
def _find_answer(table: Any) -> Select[Any]:
    columns = (table.request_hash, table.state, table.lease_until, table.response_sealed)
    return select(*columns).where(table.scope == bindparam("of_scope"), table.key == bindparam("of_key"))


@cache
def _insert_unless_taken(table: Any, for_sqlite: bool) -> Any:
    return (sqlite if for_sqlite else postgresql).insert(table.__table__).on_conflict_do_nothing()


@cache
def _keep_or_replace(table: Any, for_sqlite: bool) -> Any:
    statement = (sqlite if for_sqlite else postgresql).insert(table.__table__)
    changed = ("request_hash", "state", "response_sealed", "lease_until", "created_at")
    return statement.on_conflict_do_update(
        index_elements=["scope", "key"], set_={name: statement.excluded[name] for name in changed}
    )
