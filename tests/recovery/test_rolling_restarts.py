"""Every replica is stopped and killed while people work: nobody notices (B1, B2)."""

import os
import signal
import time

import pytest

from actiontrac.config import SERVICES
from actiontrac.demo.client import Customer
from tests.examples import DEEP
from tests.recovery.scene import REPLICAS, Scene, alive, end, milliseconds, until
from tests.recovery.traffic import OfficeWork, Traffic

pytestmark = [pytest.mark.full, pytest.mark.slow, pytest.mark.timeout(2400 if DEEP else 200)]

#: RECOVERY_ROUNDS=10 plays a part of the deep run's fifty.
ROUNDS = int(os.environ.get("RECOVERY_ROUNDS", "50" if DEEP else "1"))
RATE = 20


def stopped(pids: list[int]) -> list[float]:
    """SIGTERM to all of them; how long each took to end."""
    began = time.monotonic()
    for pid in pids:
        end(pid)
    took: dict[int, float] = {}

    def gone() -> bool:
        took.update({pid: time.monotonic() - began for pid in pids if pid not in took and not alive(pid)})
        return len(took) == len(pids)

    until(gone, 30, "the end of what was told to stop")
    return list(took.values())


def test_rolling_restarts_fail_no_request_and_deliver_nothing_twice(scene: Scene, owner: Customer) -> None:
    work = OfficeWork()
    before = scene.redelivered()
    drained: list[float] = []
    with Traffic(scene.product.url, owner.http.token, work, clients=8, rate=RATE) as traffic:
        time.sleep(1)
        for _ in range(ROUNDS):
            for number in range(REPLICAS):
                # One replica of each service at a time, as every orchestrator does it.
                drained += stopped([scene.pids(service)[number] for service in SERVICES])
                scene.wait_whole()
        time.sleep(1)
    said = {one.problem or f"{one.status} {one.body[:200]!r}" for one in traffic.wrong}
    scene.note(
        "B1 rolling restarts", rounds=ROUNDS, stops=len(drained), requests=len(traffic.answers),
        failed=len(traffic.wrong), repeated_on_a_new_connection=traffic.repeated,
        redelivered=scene.redelivered() - before, stop=milliseconds(drained),
        answer=milliseconds([one.seconds for one in traffic.answers]),
    )  # fmt: skip
    assert not traffic.wrong, said
    # What a queue does when it is left is tested by itself (tests/integration/test_leaving_a_queue.py). Here the
    # deep run, on a machine of its own, is strict; beside other tests a queue that answers too late is left as it is.
    assert scene.redelivered() - before <= (0 if DEEP else ROUNDS)
    assert max(drained) < 12
    check_workers(owner, work.mark, work.acknowledged(traffic))


def check_workers(owner: Customer, mark: str, acknowledged: dict[str, str]) -> None:
    """Everything that was acknowledged is there once, and nothing else."""
    found: list[tuple[str, str]] = []
    cursor: str | None = None
    while True:
        page = owner.http.json("GET", "/v1/workers", params={"limit": 200, **({"cursor": cursor} if cursor else {})})
        found += [(one["worker_number"], one["id"]) for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(pair for pair in found if pair[0].startswith(mark)) == sorted(acknowledged.items())


KILLS = 20 if DEEP else 1


@pytest.mark.parametrize("service", SERVICES if DEEP else ("workers", "gateway"))
def test_a_killed_service_is_back_in_rotation(scene: Scene, service: str) -> None:
    back = []
    for _ in range(KILLS):
        victim = scene.pids(service)[0]
        end(victim, signal.SIGKILL)
        until(lambda victim=victim: not alive(victim), 5, "the end of what was killed")
        back.append(until(lambda: scene.in_rotation(service) == REPLICAS, 20, f"{service} in rotation"))
    scene.wait_whole()
    scene.note(f"B2 kill -9 of {service}", kills=KILLS, back_after=milliseconds(back))
