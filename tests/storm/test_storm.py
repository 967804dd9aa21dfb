"""The storm in small, in every run of the tests; `make chaos` is the whole one."""

import os
import secrets
from pathlib import Path

import pytest

from tests.storm.hits import SHORT, short_deck
from tests.storm.storm import Plan, Storm

PURCHASES, WORKER_WRITES = 20, 200


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nothing_is_lost_and_nothing_doubled_while_everything_is_hit_once(tmp_path: Path) -> None:
    seed = int(os.environ.get("ACTIONTRAC_TEST_SEED", secrets.randbelow(10**6) + 1))
    plan = Plan(
        seed=seed,
        purchases=PURCHASES,
        worker_writes=WORKER_WRITES,
        clients=10,
        scale=SHORT,
        deck=short_deck(),
        clustered=False,
        most_seconds=240,
        drain_seconds=180,
        wait_seconds=0,
    )
    storm = Storm(plan, tmp_path / f"storm-{os.getpid()}", print)
    try:
        outcome = storm.run()
    finally:
        storm.world.stop(keep=True)
    print(outcome.further())
    print(outcome.line())

    wrong = {name: each for name, each in outcome.verdict.wrong.items() if each}
    assert (wrong, list(outcome.unfinished), list(outcome.failures)) == ({}, [], [])
    assert outcome.verdict.purchases == PURCHASES
    assert outcome.hits >= len(plan.deck)
