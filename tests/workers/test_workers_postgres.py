"""What only PostgreSQL can show: real concurrency, row-level security, and the same order of things."""

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from actiontrac import clock
from actiontrac.contracts.workers import SeatLimitReached, WorkerNumberTaken
from actiontrac.storage import database_for
from actiontrac.testing import as_request, service_of, settings_for
from services.workers.models import CountSnapshot, ManagedCount, QuarantinedField, SweepRun, Worker, WorkerImport
from services.workers.seats.models import SeatAllowance
from services.workers.service import WorkersService
from tests.servers.servers import Servers
from tests.workers.company import Company
from tests.workers.test_workers_managers import close_a_ring_at_once
from tests.workers.test_workers_seats import TRIAL, fill, ways_to_count

pytestmark = pytest.mark.full

AT_ONCE = 6


@pytest.fixture(scope="module")
def service(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkersService]:
    prefix = f"workers_{secrets.token_hex(3)}_"
    made = servers.create_database_set(prefix)
    home: Path = tmp_path_factory.mktemp("postgres")
    settings = settings_for(
        home, ACTIONTRAC_DATABASE_URL=made.app_url, ACTIONTRAC_DATABASE_OWNER_URL=made.owner_url
    )
    yield service_of(WorkersService, home, settings=settings)
    database_for("workers", settings).dispose()
    servers.drop_databases(prefix)
    clock.configure(None)


@pytest.fixture
def acme(service: WorkersService) -> Company:
    return Company(service, f"com_{secrets.token_hex(8)}")


def at_once(*work: Callable[[], Any]) -> list[BaseException]:
    """Do all of it at the same moment; returns what was raised."""
    start = threading.Barrier(len(work))
    raised: list[BaseException] = []

    def run(one: Callable[[], Any]) -> None:
        as_request()
        start.wait()
        try:
            one()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


class TestConcurrency:
    def test_gives_every_worker_a_number_of_its_own_and_counts_each(self, acme: Company) -> None:
        raised = at_once(*[lambda: [acme.create() for _ in range(4)]] * AT_ONCE)

        assert raised == []
        assert acme.numbers(sort="worker_number") == [f"W-{n}" for n in range(1, 4 * AT_ONCE + 1)]
        assert acme.count()["managed"] == acme.recount() == 4 * AT_ONCE
        assert [event.sequence for event in acme.events()] == list(range(1, 4 * AT_ONCE + 1))
        assert [event.managed for event in acme.events()] == list(range(1, 4 * AT_ONCE + 1))

    def test_gives_one_number_to_one_worker_only(self, acme: Company) -> None:
        raised = at_once(*[lambda: acme.create(worker_number="E-1")] * AT_ONCE)

        assert {type(error) for error in raised} == {WorkerNumberTaken}
        assert len(raised) == AT_ONCE - 1

    def test_counts_an_archived_worker_out_once(self, acme: Company) -> None:
        worker = acme.create()

        assert at_once(*[lambda: acme.archive(worker)] * AT_ONCE) == []
        assert [event.managed for event in acme.events()] == [1, 0]

    def test_closes_no_ring_of_managers(self, service: WorkersService, acme: Company) -> None:
        close_a_ring_at_once(service, acme, rounds=8)

    def test_takes_one_file_twice_at_once_as_one(self, acme: Company) -> None:
        file = "Number,Name\n" + "\n".join(f"{n},Ada Byron" for n in range(50))

        assert at_once(*[lambda: acme.take(file)] * 3) == []
        assert acme.count()["managed"] == acme.recount() == 50

    def test_tells_each_reminder_once_on_all_replicas(self, service: WorkersService, acme: Company) -> None:
        worker = acme.create()
        due = {acme.act(worker, kind="task", due_on="2026-01-01")["id"] for _ in range(30)}

        assert at_once(*[service.remind] * AT_ONCE) == []
        service.remind()
        told = [event.action_id for event in acme.events() if event.type == "action.due"]
        assert len(told) == 30
        assert set(told) == due

    def test_sweeps_a_night_once_on_all_replicas(self, service: WorkersService, acme: Company) -> None:
        worker = acme.create()
        for night in range(2):
            clock.advance(86400)
            acme.plant(worker, notes=f"4111 1111 1111 1111, {night}")
            assert at_once(*[service.sweep_nightly] * AT_ONCE) == []

            with service.store.across_companies() as store:
                assert store.session.scalars(select(func.count()).select_from(SweepRun)).one() == night + 1
                found = store.session.scalars(select(QuarantinedField)).all()
            assert len(found) == night + 1
            assert service.get_sweep()["quarantined"] == 1


