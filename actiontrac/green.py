"""
Eventlet in place, for processes that serve: the first import of their program.

Names of hosts are looked up by the system in a thread, as everywhere else on the machine:
eventlet's own resolver does not know what ``nsswitch.conf`` says, and takes a sixth of the
time of a start to import.
"""

import os
import socket
import warnings
from typing import Any

#: getaddrinfo is a C function that takes these by position or by name.
_Family = int | socket.AddressFamily


def patch() -> None:
    """Make the standard library cooperative; nothing of ours or others' is imported before."""
    os.environ["EVENTLET_NO_GREENDNS"] = "yes"
    with warnings.catch_warnings():
        # nameko needs eventlet, which its maintainers call deprecated: docs/adr says what
        # that means for us. Saying it again at every start helps nobody.
        warnings.simplefilter("ignore")
        import eventlet
        import eventlet.green.socket

    eventlet.green.socket.getaddrinfo = _getaddrinfo
    eventlet.monkey_patch()


def _getaddrinfo(
    host: Any, port: Any, family: _Family = 0, type: int = 0, proto: int = 0, flags: int = 0
) -> list[Any]:
    try:
        # An address needs no question.
        return _look_up(host, port, family, type, proto, flags | socket.AI_NUMERICHOST)
    except socket.gaierror:
        from eventlet import tpool

        found: list[Any] = tpool.execute(_look_up, host, port, family, type, proto, flags)
        return found


_look_up = socket.getaddrinfo
