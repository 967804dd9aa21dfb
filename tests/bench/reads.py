"""A signed-in read of one worker by id, from PostgreSQL, through everybody's own door."""

from typing import Any

import requests

from tests.bench.load import Plan, Result, play, request
from tests.bench.registry import Round, bench
from tests.bench.stage import Stage

CONNECTIONS = 16
WARM_UP_SECONDS = 0.5

READ = "signed-in read of a worker"


def _requests(stage: Stage) -> list[list[str]]:
    return [
        [request("GET", f"/v1/workers/{worker['id']}", company.token) for worker in company.workers]
        for company in stage.companies
    ]


def _same_answers(stage: Stage, port: int) -> None:
    """
    Raises:
        RuntimeError: a peer's answer is not the product's, or it shows a worker to another company.
    """
    for number, company in enumerate(stage.companies[:4]):
        rival = stage.companies[number + 1]
        for worker in company.workers[:3]:
            url = f"http://127.0.0.1:{port}/v1/workers/{worker['id']}"
            found = requests.get(url, headers={"Authorization": f"Bearer {company.token}"}, timeout=10)
            if found.status_code != 200 or found.json() != worker:
                raise RuntimeError(f"another answer than the product's: {found.status_code} {found.text[:500]}")
            found = requests.get(url, headers={"Authorization": f"Bearer {rival.token}"}, timeout=10)
            if found.status_code != 404:
                raise RuntimeError(f"another company's worker was answered with {found.status_code}")


_checked: set[int] = set()


def read(stage: Stage, port: int, connections: int = CONNECTIONS, seconds: float | None = None) -> Result:
    """How one side does; before its first turn its answers are compared."""
    stage.companies  # noqa: B018  (made before the clock runs)
    if port not in _checked:
        _same_answers(stage, port)
        _checked.add(port)
        play(Plan(port, _requests(stage), seconds=1.0))
    found = play(
        Plan(port, _requests(stage)[:connections], seconds=seconds or stage.seconds, warm_up_seconds=WARM_UP_SECONDS)
    )
    if found.wrong:
        raise RuntimeError(f"{found.wrong} of {found.requests} answers were wrong")
    return found


def _in_turn(stage: Stage, number: int, peer: str, **how: Any) -> tuple[Result, Result]:
    """Ours and theirs, whoever comes first changing with every round."""
    theirs_at, ours_at = stage.peer(peer).port, stage.product_port
    if number % 2:
        theirs = read(stage, theirs_at, **how)
        return read(stage, ours_at, **how), theirs
    ours = read(stage, ours_at, **how)
    return ours, read(stage, theirs_at, **how)


def _throughput(stage: Stage, number: int, peer: str) -> Round:
    ours, theirs = _in_turn(stage, number, peer)
    return Round(
        ours.per_second, theirs.per_second, ours.per_second / theirs.per_second,
        {"ours": vars(ours), "theirs": vars(theirs)},
    )  # fmt: skip


@bench("read_vs_nameko", what=f"{READ}, 16 connections; stock nameko", unit="requests/s", to_reach=2.0)
def read_vs_nameko(stage: Stage, number: int) -> Round:
    return _throughput(stage, number, "nameko")


@bench("read_vs_faststream", what=f"{READ}, 16 connections; FastAPI + FastStream", unit="requests/s", to_reach=2.0)
def read_vs_faststream(stage: Stage, number: int) -> Round:
    return _throughput(stage, number, "faststream")


@bench("read_vs_monolith", what=f"{READ}, 16 connections; FastAPI + SQLAlchemy", unit="requests/s", to_reach=1.0)
def read_vs_monolith(stage: Stage, number: int) -> Round:
    return _throughput(stage, number, "monolith")


@bench("read_vs_async_monolith", what=f"{READ}, 16 connections; FastAPI + asyncpg", unit="requests/s")
def read_vs_async_monolith(stage: Stage, number: int) -> Round:
    return _throughput(stage, number, "monolith_async")


@bench("latency_vs_nameko", what=f"p99 of a {READ}, 1 connection; stock nameko", unit="ms", to_reach=1.5)
def latency_vs_nameko(stage: Stage, number: int) -> Round:
    ours, theirs = _in_turn(stage, number, "nameko", connections=1)
    return Round(
        ours.p99_ms, theirs.p99_ms, theirs.p99_ms / ours.p99_ms, {"ours": vars(ours), "theirs": vars(theirs)}
    )
