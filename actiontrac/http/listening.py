"""
Closing a door without hitting anybody: how a listening socket lets the last ones in.

Connections that the kernel has completed wait in the socket's queue until they are taken, and closing the socket
resets those that arrived a moment before. On Linux a filter on the socket closes that gap, with no rights needed.
"""

import ctypes
import socket
import struct
import sys
from typing import Any

#: From linux/socket.h; Python's socket module does not name it everywhere.
_SO_ATTACH_FILTER = 26

_FLAGS_OF_TCP = 13
_SYN, _SYN_OR_ACK = 0x02, 0x12

#: Classic BPF over the TCP header: code, jump if true, jump if false, operand.
_PROGRAM = (
    (0x30, 0, 0, _FLAGS_OF_TCP),  # load that byte
    (0x54, 0, 0, _SYN_OR_ACK),  # keep two of its bits
    (0x15, 0, 1, _SYN),  # a first packet?
    (0x06, 0, 0, 0),  # it is dropped,
    (0x06, 0, 0, 0xFFFFFFFF),  # and everything else passes whole
)


def refuse_newcomers(listener: Any) -> bool:
    """
    Drop the first packet of every new connection, while those under way complete; whether this system can.

    TCP sends a dropped one again after a second. By then the socket is closed, and the packet reaches another that
    listens on the port, or a clear refusal.
    """
    if not sys.platform.startswith("linux"):
        return False
    code = b"".join(struct.pack("@HBBI", *step) for step in _PROGRAM)
    kept = ctypes.create_string_buffer(code)
    program = struct.pack("@HP", len(_PROGRAM), ctypes.addressof(kept))
    try:
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
    except OSError:
        return False
    return True
