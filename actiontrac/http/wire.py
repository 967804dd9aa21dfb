"""
HTTP/1.1 on a socket: h11 speaks the protocol, this module owns the socket.

What the edge promises beside the protocol is here: a limit on everything that is read,
a deadline on everything that is waited for, and a refusal of the few messages that h11
forgives although two readers could understand them differently (RFC 9112).
"""

import re
import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import h11

from actiontrac import clock
from actiontrac.http.messages import Request, Response
from actiontrac.http.problems import (
    AddressTooLong,
    BodyTooLarge,
    ExpectationNotMet,
    HeadersTooLarge,
    MalformedRequest,
    RequestTooSlow,
    VersionNotSupported,
)

MAX_REQUEST_LINE = 8 * 1024
MAX_HEAD = 32 * 1024
MAX_HEADERS = 100

#: A kept connection may rest this long.
IDLE_SECONDS = 65.0
#: From a request's first byte to the end of its headers: half-open requests end here.
HEAD_SECONDS = 10.0
BODY_SECONDS = 30.0
SEND_SECONDS = 30.0
#: A refused client that is still sending is listened to this long, so that it gets to read why.
LINGER_SECONDS = 2.0
_LINGER_BYTES = 16 * 1024 * 1024

#: A body that nobody asked for is read away when it is this small, so that the connection lives on.
_SMALL_BODY = 64 * 1024
_READ = 64 * 1024

#: h11 forgives bare line feeds, folded headers and control characters; we do not.
_PLAIN_LINES = re.compile(rb"(?:[!-~\x80-\xff][\t\x20-\x7e\x80-\xff]*\r\n)*")
_ABSOLUTE = re.compile(r"^https?://[^/?#]*/?", re.IGNORECASE)

#: Saying one of these twice means two different things to two readers. (h11 sees to Host,
#: Transfer-Encoding and lengths that differ.)
_ONCE = frozenset(("content-type", "expect", "authorization", "origin", "idempotency-key", "x-csrf-token"))

_REASONS = {status.value: status.phrase for status in HTTPStatus}


def protocol() -> h11.Connection:
    """The protocol's state of one request and its answer: the next request gets a fresh one."""
    return h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)


@lru_cache(maxsize=1)
def _date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode()


@contextmanager
def _refusing() -> Iterator[None]:
    """What h11 refuses, in our words: its own sentences quote what was sent."""
    try:
        yield
    except h11.RemoteProtocolError as problem:
        raise (HeadersTooLarge() if problem.error_status_hint == 431 else MalformedRequest()) from None


def parse_head(exchange: h11.Connection, head: bytes, *, peer: str = "", scheme: str = "http") -> Request:
    """
    The request whose first line and headers these are, without the empty line.

    Raises:
        MalformedRequest, AddressTooLong, HeadersTooLarge, VersionNotSupported, ExpectationNotMet.
    """
    if len(head.partition(b"\r\n")[0]) > MAX_REQUEST_LINE:
        raise AddressTooLong()
    if len(head) > MAX_HEAD or head.count(b"\r\n") > MAX_HEADERS:
        raise HeadersTooLarge()
    if not _PLAIN_LINES.fullmatch(head + b"\r\n"):
        raise MalformedRequest()
    exchange.receive_data(head + b"\r\n\r\n")
    with _refusing():
        event = exchange.next_event()
    assert isinstance(event, h11.Request)
    if event.http_version not in (b"1.1", b"1.0"):
        raise VersionNotSupported()
    headers = _joined(event.headers)
    if headers.get("expect", "100-continue").lower() != "100-continue":
        raise ExpectationNotMet()
    chunks = "transfer-encoding" in headers
    if chunks and ("content-length" in headers or event.http_version == b"1.0"):
        raise MalformedRequest("A body comes with a Content-Length or in chunks.")
    method = event.method.decode("ascii")
    target = _ABSOLUTE.sub("/", event.target.decode("ascii"), count=1)
    if (method, target) == ("OPTIONS", "*"):
        target = "/*"
    if not target.startswith("/"):
        raise MalformedRequest()
    path, _, query = target.partition("?")
    return Request(
        method=method,
        path=path,
        query_string=query,
        headers=headers,
        length=None if chunks else int(headers.get("content-length", "0")),
        peer=peer,
        scheme=scheme,
    )


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("ascii"), raw_value.decode("latin-1")
        if name not in found:
            found[name] = value
        elif name in _ONCE:
            raise MalformedRequest(f"The header {name} was sent twice.")
        else:
            found[name] += ("; " if name == "cookie" else ", ") + value
    return found


