"""
A small TCP proxy between the product and what it needs, which can be a bad network.

Run as a program it takes orders as JSON lines on its standard input, answers each with a
line, and ends when its input does. In front of several nodes it is the load balancer: a
new connection goes to the next node that answers.
"""

import asyncio
import json
import socket
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any

from tests.servers.ports import HOST, free_ports
from tests.stack import ROOT

CHUNK = 65536
#: A node that is being started does not keep a client waiting for longer.
CONNECT_SECONDS = 1.0


class Way:
    """One listening port, the nodes behind it, and the weather on the way."""

    def __init__(self, targets: list[int]) -> None:
        self._targets = targets
        self._turn = 0
        self._open: set[asyncio.StreamWriter] = set()
        #: Seconds that every piece of data is late.
        self.slow = 0.0
        self.refusing = False
        self.flows = asyncio.Event()
        self.flows.set()

    async def serve(self, port: int) -> None:
        await asyncio.start_server(self._accept, HOST, port)

    def cut(self) -> int:
        """Reset all connections; how many."""
        broken = [writer for writer in self._open if not writer.is_closing()]
        for writer in broken:
            _reset(writer)
        return len(broken)

    def clear(self) -> None:
        self.slow, self.refusing = 0.0, False
        self.flows.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            _reset(writer)
            return
        behind = await self._connect()
        if behind is None:
            _reset(writer)
            return
        target_reader, target_writer = behind
        self._open |= {writer, target_writer}
        try:
            await asyncio.gather(self._carry(reader, target_writer), self._carry(target_reader, writer))
        except OSError:
            # One side is gone, and so is the way.
            pass
        finally:
            for each in (writer, target_writer):
                self._open.discard(each)
                _reset(each)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        for _ in self._targets:
            self._turn += 1
            port = self._targets[self._turn % len(self._targets)]
            with suppress(OSError, TimeoutError):
                return await asyncio.wait_for(asyncio.open_connection(HOST, port), CONNECT_SECONDS)
        return None

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            if self.slow:
                await asyncio.sleep(self.slow)
            await self.flows.wait()
            writer.write(data)
            await writer.drain()
        # The other direction may have more to say, but neither AMQP nor PostgreSQL does after an end.
        raise ConnectionError


def _reset(writer: asyncio.StreamWriter) -> None:
    connection: Any = writer.get_extra_info("socket")
    with suppress(OSError):
        # To close with no time to linger sends a reset instead of a polite end.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport: Any = writer.transport
    transport.abort()


class Weather:
    """All ways, by name, and what may be ordered."""

    def __init__(self) -> None:
        self._ways: dict[str, Way] = {}

    async def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """
        ``open`` a way, ``cut`` its connections, make it ``slow`` by so many seconds a piece,
        ``refuse`` everybody, ``hold`` all data back, ``clear`` it again.
        """
        name, what = order["name"], order["do"]
        if what == "open":
            way = self._ways[name] = Way(order["targets"])
            await way.serve(order["port"])
            return {}
        way = self._ways[name]
        if what == "slow":
            way.slow = order["seconds"]
        elif what == "hold":
            way.flows.clear()
        elif what == "clear":
            way.clear()
        elif what in ("cut", "refuse"):
            way.refusing = what == "refuse"
            return {"cut": way.cut()}
        else:
            raise ValueError(what)
        return {}


async def _serve() -> None:
    weather, loop = Weather(), asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        answer = await weather.obey(json.loads(line))
        print(json.dumps(answer), flush=True)


class Proxy:
    """The proxy's process, from the side of whoever gives the orders; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.storm.proxy"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # Ctrl-C is for whoever gives the orders.
            start_new_session=True,
        )

    def open(self, name: str, targets: list[int]) -> int:
        """A new way; returns the port on which it begins."""
        [port] = free_ports(1)
        self.order(name, "open", port=port, targets=targets)
        return port

    def order(self, name: str, what: str, **given: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps({"name": name, "do": what, **given}) + "\n")
            self._process.stdin.flush()
            answer: dict[str, Any] = json.loads(self._process.stdout.readline())
            return answer

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


if __name__ == "__main__":
    asyncio.run(_serve())
