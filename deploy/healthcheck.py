"""
Says whether a process of this container is well: exit code 0 or 1.

    python -IS healthcheck.py http://127.0.0.1:9100/healthz

Python's own HTTP client and nothing else, because it runs every few seconds in
every container.
"""

import sys
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit


def is_well(address: str) -> bool:
    """Whether the address answers 200 within three seconds."""
    parts = urlsplit(address)
    connection = HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=3)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False


if __name__ == "__main__":
    sys.exit(0 if is_well(sys.argv[1]) else 1)