class Connection:
    """A client's connection: requests are read from it one after another."""

    def __init__(self, sock: Any, peer: str, scheme: str) -> None:
        self._sock = sock
        self._peer = peer
        self._scheme = scheme
        self._exchange = protocol()
        #: Between two requests; such a connection can be ended without harm.
        self.idle = True

    def secure(self, tls: ssl.SSLContext, seconds: float) -> None:
        """Speak TLS from here on."""
        self._sock.settimeout(seconds)
        self._sock = tls.wrap_socket(self._sock, server_side=True)

    def next_request(self) -> Request | None:
        """
        Wait for a request; None when the client has left or rested too long.

        Raises:
            ServiceError: what came is refused; the connection cannot be used any more.
        """
        # An empty line before a request is forgiven (RFC 9112, 2.2).
        waiting = self._exchange.trailing_data[0].lstrip(b"\r\n")
        self._exchange = protocol()
        deadline = None
        while b"\r\n\r\n" not in waiting and len(waiting) <= MAX_HEAD:
            self.idle = not waiting
            if waiting and deadline is None:
                deadline = time.monotonic() + HEAD_SECONDS
            received = self._receive(deadline)
            if not received:
                return None
            waiting = (waiting + received).lstrip(b"\r\n")
        self.idle = False
        head, _, rest = waiting.partition(b"\r\n\r\n")
        request = parse_head(self._exchange, head, peer=self._peer, scheme=self._scheme)
        if rest:
            self._exchange.receive_data(rest)
        request._reader = lambda limit: self._read_body(request, limit, BODY_SECONDS)
        return request

    def _receive(self, deadline: float | None) -> bytes:
        """More bytes; none when the client has said its last, or rested too long with no ``deadline``."""
        left = IDLE_SECONDS if deadline is None else deadline - time.monotonic()
        if left <= 0:
            raise RequestTooSlow()
        self._sock.settimeout(left)
        try:
            received: bytes = self._sock.recv(_READ)
        except TimeoutError:
            if deadline is not None:
                raise RequestTooSlow() from None
            return b""
        return received

    def _read_body(self, request: Request, limit: int, seconds: float) -> bytes:
        if request.length is not None and request.length > limit:
            raise BodyTooLarge()
        if self._exchange.they_are_waiting_for_100_continue:
            self._sock.settimeout(SEND_SECONDS)
            go_on = h11.InformationalResponse(status_code=100, headers=[], reason="Continue")
            self._sock.sendall(self._exchange.send(go_on))
        deadline = time.monotonic() + seconds
        body = bytearray()
        while True:
            with _refusing():
                event = self._exchange.next_event()
            if event is h11.NEED_DATA:
                self._exchange.receive_data(self._receive(deadline))
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > limit:
                    raise BodyTooLarge()
            else:
                return bytes(body)

    def send(self, request: Request | None, response: Response, *, keep: bool) -> bool:
        """
        Write the answer; returns whether another request may follow.

        That takes ``keep``, the client's wish and a request whose end was beyond doubt.
        """
        if request is None:
            # A refusal: what h11 made of the refused bytes must not shape it.
            self._exchange = protocol()
        elif request.length is None:
            # h11 ends trailers at a bare line feed; nothing follows that another reader sees elsewhere.
            keep = False
        exchange, status = self._exchange, response.status
        headers = [(b"Date", _date(int(clock.wall()))), *response.policy.encoded]
        headers += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
        body = response.body
        if status not in (204, 304):
            if response.content_type:
                headers.append((b"Content-Type", response.content_type.encode("latin-1")))
            if isinstance(body, bytes):
                headers.append((b"Content-Length", b"%d" % len(body)))
        if not keep:
            headers.append((b"Connection", b"close"))
        self._sock.settimeout(SEND_SECONDS)
        ready = exchange.send(h11.Response(status_code=status, headers=headers, reason=_REASONS.get(status, "")))
        if status not in (204, 304) and (request is None or request.method != "HEAD"):
            for part in (body,) if isinstance(body, bytes) else body:
                self._sock.sendall(ready + exchange.send(h11.Data(data=part)))
                ready = b""
        if ready := ready + exchange.send(h11.EndOfMessage()):
            self._sock.sendall(ready)
        return exchange.our_state is h11.DONE

    def finish_body(self, request: Request) -> bool:
        """After the answer: whether the rest of the request is out of the way, so that another can follow."""
        if request.body_was_read:
            return True
        if "expect" in request.headers or request.length is None or request.length > _SMALL_BODY:
            return False
        self._read_body(request, _SMALL_BODY, HEAD_SECONDS)
        return True

    def interrupt(self) -> None:
        """Wake whoever waits for the next request; what has arrived already is still answered."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RD)

    def close(self, *, unread: bool = False) -> None:
        """
        End the connection.

        With ``unread`` the client is probably still sending: what it sends is read for
        a moment, because closing at once would destroy the answer on its way.
        """
        deadline, left = time.monotonic() + LINGER_SECONDS, _LINGER_BYTES
        try:
            if unread:
                self._sock.shutdown(socket.SHUT_WR)
            while unread and left > 0 and (received := self._receive(deadline)):
                left -= len(received)
        except (OSError, RequestTooSlow):
            pass
        finally:
            self._sock.close()
