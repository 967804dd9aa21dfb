"""What the workers service offers about taking files away."""

from typing import Any

from actiontrac import schemas
from actiontrac.contracts.worker_exports import ExportQuery
from actiontrac.contracts.workers import WorkerQuery
from actiontrac.errors import Invalid
from actiontrac.service import Opener, rpc
from services.workers.cursors import Position
from services.workers.exports.files import MOST_ROWS, Entry, csv_of, json_of
from services.workers.normal import number_key
from services.workers.repository import WorkersStore

_WRITERS = {"csv": csv_of, "json": json_of}


class ExportMethods:
    """Part of ``WorkersService``."""

    store: Opener[WorkersStore]

    @rpc(requires="workers.import")
    def export_workers(self, *, company_id: str, format: str, query: dict[str, Any]) -> str:
        """
        A file of workers by number (W10): what a CSV file holds, an import takes in again as it was.

        At most 5,000 workers or four megabytes; the next file follows ``after_number``, the last
        number of this one. A file without rows is behind the last.

        Raises:
            Invalid: a field of the query is wrong, or nobody has the number; there is no such format.
        """
        wanted = schemas.parse(ExportQuery, query)
        if format not in _WRITERS:
            raise Invalid.at("format", "is csv or json")
        listed = WorkerQuery(**wanted.model_dump(exclude={"after_number"}), sort="worker_number")
        listed = listed.model_copy(update={"limit": MOST_ROWS - 1})
        with self.store(company_id) as store:
            found = store.workers_page(listed, _place(store, wanted.after_number))
            numbers = store.numbers_of({worker.manager_id for worker in found if worker.manager_id})
            return _WRITERS[format](Entry(worker, numbers.get(worker.manager_id or "")) for worker in found)


def _place(store: WorkersStore, number: str | None) -> Position | None:
    if number is None:
        return None
    found = store.workers_numbered([number_key(number)])
    if not found:
        raise Invalid.at("after_number", "is nobody's number")
    return store.position(found[0], "worker_number")
