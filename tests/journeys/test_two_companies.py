"""Journey 9: two companies, every route that there is, ids of the other one. A24."""

import random
import re
import secrets
from dataclasses import dataclass, fields

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actiontrac.contracts.accounts import PERMISSIONS, UNVERIFIED_PERMISSIONS, Role
from actiontrac.demo.client import Customer
from actiontrac.http import PUBLIC, SIGNED_IN, Route
from tests.journeys.document import api_routes, operations
from tests.journeys.people import Belongings, furnish, joined, member
from tests.stack import Product

#: Which of a company's belongings an address names.
NAMED_BY: dict[str, str] = {
    "/v1/workers/{id}": "worker",
    "/v1/workers/{id}/actions": "worker",
    "/v1/actions/{id}": "action",
    "/v1/action-templates/{id}": "template",
    "/v1/workers/{id}/history": "worker",
    "/v1/workers/{id}/restorations": "worker",
    "/v1/workers/{id}/positions": "worker",
    "/v1/vacant-positions/{id}": "vacancy",
    "/v1/checkouts/{id}": "checkout",
    "/v1/invoices/{id}": "invoice",
    "/v1/invoices/{id}/pdf": "invoice",
    "/v1/contractor/bills/{id}": "bill",
    "/v1/contractor/bills/{id}/pdf": "bill",
    "/v1/contractor/bills/{id}/void": "bill",
    "/v1/contractor/bills/{id}/refunds": "bill",
    "/v1/worker-imports/{id}": "imported",
    "/v1/invitations/{id}": "invitation",
    "/v1/members/{id}": "member",
    "/v1/sessions/{id}": "session",
}

#: Addresses with a variable part that names nothing of a company: the operators' and everybody's.
NOBODYS = frozenset(
    {
        "/v1/campaigns/{id}",
        "/v1/staff/companies/{id}/tax-exemption",
        "/v1/staff/coupons/{code}/end",
        "/v1/staff/dead-messages/{id}/retries",
        "/v1/support-tickets/{id}",
        "/v1/support-tickets/{id}/answers",
        "/v1/policies/{slug}",
        # Names a processor, and never anybody else's account there.
        "/v1/contractor/account/{provider}",
    }
)

ROLES: tuple[Role, ...] = ("owner", "billing", "hr_manager", "supervisor", "viewer")

#: What makes each route's body well-formed, so that only the id can be refused.
BODIES: dict[str, dict[str, object]] = {
    "update_worker": {"title": "Taken over"},
    "restore_worker": {"version": 1},
    "create_action": {"kind": "note", "text": "Taken over"},
    "update_action": {"text": "Taken over"},
    "change_role": {"role": "viewer"},
    "refund_bill": {"reason": "It is not mine"},
}


@dataclass(frozen=True, kw_only=True)
class Companies:
    theirs: Customer
    belongings: Belongings
    ours: Customer


@pytest.fixture(scope="module")
def companies(product: Product) -> Companies:
    theirs = joined(product)
    return Companies(theirs=theirs, belongings=furnish(product, theirs), ours=joined(product))


def send(
    customer: Customer | None, product: Product, route: Route, *, part: str = "nothing", body: object = None
) -> requests.Response:
    """Any route, with one and the same value for the variable part of its address."""
    http = customer.http if customer else product.http()
    options = {"json": body if body is not None else BODIES.get(route.name, {})} if route.body is not None else {}
    return http.request(
        route.method,
        re.sub(r"\{\w+\}", part, route.path),
        expect=tuple(range(200, 600)),
        key=secrets.token_hex(12) if route.needs_idempotency_key else None,
        **options,
    )


def test_every_address_with_an_id_is_walked_here(product: Product) -> None:
    """A new route fails this test until somebody says what its address names."""
    with_id = {route.path for route in api_routes(product) if route.parameters}
    assert with_id == {*NAMED_BY, *NOBODYS}
    documented = {one.path for one in operations(product.http().json("GET", "/openapi.json")) if one.path_parameters}
    assert documented == with_id


