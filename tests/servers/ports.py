"""Ports of our own on the loopback interface."""

import random
import socket
import time
from collections.abc import Callable
from pathlib import Path

from tests.servers.problems import ServersUnavailable

HOST = "127.0.0.1"

#: Below the range from which Linux takes the ports of outgoing connections (32768 on). While a killed
#: server is away, its clients keep connecting to its port; inside that range one of them would sooner
#: or later be given that very port, connect to itself and keep the server from coming back.
FIRST, LAST = 20000, 32000
#: Ports that a system service or the product may use in that range.
TAKEN = {25672}


def free_ports(count: int) -> list[int]:
    """Different ports that nothing listens on now."""
    # Not in order, so that two test runs that start at the same moment do not choose the same.
    candidates = [port for port in range(FIRST, LAST) if port not in TAKEN]
    random.shuffle(candidates)
    found: list[int] = []
    for port in candidates:
        if _can_bind(port):
            found.append(port)
        if len(found) == count:
            return found
    raise ServersUnavailable(f"No {count} free ports were found on {HOST} between {FIRST} and {LAST}.")


def is_open(port: int) -> bool:
    """Whether something accepts connections on this port."""
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False


def speaks_amqp(port: int, host: str = HOST) -> bool:
    """Whether a broker there greets a client; it opens its listener last, so then all of it is up."""
    try:
        with socket.create_connection((host, port), timeout=1) as connection:
            connection.settimeout(2)
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            # A method frame on channel 0: Connection.Start.
            return connection.recv(3) == b"\x01\x00\x00"
    except OSError:
        return False


def wait_for(condition: Callable[[], bool], *, seconds: float, what: str, log: Path | None = None) -> None:
    """
    Wait until the condition holds.

    Raises:
        ServersUnavailable: it did not in time; with the end of the log, where there is one.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise ServersUnavailable(f"{what} did not happen within {seconds:.0f} s.{end_of(log)}")
        time.sleep(0.05)


def end_of(log: Path | None) -> str:
    """The last lines of a log, for a message."""
    if log is None or not log.exists():
        return ""
    lines = log.read_text(errors="replace").splitlines()[-15:]
    return "".join(f"\n  {line}" for line in lines)


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        # As the servers do: a port with connections in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True
