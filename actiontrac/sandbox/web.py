"""Small pieces of HTTP that every part of the sandbox shares."""

import contextlib
import json
import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol
from wsgiref.types import WSGIEnvironment

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

Handler = Callable[..., Response]

#: A mail with attachments is the largest thing anybody sends here.
LARGEST_BODY = 12 * 1024 * 1024


class Mount(Protocol):
    """A part of the sandbox: it knows its own addresses."""

    def rules(self) -> Iterator[Rule]: ...


def rule(path: str, handler: Handler, *methods: str) -> Rule:
    return Rule(path, endpoint=handler, methods=list(methods) or ["GET"], strict_slashes=False)


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
