"""The broker is killed, stays away, and is under alarm: refusals at once, nothing hangs, nothing is lost (B3, B4)."""

import secrets
import time
from collections.abc import Callable

import pytest

from actiontrac.demo.client import Customer, pay, wait_for
from tests.examples import DEEP
from tests.recovery.scene import Scene, milliseconds, until
from tests.recovery.test_rolling_restarts import check_workers
from tests.recovery.traffic import Answered, Ask, OfficeWork, Traffic

pytestmark = [pytest.mark.full, pytest.mark.slow, pytest.mark.timeout(600)]

AWAY_SECONDS = 60 if DEEP else 4
ALARM_SECONDS = 120 if DEEP else 5
CUTS = 10 if DEEP else 2

#: The goal is one second; on a busy machine the answer takes as long as a busy process needs to say it.
REFUSED_WITHIN = 3.0


def stripe_says() -> Ask:
    """A webhook: what becomes of it must make the processor send it again, or be kept."""
    return Ask("POST", "/webhooks/stripe", b"{}", expect=(400,))


class Day:
    """Office work with a webhook now and then."""

    def __init__(self) -> None:
        self.work = OfficeWork()
        self._number = 0

    def __call__(self) -> Ask:
        self._number += 1
        return stripe_says() if self._number % 10 == 0 else self.work()


def add_workers(owner: Customer, number: int) -> int:
    """Commit so many changes whose events must arrive; what billing will have counted then."""
    for _ in range(number):
        owner.add_worker(worker_number=f"before-{secrets.token_hex(4)}")
    return len(list_ids(owner))


def list_ids(owner: Customer) -> list[str]:
    ids: list[str] = []
    cursor = None
    while True:
        page = owner.http.json("GET", "/v1/workers", params={"limit": 200, **({"cursor": cursor} if cursor else {})})
        ids += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return ids


def check_refusals(refused: list[Answered]) -> None:
    assert refused, "nothing was refused: the broker was not away, and this showed nothing"
    wrong = [one for one in refused if not one.says_when_to_come_back]
    assert not wrong, {one.problem or f"{one.status} {one.body[:200]!r}" for one in wrong}


def kept_away(scene: Scene, owner: Customer, name: str, begin: Callable[[], None], finish: Callable[[], None],
              seconds: float) -> None:  # fmt: skip
    """Work goes on while the broker takes nothing; then everything that was committed arrives."""
    day = Day()
    before = add_workers(owner, 3)
    begin()
    began = time.monotonic()
    with Traffic(scene.product.url, owner.http.token, day, clients=6, rate=15) as traffic:
        time.sleep(max(0.0, seconds - (time.monotonic() - began)))
        finish()
        over = time.monotonic()
        until(lambda: [one for one in traffic.answers if one.good and one.at > over], 60, "the first good answer")
        answered = time.monotonic() - over
        bought = owner_buys(scene)
        purchase = time.monotonic() - over
        time.sleep(2)
    refused = [one for one in traffic.answers if one.status in (503, 504)]
    check_refusals(refused)
    slow = [one for one in refused if one.seconds > REFUSED_WITHIN]
    webhooks = [one for one in traffic.answers if one.ask.path.startswith("/webhooks/") and not one.good]
    # 2xx would tell a processor that it need not come again.
    assert all(one.status >= 500 for one in webhooks), traffic.statuses()
    other = [one for one in traffic.wrong if one not in refused]
    acknowledged = day.work.acknowledged(traffic)
    delivered = until(lambda: counted(owner, before + len(acknowledged)), 60, "every committed change at billing")
    scene.note(
        name, seconds=seconds, statuses=traffic.statuses(), refusal=milliseconds([one.seconds for one in refused]),
        slow_refusals=len(slow), webhooks_refused=len(webhooks), answers_again_after=f"{answered:.1f} s",
        purchase_after=f"{purchase:.1f} s", all_delivered_after=f"{time.monotonic() - over:.1f} s",
    )  # fmt: skip
    assert not other, {one.problem or f"{one.status} {one.body[:200]!r}" for one in other}
    # A question that was on its way when the broker went may cost its deadline; not more than a few do.
    assert len(slow) <= 12, milliseconds([one.seconds for one in slow])
    assert delivered < 60
    assert bought
    check_workers(owner, day.work.mark, acknowledged | unknown(owner, traffic))


def unknown(owner: Customer, traffic: Traffic) -> dict[str, str]:
    """What a refusal left open: repeated under the same key, as the refusal says; each is there once."""
    found = {}
    for one in traffic.answers:
        if one.ask.path == "/v1/workers" and not one.good:
            answer = owner.http.json("POST", one.ask.path, json=one.ask.body, key=one.ask.key, expect=201)
            found[one.ask.body["worker_number"]] = answer["id"]
    return found


def counted(owner: Customer, least: int) -> bool:
    return bool(owner.http.json("GET", "/v1/usage")["managed"] >= least)


def owner_buys(scene: Scene) -> bool:
    """A purchase from the price list to the paid year, by somebody new; repeated while it is refused."""
    buyer = Customer(scene.product.url)

    def step(what: str, do: Callable[[], object]) -> None:
        def done() -> bool:
            try:
                do()
            except Exception:
                return False
            return True

        wait_for(what, done, 60)

    step("the registration", buyer.register)
    step("the confirmation", buyer.verify)
    step("the sign-in", buyer.sign_in)
    checkouts = []
    key = secrets.token_hex(12)
    step("the checkout", lambda: checkouts.append(buyer.buy("starter", "card", key=key)))
    pay(checkouts[-1])
    return buyer.wait_paid(checkouts[-1]["id"], 60)["state"] == "paid"


def test_a_broker_that_is_killed_and_stays_away(scene: Scene, owner: Customer) -> None:
    kept_away(
        scene, owner, "B3, B4 broker killed and away", scene.servers.kill_broker, scene.servers.start_broker,
        AWAY_SECONDS,
    )  # fmt: skip


def test_cut_connections_are_hardly_noticed(scene: Scene, owner: Customer) -> None:
    """What was under way is asked again within its deadline, a write as the same operation."""
    work = OfficeWork()
    with Traffic(scene.product.url, owner.http.token, work, clients=8, rate=20) as traffic:
        for _ in range(CUTS):
            scene.servers.rabbitmqctl("close_all_connections", "cut by a test")
            time.sleep(1)
    scene.note(
        "broker's connections cut", cuts=CUTS, requests=len(traffic.answers), refused=len(traffic.wrong),
        answer=milliseconds([one.seconds for one in traffic.answers]),
    )  # fmt: skip
    assert all(one.says_when_to_come_back for one in traffic.wrong), traffic.statuses()
    # Each cut lasts a tenth of a second, more on a busy machine; refused is only what came when it took too long.
    assert len(traffic.wrong) <= len(traffic.answers) / 10, traffic.statuses()
    check_workers(owner, work.mark, work.acknowledged(traffic) | unknown(owner, traffic))


def test_a_broker_under_a_memory_alarm(scene: Scene, owner: Customer) -> None:
    kept_away(
        scene, owner, "B4 memory alarm",
        lambda: scene.servers.rabbitmqctl("set_vm_memory_high_watermark", "absolute", "1") and None,
        lambda: scene.servers.rabbitmqctl("set_vm_memory_high_watermark", "0.4") and None,
        ALARM_SECONDS,
    )  # fmt: skip
