"""The workers service: profiles, their count, imports, and the sweep."""

import time
from datetime import timedelta
from typing import Any

from actiontrac import clock, schemas
from actiontrac.contracts import workers as contract
from actiontrac.errors import Invalid
from actiontrac.service import PUBLIC, SERVICE_ONLY, Opener, Service, Stores, every, rpc
from services.workers import cursors, imports, policies, profiles, sweep
from services.workers.actions.methods import ActionMethods
from services.workers.exports.methods import ExportMethods
from services.workers.history.methods import HistoryMethods
from services.workers.orgchart.methods import ChartMethods
from services.workers.repository import WorkersStore
from services.workers.schemas import count_view, sweep_view, worker_view
from services.workers.seats.methods import SeatMethods

#: The nightly sweep belongs to the night that began the evening before; it starts at 02:00 UTC.
NIGHT_BEGINS = timedelta(hours=2)


class WorkersService(ActionMethods, ChartMethods, ExportMethods, HistoryMethods, SeatMethods, Service):
    name = contract.SERVICE

    store: Opener[WorkersStore] = Stores(WorkersStore)

    @rpc(requires="workers.write", write=True)
    def create_worker(self, *, company_id: str, worker: dict[str, Any]) -> contract.WorkerView:
        """
        Make a worker profile (W01); it counts as managed if it is active or suspended.

        Without a worker number it is given the next free one.

        Raises:
            ForbiddenData: a field holds what ActionTrac does not hold (S23).
            Invalid: a field is missing, unknown or wrong; the manager is nobody here.
            WorkerNumberTaken: another worker of this company has this number.
            SeatLimitReached: the plan allows no more workers, and its days of grace are over (B16, B17).
            AccountReadOnly: nothing is paid at the moment (B12).
        """
        fields = policies.tidy(schemas.parse(contract.WorkerInput, worker).model_dump())
        with self.store(company_id) as store:
            store.require_writable()
            return store.answer(worker_view(profiles.create(store, fields)))

    @rpc(requires="workers.read")
    def get_worker(self, *, company_id: str, worker_id: str) -> contract.WorkerView:
        """
        Raises:
            WorkerNotFound: this company has no such worker.
        """
        with self.store(company_id) as store:
            return store.worker_view(worker_id)

    @rpc(requires="workers.read")
    def list_workers(self, *, company_id: str, query: dict[str, Any]) -> contract.WorkerList:
        """
        A page of workers (W06): filtered, searched, in the order of ``sort``.

        Whoever follows ``next_cursor`` sees each worker exactly once, however many are
        added or leave meanwhile; only who is given another name or number may be missed.

        Raises:
            Invalid: a field of the query is wrong, or the cursor is of another list.
        """
        wanted = schemas.parse(contract.WorkerQuery, query)
        with self.store(company_id) as store:
            after = cursors.read(store.cipher(company_id), wanted.sort, wanted.cursor) if wanted.cursor else None
            found = store.workers_page(wanted, after)
            page, more = found[: wanted.limit], len(found) > wanted.limit
            cursor = None
            if more:
                cursor = cursors.write(store.cipher(company_id), wanted.sort, store.position(page[-1], wanted.sort))
            return {"items": [worker_view(worker) for worker in page], "next_cursor": cursor}

    @rpc(requires="workers.write", write=True)
    def update_worker(self, *, company_id: str, worker_id: str, change: dict[str, Any]) -> contract.WorkerView:
        """
        Change the fields that were sent, and no others; safe to repeat.

        Raises:
            ForbiddenData: a field holds what ActionTrac does not hold (S23).
            Invalid: a field is unknown or wrong; the manager is nobody here.
            WorkerNotFound: this company has no such worker.
            WorkerArchived: the profile is archived, and its status was not sent.
            StatusMoveRefused: this status does not follow that one.
            WorkerNumberTaken: another worker of this company has this number.
            Invalid: ``effective_on`` is still to come, or before the last change of position (W14).
            ManagerLoop: the worker would be above themselves (W12).
            ReportsNotReassigned: others still report to a worker who would be gone (W13).
            SeatLimitReached: the worker would count again, and the plan allows no more (B17).
            AccountReadOnly: nothing is paid at the moment (B12).
        """
        wanted = schemas.parse(contract.WorkerChange, change).model_dump(exclude_unset=True)
        policies.require_filled(wanted)
        with self.store(company_id) as store:
            store.require_writable()
            return store.answer(worker_view(profiles.change(store, worker_id, policies.tidy(wanted))))

    @rpc(requires="workers.write", write=True)
    def archive_worker(self, *, company_id: str, worker_id: str) -> contract.WorkerView:
        """
        Stop managing a worker; the profile stays readable and no longer counts. That works in a
        read-only account too: whoever wants to buy a smaller plan must be able to come below its limit.

        Safe to repeat: only the call that changes something publishes the event.

        Raises:
            WorkerNotFound: this company has no such worker.
            ReportsNotReassigned: others still report to this worker (W13).
        """
        with self.store(company_id) as store:
            return store.answer(worker_view(profiles.change(store, worker_id, {"status": "archived"})))

    @rpc(requires="workers.read")
    def get_count(self, *, company_id: str) -> contract.CountView:
        """How many workers the company manages, by the published rule (W28, S38)."""
        with self.store(company_id) as store:
            return count_view(store.count())

    @rpc(requires="workers.import", write=True)
    def import_workers(self, *, company_id: str, text: str, options: dict[str, Any]) -> contract.ImportView:
        """
        Take a CSV file of workers (W09): make those who are new, change those who differ.

        The same file twice changes nothing the second time. ``errors`` name the row as a
        spreadsheet counts it and the field, never a value. At most 5,000 rows at once.

        Raises:
            ForbiddenData: a column is for data that ActionTrac does not hold (S23).
            Invalid: the file is no table, too long, or lacks a column for names; the mapping is wrong.
            SeatLimitReached: with this file there would be more workers than allowed; nothing was taken (B17).
            AccountReadOnly: nothing is paid at the moment (B12).
        """
        wanted = schemas.parse(contract.ImportOptions, options)
        if not isinstance(text, str):
            raise Invalid.at("text", "must be the content of the file")
        # All that needs no database comes before the unit of work, which others wait for.
        table = imports.read_table(text, wanted.mapping)
        rows = imports.read_rows(table)
        with self.store(company_id) as store:
            store.require_writable()
            return store.answer(imports.run(store, table, rows, wanted))

    @rpc(requires="workers.read")
    def get_import(self, *, company_id: str, import_id: str) -> contract.ImportView:
        """
        What came of an import, for 90 days.

        Raises:
            ImportNotFound: this company has no such import.
        """
        with self.store(company_id) as store:
            return imports.kept(store.import_result(import_id))

    @rpc(requires=SERVICE_ONLY)
    def sweep(self) -> contract.SweepView:
        """
        Check all stored text of all companies now, and quarantine what must not be there (W05).

        Takes as long as it takes; if it is cut short, the timer finishes it.
        """
        with self.store.across_companies() as store:
            sweep_id = store.begin_sweep()
        while True:
            with self.store.across_companies() as store:
                run = store.lock_sweep(sweep_id)
                if run.finished_at is not None:
                    return sweep_view(run)
                sweep.check_batch(store, run)

    @rpc(requires=PUBLIC)
    def get_sweep(self) -> contract.SweepView:
        """
        The last sweep that was finished: figures only, for the promise page (S23).

        Raises:
            NoSweepYet: none was finished yet.
        """
        with self.store.across_companies() as store:
            run = store.last_sweep()
            if run is None:
                raise contract.NoSweepYet()
            return sweep_view(run)

    @every(seconds=10.0)
    def sweep_nightly(self) -> None:
        """
        Once a night by the product's clock, however many replicas there are: check all
        stored text (W05), keep each company's count (W28), forget old imports.

        Nights that the clock jumped over are not made up for: the stored text is only
        there to be checked once.
        """
        night = (clock.now() - NIGHT_BEGINS).date()
        with self.store.across_companies() as store:
            if store.begin_nightly_sweep(night):
                store.take_snapshots(night)
                store.purge_imports()
        while self._sweep_a_batch():
            # Requests that wait for this process come first.
            time.sleep(0)

    def _sweep_a_batch(self) -> bool:
        with self.store.across_companies() as store:
            run = store.claim_sweep()
            if run is not None:
                sweep.check_batch(store, run)
            return run is not None
