"""
A worker is created and the event about it has had its effect.

Ours: idempotency key, company lock, version, position, outbox, relay with confirms, quorum
queue, inbox, billing's figures. Theirs: a row, ``EventDispatcher`` after the commit, a row.
"""

import json
import secrets
import time
from collections.abc import Callable

import psycopg2

from tests.bench.load import Plan, Result, play, request
from tests.bench.registry import Round, bench
from tests.bench.stage import Stage

HANDLER = "billing.on_worker_count_changed"

#: More than anybody makes in one round, so that numbers never meet.
NUMBERS = 100_000

#: Until the last effect of a round; events that take longer count as lost.
EFFECTS_SECONDS = 120


def worker_body() -> str:
    """A worker as JSON, with a number of its own in place of {n}."""
    return json.dumps(
        {
            "worker_number": "B{n}", "first_name": "Wanda", "last_name": "Rivers{n}", "work_phone": "+1 503 555 0142",
            "work_email": "w{n}@customer.example", "title": "Fitter", "department": "Assembly", "site": "Portland",
        }
    )  # fmt: skip


def _create(stage: Stage, port: int, effects: Callable[[], int]) -> tuple[float, Result]:
    """Effects a second, from the first request to the last effect."""
    key = f"Idempotency-Key: bench-{secrets.token_hex(6)}-{{n}}\r\n"
    plays = [[request("POST", "/v1/workers", company.token, worker_body(), key)] for company in stage.companies]
    before = effects()
    made = play(Plan(port, plays, stage.seconds, expect=201, first_number=stage.numbers(NUMBERS)))
    ended = time.monotonic()
    if made.wrong:
        raise RuntimeError(f"{made.wrong} of {made.requests} creations failed")
    while effects() - before < made.requests:
        if time.monotonic() - ended > EFFECTS_SECONDS:
            raise RuntimeError(f"{made.requests} workers were made, {effects() - before} effects seen")
        time.sleep(0.02)
    return made.requests / (made.seconds + time.monotonic() - ended), made


class Counter:
    """Counts rows of a table over one connection, past row-level security."""

    def __init__(self, stage: Stage, url: str, statement: str) -> None:
        self._connection = psycopg2.connect(stage.as_superuser(url))
        self._connection.autocommit = True
        self._statement = statement

    def __call__(self) -> int:
        with self._connection.cursor() as cursor:
            cursor.execute(self._statement)
            return int(cursor.fetchone()[0])

    def close(self) -> None:
        self._connection.close()


def _ours(stage: Stage) -> tuple[float, Result]:
    counter = Counter(
        stage,
        stage.product.settings.database_url_for("billing"),
        f"SELECT count(*) FROM inbox WHERE handler = '{HANDLER}'",
    )
    try:
        return _create(stage, stage.product_port, counter)
    finally:
        counter.close()


def _theirs(stage: Stage) -> tuple[float, Result]:
    port = stage.peer("nameko").port
    counter = Counter(stage, stage.peers_database, "SELECT count(*) FROM effects")
    try:
        return _create(stage, port, counter)
    finally:
        counter.close()


@bench(
    "write_vs_nameko",
    what="create a worker, and the effect of its event, 16 connections; stock nameko with a bare dispatcher",
    unit="workers/s",
    to_reach=1.0,
)
def write_vs_nameko(stage: Stage, number: int) -> Round:
    stage.companies  # noqa: B018  (made before the clock runs)
    if number % 2:
        theirs, theirs_seen = _theirs(stage)
        ours, ours_seen = _ours(stage)
    else:
        ours, ours_seen = _ours(stage)
        theirs, theirs_seen = _theirs(stage)
    return Round(ours, theirs, ours / theirs, {"ours": vars(ours_seen), "theirs": vars(theirs_seen)})
