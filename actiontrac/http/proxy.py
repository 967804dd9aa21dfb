"""Passing a request on to another HTTP server of ours, and its answer back as it comes."""

import http.client
from collections.abc import Iterator
from urllib.parse import urlsplit

from actiontrac.errors import Unavailable
from actiontrac.http.headers import PAGE, PASSED_ON
from actiontrac.http.messages import Request, Response

TIMEOUT_SECONDS = 20.0

_PART = 64 * 1024

#: What the other server may know: nothing that identifies a session.
_PASSED_ON = ("accept", "accept-language", "content-type", "sec-fetch-site", "user-agent")

#: What of its answer is passed back; the rest concerns only the connection to it.
_PASSED_BACK = ("location", "content-disposition", "retry-after", "cache-control", "content-security-policy")


class ServerAway(Unavailable):
    """This part of the sandbox is not running; start it and try again."""


def forward(request: Request, base: str, path: str, body: bytes) -> Response:
    """
    Ask ``base`` for ``path`` what the request asks, without its cookies and credentials.

    Raises:
        ServerAway: it does not answer.
    """
    address = urlsplit(base)
    connection = http.client.HTTPConnection(
        address.hostname or "127.0.0.1", address.port or 80, timeout=TIMEOUT_SECONDS
    )
    target = path + (f"?{request.query_string}" if request.query_string else "")
    headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
    try:
        connection.request(request.method, target, body=body or None, headers=headers)
        answer = connection.getresponse()
    except (OSError, http.client.HTTPException):
        connection.close()
        raise ServerAway() from None
    found = {name.lower(): value for name, value in answer.getheaders() if name.lower() in _PASSED_BACK}
    own_policy = "content-security-policy" in found
    response = Response(
        _parts(connection, answer),
        status=answer.status,
        content_type=answer.getheader("Content-Type", ""),
        headers=[(_title(name), value) for name, value in found.items()],
        policy=PASSED_ON if own_policy else PAGE,
    )
    if not own_policy:
        response.headers = [(name, value) for name, value in response.headers if name != "Cache-Control"]
    elif "cache-control" not in found:
        response.headers.append(("Cache-Control", "no-store"))
    return response


def _title(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))


def _parts(connection: http.client.HTTPConnection, answer: http.client.HTTPResponse) -> Iterator[bytes]:
    try:
        while part := answer.read(_PART):
            yield part
    finally:
        connection.close()
