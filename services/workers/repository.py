"""Every query of the workers service."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, TypeVar

from sqlalchemy import ColumnElement, Select, bindparam, delete, func, select, tuple_

from actiontrac import clock
from actiontrac.contracts.workers import COUNTED, ImportNotFound, WorkerNotFound, WorkerQuery, WorkerView
from actiontrac.ids import new_id
from services.workers import normal
from services.workers.actions.repository import ActionsStore
from services.workers.base import Base
from services.workers.cursors import Position
from services.workers.history.repository import HistoryStore
from services.workers.models import (
    CountSnapshot,
    ManagedCount,
    QuarantinedField,
    SweepRun,
    Worker,
    WorkerImport,
    tags_key,
)
from services.workers.orgchart.models import POSITION
from services.workers.orgchart.repository import ChartStore
from services.workers.schemas import SHOWN, shown_view
from services.workers.seats.repository import SeatsStore

Item = TypeVar("Item")

#: Databases limit the values of one statement; SQLite's oldest limit is 999.
_VALUES_AT_ONCE = 500

_ORDERS: dict[str, Any] = {
    "name": Worker.name_key,
    "worker_number": Worker.number_order,
    "created_at": Worker.created_at,
    "started_on": Worker.start_key,
}

IMPORTS_KEPT = timedelta(days=90)


#: One profile and its company's key; made once, because it is asked all the time.
_SHOWN = (
    select(*(getattr(Worker, name) for name in SHOWN), Base.CompanyKey.wrapped_key)
    .outerjoin(Base.CompanyKey, Base.CompanyKey.company_id == Worker.company_id)
    .where(Worker.id == bindparam("of_worker"), Worker.company_id == bindparam("of_company"))
)


def _is_id(text: str) -> bool:
    """PostgreSQL takes no NUL, and no id has one."""
    return text.isascii() and text.isprintable()


def _parts(values: Iterable[Item]) -> Iterator[list[Item]]:
    whole = list(values)
    for start in range(0, len(whole), _VALUES_AT_ONCE):
        yield whole[start : start + _VALUES_AT_ONCE]


class WorkersStore(ActionsStore, ChartStore, HistoryStore, SeatsStore):
    base: ClassVar[Any] = Base

    # One worker

    def worker(self, worker_id: str, *, lock: bool = False) -> Worker:
        """
        Raises:
            WorkerNotFound: this company has no such worker.
        """
        found = self.find_worker(worker_id, lock=lock)
        if found is None:
            raise WorkerNotFound()
        return found

    def find_worker(self, worker_id: str, *, lock: bool = False) -> Worker | None:
        if not _is_id(worker_id):
            return None
        statement = select(Worker).where(Worker.id == worker_id, Worker.company_id == self.company_id)
        return self.session.scalars(statement.with_for_update() if lock else statement).one_or_none()

    def worker_view(self, worker_id: str) -> WorkerView:
        """
        A profile as clients see it: the most frequent question, so it is asked with one statement,
        which brings the key that opens the row along.

        Raises:
            WorkerNotFound: this company has no such worker.
        """
        mine = {"of_worker": worker_id, "of_company": self.company_id}
        found = self.connection.execute(_SHOWN, mine).one_or_none() if _is_id(worker_id) else None
        if found is None:
            raise WorkerNotFound()
        return shown_view(found, self.cipher(self.company_id, found.wrapped_key))

    def add_worker(self, fields: dict[str, Any], worker_id: str | None = None) -> Worker:
        """Make a profile of all fields."""
        worker = Worker(id=worker_id or new_id("wrk"), company_id=self.company_id, created_at=clock.now())
        started_on = fields["started_on"] or clock.today()
        self.change_worker(worker, fields, min(started_on, clock.today()))
        self.session.add(worker)
        return worker

    def change_worker(
        self,
        worker: Worker,
        fields: dict[str, Any],
        effective_on: date | None = None,
        *,
        restored_from: int | None = None,
    ) -> None:
        """
        Set fields. What the profile was is kept as a version (W25), and what belongs to a
        position with the day since when it holds (W14).
        """
        before = worker.as_json()
        worker.change(fields, clock.now())
        after = worker.as_json()
        changed = [name for name, value in after.items() if value != before[name]]
        worker.version = (worker.version or 0) + 1
        self.record_version(worker, after, changed, restored_from)
        if any(name in POSITION for name in changed):
            self.record_position(worker, effective_on or clock.today())
        if "work_email" in fields:
            email = fields["work_email"]
            worker.work_email_index = self.email_index(email) if email else None

    def email_index(self, email: str) -> str:
        return self.index(email, "workers.work_email")

    def has_number(self, number: str, *, company_id: str, but: str | None = None) -> bool:
        """Whether another worker than ``but`` has this number."""
        found = self.session.scalars(
            select(Worker.id).where(Worker.company_id == company_id, Worker.number_key == normal.number_key(number))
        ).one_or_none()
        return found is not None and found != but

    def next_number(self, count: ManagedCount, company_id: str) -> str:
        """The next number that nobody has, for who holds the lock of ``count``."""
        return self.next_numbers(count, company_id, 1)[0]

    def next_numbers(
        self, count: ManagedCount, company_id: str, how_many: int, taken: frozenset[str] = frozenset()
    ) -> list[str]:
        """As many numbers that nobody has, besides the number keys in ``taken``."""
        free: list[str] = []
        while len(free) < how_many:
            first = count.last_number + 1
            wanted = [f"W-{first + step}" for step in range(min(how_many - len(free), _VALUES_AT_ONCE))]
            count.last_number += len(wanted)
            keys = {normal.number_key(number) for number in wanted}
            used = set(
                self.session.scalars(
                    select(Worker.number_key).where(Worker.company_id == company_id, Worker.number_key.in_(keys))
                )
            )
            free.extend(number for number in wanted if normal.number_key(number) not in used | taken)
        return free

    # The list (W06)

    def workers_page(self, query: WorkerQuery, after: Position | None) -> Sequence[Worker]:
        """At most one worker more than a page, in order; each exactly once, however many are added meanwhile."""
        key = _ORDERS[query.sort.lstrip("-")]
        backwards = query.sort.startswith("-")
        statement = self._found_by(query).where(Worker.company_id == self.company_id)
        if after is not None:
            here, there = tuple_(key, Worker.id), tuple_(*after)
            statement = statement.where(here < there if backwards else here > there)
        order = (key.desc(), Worker.id.desc()) if backwards else (key, Worker.id)
        return self.session.scalars(statement.order_by(*order).limit(query.limit + 1)).all()

    def _found_by(self, query: WorkerQuery) -> Select[Worker]:
        # A trigram index would not help here: under row-level security PostgreSQL applies
        # LIKE only to rows that the policy has let through.
        wanted: list[ColumnElement[bool]] = [
            Worker.search_text.like(normal.like(word), escape="\\")
            for word in normal.normalised(query.search or "").split()
        ]
        if query.status:
            wanted.append(Worker.status == query.status)
        if query.kind:
            wanted.append(Worker.kind == query.kind)
        if query.department:
            wanted.append(Worker.department_key == normal.normalised(query.department)[: normal.KEY_LENGTH])
        if query.site:
            wanted.append(Worker.site_key == normal.normalised(query.site)[: normal.KEY_LENGTH])
        if query.tag:
            wanted.append(Worker.tags_key.like(normal.like(tags_key([query.tag])), escape="\\"))
        if query.manager_id:
            wanted.append(Worker.manager_id == query.manager_id)
        return select(Worker).where(*wanted)

    @staticmethod
    def position(worker: Worker, sort: str) -> Position:
        return Position(getattr(worker, _ORDERS[sort.lstrip("-")].key), worker.id)

    # Who reports to whom (W12, W13)

    def managers_above(self, worker_id: str | None) -> Iterator[str]:
        """A worker's id and those of all managers above, each once, from below."""
        seen: set[str] = set()
        while worker_id is not None and worker_id not in seen:
            seen.add(worker_id)
            yield worker_id
            worker_id = self.session.scalars(
                select(Worker.manager_id).where(Worker.company_id == self.company_id, Worker.id == worker_id)
            ).one_or_none()

    def chart_rows(self) -> Sequence[Any]:
        """What the chart shows of every worker of the company."""
        shown = (
            Worker.id, Worker.first_name, Worker.last_name, Worker.name_key, Worker.worker_number, Worker.status,
            Worker.title, Worker.department, Worker.site, Worker.manager_id,
        )  # fmt: skip
        return self.session.execute(select(*shown).where(Worker.company_id == self.company_id)).all()

    def count_reports(self, worker_id: str) -> int:
        """How many managed workers report directly to this one."""
        return self._count(Worker.manager_id == worker_id, Worker.status.in_(COUNTED))

    def everybodys_manager(self) -> dict[str, tuple[str | None, str]]:
        """Worker id to manager id and status, for the whole company."""
        found = self.session.execute(
            select(Worker.id, Worker.manager_id, Worker.status).where(Worker.company_id == self.company_id)
        )
        return {row.id: (row.manager_id, row.status) for row in found}

    # How many (W28)

    def lock_count(self, company_id: str | None = None) -> ManagedCount:
        """The company's count, locked: whoever holds it is the only one who changes its workers."""
        company_id = company_id or self.company_id
        statement = select(ManagedCount).where(ManagedCount.company_id == company_id).with_for_update()
        found = self.session.scalars(statement).one_or_none()
        if found is None:
            self._insert_once(
                ManagedCount,
                id=new_id("cnt"),
                company_id=company_id,
                managed=0,
                high_water=0,
                year=clock.today().year,
                sequence=0,
                last_number=0,
            )
            found = self.session.scalars(statement).one()
        return found

    def count(self) -> ManagedCount | None:
        """The company's count; None before its first worker."""
        return self.session.scalars(
            select(ManagedCount).where(ManagedCount.company_id == self.company_id)
        ).one_or_none()

    def count_in(self, count: ManagedCount, change: int) -> None:
        """
        Add to the count and tell the others, if that changes it; ``count`` is locked.

        Every way in which a worker becomes counted leads through here, so the limit is
        checked in the transaction of the change and under the company's lock (B17).

        Raises:
            SeatLimitReached: the plan does not allow so many more (B16).
        """
        if not change:
            return
        allowance = self.require_seats(count, change)
        count.add(change, clock.today().year)
        if allowance is not None:
            allowance.follow(count.managed, clock.today())
        self.tell_count(count, allowance)

    def recount(self) -> int:
        """How many workers count, from the profiles themselves."""
        return self._count(Worker.status.in_(COUNTED))

    def _count(self, *wanted: ColumnElement[bool]) -> int:
        statement = select(func.count()).select_from(Worker).where(Worker.company_id == self.company_id, *wanted)
        return self.session.scalars(statement).one()

    def take_snapshots(self, night: date) -> None:
        """Keep every company's count of this night, once."""
        taken = select(CountSnapshot.company_id).where(CountSnapshot.taken_on == night)
        for count in self.session.scalars(select(ManagedCount).where(ManagedCount.company_id.not_in(taken))).all():
            self._insert_once(
                CountSnapshot, id=new_id("snp"), company_id=count.company_id, taken_on=night, managed=count.managed
            )

    # Imports (W09)

    def workers_numbered(self, number_keys: Iterable[str]) -> list[Worker]:
        return self._workers_where(Worker.number_key, number_keys)

    def workers_mailed_at(self, email_indexes: Iterable[str]) -> list[Worker]:
        return self._workers_where(Worker.work_email_index, email_indexes)

    def workers_named(self, name_keys: Iterable[str]) -> list[Worker]:
        return self._workers_where(Worker.name_key, name_keys)

    def numbers_of(self, worker_ids: Iterable[str]) -> dict[str, str]:
        """Worker id to worker number."""
        found: dict[str, str] = {}
        for part in _parts(worker_ids):
            statement = select(Worker.id, Worker.worker_number)
            rows = self.session.execute(statement.where(Worker.company_id == self.company_id, Worker.id.in_(part)))
            found.update((row.id, row.worker_number) for row in rows)
        return found

    def _workers_where(self, key: Any, values: Iterable[str]) -> list[Worker]:
        found: list[Worker] = []
        for part in _parts(values):
            statement = select(Worker).where(Worker.company_id == self.company_id, key.in_(part))
            found.extend(self.session.scalars(statement).all())
        return found

    def keep_import(self, import_id: str, at: datetime, result: str) -> None:
        row = WorkerImport(id=import_id, company_id=self.company_id, created_at=at)
        row.result = result
        self.session.add(row)

    def import_result(self, import_id: str) -> str:
        """
        Raises:
            ImportNotFound: this company has no such import.
        """
        found = None
        if import_id.isascii() and import_id.isprintable():
            found = self.session.scalars(
                select(WorkerImport).where(WorkerImport.company_id == self.company_id, WorkerImport.id == import_id)
            ).one_or_none()
        if found is None:
            raise ImportNotFound()
        result: str = found.result
        return result

    def purge_imports(self) -> None:
        self.session.execute(delete(WorkerImport).where(WorkerImport.created_at < clock.now() - IMPORTS_KEPT))

    # The sweep (W05); across companies

    def begin_nightly_sweep(self, night: date) -> bool:
        """Begin the sweep of a night; whether this call did it, and no other replica's timer."""
        if self.session.scalars(select(SweepRun.id).where(SweepRun.night_of == night)).one_or_none():
            return False
        return self._insert_once(SweepRun, **_new_sweep(night))

    def begin_sweep(self) -> str:
        """Begin a sweep that somebody asked for."""
        run = SweepRun(**_new_sweep(None))
        self.session.add(run)
        return run.id

    def claim_sweep(self) -> SweepRun | None:
        """A sweep that is not finished and that no other replica has in hand."""
        unfinished = select(SweepRun).where(SweepRun.finished_at.is_(None))
        return next(iter(self.claim_due(unfinished.order_by(SweepRun.started_at, SweepRun.id).limit(1))), None)

    def lock_sweep(self, sweep_id: str) -> SweepRun:
        return self.session.scalars(select(SweepRun).where(SweepRun.id == sweep_id).with_for_update()).one()

    def last_sweep(self) -> SweepRun | None:
        """The sweep that was finished last."""
        finished = select(SweepRun).where(SweepRun.finished_at.is_not(None))
        return self.session.scalars(finished.order_by(SweepRun.finished_at.desc(), SweepRun.id).limit(1)).one_or_none()

    def rows_after(self, table: Any, position: str, limit: int) -> Sequence[Any]:
        """Rows of a table, of all companies, in the order of their ids."""
        return self.session.scalars(select(table).where(table.id > position).order_by(table.id).limit(limit)).all()

    def locked_again(self, seen: Any) -> Any:
        """A row of any company as it is now, locked; ``seen`` may be older."""
        self.session.expunge(seen)
        table = type(seen)
        statement = select(table).where(table.company_id == seen.company_id, table.id == seen.id)
        return self.session.scalars(statement.with_for_update()).one()

    def quarantine(self, company_id: str, subject_id: str, field: str, finding: str, sweep_id: str) -> None:
        self.session.add(
            QuarantinedField(
                id=new_id("qua"),
                company_id=company_id,
                worker_id=subject_id,
                field=field,
                finding=finding,
                sweep_id=sweep_id,
                found_at=clock.now(),
            )
        )


def _new_sweep(night: date | None) -> dict[str, Any]:
    return {
        "id": new_id("swp"),
        "night_of": night,
        "position": "",
        "checked": 0,
        "quarantined": 0,
        "unreadable": 0,
        "started_at": clock.now(),
        "finished_at": None,
    }
