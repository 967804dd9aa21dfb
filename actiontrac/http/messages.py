"""A request as it was read and an answer as it will be written: small, because each call makes two."""

from collections.abc import Callable, Iterator, Sequence
from urllib.parse import unquote

import orjson

from actiontrac.http.headers import API, Policy

JSON = "application/json"
HTML = "text/html; charset=utf-8"


class Request:
    """One HTTP request; its body is read only when a route asks for it."""

    __slots__ = (
        "_body",
        "_reader",
        "address",
        "headers",
        "length",
        "method",
        "path",
        "peer",
        "query_string",
        "scheme",
    )

    def __init__(
        self,
        *,
        method: str,
        path: str,
        query_string: str,
        headers: dict[str, str],
        length: int | None = 0,
        peer: str = "",
        scheme: str = "http",
        reader: Callable[[int], bytes] | None = None,
    ) -> None:
        self.method = method
        #: As it was sent: parts are decoded after it was split.
        self.path = path
        self.query_string = query_string
        #: Lower-case names.
        self.headers = headers
        #: Of the body; None when it comes in chunks of unknown number.
        self.length = length
        self.peer = peer
        self.scheme = scheme
        #: The visitor's address where a trusted proxy says it; else the peer's.
        self.address = peer
        self._reader = reader
        self._body: bytes | None = None

    def header(self, name: str, default: str = "") -> str:
        return self.headers.get(name, default)

    @property
    def media_type(self) -> str:
        """The body's type without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def body_was_read(self) -> bool:
        return self._body is not None or self.length == 0

    def read(self, limit: int) -> bytes:
        """
        The whole body.

        Raises:
            BodyTooLarge: it is larger than ``limit`` bytes.
            RequestTooSlow, MalformedRequest: it did not arrive, or not as announced.
        """
        if self._body is None:
            self._body = self._reader(limit) if self._reader is not None and self.length != 0 else b""
        return self._body


def decoded(part: str) -> str:
    """
    A percent-encoded part of an address.

    Raises:
        UnicodeDecodeError: it is not UTF-8.
    """
    return unquote(part, errors="strict") if "%" in part else part


class Response:
    """One answer; ``body`` is bytes, or an iterator of bytes that is sent as it comes."""

    __slots__ = ("body", "close", "content_type", "headers", "policy", "status")

    def __init__(
        self,
        body: bytes | Iterator[bytes] = b"",
        *,
        status: int = 200,
        content_type: str = JSON,
        headers: Sequence[tuple[str, str]] = (),
        policy: Policy = API,
    ) -> None:
        self.body = body
        self.status = status
        self.content_type = content_type
        self.headers = list(headers)
        self.policy = policy
        #: End the connection after this answer.
        self.close = False


def as_json(value: object, *, status: int = 200, headers: Sequence[tuple[str, str]] = ()) -> Response:
    return Response(orjson.dumps(value), status=status, headers=headers)
