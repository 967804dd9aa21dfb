"""A24: for a company, another company's workers do not exist, whatever it asks."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from actiontrac.contracts.workers import WorkerNotFound
from actiontrac.errors import Invalid, NotFound
from actiontrac.ids import new_id
from actiontrac.rpc import Rpc
from services.workers.models import Worker
from services.workers.service import WorkersService
from tests.workers.company import Company

#: What a company may try with an id of another; every method of the service is here.
TRIES: dict[str, Callable[[Company, str], Any]] = {
    "get_worker": lambda company, theirs: company.get(theirs),
    "update_worker": lambda company, theirs: company.change(theirs, title="Mine"),
    "archive_worker": lambda company, theirs: company.archive(theirs),
    "create_worker": lambda company, theirs: company.create(manager_id=theirs),
    "get_import": lambda company, theirs: company.service.get_import(company_id=company.id, import_id=theirs),
    "create_action": lambda company, theirs: company.act(theirs),
    "get_action": lambda company, theirs: company.service.get_action(company_id=company.id, action_id=theirs),
    "list_actions": lambda company, theirs: company.actions(worker_id=theirs),
    "list_worker_actions": lambda company, theirs: company.service.list_worker_actions(
        company_id=company.id, worker_id=theirs, query={}
    ),
    "update_action": lambda company, theirs: company.change_action(theirs, text="Mine"),
    "create_action_template": lambda company, theirs: company.template(name=theirs),
    "list_action_templates": lambda company, _: company.service.list_action_templates(company_id=company.id),
    "delete_action_template": lambda company, theirs: company.service.delete_action_template(
        company_id=company.id, template_id=theirs
    ),
    "list_history": lambda company, theirs: company.history(theirs),
    "restore_worker": lambda company, theirs: company.restore(theirs, 1),
    "export_workers": lambda company, theirs: company.export(manager_id=theirs),
    "get_org_chart": lambda company, theirs: company.chart(root_id=theirs),
    "draw_org_chart": lambda company, theirs: company.service.draw_org_chart(
        company_id=company.id, query={"root_id": theirs}
    ),
    "list_positions": lambda company, theirs: company.positions(theirs),
    "create_vacancy": lambda company, theirs: company.vacancy(manager_id=theirs),
    "list_vacancies": lambda company, _: company.service.list_vacancies(company_id=company.id),
    "delete_vacancy": lambda company, theirs: company.service.delete_vacancy(company_id=company.id, vacancy_id=theirs),
    "list_workers": lambda company, theirs: company.find(manager_id=theirs),
    "get_count": lambda company, _: company.count()["managed"] and pytest.fail("counted others"),
    "import_workers": lambda company, theirs: company.take(f"Number,Name,Manager ID\n1,Ada B,{theirs}", dry_run=True),
}
#: They take no company and tell figures over all.
OF_NO_COMPANY = {"sweep", "get_sweep", "sweep_nightly", "ping"}


def snapshot(company: Company) -> Any:
    return company.find(sort="created_at"), company.actions(), company.chart(), company.count(), len(company.events())


class TestAnotherCompany:
    def test_is_tried_with_every_method(self) -> None:
        methods = {
            name
            for name, method in inspect.getmembers(WorkersService, inspect.isfunction)
            if any(isinstance(entry, Rpc) for entry in getattr(method, "nameko_entrypoints", ()))
        }

        assert methods - OF_NO_COMPANY == set(TRIES)

    @pytest.mark.parametrize("method", TRIES)
    def test_finds_nothing_and_changes_nothing(self, acme: Company, rival: Company, method: str) -> None:
        theirs = rival.create(last_name="Secret", department="Vault")
        imported = rival.take("Number,Name\n9,Bob Byron")["id"]
        action = rival.act(theirs, text="Secret")["id"]
        template = rival.template(text="Secret")["id"]
        vacancy = rival.vacancy(title="Secret")["id"]
        before = snapshot(rival)

        for foreign in (theirs["id"], imported, theirs["worker_number"], action, template, vacancy):
            try:
                found = TRIES[method](acme, foreign)
            except (NotFound, Invalid) as error:
                found = error.to_wire()
            assert "Secret" not in repr(found)
            assert "Vault" not in repr(found)

        assert snapshot(rival) == before

    def test_has_lists_numbers_and_counts_of_its_own(self, acme: Company, rival: Company) -> None:
        acme.create(last_name="Shared", worker_number="1")
        rival.create(last_name="Shared", worker_number="1")
        rival.create()

        assert len(acme.find(search="shared")) == 1
        assert acme.count()["managed"] == 1
        assert rival.count()["managed"] == 2
        assert acme.create()["worker_number"] == "W-1"

    def test_upserts_only_its_own_workers(self, acme: Company, rival: Company) -> None:
        theirs = rival.create(worker_number="7", work_email="ada@example.com")

        assert acme.take("Number,Name\n7,Bob Byron")["created"] == 1
        assert acme.take("Email,Name\nada@example.com,Eve Byron")["created"] == 1
        assert rival.get(theirs) == theirs

    def test_has_seals_that_open_nowhere_else(self, service: WorkersService, acme: Company, rival: Company) -> None:
        mine, theirs = acme.create(notes="mine"), rival.create(notes="theirs")
        with service.store.across_companies() as store:
            rows = {row.id: row for row in store.session.scalars(select(Worker))}
            rows[mine["id"]].notes_sealed = rows[theirs["id"]].notes_sealed

        with pytest.raises(Exception, match="cannot be opened"):
            acme.get(mine)

    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        owners=st.lists(st.booleans(), min_size=2, max_size=8),
        tries=st.lists(st.tuples(st.integers(0, 7), st.sampled_from(["get", "change", "archive"])), max_size=8),
    )
    def test_never_reaches_across_with_any_id(
        self, service: WorkersService, owners: list[bool], tries: list[tuple[int, str]]
    ) -> None:
        companies = {True: Company(service, new_id("com")), False: Company(service, new_id("com"))}
        workers = [(owner, companies[owner].create()) for owner in owners]

        for which, method in tries:
            owner, worker = workers[which % len(workers)]
            with pytest.raises(WorkerNotFound):
                getattr(companies[not owner], method)(worker)

        for owner, worker in workers:
            assert companies[owner].get(worker) == worker
