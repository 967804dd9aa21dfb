"""A broker that is away or under alarm (docs/bus.md, rows 5, 6 and 8)."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
import requests

from tests.bus.test_rpc_against_stock import NOT_JSON, send
from tests.bus.world import KINDS, STOCK, World, wait_until
from tests.servers.servers import Servers

pytestmark = pytest.mark.full


class Deaf:
    """Where a broker should be: whoever comes is noted, and sent away."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"amqp://nobody:nothing@127.0.0.1:{self._listener.getsockname()[1]}/"
        self.came: list[float] = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.came.append(time.monotonic())
            sock.close()

    def close(self) -> None:
        self._listener.close()


@pytest.fixture(scope="module")
def attempts(worlds: dict[str, World]) -> Iterator[dict[str, Deaf]]:
    """Both kinds, looking for a broker while the other tests of this module run."""
    brokers = {kind: Deaf() for kind in KINDS}
    started = [
        worlds[kind].start("host", "alpha" if worlds[kind].ours else "beta", ACTIONTRAC_BUS_URL=broker.url)
        for kind, broker in brokers.items()
    ]
    for world in worlds.values():
        # They are not of any one test.
        world.processes.clear()
    yield brokers
    for process in started:
        process.kill()
    for broker in brokers.values():
        broker.close()


@pytest.fixture(scope="module")
def outage(worlds: dict[str, World], attempts: Any, own_servers: Servers) -> dict[str, World]:
    """Of each kind a service that was answering when the broker was killed, and the broker back."""
    question = {"args": [], "kwargs": {"number": 1, "seconds": 3}}
    for world in worlds.values():
        world.begin()
        world.host("alpha")
    # Asked when both are there: the broker must be gone before either has its answer.
    for world in worlds.values():
        send(world, "take_long", json.dumps(question).encode(), {**NOT_JSON[1], "reply_to": "x", "correlation_id": "1"})
    for world in worlds.values():
        wait_until(lambda world=world: bool(world.noted("began")), "the work to begin")
    own_servers.kill_broker()
    # It tries three times, some seconds apart, and gives its container up: ours has as long to do so.
    try:
        wait_until(lambda: bool(worlds[STOCK].noted("killed")), "stock nameko to give up", 60)
    finally:
        own_servers.start_broker()
    return worlds


@pytest.mark.parametrize("kind", KINDS)
def test_row_5_an_answer_that_cannot_be_sent_does_not_end_the_service(outage: dict[str, World], kind: str) -> None:
    world = outage[kind]
    [process] = world.processes

    if world.ours:
        # Asked again and again: its queue went with the broker and is made again by the service (ADR 13).
        wait_until(lambda: world.call("alpha.ping", timeout=1).get("result") == "alpha", "the service to be back")
        assert process.poll() is None
    else:
        # Killed, and yet it neither works nor ends before its next look for the broker, 30 s later at worst.
        assert world.call("alpha.ping", timeout=1) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_row_8_an_alarm_hangs_nobody(worlds: dict[str, World], own_servers: Servers, kind: str, outage: Any) -> None:
    world = worlds[kind]
    world.begin()
    world.host("alpha", "door")
    assert world.get("/ask").json()["answers"] == ["alpha"]
    own_servers.rabbitmqctl("set_vm_memory_high_watermark", "0.00001")
    try:
        # The broker tells a connection about its alarm only when that publishes.
        first = outcome(world)
        with ThreadPoolExecutor(20) as pool:
            told = list(pool.map(outcome, [world] * 20))
    finally:
        own_servers.rabbitmqctl("set_vm_memory_high_watermark", "0.4")

    if world.ours:
        assert set(told) == {"503, come back"}
        assert first in ("alpha", "503, come back")
    else:
        assert set(told) == {"hangs"}
    wait_until(lambda: outcome(world) == "alpha", "it to work again")


def outcome(world: World) -> str:
    """What a client gets within two seconds."""
    try:
        answer = world.get("/ask", timeout=2)
    except requests.Timeout:
        return "hangs"
    if answer.status_code == 503:
        return "503, come back" if int(answer.headers["Retry-After"]) > 0 else "503"
    return str(answer.json()["answers"][0])


@pytest.mark.parametrize("kind", KINDS)
def test_row_6_a_broker_that_is_back_is_noticed_soon(attempts: dict[str, Deaf], worlds: Any, kind: str) -> None:
    ours = worlds[kind].ours
    came = attempts[kind].came
    wait_until(lambda: len(came) >= (12 if ours else 4), "attempts", 60)
    pauses = [after - before for before, after in pairwise(came)]

    if ours:
        # Two connections, each after at most 2 s, and what this machine needs beside other work.
        assert max(pauses) < 4
    else:
        # 2, 4, 6 s and so on, up to 30: a broker that is back waits for the next.
        assert [round(pause) for pause in pauses[:3]] == sorted({round(pause) for pause in pauses[:3]})
        assert pauses[2] > 5
