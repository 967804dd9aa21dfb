"""Billing through the public door: a trial, a year, an upgrade, and its documents."""

import pytest

from actiontrac.demo.client import Customer, pay
from tests.journeys.people import joined, member, subscribe
from tests.stack import Product, embedded_product


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    running = embedded_product(tmp_path_factory.mktemp("product"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def owner(product: Product) -> Customer:
    return joined(product)


def test_a_trial_then_a_year_then_an_upgrade_that_is_charged_as_quoted(owner):
    trial = owner.http.json("POST", "/v1/trials", expect=201)
    assert (trial["state"], trial["plan"], trial["read_only"]) == ("trial", "team", False)
    refused = owner.http.json("POST", "/v1/trials", expect=409)
    assert refused["code"] == "trial_used"

    subscribe(owner, "starter")
    quoted = owner.http.json("POST", "/v1/plan-changes/quotes", json={"plan": "team"}, expect=201)
    wanted = {"quote_id": quoted["id"], "method": "paypal"}
    changed = owner.http.json("POST", "/v1/plan-changes", json=wanted, key="upgrade-1", expect=201)
    again = owner.http.json("POST", "/v1/plan-changes", json=wanted, key="upgrade-1", expect=201)
    assert again["checkout"]["id"] == changed["checkout"]["id"]
    pay(changed["checkout"])
    paid = owner.wait_paid(changed["checkout"]["id"])

    assert paid["amount_minor"] == quoted["charge_minor"]
    assert owner.http.json("GET", "/v1/subscription")["plan"] == "team"
    invoice = owner.http.json("GET", "/v1/invoices")["items"][0]
    page = owner.http.request("GET", f"/v1/invoices/{invoice['id']}/pdf")
    assert (page.headers["Content-Type"], page.content[:5]) == ("application/pdf", b"%PDF-")
    assert invoice["number"] in page.headers["Content-Disposition"]
    assert invoice["total_minor"] == quoted["charge_minor"] == sum(line["amount_minor"] for line in invoice["lines"])


def test_who_may_not_buy_may_not_change_the_plan_either(product, owner):
    viewer = member(product, owner, "hr_manager")
    for path, body in (
        ("/v1/trials", None),
        ("/v1/plan-changes/quotes", {"plan": "team"}),
        ("/v1/plan-changes", {"quote_id": "quo_1", "method": "card"}),
    ):
        viewer.http.request("POST", path, json=body, key="forbidden-1", expect=403)
