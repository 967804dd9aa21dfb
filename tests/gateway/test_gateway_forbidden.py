"""Forbidden data is refused at every door of the gateway, by its field's name and never by its value (D7)."""

import json
from typing import Any

import pytest

from actiontrac.forbidden.names import is_secret_name
from tests.gateway.conftest import OWNER, Gateway
from tests.gateway.tables import table_of

TABLE = table_of()
JSON_DOORS = [route for route in TABLE.routes if route.body is not None and not route.raw]
QUERY_DOORS = [route for route in TABLE.routes if route.query is not None]

FORBIDDEN = {
    "card": "4111 1111 1111 1111",
    "social security number": "SSN 078-05-1120",
    "birth date": "born 12/03/1984",
    "bank account": "DE89 3704 0044 0532 0130 00",
}


def asked(route: Any) -> dict[str, str]:
    token = "operator.x" if route.requires in ("staff", "campaigns.write", "campaigns.read") else "owner.x"
    return {"Authorization": f"Bearer {token}", "Idempotency-Key": "key", "Content-Type": "application/json"}


def path_of(route: Any) -> str:
    path: str = route.path
    for name in route.parameters:
        path = path.replace(f"{{{name}}}", "some_id")
    return path


def texts(example: Any, path: str = "") -> list[str]:
    """Paths of every text in an example."""
    if isinstance(example, dict):
        return [one for name, inner in example.items() for one in texts(inner, f"{path}.{name}" if path else name)]
    return [path] if isinstance(example, str) else []


def with_value(example: dict[str, Any], path: str, value: str) -> dict[str, Any]:
    changed = json.loads(json.dumps(example))
    names = path.split(".")
    inner = changed
    for name in names[:-1]:
        inner = inner[name]
    inner[names[-1]] = value
    return dict(changed)


@pytest.mark.parametrize("route", JSON_DOORS, ids=lambda route: f"{route.method} {route.path}")
class TestEveryJsonDoor:
    def test_refuses_it_in_every_text(self, gateway: Gateway, route: Any) -> None:
        for path in texts(route.example):
            if path in route.unguarded:
                continue
            # A password may be any words: it is only looked at for card numbers.
            values = [FORBIDDEN["card"]] if is_secret_name(path) else list(FORBIDDEN.values())
            for value in values:
                body = with_value(route.example, path, value)
                before = len(gateway.calls(route.ask.method))
                answer = gateway.request(route.method, path_of(route), data=json.dumps(body), headers=asked(route))
                assert answer.status_code == 422
                assert answer.json()["code"] == "forbidden_data"
                assert path in [one["field"] for one in answer.json()["fields"]]
                assert value not in answer.text
                assert len(gateway.calls(route.ask.method)) == before

    def test_refuses_it_where_no_field_is(self, gateway: Gateway, route: Any) -> None:
        for body in (
            {**route.example, "unknown": {"deep": [FORBIDDEN["card"]]}},
            {**route.example, FORBIDDEN["card"]: "x"},
            {**route.example, "birth_date": "1984-03-12"},
            {**route.example, "number": 4111111111111111},
        ):
            answer = gateway.request(route.method, path_of(route), data=json.dumps(body), headers=asked(route))
            assert (answer.status_code, answer.json()["code"]) == (422, "forbidden_data")
            assert "4111111111111111" not in answer.text
            assert FORBIDDEN["card"] not in answer.text


@pytest.mark.parametrize("route", QUERY_DOORS, ids=lambda route: f"{route.method} {route.path}")
def test_every_query_refuses_it(gateway: Gateway, route: Any) -> None:
    body = json.dumps(route.example) if route.example else None
    for name in route.query.model_fields:
        answer = gateway.request(
            route.method, path_of(route), params={name: FORBIDDEN["card"]}, data=body, headers=asked(route)
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "forbidden_data")
        assert [one["field"] for one in answer.json()["fields"]] == [name]


def test_a_key_that_is_a_card_number_is_no_key(gateway: Gateway) -> None:
    answer = gateway.post(
        "/v1/checkouts",
        json={"plan": "starter", "method": "card"},
        headers={**OWNER, "Idempotency-Key": "4111-1111-1111-1111"},
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "forbidden_data")
    assert answer.json()["fields"][0]["field"] == "Idempotency-Key"


def test_a_uuid_is_a_key_whatever_its_digits_look_like(gateway: Gateway) -> None:
    answer = gateway.post(
        "/v1/checkouts",
        json={"plan": "starter", "method": "card"},
        headers={**OWNER, "Idempotency-Key": "41111111-1111-1111-aaaa-aaaaaaaaaaaa"},
    )
    assert answer.status_code == 201


def test_nothing_of_it_is_logged(gateway: Gateway) -> None:
    gateway.get("/v1/workers", params={"search": FORBIDDEN["card"]}, headers=OWNER)
    gateway.get("/v1/workers/4111111111111111", headers={**OWNER, "User-Agent": "4111111111111111"})
    gateway.get("/4111111111111111", headers={"Referer": "4111111111111111"})
    for value in ("4111111111111111", "4111 1111", "4111%201111", "4111+1111", "078-05-1120", "12/03/1984", "DE89"):
        assert value not in gateway.log()


def test_the_forms_of_pages_refuse_it_too(gateway: Gateway) -> None:
    form = {
        "token": "ivt_1.secret-token",
        "first_name": FORBIDDEN["card"],
        "last_name": "Marsh",
        "user_id": "henry",
        "password": "battery staple",
    }
    answer = gateway.post("/accept-invitation", data=form)
    assert answer.status_code == 422
    assert "first_name-problem" in answer.text
    assert not [one for one in gateway.calls("accept_invitation") if "4111" in json.dumps(one)]