def test_ids_of_another_company_are_not_found_whatever_is_done_to_them(product: Product, companies: Companies) -> None:
    before = state_of(companies.theirs, companies.belongings)
    answers = {}
    for route in api_routes(product):
        if route.path in NAMED_BY:
            stolen = getattr(companies.belongings, NAMED_BY[route.path])
            answers[f"{route.method} {route.path}"] = send(companies.ours, product, route, part=stolen)
    assert len(answers) >= len(NAMED_BY)
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 404)
    for name, answer in answers.items():
        assert not leaked(answer.text, companies.belongings), name
    assert state_of(companies.theirs, companies.belongings) == before


def test_ids_of_another_company_in_bodies_and_queries_are_nobody(companies: Companies) -> None:
    http, stolen = companies.ours.http, companies.belongings
    refund = {"checkout_id": stolen.checkout, "reason": "It is not mine"}
    http.request("POST", "/v1/refunds", json=refund, key=secrets.token_hex(12), expect=404)
    worker = {"first_name": "Eve", "last_name": "Moss", "manager_id": stolen.worker}
    http.request("POST", "/v1/workers", json=worker, expect=422)
    assert http.json("GET", "/v1/workers", params={"manager_id": stolen.worker})["items"] == []


def test_a_cursor_of_another_company_shows_nothing_of_it(product: Product, companies: Companies) -> None:
    for route in api_routes(product):
        if route.method == "GET" and route.query is not None and "cursor" in route.query.model_fields:
            for cursor in (companies.belongings.cursor, companies.belongings.worker, companies.belongings.checkout):
                answer = companies.ours.http.request(
                    "GET",
                    re.sub(r"{.+}", "nothing", route.path),
                    params={"cursor": cursor},
                    expect=(200, 403, 404, 422),
                )
                assert not leaked(answer.text, companies.belongings), route.path


def test_one_idempotency_key_in_two_companies_is_two_keys(companies: Companies) -> None:
    key = secrets.token_hex(12)
    worker = {"first_name": "Twin", "last_name": "Key"}
    first = companies.theirs.http.json("POST", "/v1/workers", json=worker, key=key, expect=201)
    second = companies.ours.http.json("POST", "/v1/workers", json=worker, key=key, expect=201)
    assert first["id"] != second["id"]
    companies.ours.http.request("GET", f"/v1/workers/{first['id']}", expect=404)


def test_lists_show_only_what_is_ones_own(product: Product, companies: Companies) -> None:
    for route in api_routes(product):
        if route.method == "GET" and not route.parameters:
            assert not leaked(send(companies.ours, product, route).text, companies.belongings), route.path


@pytest.fixture(scope="module")
def seeds() -> list[str]:
    """Ids that look right; the last characters are chance."""
    return [f"{prefix}_01jd8kz0a4t6b8d2f4h6k8m0pq" for prefix in ("wrk", "chk", "inv", "imp", "usr", "ses", "crf")]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(part=st.from_regex(r"[A-Za-z0-9_~.\-]{1,60}", fullmatch=True).filter(lambda text: set(text) != {"."}))
def test_ids_of_chance_are_not_found(product: Product, companies: Companies, part: str) -> None:
    routes = [route for route in api_routes(product) if route.path in NAMED_BY]
    route = random.Random(part).choice(routes)
    assert send(companies.ours, product, route, part=part.replace("current", "x")).status_code == 404


def test_ids_that_look_right_are_not_found(product: Product, companies: Companies, seeds: list[str]) -> None:
    for route in api_routes(product):
        if route.path in NAMED_BY:
            near = near_miss(getattr(companies.belongings, NAMED_BY[route.path]))
            for part in (*seeds, near):
                assert send(companies.ours, product, route, part=part).status_code == 404, (route.name, part)
                assert send(companies.theirs, product, route, part=part).status_code == 404, (route.name, part)


def near_miss(identifier: str) -> str:
    """A real id with its last character changed."""
    return identifier[:-1] + ("a" if identifier[-1] != "a" else "b")


