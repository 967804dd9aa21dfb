"""
Two and three processes of every service on one broker and one set of databases: the journey
passes, a session ends in every gateway, and nothing that falls due happens twice. G03, G06.
"""

import json
import re
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import psycopg2
import pytest
import requests

from actiontrac.demo.client import Customer, Http, pay, wait_for
from actiontrac.demo.steps import Demo
from tests.journeys.conftest import running
from tests.journeys.people import joined, staff
from tests.servers.servers import Servers
from tests.stack import Product, full_product

pytestmark = [pytest.mark.full, pytest.mark.slow, pytest.mark.timeout(300)]

COMPANIES = 4

#: How long no mail must come before we believe that none is under way.
QUIET_SECONDS = 3


@pytest.fixture(scope="module")
def replicated(
    request: pytest.FixtureRequest, servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Product]:
    home = tmp_path_factory.mktemp("replicated")
    with running(full_product(home, servers, replicas=request.param)) as product:
        yield product


TWO_AND_THREE = pytest.mark.parametrize("replicated", [2, 3], ids=["two replicas", "three replicas"], indirect=True)


@TWO_AND_THREE
def test_the_main_job_passes(replicated: Product) -> None:
    Demo(replicated.url, replicated.settings).run()


@TWO_AND_THREE
def test_sign_out_counts_in_every_gateway_within_a_second(replicated: Product) -> None:
    customer = joined(replicated)
    headers = {"Authorization": f"Bearer {customer.http.token}"}
    # New connections are spread over the gateways, and each keeps its own.
    doors = [requests.Session() for _ in range(24)]

    def status(door: requests.Session) -> int:
        return door.get(f"{replicated.url}/v1/me", headers=headers, timeout=30).status_code

    assert {status(door) for door in doors} == {200}
    customer.http.request("DELETE", "/v1/sessions/current", expect=204)
    over = time.monotonic()
    while doors:
        late = time.monotonic() - over > 1
        doors = [door for door in doors if status(door) != 401]
        assert not (late and doors), f"{len(doors)} connections still let it in"
    assert_all_answered(replicated)


def assert_all_answered(product: Product) -> None:
    """Otherwise the test above says nothing: each gateway counts what it let in and what it refused."""
    counted = {}
    for _ in range(60):
        text = requests.get(f"{product.url}/metrics", timeout=30).text
        process = re.search(r"^actiontrac_process_id (\S+)$", text, re.MULTILINE)
        assert process is not None
        counted[process[1]] = set(re.findall(r'requests_total\{method="GET",route="/v1/me",status="(\d+)"', text))
    assert len(counted) == len(product.pids("serve gateway"))
    assert all({"200", "401"} <= statuses for statuses in counted.values())


@pytest.mark.parametrize("replicated", [3], ids=["three replicas"], indirect=True)
def test_nothing_that_falls_due_happens_twice(replicated: Product) -> None:
    for provider in ("stripe", "paypal"):
        replicated.control("POST", "webhooks", json={"provider": provider, "mode": "duplicate", "times": 3})
    with ThreadPoolExecutor(COMPANIES) as pool:
        owners = list(pool.map(lambda number: busy_company(replicated, number), range(COMPANIES)))
    subject = mailing(replicated)
    for owner in owners:
        owner.mailbox.wait(subject)
    # A month later the plans have settled in, and whoever bought too much is told so.
    replicated.advance("31d")
    for owner in owners:
        owner.mailbox.wait("smaller plan", 60)
    wait_for("the nightly sweep", lambda: lines(replicated, "sweep_finished"), 60)
    wait_until_quiet(replicated)

    doubled = [key for key, times in Counter(mails(replicated)).items() if times > 1]
    assert not doubled
    accepted = Counter(entry["message_id"] for entry in replicated.control("GET", "ledger", params={"kind": "mail"}))
    assert not [one for one, times in accepted.items() if times > 1], "a mail was handed over twice"
    taken = Counter(
        entry["payment_id"]
        for entry in replicated.control("GET", "ledger")
        if entry["kind"] in ("charge", "capture") and "payment_id" in entry
    )
    assert set(taken.values()) == {1}, "a checkout was charged twice"
    assert_numbered_without_gaps(replicated)
    nights = Counter(line["at"][:10] for line in lines(replicated, "sweep_finished"))
    assert set(nights.values()) == {1}, "two replicas swept in one night"
    assert not [line for line in lines(replicated) if line["level"] in ("error", "critical")]


