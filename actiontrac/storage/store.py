"""
A unit of work for one company: everything in it happens, or nothing.

Nobody commits by hand. A service opens a store, changes rows, publishes events and
leaves; leaving normally commits all of it at once, leaving by an exception nothing.
"""

import zlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from types import TracebackType
from typing import Any, ClassVar, Self, TypeVar

import orjson
from sqlalchemy import Select, event, select, text
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
        self._published = False
        self._running_key: tuple[str, str] | None = None
        self.company_id = company_id or ""
        self.session = Session(database.engine, expire_on_commit=False)
        self.session.info["store"] = self
        event.listen(self.session, "do_orm_execute", self._limit_to_company)
        event.listen(self.session, "before_flush", self._before_flush)

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
            connection = self.session.connection()
            if not self._database.is_sqlite:
                # A connection that died while it was idle says nothing about the server.
                while postgres.is_stale(connection):
                    connection.invalidate()
                    self.session.rollback()
                    connection = self.session.connection()
                postgres.limit(connection, self.company_id or ALL_COMPANIES)
            take_change(connection)
        except (PoolTimeout, DBAPIError) as problem:
            raise StorageUnavailable() from problem

    def _commit(self) -> None:
        self.session.flush()
        connection = self.session.connection()
        if self._published and not self._database.is_sqlite:
            postgres.notify(connection, NOTIFY_CHANNEL)
        changed = take_change(connection)
        if changed:
            failpoint("store.before_commit")
        self.session.commit()
        if changed:
            failpoint("store.after_commit")

    def _finish(self) -> None:
        try:
            self.session.close()
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

    # Company isolation (A24)

    def _limit_to_company(self, state: ORMExecuteState) -> None:
        company_id = self.company_id
        if company_id and (state.is_select or state.is_update or state.is_delete):
            state.statement = state.statement.options(
                with_loader_criteria(CompanyOwned, lambda kind: kind.company_id == company_id, include_aliases=True)
            )

    def _before_flush(self, session: Session, *_: Any) -> None:
        for row in session.new:
            if isinstance(row, CompanyOwned):
                if self.company_id and row.company_id is None:
                    row.company_id = self.company_id
                if self.company_id and row.company_id != self.company_id:
                    raise RuntimeError("a row of another company in this company's store")
            for attribute in sealed_attributes(type(row)):
                attribute.seal(row)

    # Sealed data

    def cipher(self, company_id: str) -> Cipher:
        """The cipher of one company; its data key is made the first time it is needed."""
        if company_id not in self._ciphers:
            label = f"{self.base.service}|{company_id}"
            with self.session.no_autoflush:
                key = self._unwrapped_key(company_id, label)
            self._ciphers[company_id] = Cipher(key, company_id)
        return self._ciphers[company_id]

    def _unwrapped_key(self, company_id: str, label: str) -> bytes:
        table = self.base.CompanyKey
        find = select(table.wrapped_key).where(table.company_id == company_id)
        wrapped = self.session.execute(find).scalar_one_or_none()
        if wrapped is None:
            self._insert_once(
                table,
                company_id=company_id,
                wrapped_key=self._keys.wrap(new_key(), label),
                created_at=clock.now(),
            )
            # Another replica may have been first; whose key stands is what counts.
            wrapped = self.session.execute(find).scalar_one()
        return self._keys.unwrap(wrapped, label)

    def index(self, value: str, place: str) -> str:
        """A blind index of a value, to find a sealed column by equality."""
        return BlindIndex(self._keys.derive(f"index|{self.base.service}")).of(value, place)

    def _insert_once(self, table: Any, **values: Any) -> bool:
        """Insert unless the primary key is taken; whether this call did it."""
        dialect = sqlite if self._database.is_sqlite else postgresql
        statement = dialect.insert(table).values(**values).on_conflict_do_nothing()
        return bool(self.session.execute(statement).rowcount)  # type: ignore[attr-defined]

    # Events (G06)

    def publish(self, published: Event) -> None:
        """Write an event into the outbox: it happens if and only if this unit of work does."""
        company_id = published.company_id or self.company_id
        whole = replace(published, company_id=company_id)
        self.session.add(
            self.base.Outbox(
                event_id=whole.event_id,
                company_id=company_id,
                partition=zlib.crc32(company_id.encode()) % PARTITIONS,
                type=whole.type,
                body=whole.to_wire(),
                headers=orjson.dumps({"request_id": context.current().request_id}).decode(),
                created_at=clock.now(),
            )
        )
        self._published = True

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
        self.session.merge(
            self.base.IdempotencyKey(
                scope=scope,
                key=asked.idempotency_key,
                request_hash=asked.request_hash,
                state=state,
                response_sealed=sealed,
                lease_until=clock.now() + timedelta(seconds=LEASE_SECONDS),
                created_at=clock.now(),
            )
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
        found = self.session.get(self.base.IdempotencyKey, (scope, asked.idempotency_key))
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
            self.session.execute(text("SELECT pg_advisory_xact_lock(7411, :number)"), {"number": number})
            return
        locked = self.session.execute(
            text("SELECT pg_try_advisory_xact_lock(7411, :number)"), {"number": number}
        ).scalar_one()
        if not locked:
            raise IdempotencyKeyInUse()
