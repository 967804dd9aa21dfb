"""What a file does to a company's workers: first thought through, then written at once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from actiontrac import clock
from actiontrac.contracts.workers import ImportOptions, ImportView, RowError, WorkerInput
from actiontrac.errors import Invalid, ServiceError
from actiontrac.ids import new_id
from services.workers import policies, profiles
from services.workers.imports.chart import Chart, Place
from services.workers.imports.columns import MANAGER_NUMBER
from services.workers.imports.rows import Row
from services.workers.imports.table import Table
from services.workers.models import Worker
from services.workers.normal import name_key, number_key
from services.workers.repository import WorkersStore

ERRORS_SHOWN = 1000

#: Managers who fall out of a file can take others with them, so often at most.
_ROUNDS = 50

_EMPTY: dict[str, Any] = {
    name: None if given.is_required() else given.get_default(call_default_factory=True)
    for name, given in WorkerInput.model_fields.items()
}


@dataclass
class Item:
    """A row that can be taken: whose it is, and what it changes."""

    row: Row
    worker_id: str
    worker: Worker | None
    changed: dict[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> str:
        status: str = self.changed.get("status") or (self.worker.status if self.worker else "active")
        return status


def run(store: WorkersStore, table: Table, rows: list[Row], options: ImportOptions) -> ImportView:
    """
    Take a file, or say what would happen, and keep what came of it.

    Raises:
        SeatLimitReached: it would make more workers than the plan allows; none of it is taken.
    """
    count = store.lock_count()
    plan = Plan(store, rows)
    errors = sorted((error for row in rows for error in row.errors), key=lambda error: error["row"])
    refused = options.on_error == "stop" and bool(errors) and not options.dry_run
    if not refused:
        # A dry run says this too: it is what would happen.
        store.require_seats(count, plan.change)
    if not options.dry_run and not refused:
        change = plan.write(store, store.next_numbers(count, store.company_id, plan.unnumbered, plan.numbers))
        store.count_in(count, change)
    moment = clock.now()
    view: ImportView = {
        "id": new_id("imp"),
        "status": "checked" if options.dry_run else "refused" if refused else "done",
        "dry_run": options.dry_run,
        "rows": len(rows),
        "created": 0 if refused else len(plan.new),
        "updated": 0 if refused else len(plan.known) - plan.unchanged,
        "unchanged": 0 if refused else plan.unchanged,
        "failed": sum(bool(row.errors) for row in rows),
        "mapping": {header: name for header, name in zip(table.headers, table.fields, strict=True) if name},
        "ignored_columns": [header for header, name in zip(table.headers, table.fields, strict=True) if not name],
        "errors": errors[:ERRORS_SHOWN],
        "errors_left_off": max(0, len(errors) - ERRORS_SHOWN),
        "created_at": clock.iso(moment),
    }
    store.keep_import(view["id"], moment, orjson.dumps(view).decode())
    return view


def kept(result: str) -> ImportView:
    view: ImportView = orjson.loads(result)
    return view


class Plan:
    """Which worker each row is, and what would change; rows that cannot be taken get errors."""

    def __init__(self, store: WorkersStore, rows: list[Row]) -> None:
        self._items: list[Item] = []
        self._match(store, [row for row in rows if not row.errors])
        self._compare()
        self._arrange_managers(store)
        self._items = [item for item in self._items if not item.row.errors]

    @property
    def new(self) -> list[Item]:
        return [item for item in self._items if item.worker is None]

    @property
    def known(self) -> list[Item]:
        return [item for item in self._items if item.worker is not None]

    @property
    def unchanged(self) -> int:
        return sum(not item.changed for item in self.known)

    @property
    def change(self) -> int:
        """How many more workers would be managed."""
        return sum(policies.counts(item.status) - (item.worker.counts if item.worker else 0) for item in self._items)

    @property
    def unnumbered(self) -> int:
        return sum("worker_number" not in item.changed for item in self.new)

    @property
    def numbers(self) -> frozenset[str]:
        """The number keys that this file brings."""
        numbers = (item.changed.get("worker_number") for item in self._items)
        return frozenset(number_key(number) for number in numbers if number)

    def write(self, store: WorkersStore, numbers: list[str]) -> int:
        """Write all of it; returns how many more workers are managed now."""
        more = 0
        free = iter(numbers)
        with store.session.no_autoflush:
            for item in self._items:
                if item.worker is None:
                    fields = {**_EMPTY, **item.changed}
                    fields["worker_number"] = fields["worker_number"] or next(free)
                    more += store.add_worker(fields, item.worker_id).counts
                elif item.changed:
                    counted = item.worker.counts
                    store.change_worker(item.worker, item.changed)
                    more += item.worker.counts - counted
        return more

    # Whose row it is

    def _match(self, store: WorkersStore, rows: list[Row]) -> None:
        keys = {row.number: _key_of(store, row) for row in rows}
        finders: dict[str, tuple[Callable[[Iterable[str]], list[Worker]], Callable[[Worker], str | None]]] = {
            "number": (store.workers_numbered, lambda worker: worker.number_key),
            "e-mail": (store.workers_mailed_at, lambda worker: worker.work_email_index),
            "name": (store.workers_named, lambda worker: worker.name_key),
        }
        known: dict[tuple[str, str | None], list[Worker]] = {}
        for kind, (find, key_of) in finders.items():
            wanted = {key[1] for key in keys.values() if key and key[0] == kind}
            for worker in find(wanted):
                known.setdefault((kind, key_of(worker)), []).append(worker)
        seen: dict[object, int] = {}
        for row in rows:
            key = keys[row.number]
            if key is None:
                row.refuse("worker_number", "is missing, and so are the work e-mail and the name")
            elif len(found := known.get(key, [])) > 1:
                row.refuse("worker_number", f"several workers have this {key[0]}; say which one by its worker number")
            else:
                self._take(row, key, found[0] if found else None, seen)

    def _take(self, row: Row, key: tuple[str, str], worker: Worker | None, seen: dict[object, int]) -> None:
        earlier = seen.get(worker.id if worker else None) or seen.get(key)
        if earlier:
            row.refuse("worker_number", f"row {earlier} is about the same worker: it has the same {key[0]}")
            return
        seen[key] = row.number
        if worker:
            seen[worker.id] = row.number
            if key[0] == "number":
                row.fields.pop("worker_number")  # Written otherwise, perhaps, and yet the same number.
        self._items.append(Item(row, worker.id if worker else new_id("wrk"), worker))

    # What it changes

    def _compare(self) -> None:
        for item in self._items:
            row, worker = item.row, item.worker
            if worker is None:
                item.changed = row.fields
                for name in ("first_name", "last_name"):
                    if name not in row.fields:
                        row.refuse(name, "is missing, and this worker is new")
            else:
                item.changed = profiles.differences(worker, row.fields)
            self._check(item)

    def _check(self, item: Item) -> None:
        worker, changed = item.worker, item.changed
        try:
            if worker is not None:
                policies.require_editable(worker.status, changed)
                policies.require_move(worker.status, item.status)
            policies.require_order(
                changed.get("started_on", worker.started_on if worker else None),
                changed.get("ended_on", worker.ended_on if worker else None),
            )
        except ServiceError as error:
            _refuse(item.row, error, "status")

    # Who reports to whom

    def _arrange_managers(self, store: WorkersStore) -> None:
        good = [item for item in self._items if not item.row.errors]
        leaving = any(item.worker and item.worker.counts != policies.counts(item.status) for item in good)
        if not leaving and not any(item.row.manager_number for item in good):
            return
        self._find_managers(store, good)
        chart = Chart(
            {one: Place(above, policies.counts(status)) for one, (above, status) in store.everybodys_manager().items()}
        )
        for item in good:
            manager_id = item.changed.get("manager_id", item.worker.manager_id if item.worker else None)
            if not item.row.errors:
                chart.place(item.worker_id, Place(manager_id, policies.counts(item.status)))
        self._settle(chart, {item.worker_id: item for item in good if not item.row.errors})

    def _find_managers(self, store: WorkersStore, items: list[Item]) -> None:
        wanted = {number_key(item.row.manager_number) for item in items if item.row.manager_number}
        ids = {worker.number_key: worker.id for worker in store.workers_numbered(wanted)}
        for item in items:
            if item.worker is None and "worker_number" in item.changed:
                ids[number_key(item.changed["worker_number"])] = item.worker_id
        for item in items:
            if not item.row.manager_number:
                continue
            manager_id = ids.get(number_key(item.row.manager_number))
            if manager_id is None:
                item.row.refuse(MANAGER_NUMBER, policies.NO_MANAGER)
            elif item.worker is None or item.worker.manager_id != manager_id:
                item.changed["manager_id"] = manager_id
                self._check(item)

    @staticmethod
    def _settle(chart: Chart, items: dict[str, Item]) -> None:
        """Refuse rows until what is left breaks no rule; one that falls out may take others with it."""
        rules = (
            (chart.leaving_with_reports, "status", policies.HAS_REPORTS),
            (chart.in_loops, MANAGER_NUMBER, policies.LOOP),
            (chart.under_nobody_managed, MANAGER_NUMBER, policies.NO_MANAGER),
        )
        for _ in range(_ROUNDS):
            broken = next((found for rule in rules if (found := (rule[0](list(items)), *rule[1:]))[0]), None)
            if broken is None:
                return
            workers, where, problem = broken
            for worker_id in workers:
                items.pop(worker_id).row.refuse(where, problem)
                chart.take_back(worker_id)
        raise Invalid.at("text", "managers depend on rows with errors, again and again; mend those first")


def _key_of(store: WorkersStore, row: Row) -> tuple[str, str] | None:
    fields = row.fields
    if "worker_number" in fields:
        return "number", number_key(fields["worker_number"])
    if "work_email" in fields:
        return "e-mail", store.email_index(fields["work_email"])
    if "first_name" in fields and "last_name" in fields:
        return "name", name_key(fields["first_name"], fields["last_name"])
    return None


def _refuse(row: Row, error: ServiceError, where: str) -> None:
    told: list[RowError] = [{"row": row.number, "field": p["field"], "problem": p["problem"]} for p in error.fields]
    row.errors.extend(told or [{"row": row.number, "field": where, "problem": error.message}])
