"""The database is killed and stays away: what was acknowledged is there afterwards, and nothing waits in vain (B5)."""

import time

import pytest

from actiontrac.demo.client import Customer
from tests.examples import DEEP
from tests.recovery.scene import Scene, milliseconds, until
from tests.recovery.test_broker_away import REFUSED_WITHIN, add_workers, check_refusals, counted, unknown
from tests.recovery.test_broker_away import Day as Work
from tests.recovery.test_rolling_restarts import check_workers
from tests.recovery.traffic import Traffic

pytestmark = [pytest.mark.full, pytest.mark.slow, pytest.mark.timeout(600)]

KILLS = 5 if DEEP else 1

#: Longer than a queue's delivery limit lasted when an event that could not be recorded went back every second.
AWAY_SECONDS = 30 if DEEP else 4


def dead_letters(scene: Scene) -> str:
    return scene.product.command("dead-letters", "list").stdout


def test_a_database_that_is_killed_loses_nothing_that_was_acknowledged(scene: Scene, owner: Customer) -> None:
    back: list[float] = []
    refused_after: list[float] = []
    for _ in range(KILLS):
        work = Work()
        before = add_workers(owner, 3)
        with Traffic(scene.product.url, owner.http.token, work, clients=6, rate=15) as traffic:
            time.sleep(1)
            scene.servers.kill_postgres()
            time.sleep(AWAY_SECONDS)
            scene.servers.start_postgres()
            accepts = time.monotonic()

            def written(traffic: Traffic = traffic, accepts: float = accepts) -> bool:
                return any(one.good and one.ask.key and one.at > accepts for one in traffic.answers)

            back.append(until(written, 60, "a write"))
            time.sleep(2)
        refused = [one for one in traffic.answers if one.status in (503, 504)]
        check_refusals(refused)
        refused_after += [one.seconds for one in refused]
        other = [one for one in traffic.wrong if one not in refused]
        assert not other, {one.problem or f"{one.status} {one.body[:200]!r}" for one in other}
        acknowledged = work.work.acknowledged(traffic)
        repeated = unknown(owner, traffic)
        check_workers(owner, work.work.mark, acknowledged | repeated)
        everyone = before + len(acknowledged | repeated)
        until(lambda everyone=everyone: counted(owner, everyone), 60, "every committed change at billing")
    assert "event" not in dead_letters(scene).replace("No event has failed.", ""), dead_letters(scene)
    slow = [one for one in refused_after if one > REFUSED_WITHIN]
    scene.note(
        "B5 database killed", kills=KILLS, away=AWAY_SECONDS, writes_again_after=milliseconds(back),
        refusals=len(refused_after), refusal=milliseconds(refused_after), slow_refusals=len(slow),
    )  # fmt: skip
    assert len(slow) <= 12 * KILLS, milliseconds(slow)
