"""More work than can be done: what is let in succeeds in time, the rest is told to come back (back-pressure, B10)."""

import secrets
import time

import pytest
import requests

from actiontrac.demo.client import Customer
from tests.examples import DEEP
from tests.recovery.scene import Scene, milliseconds
from tests.recovery.traffic import Answered, Ask, Traffic

pytestmark = [pytest.mark.full, pytest.mark.slow, pytest.mark.timeout(600)]

SECONDS = 30 if DEEP else 3

#: As many clients as keep the product busy; each asks again as soon as it is answered.
AT_CAPACITY = 16

#: So many more are needed for a crowd, most of whose clients wait or pause at any moment.
CROWD = 8


def reading() -> Ask:
    """At two services, one of which payments need, too."""
    return Ask("GET", secrets.choice(("/v1/workers?limit=50", "/v1/subscription")))


def paying() -> Ask:
    """What a fifth of the places is kept for; the answer to an unsigned webhook is a refusal of its signature."""
    if secrets.randbelow(3):
        return Ask("POST", "/webhooks/stripe", b"{}", expect=(400,))
    order = {"plan": "business", "method": "card"}
    return Ask("POST", "/v1/checkouts", order, key=secrets.token_hex(12), expect=(201,))


def good(traffic: Traffic) -> list[Answered]:
    return [one for one in traffic.answers if one.good]


@pytest.mark.parametrize("times", [2, 3] if DEEP else [3])
def test_what_is_let_in_succeeds_and_payments_are_never_refused(scene: Scene, owner: Customer, times: int) -> None:
    url, token = scene.product.url, owner.http.token
    owner.add_worker(worker_number=f"busy-{secrets.token_hex(4)}")
    # The owner's company grew in other tests, perhaps beyond what can be bought.
    buyer = Customer(url)
    buyer.join()
    with Traffic(url, token, reading, clients=AT_CAPACITY) as calm:
        time.sleep(SECONDS)
    rate = len(good(calm)) / SECONDS
    with (
        Traffic(url, token, reading, clients=times * AT_CAPACITY * CROWD) as crowd,
        Traffic(url, buyer.http.token, paying, clients=4, rate=8) as payments,
    ):
        time.sleep(SECONDS)
        alive = requests.get(f"{url}/healthz", timeout=15)
    refused = crowd.of(503)
    goodput = len(good(crowd)) / SECONDS
    scene.note(
        f"B10 {times} times the load", capacity=f"{rate:.0f}/s", calm=milliseconds([a.seconds for a in good(calm)]),
        goodput=f"{goodput:.0f}/s", admitted=milliseconds([a.seconds for a in good(crowd)]), refused=len(refused),
        refusal=milliseconds([a.seconds for a in refused]), payments=payments.statuses(),
        payment=milliseconds([a.seconds for a in payments.answers]),
    )  # fmt: skip
    assert alive.status_code == 200
    assert set(calm.statuses()) | set(crowd.statuses()) <= {200, 503}, crowd.statuses()
    assert all(one.says_when_to_come_back for one in refused)
    assert not payments.wrong, {one.problem or f"{one.status} {one.body[:200]!r}" for one in payments.wrong}
    # The crowd itself keeps the machine busy.
    assert goodput > rate / 3
    assert max(one.seconds for one in crowd.answers) < 10
