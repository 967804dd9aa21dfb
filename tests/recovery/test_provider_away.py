"""A payment processor is away: nobody waits, it is asked seldom, and what was paid is settled afterwards (B6)."""

import os
import secrets
import signal
import time
from collections.abc import Callable

import pytest

from actiontrac.demo.client import Customer, pay
from services.billing.circuit import FAILURES, PAUSE_SECONDS
from tests.examples import DEEP
from tests.recovery.scene import REPLICAS, Scene, milliseconds, until
from tests.recovery.traffic import Ask, Traffic

pytestmark = [pytest.mark.full, pytest.mark.slow, pytest.mark.timeout(900)]

AWAY_SECONDS = 120 if DEEP else 5
CLIENTS = 4
RATE = 40
MANY = 100_000


def buying() -> Ask:
    order = {"plan": "business", "method": "card"}
    return Ask("POST", "/v1/checkouts", order, key=secrets.token_hex(12), expect=(201, 503))


def failing(scene: Scene) -> Callable[[], int]:
    """It answers 500 to everything; returns how to make it well again, which says how often it was asked."""
    scene.product.control("POST", "faults", json={"provider": "stripe", "kind": "error_before", "count": MANY})

    def well() -> int:
        waiting = scene.product.control("GET", "faults")["waiting"]
        scene.product.control("DELETE", "faults")
        return MANY - int(waiting[0]["remaining"])

    return well


def hanging(scene: Scene) -> Callable[[], int]:
    """It takes every connection and answers none; how often it was asked nobody can say."""
    (sandbox,) = scene.product.pids("actiontrac sandbox")
    os.kill(sandbox, signal.SIGSTOP)

    def well() -> int:
        os.kill(sandbox, signal.SIGCONT)
        return 0

    return well


@pytest.mark.parametrize("how", [failing, hanging] if DEEP else [failing])
def test_nobody_waits_for_a_processor_that_is_away(scene: Scene, how: Callable[[Scene], Callable[[], int]]) -> None:
    buyer = Customer(scene.product.url)
    buyer.join()
    paid = buyer.buy("team", "card")
    scene.product.control("POST", "webhooks", json={"provider": "stripe", "mode": "hold"})
    pay(paid, come_back=False)
    well = how(scene)
    try:
        with (
            Traffic(scene.product.url, buyer.http.token, buying, clients=CLIENTS, rate=RATE) as crowd,
            Traffic(scene.product.url, buyer.http.token, lambda: Ask("GET", "/v1/me"), clients=2, rate=10) as others,
        ):
            time.sleep(AWAY_SECONDS)
    finally:
        asked = well()
        scene.product.control("POST", "webhooks", json={"provider": "stripe", "mode": "normal"})
    returned = time.monotonic()
    settled = until(lambda: buyer.checkout(paid["id"])["state"] == "paid", 90, "the payment's settlement")
    sells = until(lambda: sells_again(scene), 60, "a new checkout")
    refused = crowd.of(503)
    scene.note(
        f"B6 processor {how.__name__}", seconds=AWAY_SECONDS, answers=crowd.statuses(), asked=asked,
        refusal=milliseconds([a.seconds for a in refused]), others=milliseconds([a.seconds for a in others.answers]),
        settled_after=f"{settled:.1f} s", sells_again_after=f"{time.monotonic() - returned:.1f} s",
    )  # fmt: skip
    assert not crowd.wrong, {one.problem or f"{one.status} {one.body[:200]!r}" for one in crowd.wrong}
    assert refused
    assert all(one.says_when_to_come_back for one in refused)
    assert not others.wrong, others.statuses()
    # Until a replica's breaker opens, those who ask at the same moment ask, too; then one of them each pause. The
    # SDK repeats a call twice by itself. Without a breaker every buyer asks.
    most = 3 * REPLICAS * (FAILURES + CLIENTS + AWAY_SECONDS / PAUSE_SECONDS + 1)
    assert most < RATE * AWAY_SECONDS / 2
    assert asked <= most, f"asked {asked} times, at most {most:.0f} were expected"
    assert sells < 60


def sells_again(scene: Scene) -> bool:
    buyer = Customer(scene.product.url)
    buyer.join()
    order = {"plan": "starter", "method": "card"}
    answer = buyer.http.request(
        "POST", "/v1/checkouts", json=order, key=secrets.token_hex(12), expect=tuple(range(200, 600))
    )
    return answer.status_code == 201