def busy_company(product: Product, number: int) -> Customer:
    """Buys more than it needs, fills it, gives one purchase back and buys again, wants promotions."""
    owner = joined(product)
    owner.http.request("PATCH", "/v1/me/email-preferences", json={"categories": {"promotions": True}})
    method = "card" if number % 2 else "paypal"
    first = owner.buy("starter", method)
    pay(first)
    owner.wait_paid(first["id"])
    refund = {"checkout_id": first["id"], "reason": "The wrong plan"}
    owner.http.request("POST", "/v1/refunds", json=refund, key=secrets.token_hex(12), expect=201)
    wait_for("the refund", lambda: owner.checkout(first["id"])["state"] == "refunded", 40)
    second = owner.buy("team", method)
    pay(second)
    owner.wait_paid(second["id"])
    file = "First name;Surname\n" + "".join(f"Ada{number};Lane{number}\n" for number in range(9))
    # The refund had closed the account, and workers hear of the second purchase a moment after its buyer.
    wait_for(
        "the account to be open again",
        lambda: owner.http.request("POST", "/v1/worker-imports", json={"text": file}, expect=(201, 409)).status_code
        == 201,
    )
    return owner


def mailing(product: Product) -> str:
    subject = f"Webinar {secrets.token_hex(3)}"
    campaign = {"name": subject, "subject": subject, "heading": subject, "body": "An hour."}
    operators = staff(product)
    made = operators.json("POST", "/v1/campaigns", json=campaign, expect=201)
    wait_for("the end of the mailing", lambda: _sent(operators, made["id"]), 60)
    return subject


def _sent(operators: Http, campaign_id: str) -> bool:
    return bool(operators.json("GET", f"/v1/campaigns/{campaign_id}")["status"] == "sent")


def mails(product: Product) -> list[tuple[str, ...]]:
    """Recipient, template, subject and the request that caused it, of everything that was sent."""
    return [
        (
            *mail["to"],
            mail["headers"]["Feedback-ID"],
            mail["subject"],
            mail["headers"].get("X-Request-ID", ""),
        )
        for mail in product.http().json("GET", "/sandbox/mail/messages")
    ]


def wait_until_quiet(product: Product) -> None:
    seen, since = -1, time.monotonic()
    while time.monotonic() - since < QUIET_SECONDS:
        found = len(mails(product))
        if found != seen:
            seen, since = found, time.monotonic()
        time.sleep(0.3)


def lines(product: Product, event: str = "") -> list[dict[str, Any]]:
    found = [json.loads(line) for line in product.log().splitlines()]
    return [line for line in found if not event or line["event"] == event]


def assert_numbered_without_gaps(product: Product) -> None:
    """Every invoice and credit note of all companies, as they stand in the database."""
    database = psycopg2.connect(product.settings.database_owner_url_for("billing"))
    with closing(database), database.cursor() as cursor:
        cursor.execute("SELECT set_config('app.company_id', '*', false)")
        cursor.execute("SELECT number, kind, checkout_id, refund_id FROM invoices")
        found = cursor.fetchall()
    # Two invoices and a credit note of each company, two invoices of the demo.
    assert len(found) == 3 * COMPANIES + 2
    series: dict[str, list[int]] = {}
    for number, *_ in found:
        prefix, _, last = number.rpartition("-")
        series.setdefault(prefix, []).append(int(last))
    for prefix, numbers in series.items():
        assert sorted(numbers) == list(range(1, len(numbers) + 1)), f"{prefix} has gaps"
    assert len({tuple(about) for _, *about in found}) == len(found), "two documents about one and the same"
