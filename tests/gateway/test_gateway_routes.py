"""The table of routes against the services' own code: who asks for what, and who may."""

import inspect
from importlib import import_module
from typing import Any

import pytest
from nameko.extensions import ENTRYPOINT_EXTENSIONS_ATTR

from actiontrac.contracts.accounts import PERMISSIONS, STAFF_PERMISSIONS
from actiontrac.http import PUBLIC, SIGNED_IN, Route, Table
from actiontrac.http.messages import Request
from actiontrac.http.problems import MethodNotAllowed, PathNotFound
from actiontrac.rpc import Rpc
from actiontrac.testing import settings_for
from services.gateway.service import with_documentation
from tests.gateway import fake_services
from tests.gateway.tables import table_of

TABLE = table_of()
ASKING = [route for route in TABLE.routes if route.ask is not None]


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


def real_service(name: str) -> Any:
    return getattr(import_module(f"services.{name}.service"), f"{name.title()}Service")


def fake_service(name: str) -> Any:
    return next(service for service in fake_services.SERVICES if service.name == name)


def contract_method(route: Route) -> Any:
    assert route.ask is not None
    return getattr(import_module(f"actiontrac.contracts.{route.ask.service}").Rpc, route.ask.method)


def entrypoint_of(service: Any, method: str) -> Rpc:
    found = [one for one in getattr(getattr(service, method), ENTRYPOINT_EXTENSIONS_ATTR) if isinstance(one, Rpc)]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("route", ASKING, ids=named)
class TestEveryRoute:
    def test_requires_what_the_service_requires(self, route: Route) -> None:
        assert route.ask is not None
        assert route.requires == entrypoint_of(real_service(route.ask.service), route.ask.method).requires

    def test_writes_only_where_the_service_writes(self, route: Route) -> None:
        assert route.ask is not None
        writes = entrypoint_of(real_service(route.ask.service), route.ask.method).write
        # A webhook is kept under the provider's own event id instead of a key.
        assert writes == (route.writes and route.tag != "Operations")

    def test_sends_the_arguments_that_the_contract_and_the_service_take(self, route: Route) -> None:
        assert route.ask is not None
        real = getattr(real_service(route.ask.service), route.ask.method)
        for taken in (contract_method(route), real):
            parameters = [one for one in inspect.signature(taken).parameters.values() if one.name != "self"]
            needed = {one.name for one in parameters if one.default is one.empty}
            assert needed <= set(route.ask.arguments) <= {one.name for one in parameters}

    def test_answers_with_what_the_contract_promises(self, route: Route) -> None:
        promised = inspect.signature(contract_method(route)).return_annotation
        # A page, and a file that travels over the bus as text, are made from what was answered.
        if route.page or route.answers == "application/pdf" or route.name == "export_workers_json":
            return
        assert route.answer is promised or (route.status == 204 and promised is None)

    def test_the_fake_service_speaks_the_same_contract(self, route: Route) -> None:
        assert route.ask is not None
        real = entrypoint_of(real_service(route.ask.service), route.ask.method)
        fake = entrypoint_of(fake_service(route.ask.service), route.ask.method)
        assert (real.requires, real.write) == (fake.requires, fake.write)


class TestTheTable:
    def test_reaches_every_public_method_of_every_service(self) -> None:
        # Asked by the gateway itself, or by people through no door yet.
        elsewhere = {"ping", "get_sweep", "get_count"}
        asked = {(route.ask.service, route.ask.method) for route in ASKING if route.ask is not None}
        for name in ("accounts", "workers", "billing", "notifications"):
            service = real_service(name)
            for method in dir(service):
                entrypoints = getattr(getattr(service, method), ENTRYPOINT_EXTENSIONS_ATTR, ())
                offered = [one for one in entrypoints if isinstance(one, Rpc) and one.requires != "service"]
                reached = method in elsewhere or (name, method) in asked
                assert reached or not offered, f"{name}.{method} is public and no route asks for it"

    def test_requires_permissions_that_somebody_has(self) -> None:
        known = {PUBLIC, SIGNED_IN, *STAFF_PERMISSIONS, *(one for role in PERMISSIONS.values() for one in role)}
        assert {route.requires for route in TABLE.routes} <= known

    def test_gives_every_operation_a_name_of_its_own(self) -> None:
        names = [route.name for route in TABLE.routes]
        assert len(names) == len(set(names))

    def test_takes_card_numbers_nowhere(self) -> None:
        names = {
            name
            for route in TABLE.routes
            for model in (route.body, route.query)
            if model is not None
            for name in model.model_fields
        }
        assert not {"card", "card_number", "pan", "cvc", "birth_date", "ssn", "iban"} & names

    def test_asks_a_key_for_what_moves_money(self) -> None:
        assert {route.path for route in TABLE.routes if route.needs_idempotency_key} == {
            "/v1/checkouts",
            "/v1/plan-changes",
            "/v1/refunds",
            "/v1/contractor/bills",
            "/v1/contractor/bills/{id}/refunds",
        }

    def test_keeps_the_sandbox_out_of_live_mode(self, tmp_path: Any) -> None:
        live = {route.path for route in table_of(mode="live").routes}
        assert "/sandbox" in {route.path for route in TABLE.routes}
        assert "/sandbox" not in live

    @pytest.mark.parametrize(
        ("path", "method", "expected"),
        [
            ("/v1/workers", "GET", "list_workers"),
            ("/v1/workers/wrk_1", "PATCH", "update_worker"),
            ("/v1/workers/wrk%5F1", "HEAD", "get_worker"),
            ("/v1/sessions/current", "DELETE", "sign_out"),
            ("/v1/sessions/other", "DELETE", "end_session"),
            ("/sandbox", "GET", "sandbox_get"),
            ("/sandbox/mail/x", "POST", "sandbox_post"),
            ("/", "GET", "welcome"),
        ],
    )
    def test_finds(self, path: str, method: str, expected: str) -> None:
        route, _ = TABLE.find(Request(method=method, path=path, query_string="", headers={}))
        assert route.name == expected

    @pytest.mark.parametrize(
        "path",
        [
            "/v1",
            "/v1/workers/",
            "/v1//workers",
            "/v1/workers/a/b",
            "/v1/workers/a%2Fb",
            "/v1/workers/%00",
            "/V1/workers",
            "//v1/workers",
            "/sandboxes",
            "/v1/workers/" + "a" * 301,
            "/*",
        ],
    )
    def test_finds_nothing_elsewhere(self, path: str) -> None:
        with pytest.raises(PathNotFound):
            TABLE.find(Request(method="GET", path=path, query_string="", headers={}))

    def test_names_what_is_allowed(self) -> None:
        with pytest.raises(MethodNotAllowed) as caught:
            TABLE.find(Request(method="PUT", path="/v1/workers", query_string="", headers={}))
        assert caught.value.allow == ("GET", "HEAD", "OPTIONS", "POST")

    def test_refuses_two_routes_for_the_same(self) -> None:
        with pytest.raises(ValueError, match="two routes"):
            Table([TABLE.routes[0], TABLE.routes[0]])


def test_documentation_describes_itself(tmp_path: Any) -> None:
    whole = with_documentation(Table([]), settings_for(tmp_path))
    assert [route.path for route in whole.routes] == ["/openapi.json", "/docs"]
