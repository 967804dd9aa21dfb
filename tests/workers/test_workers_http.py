"""Workers as somebody uses them over HTTP, in the whole product."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from actiontrac.demo.client import Customer, wait_for
from tests.stack import Product, embedded_product


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    started = embedded_product(tmp_path_factory.mktemp("workers_http"))
    started.start()
    yield started
    assert started.stop() == 0


@pytest.fixture(scope="module")
def joined(product: Product) -> Customer:
    customer = Customer(product.url)
    customer.join()
    return customer


@pytest.fixture
def owner(joined: Customer) -> Customer:
    # Another test may have moved the clock, and a session ends.
    joined.sign_in()
    return joined


def test_an_action_is_written_seen_reminded_of_and_done(product: Product, owner: Customer) -> None:
    http = owner.http
    worker = owner.add_worker()
    me = http.json("GET", "/v1/me")["id"]
    template = {"name": "Leaving", "kind": "task", "text": "Return the keys.", "due_in_days": 2}
    begun = http.json("POST", "/v1/action-templates", json=template, expect=201)
    address = f"/v1/workers/{worker['id']}/actions"
    action = http.json("POST", address, json={"template_id": begun["id"], "owner_id": me}, expect=201)
    assert (action["text"], action["author_id"], action["owner_id"], action["state"]) == (
        "Return the keys.", me, me, "open",
    )  # fmt: skip
    refused = http.request("POST", address, json={"kind": "note", "text": "Card 4111 1111 1111 1111"}, expect=422)
    assert refused.json()["fields"][0]["field"] == "text"
    http.request("POST", address, json={"kind": "note", "text": "x", "owner_id": "usr_nobody"}, expect=422)

    product.advance("4d")
    owner.sign_in()

    def reminded() -> dict[str, Any] | None:
        found: dict[str, Any] = http.json("GET", f"/v1/actions/{action['id']}")
        return found if found["reminded_at"] else None

    assert wait_for("the reminder", reminded, 30)["overdue"]
    due_by = (date.fromisoformat(action["due_on"]) + timedelta(days=1)).isoformat()
    found = http.json("GET", "/v1/actions", params={"state": "open", "due_by": due_by, "sort": "due"})["items"]
    assert [one["id"] for one in found] == [action["id"]]
    http.request("PATCH", f"/v1/actions/{action['id']}", json={"state": "done"})
    assert http.json("GET", "/v1/actions", params={"state": "open"})["items"] == []
    assert len(http.json("GET", address)["items"]) == 1
    http.request("DELETE", f"/v1/action-templates/{begun['id']}", expect=204)


def test_the_result_of_the_sweep_is_public(product: Product) -> None:
    visitor = product.http()
    product.advance("1d")

    def swept() -> dict[str, Any] | None:
        answer = visitor.request("GET", "/v1/forbidden-data-sweep", expect=(200, 404))
        found: dict[str, Any] = answer.json()
        return found if answer.status_code == 200 else None

    assert wait_for("a sweep", swept, 30)["quarantined"] == 0


def test_the_chart_is_seen_as_data_and_as_a_picture(owner: Customer) -> None:
    http = owner.http
    boss = owner.add_worker(first_name="Bea", department="Office")
    report = owner.add_worker(first_name="Ron", manager_id=boss["id"], started_on="2020-01-02", title="Fitter")
    http.json("POST", "/v1/vacant-positions", json={"title": "Welder", "manager_id": boss["id"]}, expect=201)
    http.request("PATCH", f"/v1/workers/{report['id']}", json={"title": "Lead", "effective_on": "2024-05-01"})
    nodes = http.json("GET", "/v1/org-chart", params={"root_id": boss["id"]})["nodes"]
    assert [(node["name"], node["level"]) for node in nodes] == [("Bea Rivers", 0), ("Ron Rivers", 1), ("Vacant", 1)]
    past = http.json("GET", "/v1/org-chart", params={"on": "2023-01-01"})["nodes"]
    assert [(node["name"], node["title"], node["orphan"]) for node in past] == [("Ron Rivers", "Fitter", True)]
    positions = http.json("GET", f"/v1/workers/{report['id']}/positions")["items"]
    assert [one["title"] for one in positions] == ["Lead", "Fitter"]
    picture = http.request("GET", "/v1/org-chart.svg", params={"root_id": boss["id"]})
    assert picture.headers["Content-Type"].startswith("image/svg+xml")
    assert picture.text.startswith("<svg ")
    assert "Ron Rivers" in picture.text
    http.request("GET", "/v1/org-chart", params={"on": "2999-01-01"}, expect=422)


def test_a_profile_goes_back_to_what_it_was(owner: Customer) -> None:
    http = owner.http
    worker = owner.add_worker(title="Fitter", notes="Knows the press.")
    address = f"/v1/workers/{worker['id']}"
    http.request("PATCH", address, json={"title": "Lead", "notes": None})
    restored = http.json("POST", f"{address}/restorations", json={"version": 1})
    assert (restored["title"], restored["notes"]) == ("Fitter", "Knows the press.")
    history = http.json("GET", f"{address}/history")["items"]
    assert [(one["version"], one["restored_from"]) for one in history] == [(3, 1), (2, None), (1, None)]
    assert {one["field"] for one in history[0]["changes"]} == {"title", "notes"}
    assert history[0]["author_id"] == http.json("GET", "/v1/me")["id"]
    http.request("POST", f"{address}/restorations", json={"version": 7}, expect=404)


def test_a_file_that_is_taken_away_comes_back_as_it_was(product: Product, owner: Customer) -> None:
    boss = owner.add_worker(first_name="Bea", work_phone="+49 30 901820")
    owner.add_worker(first_name="Ron", manager_id=boss["id"], notes='=1+1\r\n"quoted", Zoë', tags=["a; b", "c"])
    file = owner.http.request("GET", "/v1/workers.csv")
    assert file.headers["Content-Type"].startswith("text/csv")
    assert "attachment" in file.headers["Content-Disposition"]
    assert "'+49 30 901820" in file.text
    again = owner.http.json(
        "POST", "/v1/worker-imports", data=file.content, headers={"Content-Type": "text/csv"}, expect=201
    )
    assert (again["unchanged"], again["failed"]) == (again["rows"], 0)
    assert again["rows"] == len(owner.http.json("GET", "/v1/workers.json"))
    other = Customer(product.url)
    other.join()
    taken = other.http.json("POST", "/v1/worker-imports", json={"text": file.text}, expect=201)
    assert (taken["created"], taken["failed"]) == (again["rows"], 0)
    assert other.http.request("GET", "/v1/workers.csv").content == file.content
