"""The document that describes everything, and the page made of it."""

import json
import re
from typing import Any

import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from actiontrac.http.schema import Views
from services.gateway import examples
from services.gateway.service import document_of
from tests.gateway.conftest import Gateway
from tests.gateway.tables import table_of

TABLE = table_of()
DOCUMENT = json.loads(json.dumps(document_of(TABLE)))
OPERATIONS = [
    (f"{method} {path}", operation) for path, one in DOCUMENT["paths"].items() for method, operation in one.items()
]


def validator(schema: dict[str, Any]) -> Any:
    return jsonschema_rs.validator_for({**schema, "components": DOCUMENT["components"]})


def test_is_openapi_3_1() -> None:
    OPENAPI_31_VALIDATOR.validate(DOCUMENT)


def test_describes_every_route_that_is_not_a_page() -> None:
    shown = {(route.method.lower(), route.path) for route in TABLE.routes if not route.hidden}
    assert shown == {(method, path) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert all(route.page or route.prefix for route in TABLE.routes if route.hidden)


def test_resolves_every_reference() -> None:
    names = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(DOCUMENT)))
    assert names <= set(DOCUMENT["components"]["schemas"])


@pytest.mark.parametrize("view", examples.VIEWS, ids=lambda view: view.__name__)
def test_every_example_fits_its_schema(view: Any) -> None:
    views = Views()
    schema = views.of(view)
    jsonschema_rs.validate({**schema, "components": {"schemas": views.components}}, examples.VIEWS[view])


@pytest.mark.parametrize(("name", "operation"), OPERATIONS, ids=[name for name, _ in OPERATIONS])
class TestEveryOperation:
    def test_shows_what_is_sent_and_answered(self, name: str, operation: dict[str, Any]) -> None:
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if body is not None:
            validator(body["schema"]).validate(body["example"])
        for status, response in operation["responses"].items():
            for media_type, content in response.get("content", {}).items():
                if "example" in content and content["schema"]:
                    validator(content["schema"]).validate(content["example"])
                if int(status) >= 400 and int(status) != 503:
                    assert media_type == "application/problem+json"

    def test_has_what_a_reader_needs(self, name: str, operation: dict[str, Any]) -> None:
        assert operation["summary"]
        assert operation["tags"][0] in {tag["name"] for tag in DOCUMENT["tags"]}
        if operation["security"]:
            assert {"401", "403"} <= set(operation["responses"])
        if not name.endswith(("/healthz", "/readyz", "/metrics")):
            assert {"400", "429", "500", "503", "504"} <= set(operation["responses"])
        from_machines = "/webhooks/" in name or "/inbound/" in name
        if name.startswith(("post", "patch", "delete")) and not from_machines:
            assert any(one["name"] == "Idempotency-Key" for one in operation["parameters"])


class TestServed:
    def test_the_document_is_what_the_gateway_serves(self, gateway: Gateway) -> None:
        answer = gateway.get("/openapi.json")
        assert answer.status_code == 200
        assert answer.json() == DOCUMENT

    def test_the_page_loads_nothing_from_elsewhere(self, gateway: Gateway) -> None:
        answer = gateway.get("/docs")
        assert answer.status_code == 200
        assert "<script" not in answer.text
        loaded = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
        assert loaded
        assert all(link.startswith(("/", "#")) for link in loaded)
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]

    def test_the_page_shows_every_operation_with_curl(self, gateway: Gateway) -> None:
        page = gateway.get("/docs").text
        for _, operation in OPERATIONS:
            assert f'<article id="{operation["operationId"]}">' in page
        assert page.count("curl ") > len(OPERATIONS)

    def test_problem_types_lead_to_the_page(self, gateway: Gateway) -> None:
        problem = gateway.get("/v1/me").json()
        path, _, anchor = problem["type"].partition("#")
        assert f'id="{anchor}"' in gateway.get(path).text