class TestSeats:
    """B17 where transactions run side by side."""

    def test_one_of_a_hundred_parallel_adds_gets_the_last_seat(self, acme: Company) -> None:
        fill(acme, 9)
        acme.allow(10, **TRIAL)

        raised = at_once(*[acme.create] * 100)

        assert {type(error) for error in raised} == {SeatLimitReached}
        assert len(raised) == 99
        assert acme.count()["managed"] == acme.recount() == 10

    def test_imports_and_reactivations_are_adds_too(self, acme: Company) -> None:
        ways = ways_to_count(acme, 4)
        fill(acme, 9)
        acme.allow(10, **TRIAL)

        raised = at_once(*ways)

        assert {type(error) for error in raised} == {SeatLimitReached}
        assert acme.count()["managed"] == acme.recount() == 10

    def test_the_newest_allowance_holds_however_they_come_and_meanwhile_are_used(self, acme: Company) -> None:
        def tell(version: int) -> None:
            acme.allow(10 if version == 20 else 1000 + version, version=version, **TRIAL)

        def add() -> None:
            for _ in range(3):
                with suppress(SeatLimitReached):
                    acme.create()

        raised = at_once(*[lambda version=version: tell(version) for version in range(1, 21)], *[add] * 10)

        assert raised == []
        with acme.service.store(acme.id) as store:
            kept = store.allowance()
        assert kept is not None
        assert (kept.version, kept.worker_limit) == (20, 10)
        before = acme.count()["managed"]
        if before >= 10:
            with pytest.raises(SeatLimitReached):
                acme.create()
        assert acme.count()["managed"] == acme.recount() == before

    def test_archiving_and_adding_at_once_never_leave_more_than_the_limit(self, acme: Company) -> None:
        workers = [acme.create() for _ in range(10)]
        acme.allow(10, **TRIAL)

        raised = at_once(*[lambda one=one: acme.archive(one) for one in workers[:5]], *[acme.create] * 20)

        assert {type(error) for error in raised} <= {SeatLimitReached}
        assert acme.recount() <= 10
        assert max(event.managed for event in acme.events()) == 10


class TestRowLevelSecurity:
    def test_hides_another_companys_rows_from_raw_queries(self, service: WorkersService, acme: Company) -> None:
        acme.allow(10)
        acme.take("Number,Name\n1,Ada Byron")
        acme.plant(acme.find()[0], notes="078-05-1120")
        service.sweep()
        clock.advance(86400)
        service.sweep_nightly()
        kinds = (Worker, ManagedCount, CountSnapshot, WorkerImport, QuarantinedField, SeatAllowance)
        tables = [kind.__tablename__ for kind in kinds]

        for company_id, visible in ((acme.id, True), ("com_rival", False)):
            with service.store(company_id) as store:
                for table in tables:
                    rows = store.session.execute(text(f"SELECT company_id FROM {table}")).scalars().all()
                    assert bool(rows) is visible, table
                    assert set(rows) <= {acme.id}


class TestOrder:
    def test_of_names_is_by_code_point_as_on_sqlite(self, acme: Company) -> None:
        for last_name in ("O'Neill", "oak", "Öst", "o-b", "Ob", "o b"):
            acme.create(last_name=last_name)
        keys = ["o b", "o'neill", "o-b", "oak", "ob", "ost"]

        for limit in (1, 2, 50):
            assert [worker["last_name"].lower().replace("ö", "o") for worker in acme.find(limit=limit)] == keys

    @pytest.mark.parametrize(
        "sort", ["created_at", "-created_at", "started_on", "-started_on", "-name", "worker_number"]
    )
    def test_of_every_kind_shows_each_once(self, acme: Company, sort: str) -> None:
        for number in range(7):
            acme.create(started_on=f"2026-01-0{number % 3 + 1}")

        found = [worker["id"] for worker in acme.find(sort=sort, limit=2)]

        assert len(found) == len(set(found)) == 7

    def test_is_read_from_an_index(self, service: WorkersService, acme: Company) -> None:
        acme.take("Number,Name\n" + "\n".join(f"{n},Ada Byron{n}" for n in range(2000)))

        with service.store(acme.id) as store:
            store.session.execute(text("SET LOCAL enable_seqscan = off"))
            store.session.execute(text("SET LOCAL enable_sort = off"))
            plan = "\n".join(
                store.session.scalars(
                    text(
                        "EXPLAIN SELECT * FROM workers WHERE company_id = :company_id"
                        " AND (name_key, id) > ('byron100 ada', 'wrk_') ORDER BY name_key, id LIMIT 50"
                    ),
                    {"company_id": acme.id},
                )
            )

        assert "ix_workers_company_id_name_key_id" in plan
        condition = next(line for line in plan.splitlines() if "Index Cond" in line)
        assert "name_key" in condition

    def test_finds_what_sqlite_finds(self, acme: Company) -> None:
        acme.create(first_name="Zoë", last_name="Müller", worker_number="100%", tags=["Night Shift"])

        assert acme.numbers(search="zoe MÜL") == ["100%"]
        assert acme.numbers(search="%") == ["100%"]
        assert acme.numbers(search="_") == []
        assert acme.numbers(tag="night shift") == ["100%"]
