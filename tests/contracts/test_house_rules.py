"""Rules of the house that hold for every service, checked over all of them."""

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, is_typeddict

import pytest
from sqlalchemy import inspect as inspect_database
from sqlalchemy.schema import MetaData

from actiontrac import errors, forbidden, inventory
from actiontrac.config import SERVICES, SERVICES_WITH_DATA
from actiontrac.contracts import topology
from actiontrac.errors import ServiceError
from actiontrac.events import Event, events_of
from actiontrac.messaging import Handle
from actiontrac.rpc import Rpc, RpcClient
from actiontrac.runner import service_class
from actiontrac.storage import CompanyOwned, database_for
from actiontrac.storage.migration import migrate
from actiontrac.storage.tables import UNISOLATED
from actiontrac.testing import settings_for

ROOT = Path(__file__).resolve().parents[2]


def sources(folder: str) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted((ROOT / folder).rglob("*.py")):
        yield path.relative_to(ROOT), ast.parse(path.read_text())


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def models(service: str) -> Any:
    return import_module(f"services.{service}.models")


def contract(service: str) -> Any:
    return import_module(f"actiontrac.contracts.{service}")


def all_events() -> list[type[Event]]:
    return [event for service in SERVICES_WITH_DATA for event in events_of(contract(service))]


def all_errors() -> list[type[ServiceError]]:
    for service in SERVICES_WITH_DATA:
        contract(service)
    found: list[type[ServiceError]] = []
    waiting = [ServiceError]
    while waiting:
        kind = waiting.pop()
        found.append(kind)
        waiting += kind.__subclasses__()
    return found


def entrypoints(service: str, kind: type) -> dict[str, Any]:
    found = {}
    for name, method in inspect.getmembers(service_class(service), inspect.isfunction):
        for entrypoint in getattr(method, "nameko_entrypoints", ()):
            if isinstance(entrypoint, kind):
                found[name] = entrypoint
    return found


