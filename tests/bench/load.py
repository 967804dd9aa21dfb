"""
The load generator: a process of its own, the same for everybody.

``python -m tests.bench.load`` reads a plan (JSON) from standard input and prints a result.
Plain kept connections on epoll, one request at a time on each, as a browser or ``wrk`` does;
it costs some 30 µs of one core a request, which both sides of a ratio pay alike.
"""

import gc
import json
import random
import selectors
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Plan:
    """
    ``requests`` are whole HTTP requests as text; connection *n* plays those of ``requests[n]``
    in random order, or, with ``once``, each once in order. ``{n}`` becomes a number that
    is never used twice.
    """

    port: int
    requests: list[list[str]]
    seconds: float
    expect: int = 200
    warm_up_seconds: float = 0.0
    first_number: int = 0


@dataclass(frozen=True)
class Result:
    requests: int
    seconds: float
    wrong: int
    per_second: float
    p50_ms: float
    p99_ms: float
    worst_ms: float
    generator_cpu_seconds: float


def play(plan: Plan) -> Result:
    """Play a plan in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.load"],
        input=json.dumps(asdict(plan)), capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"the load generator failed: {done.stderr[-2000:]}")
    return Result(**json.loads(done.stdout))


class _Connection:
    def __init__(self, port: int, requests: list[str]) -> None:
        self.requests = [one.encode() for one in requests]
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.begun = 0.0

    def send(self, chance: random.Random, number: int) -> None:
        request = chance.choice(self.requests)
        if b"{n}" in request:
            request = _numbered(request, number)
        self.received = b""
        self.begun = time.perf_counter()
        self.socket.sendall(request)

    def status(self) -> int:
        """The status of the answer once all of it is here, else 0."""
        read = self.socket.recv(65536)
        if not read:
            raise ConnectionError("the server closed the connection")
        self.received += read
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end:
            return 0
        length = head.lower().find(b"content-length:")
        if length < 0:
            raise ValueError("an answer without a length")
        wanted = int(head[length + 15 : length + 30].split(b"\r\n")[0])
        return int(head[9:12]) if len(body) >= wanted else 0


def _numbered(request: bytes, number: int) -> bytes:
    head, _, body = request.replace(b"{n}", b"%d" % number).partition(b"\r\n\r\n")
    return head.replace(b"{length}", b"%d" % len(body)) + b"\r\n\r\n" + body


def _run(plan: Plan) -> dict[str, Any]:
    gc.disable()
    chance = random.Random(7)
    selector = selectors.DefaultSelector()
    connections = [_Connection(plan.port, requests) for requests in plan.requests]
    number = plan.first_number
    for connection in connections:
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        connection.send(chance, number := number + 1)
    begin = time.perf_counter() + plan.warm_up_seconds
    end = begin + plan.seconds
    times: list[float] = []
    wrong = 0
    busy = len(connections)
    while busy:
        for key, _ in selector.select(10):
            connection = key.data
            status = connection.status()
            if not status:
                continue
            now = time.perf_counter()
            if now >= begin:
                times.append(now - connection.begun)
            wrong += status != plan.expect
            if now >= end:
                busy -= 1
                selector.unregister(connection.socket)
            else:
                connection.send(chance, number := number + 1)
        if time.perf_counter() > end + 30:
            raise TimeoutError("answers are missing 30 seconds after the last request")
    seconds = time.perf_counter() - begin
    times.sort()
    return asdict(
        Result(
            requests=len(times),
            seconds=seconds,
            wrong=wrong,
            per_second=len(times) / seconds,
            p50_ms=1000 * times[len(times) // 2],
            p99_ms=1000 * times[min(len(times) - 1, len(times) * 99 // 100)],
            worst_ms=1000 * times[-1],
            generator_cpu_seconds=time.process_time(),
        )
    )


def request(method: str, path: str, token: str, body: str = "", headers: str = "") -> str:
    """One request as text; a body's length is filled in when its numbers are."""
    text = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n{headers}"
    if body:
        text += "Content-Type: application/json\r\nContent-Length: {length}\r\n"
    return f"{text}\r\n{body}"


if __name__ == "__main__":
    json.dump(_run(Plan(**json.load(sys.stdin))), sys.stdout)
