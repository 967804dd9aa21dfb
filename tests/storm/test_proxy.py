"""The bad network is as bad as it was ordered to be, and good again afterwards."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from tests.servers.ports import HOST
from tests.storm.proxy import Proxy


class Echo:
    """A server that says who it is, and then what it is told."""

    def __init__(self, name: bytes) -> None:
        self._name = name
        self._listening = socket.create_server((HOST, 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with closing(connection):
            connection.sendall(self._name)
            try:
                while said := connection.recv(100):
                    connection.sendall(said)
            except OSError:
                return

    def close(self) -> None:
        with suppress(OSError):
            # A thread that waits in accept keeps the port open until it is woken.
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    made = Proxy()
    yield made
    made.close()


@pytest.fixture
def nodes() -> Iterator[list[Echo]]:
    made = [Echo(b"one"), Echo(b"two")]
    yield made
    for node in made:
        node.close()


def connect(port: int) -> socket.socket:
    return socket.create_connection((HOST, port), timeout=10)


def name_of(port: int) -> bytes:
    with connect(port) as connection:
        return connection.recv(3)


def test_shares_the_nodes_out_and_goes_round_one_that_is_away(proxy: Proxy, nodes: list[Echo]) -> None:
    port = proxy.open("way", [node.port for node in nodes])

    assert {name_of(port) for _ in range(4)} == {b"one", b"two"}
    nodes[0].close()
    assert {name_of(port) for _ in range(4)} == {b"two"}


def test_a_cut_breaks_what_is_open_and_nothing_that_comes_later(proxy: Proxy, nodes: list[Echo]) -> None:
    port = proxy.open("way", [nodes[0].port])
    with connect(port) as connection:
        assert connection.recv(3) == b"one"

        proxy.order("way", "cut")

        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    assert name_of(port) == b"one"


def test_refuses_everybody_until_it_is_cleared(proxy: Proxy, nodes: list[Echo]) -> None:
    port = proxy.open("way", [nodes[0].port])
    proxy.order("way", "refuse")

    with pytest.raises(ConnectionResetError):
        name_of(port)
    proxy.order("way", "clear")
    assert name_of(port) == b"one"


def test_what_is_slow_or_held_arrives_late_and_whole(proxy: Proxy, nodes: list[Echo]) -> None:
    port = proxy.open("way", [nodes[0].port])
    with connect(port) as connection:
        assert connection.recv(3) == b"one"
        proxy.order("way", "slow", seconds=0.2)
        began = time.monotonic()
        connection.sendall(b"late")
        # There and back again.
        assert connection.recv(4) == b"late"
        assert time.monotonic() - began >= 0.4

        proxy.order("way", "hold")
        connection.sendall(b"held")
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.recv(4)
        proxy.order("way", "clear")
        connection.settimeout(10)
        assert connection.recv(4) == b"held"