class TestImports:
    @pytest.mark.parametrize("service", SERVICES)
    def test_no_service_imports_another(self, service):
        others = tuple(f"services.{other}" for other in SERVICES if other != service)
        sideways = [
            f"{path} imports {name}"
            for path, tree in sources(f"services/{service}")
            for name in imported(tree)
            if name.startswith(others)
        ]

        assert sideways == []

    def test_the_chassis_imports_no_service(self):
        back = [
            f"{path} imports {name}"
            for path, tree in sources("actiontrac")
            for name in imported(tree)
            if name.startswith("services")
        ]

        assert back == []

    def test_business_modules_know_neither_nameko_nor_eventlet(self):
        business = {"policies.py", "models.py", "schemas.py", "repository.py", "providers"}
        found = [
            f"{path} imports {name}"
            for path, tree in sources("services")
            for name in imported(tree)
            if business & set(path.parts) and name.split(".")[0] in ("nameko", "eventlet")
        ]

        assert found == []

    def test_nothing_but_the_clock_reads_the_time(self):
        forbidden_calls = {
            ("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("time", "time"),
        }
        found = [
            f"{path}:{node.lineno}"
            for folder in ("actiontrac", "services")
            for path, tree in sources(folder)
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and (node.value.id, node.attr) in forbidden_calls
            and path != Path("actiontrac/clock.py")
        ]

        assert found == []


class TestTables:
    @pytest.mark.parametrize("service", SERVICES_WITH_DATA)
    def test_every_column_is_in_the_inventory(self, service):
        assert inventory.untagged(models(service).Base.metadata) == []

    @pytest.mark.parametrize("service", SERVICES_WITH_DATA)
    def test_no_table_has_a_forbidden_column(self, service):
        metadata: MetaData = models(service).Base.metadata
        found = [
            f"{table.name}.{column.name}"
            for table in metadata.tables.values()
            for column in table.columns
            if forbidden.is_forbidden_name(column.name)
        ]

        assert found == []

    @pytest.mark.parametrize("service", SERVICES_WITH_DATA)
    def test_every_table_belongs_to_companies_or_says_why_not(self, service):
        reasons = {**UNISOLATED, **getattr(models(service), "UNISOLATED", {})}
        found = [
            table.name
            for table in models(service).Base.metadata.tables.values()
            if "company_id" not in table.columns and table.name not in reasons
        ]

        assert found == []

    @pytest.mark.parametrize("service", SERVICES_WITH_DATA)
    def test_every_company_table_is_filtered_by_the_store(self, service):
        module = models(service)
        reasons = {**UNISOLATED, **getattr(module, "UNISOLATED", {}), "company_keys": "read by the store itself"}
        unfiltered = [
            mapper.class_.__name__
            for mapper in module.Base.registry.mappers
            if "company_id" in mapper.columns
            and not issubclass(mapper.class_, CompanyOwned)
            and mapper.local_table.name not in reasons
        ]

        assert unfiltered == []

    @pytest.mark.parametrize("service", SERVICES_WITH_DATA)
    def test_migrations_lead_to_the_models(self, service, tmp_path):
        from alembic.autogenerate import compare_metadata
        from alembic.migration import MigrationContext

        settings = settings_for(tmp_path)
        migrate(service, settings)
        database = database_for(service, settings)
        with database.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": False})
            differences = compare_metadata(context, models(service).Base.metadata)

        assert differences == []

    @pytest.mark.parametrize("service", SERVICES_WITH_DATA)
    def test_migrations_can_be_taken_back(self, service, tmp_path):
        settings = settings_for(tmp_path)
        migrate(service, settings)
        migrate(service, settings, "base")
        with database_for(service, settings).engine.connect() as connection:
            left = set(inspect_database(connection).get_table_names())

        assert left <= {"alembic_version"}


class TestMessages:
    def test_every_error_survives_the_bus(self):
        for kind in all_errors():
            sent = kind("one sentence")
            received = errors.from_wire(sent.to_wire())

            assert type(received) is kind
            assert (received.message, received.code, received.status) == (sent.message, kind.code, kind.status)

    def test_every_error_says_something_by_itself(self):
        silent = [kind.__name__ for kind in all_errors() if not kind().message.endswith(".")]

        assert silent == []

    def test_an_error_of_a_newer_release_becomes_its_category(self):
        received = errors.from_wire({"category": "conflict", "code": "from_the_future", "message": "No."})

        assert isinstance(received, errors.Conflict)
        assert received.code == "from_the_future"

    @pytest.mark.parametrize("event", all_events(), ids=lambda event: event.type)
    def test_events_have_no_forbidden_or_personal_field(self, event):
        names = set(event.__dataclass_fields__)
        personal = {"email", "name", "first_name", "last_name", "phone", "address", "ip", "token", "password", "notes"}

        assert [name for name in names if forbidden.is_forbidden_name(name)] == []
        assert names & personal == set()

    @pytest.mark.parametrize("event", all_events(), ids=lambda event: event.type)
    def test_events_come_from_their_own_contract(self, event):
        assert event.source == event.__module__.rpartition(".")[2]
        assert event.type in topology.SUBSCRIPTIONS

    def test_the_topology_names_every_handler_and_no_other(self):
        declared = {handler for handlers in topology.SUBSCRIPTIONS.values() for handler in handlers}
        written = {
            f"{service}.{name}"
            for service in SERVICES
            for name, handle in entrypoints(service, Handle).items()
            if not handle.broadcast
        }

        assert written == declared

    def test_the_topology_names_who_asks_whom_and_who_hears_by_broadcast(self):
        asked = {
            service: tuple(
                client._service
                for _, client in inspect.getmembers(service_class(service))
                if isinstance(client, RpcClient)
            )
            for service in SERVICES_WITH_DATA
        }
        heard = {
            service: tuple(
                {handle.event.source for handle in entrypoints(service, Handle).values() if handle.broadcast}
            )
            for service in SERVICES
        }

        # The gateway asks whom its routes name: everybody.
        asked["gateway"] = SERVICES_WITH_DATA
        assert {name: found for name, found in asked.items() if found} == topology.CALLS
        assert {name: found for name, found in heard.items() if found} == topology.BROADCASTS

    def test_queue_names_do_not_change(self):
        # A renamed handler strands a durable queue: whoever changes this list migrates the queues.
        from actiontrac import bus

        sources_of = {event.type: event.source for event in all_events()}
        names = sorted(
            bus.event_queue(sources_of[kind], kind, *handler.split(".")).name
            for kind, handlers in topology.SUBSCRIPTIONS.items()
            for handler in handlers
        )

        assert names == (ROOT / "tests/contracts/queue_names.txt").read_text().split()


class TestRpc:
    @pytest.mark.parametrize("service", SERVICES_WITH_DATA)
    def test_every_promised_method_exists_with_its_arguments(self, service):
        promised = {
            name: inspect.signature(method)
            for name, method in inspect.getmembers(contract(service).Rpc, inspect.isfunction)
            if not name.startswith("_")
        }
        offered = entrypoints(service, Rpc)
        kind = service_class(service)
        for name, signature in promised.items():
            assert name in offered, f"{service}.{name} is promised and not offered"
            assert list(inspect.signature(getattr(kind, name)).parameters) == list(signature.parameters)

    @pytest.mark.parametrize("service", SERVICES_WITH_DATA)
    def test_no_method_is_offered_without_a_promise(self, service):
        promised = set(vars(contract(service).Rpc))

        assert set(entrypoints(service, Rpc)) - promised == {"ping"}

    @pytest.mark.parametrize("service", SERVICES_WITH_DATA)
    def test_arguments_are_named(self, service):
        kind = service_class(service)
        for name in entrypoints(service, Rpc):
            parameters = list(inspect.signature(getattr(kind, name)).parameters.values())[1:]
            assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in parameters), name


class TestApi:
    def test_no_request_and_no_answer_has_a_forbidden_field(self):
        from actiontrac.schemas import Input

        found = []
        for service in SERVICES_WITH_DATA:
            for name, kind in vars(contract(service)).items():
                if isinstance(kind, type) and issubclass(kind, Input):
                    fields = set(kind.model_fields)
                elif is_typeddict(kind):
                    fields = set(kind.__annotations__)
                else:
                    continue
                found += [f"{name}.{field}" for field in fields if forbidden.is_forbidden_name(field)]

        assert found == []
