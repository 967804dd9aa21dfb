"""
schemathesis against the running gateway: whatever is sent, right or wrong, no 5xx comes back
and nothing that the OpenAPI document does not say. The sandbox is not in the document: it is
no part of the product.
"""

from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis import APIOperation, Case, GenerationMode, checks

from actiontrac.demo.client import Http
from tests.journeys.conftest import Start
from tests.journeys.document import operations
from tests.journeys.people import furnish, joined, staff
from tests.stack import Product

checks.load_all_checks()
LOOKED_AT = checks.CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "negative_data_rejection",
    ]
)

#: Per operation, and as many again of data that does not fit; what is refused is refused before the broker.
EXAMPLES = {"embedded": 2, "full": 1}

#: Refusals that schemathesis does not expect: bodies and addresses that are too long.
TOO_LONG = ["413", "414", "431"]

#: These end the session that they are sent with.
ENDING = frozenset({"sign_out"})


@pytest.fixture(scope="module", params=["embedded", pytest.param("full", marks=pytest.mark.full)])
def battered(request: pytest.FixtureRequest, products: Start) -> Product:
    """A product of its own: a thousand failed sign-ins slow everybody down who comes from the same address."""
    return products(request.param)


class Caller:
    """Sends every generated request as somebody who may send it."""

    def __init__(self, product: Product) -> None:
        self._product = product
        self._owner = joined(product)
        furnish(product, self._owner)
        self._staff = staff(product)
        document = product.http().json("GET", "/openapi.json")
        self._operations = {one.operation_id: one for one in operations(document)}
        self.schema = schemathesis.openapi.from_dict(document)
        rejection = self.schema.config.checks.negative_data_rejection
        rejection.expected_statuses = [*rejection.expected_statuses, *TOO_LONG]
        self.sent = 0

    def token(self, operation_id: str) -> str | None:
        operation = self._operations[operation_id]
        if not operation.signed_in:
            return None
        http: Http = self._staff if operation.needs_staff else self._owner.http
        if operation_id in ENDING:
            self._owner.sign_in()
        return http.token

    def check(self, case: Case) -> None:
        token = self.token(case.operation.definition.raw["operationId"])
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.sent += 1
        case.call_and_validate(base_url=self._product.url, headers=headers, checks=LOOKED_AT, timeout=30)


def problems_of(caller: Caller, operation: APIOperation[Any, Any, Any, Any], examples: int) -> list[str]:
    found = []
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

        @hypothesis.settings(
            max_examples=examples,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def holds(case: Case) -> None:
            caller.check(case)

        try:
            holds()
        except hypothesis.errors.Unsatisfiable:
            # Nothing about this operation can be wrong: it takes no data.
            continue
        except Exception as problem:
            found.append(f"{operation.label} ({mode.value}): {problem}"[:1500])
    return found


@pytest.mark.timeout(300)
def test_nothing_comes_back_that_the_document_does_not_say(battered: Product) -> None:
    caller = Caller(battered)
    found = []
    walked = 0
    for result in caller.schema.get_all_operations():
        operation = result.ok()
        walked += 1
        found += problems_of(caller, operation, EXAMPLES[battered.mode])
    assert walked > 40
    assert caller.sent > walked * EXAMPLES[battered.mode]
    assert not found, "\n\n".join(found)


def test_after_all_that_the_product_is_well_and_its_log_has_no_errors(battered: Product) -> None:
    assert battered.http().json("GET", "/readyz")["status"] == "ok"
    assert '"level": "error"' not in battered.log()
    assert '"level": "critical"' not in battered.log()
