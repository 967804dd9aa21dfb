"""Small pieces of HTTP that every part of the sandbox shares."""

import contextlib
import json
import re
import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from wsgiref.types import WSGIEnvironment

from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.wrappers import Request, Response

Handler = Callable[..., Response]

#: A mail with attachments is the largest thing anybody sends here.
LARGEST_BODY = 12 * 1024 * 1024


@dataclass(frozen=True)
class Rule:
    """One address: ``<name>`` in the path stands for one part of it."""

    path: str
    handler: Handler
    method: str


class Mount(Protocol):
    """A part of the sandbox: it knows its own addresses."""

    def rules(self) -> Iterator[Rule]: ...


class Router:
    """
    Finds the handler of an address, with or without a slash at its end.

    Not Werkzeug's: compiling its map takes as long as everything else that a start of the sandbox does.
    """

    def __init__(self, mounts: Sequence[Mount]) -> None:
        found: dict[str, dict[str, Handler]] = {}
        for mount in mounts:
            for each in mount.rules():
                found.setdefault(each.path.rstrip("/"), {})[each.method] = each.handler
        self._addresses = [(_pattern(path), handlers) for path, handlers in found.items()]

    def find(self, request: Request) -> tuple[Handler, dict[str, str]]:
        """
        Raises:
            NotFound: nothing lives at this address.
            MethodNotAllowed: something does, but it does not take this method.
        """
        path = request.path.rstrip("/")
        method = "GET" if request.method == "HEAD" else request.method
        for pattern, handlers in self._addresses:
            match = pattern.fullmatch(path)
            if match is not None:
                if method not in handlers:
                    raise MethodNotAllowed(sorted(handlers))
                return handlers[method], match.groupdict()
        raise NotFound


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"<(\w+)>", path)
    return re.compile(
        "".join(f"(?P<{part}>[^/]+)" if index % 2 else re.escape(part) for index, part in enumerate(parts))
    )


def as_json(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps(body, indent=1), status, headers, mimetype="application/json")


def as_html(page: str, status: int = 200, policy: str | None = None) -> Response:
    """A page that loads nothing and runs nothing, unless ``policy`` says otherwise."""
    response = Response(page, status, mimetype="text/html")
    response.headers["Content-Security-Policy"] = policy or "default-src 'none'; style-src 'unsafe-inline'"
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def see_other(location: str) -> Response:
    """Relative locations stay relative, so that they work behind the gateway too."""
    response = Response("", 303)
    response.autocorrect_location_header = False
    response.headers["Location"] = location
    return response


def json_object(request: Request) -> dict[str, Any]:
    """
    The request's JSON object.

    Raises:
        ValueError: it is something else.
    """
    found = json.loads(request.get_data() or b"{}")
    if not isinstance(found, dict):
        raise ValueError("send one JSON object")
    return found


def wants_html(request: Request) -> bool:
    accepted: Sequence[str] = ("application/json", "text/html")
    return request.accept_mimetypes.best_match(accepted, "application/json") == "text/html"


def hang_up(environ: WSGIEnvironment) -> None:
    """
    Break the client's connection without an answer, as a failing network does.

    Both servers put their socket into the environment, each in its own place.
    """
    connection: socket.socket | None = environ.get("werkzeug.socket")
    if connection is None:
        connection = environ["wsgi.input"].get_socket()
    # Zero linger turns the close into a reset; the shutdown makes the server's own write fail.
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