def test_without_a_session_every_route_that_needs_one_answers_401(product: Product, companies: Companies) -> None:
    ended = Customer(product.url, companies.ours.name)
    ended.password = companies.ours.password
    ended.sign_in()
    ended.http.request("DELETE", "/v1/sessions/current", expect=204)
    invented = Customer(product.url)
    invented.http.token = secrets.token_urlsafe(32)
    walked = 0
    for route in api_routes(product):
        if route.requires == PUBLIC:
            continue
        walked += 1
        part = getattr(companies.belongings, NAMED_BY.get(route.path, "worker"))
        for nobody in (None, ended, invented):
            answer = send(nobody, product, route, part=part)
            assert answer.status_code == 401, (route.name, nobody)
            assert not leaked(answer.text, companies.belongings), route.name
    assert walked > 30


@pytest.mark.parametrize("role", [*ROLES, "unverified"])
def test_a_role_is_refused_exactly_what_it_may_not_do(product: Product, companies: Companies, role: str) -> None:
    somebody, may = cast_of(product, companies.theirs, role)
    wrong = []
    for route in api_routes(product):
        if route.requires == PUBLIC or route.name in ("sign_out", "end_session"):
            continue
        # With a body that no route accepts: nobody may change anything here, allowed or not.
        status = send(somebody, product, route, body={"nothing": 1}).status_code
        refused = route.requires != SIGNED_IN and route.requires not in may
        if (status == 403) != refused or status in (401, 500, 503):
            wrong.append(f"{role} got {status} for {route.name}, which needs {route.requires}")
    assert not wrong, "\n".join(wrong)


def cast_of(product: Product, owner: Customer, role: str) -> tuple[Customer, tuple[str, ...]]:
    """Somebody in this role, and what the contract says that they may do."""
    if role == "owner":
        return owner, PERMISSIONS["owner"]
    if role == "unverified":
        newcomer = Customer(product.url)
        newcomer.register()
        newcomer.mailbox.wait("confirm")
        newcomer.sign_in()
        return newcomer, UNVERIFIED_PERMISSIONS
    for known in ROLES:
        if role == known:
            return member(product, owner, known), PERMISSIONS[known]
    raise AssertionError(role)


def test_a_role_that_was_taken_away_counts_from_the_next_request(product: Product, companies: Companies) -> None:
    helper = member(product, companies.theirs, "supervisor")
    helper.add_worker(first_name="Before")
    helper_id = helper.http.json("GET", "/v1/me")["id"]
    companies.theirs.http.request("PATCH", f"/v1/members/{helper_id}", json={"role": "viewer"})
    worker = {"first_name": "After", "last_name": "Rivers"}
    helper.http.request("POST", "/v1/workers", json=worker, expect=403)
    companies.theirs.http.request("DELETE", f"/v1/members/{helper_id}", expect=204)
    helper.http.request("GET", "/v1/workers", expect=401)


def leaked(text: str, belongings: Belongings) -> list[str]:
    """Which ids of the other company stand in an answer."""
    return [
        name.name for name in fields(belongings) if name.name != "cursor" and getattr(belongings, name.name) in text
    ]


def state_of(customer: Customer, belongings: Belongings) -> dict[str, object]:
    """Everything of a company that could have been changed."""
    found: dict[str, object] = {
        name: customer.http.json("GET", f"/v1/{kind}/{getattr(belongings, name)}")
        for name, kind in {
            "worker": "workers",
            "action": "actions",
            "checkout": "checkouts",
            "invoice": "invoices",
            "bill": "contractor/bills",
            "imported": "worker-imports",
        }.items()
    }
    for kind in ("members", "invitations"):
        found[kind] = customer.http.json("GET", f"/v1/{kind}")["items"]
    found["vacancies"] = customer.http.json("GET", "/v1/vacant-positions")["items"]
    found["templates"] = customer.http.json("GET", "/v1/action-templates")["items"]
    found["sessions"] = [one["id"] for one in customer.http.json("GET", "/v1/sessions")["items"]]
    return found
