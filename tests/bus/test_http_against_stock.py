"""The HTTP door (docs/bus.md, row 17): what stock nameko tells, takes, waits for and shows to everybody."""

import socket
from collections.abc import Iterator

import pytest

from tests.bus.vocabulary import SECRET
from tests.bus.world import KINDS, World

pytestmark = pytest.mark.full


@pytest.fixture(scope="module", params=KINDS)
def door(request: pytest.FixtureRequest, worlds: dict[str, World]) -> Iterator[World]:
    found = worlds[request.param]
    found.begin()
    found.host("door")
    yield found
    found.begin()


def connect(door: World, host: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection((host, int(door.address.rpartition(":")[2])), timeout=3)


def test_row_17_an_exception_keeps_its_text_to_itself(door: World) -> None:
    answer = door.get("/fail")

    assert answer.status_code == 500
    assert (SECRET in answer.text) is not door.ours


def test_row_17_a_body_has_a_limit(door: World) -> None:
    size = 4 * 1024 * 1024
    with connect(door) as sock:
        head = f"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n"
        sock.sendall(head.encode())
        try:
            for _ in range(size // 65536):
                sock.sendall(b"x" * 65536)
        except OSError:
            # It does not even read on.
            assert door.ours
        answer = sock.recv(65536)

    assert answer.split()[1] == (b"413" if door.ours else b"200")


def test_row_17_half_a_request_is_not_waited_for(door: World) -> None:
    """Ours waits for 10 s by default, here for 1 s."""
    with connect(door) as sock:
        sock.sendall(b"GET /fail HTTP/1.1\r\nHost: x\r\n")
        try:
            said = sock.recv(65536)
        except TimeoutError:
            said = None

    # Stock nameko says nothing for as long as we stay.
    assert (said is None) is not door.ours
    if said:
        assert said.startswith(b"HTTP/1.1 408 ")


def test_row_17_it_listens_where_it_was_told_and_not_everywhere(door: World) -> None:
    """Neither was told an address; the whole of 127.0.0.0/8 is this machine's on Linux."""
    try:
        connect(door, "127.0.0.2").close()
        everywhere = True
    except ConnectionRefusedError:
        everywhere = False

    assert everywhere is not door.ours
