"""
HTTP/1.1 on a socket, read strictly.

Our own instead of a library's server because of what the edge must promise: a limit
on everything that is read, a deadline on everything that is waited for, and a refusal
of every message that two readers could understand differently (RFC 9112): two
lengths, a length beside chunks, folded or malformed headers, bare line feeds.
"""

import re
import socket
import ssl
import time
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

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

#: A body that nobody asked for is read away when it is this small, so that the connection lives on.
_SMALL_BODY = 64 * 1024
_READ = 64 * 1024

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TARGET = re.compile(r"[\x21-\x7e]+")
#: All headers at once, because one look is cheaper than two per line. A folded line begins with a
#: space, which is no token character; a bare line feed or carriage return is no value's.
_HEADERS = re.compile(r"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n)*")
_DIGITS = re.compile(r"[0-9]{1,15}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[\x20-\x7e\t]*)?")
_ABSOLUTE = re.compile(r"https?://[^/?#]*", re.IGNORECASE)

#: Saying one of these twice means two different things to two readers.
_ONCE = frozenset(
    (
        *("host", "content-length", "content-type", "transfer-encoding", "expect"),
        *("authorization", "origin", "idempotency-key", "x-csrf-token"),
    )
)

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}


def parse_head(head: bytes, *, peer: str = "", scheme: str = "http") -> Request:
    """
    The request whose first line and headers these are, without the empty line.

    Raises:
        MalformedRequest, AddressTooLong, HeadersTooLarge, VersionNotSupported, ExpectationNotMet.
    """
    first, _, rest = head.decode("latin-1").partition("\r\n")
    if len(first) > MAX_REQUEST_LINE:
        raise AddressTooLong()
    method, target, version = _request_line(first)
    headers = _headers(rest)
    if version == "HTTP/1.1" and "host" not in headers:
        raise MalformedRequest("Name the host in a Host header.")
    path, _, query = target.partition("?")
    return Request(
        method=method,
        path=path,
        query_string=query,
        headers=headers,
        version=version,
        keep_alive=_keeps_alive(version, headers.get("connection", "")),
        length=_length(version, headers),
        peer=peer,
        scheme=scheme,
    )


def _request_line(line: str) -> tuple[str, str, str]:
    parts = line.split(" ")
    if len(parts) != 3:
        raise MalformedRequest()
    method, target, version = parts
    if not _TOKEN.fullmatch(method) or not _TARGET.fullmatch(target):
        raise MalformedRequest()
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        if re.fullmatch(r"HTTP/[0-9]\.[0-9]", version):
            raise VersionNotSupported()
        raise MalformedRequest()
    if not target.startswith("/"):
        if target == "*" and method == "OPTIONS":
            return method, "/*", version
        absolute = _ABSOLUTE.match(target)
        if absolute is None:
            raise MalformedRequest()
        target = target[absolute.end() :]
        target = target if target.startswith("/") else f"/{target}"
    return method, target, version


def _headers(block: str) -> dict[str, str]:
    found: dict[str, str] = {}
    if not block:
        return found
    if not _HEADERS.fullmatch(f"{block}\r\n"):
        raise MalformedRequest("A header is malformed.")
    lines = block.split("\r\n")
    if len(lines) > MAX_HEADERS:
        raise HeadersTooLarge()
    for line in lines:
        name, _, value = line.partition(":")
        name = name.lower()
        value = value.strip(" \t")
        if name not in found:
            found[name] = value
        elif name in _ONCE:
            raise MalformedRequest(f"The header {name} was sent twice.")
        else:
            found[name] += ("; " if name == "cookie" else ", ") + value
    return found


def _keeps_alive(version: str, connection: str) -> bool:
    options = {option.strip().lower() for option in connection.split(",")} if connection else set()
    if version == "HTTP/1.0":
        return "keep-alive" in options
    return "close" not in options


def _length(version: str, headers: dict[str, str]) -> int | None:
    coding = headers.get("transfer-encoding")
    length = headers.get("content-length")
    if headers.get("expect", "100-continue").lower() != "100-continue":
        raise ExpectationNotMet()
    if coding is not None:
        if length is not None or version == "HTTP/1.0" or coding.lower() != "chunked":
            raise MalformedRequest("A body comes with a Content-Length or in chunks, and in no other coding.")
        return None
    if length is None:
        return 0
    if not _DIGITS.fullmatch(length):
        raise MalformedRequest("The Content-Length is not a number.")
    return int(length)


class Connection:
    """A client's connection: requests are read from it one after another."""

    def __init__(self, sock: Any, peer: str, scheme: str) -> None:
        self._sock = sock
        self._peer = peer
        self._scheme = scheme
        self._buffer = bytearray()
        self._awaits_continue = False
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
        head = self._read_head()
        if head is None:
            return None
        request = parse_head(head, peer=self._peer, scheme=self._scheme)
        self._awaits_continue = request.length != 0 and "expect" in request.headers
        if request.length != 0:
            request._reader = lambda limit: self._read_body(request, limit)
        return request

    def _read_head(self) -> bytes | None:
        buffer = self._buffer
        deadline = time.monotonic() + HEAD_SECONDS if buffer else None
        self.idle = deadline is None
        while True:
            while buffer.startswith(b"\r\n"):
                # An empty line before a request is forgiven (RFC 9112, 2.2).
                del buffer[:2]
            end = buffer.find(b"\r\n\r\n")
            if end >= 0 and end <= MAX_HEAD:
                head = bytes(buffer[:end])
                del buffer[: end + 4]
                self.idle = False
                return head
            if len(buffer) > MAX_REQUEST_LINE and b"\r\n" not in buffer[: MAX_REQUEST_LINE + 2]:
                raise AddressTooLong()
            if len(buffer) > MAX_HEAD:
                raise HeadersTooLarge()
            if deadline is None and buffer:
                deadline = time.monotonic() + HEAD_SECONDS
                self.idle = False
            received = self._receive(deadline)
            if not received:
                return None
            buffer += received

    def _receive(self, deadline: float | None) -> bytes:
        """More bytes, or none when there will be no more of a request that has not begun."""
        left = IDLE_SECONDS if deadline is None else deadline - time.monotonic()
        if left <= 0:
            raise RequestTooSlow()
        self._sock.settimeout(left)
        try:
            received: bytes = self._sock.recv(_READ)
        except TimeoutError:
            if deadline is None:
                return b""
            raise RequestTooSlow() from None
        return received

    def _receive_some(self, deadline: float) -> None:
        received = self._receive(deadline)
        if not received:
            raise MalformedRequest("The connection ended within the request.")
        self._buffer += received

    def _read_body(self, request: Request, limit: int) -> bytes:
        if request.length is not None and request.length > limit:
            raise BodyTooLarge()
        if self._awaits_continue:
            self._awaits_continue = False
            if not self._buffer:
                self._sock.settimeout(SEND_SECONDS)
                self._sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        deadline = time.monotonic() + BODY_SECONDS
        if request.length is None:
            return self._read_chunks(limit, deadline)
        return self._take(request.length, deadline)

    def _take(self, length: int, deadline: float) -> bytes:
        while len(self._buffer) < length:
            self._receive_some(deadline)
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        return taken

    def _line(self, deadline: float) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > MAX_REQUEST_LINE:
                raise MalformedRequest("A chunk's size is malformed.")
            self._receive_some(deadline)
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _read_chunks(self, limit: int, deadline: float) -> bytes:
        body = bytearray()
        while True:
            size = _CHUNK.fullmatch(self._line(deadline))
            if size is None:
                raise MalformedRequest("A chunk's size is malformed.")
            length = int(size[1], 16)
            if length == 0:
                break
            if len(body) + length > limit:
                raise BodyTooLarge()
            body += self._take(length, deadline)
            if self._line(deadline):
                raise MalformedRequest("A chunk is longer than it says.")
        # Trailers carry nothing that we use; they are read away within the headers' limits.
        for _ in range(MAX_HEADERS):
            if not self._line(deadline):
                return bytes(body)
        raise HeadersTooLarge()

    def send(self, request: Request | None, response: Response, *, keep: bool) -> None:
        """Write the answer; ``keep`` tells the client that another request may follow."""
        bodyless = response.status in (204, 304) or (request is not None and request.method == "HEAD")
        head = [
            _STATUS_LINES.get(response.status) or f"HTTP/1.1 {response.status} Unknown\r\n".encode(),
            b"Date: " + _date() + b"\r\n",
            response.policy.encoded,
        ]
        for name, value in response.headers:
            head.append(f"{name}: {value}\r\n".encode("latin-1"))
        if response.content_type and response.status not in (204, 304):
            head.append(f"Content-Type: {response.content_type}\r\n".encode("latin-1"))
        if not keep:
            head.append(b"Connection: close\r\n")
        elif request is not None and request.version == "HTTP/1.0":
            head.append(b"Connection: keep-alive\r\n")
        self._sock.settimeout(SEND_SECONDS)
        if isinstance(response.body, bytes):
            if response.status not in (204, 304):
                head.append(b"Content-Length: %d\r\n" % len(response.body))
            head.append(b"\r\n")
            if not bodyless:
                head.append(response.body)
            self._sock.sendall(b"".join(head))
            return
        self._stream(request, response, head, bodyless)

    def _stream(self, request: Request | None, response: Response, head: list[bytes], bodyless: bool) -> None:
        chunked = request is not None and request.version == "HTTP/1.1"
        if chunked:
            head.append(b"Transfer-Encoding: chunked\r\n")
        head.append(b"\r\n")
        self._sock.sendall(b"".join(head))
        if bodyless:
            return
        assert not isinstance(response.body, bytes)
        for part in response.body:
            if part:
                self._sock.sendall(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
        if chunked:
            self._sock.sendall(b"0\r\n\r\n")

    def finish_body(self, request: Request) -> bool:
        """After the answer: whether the rest of the request is out of the way, so that another can follow."""
        if request.body_was_read:
            return True
        if self._awaits_continue or request.length is None or request.length > _SMALL_BODY:
            return False
        self._take(request.length, time.monotonic() + HEAD_SECONDS)
        return True

    def interrupt(self) -> None:
        """Wake whoever waits for the next request; what has arrived already is still answered."""
        try:
            self._sock.shutdown(socket.SHUT_RD)
        except OSError:
            pass

    def close(self, *, unread: bool = False) -> None:
        """
        End the connection.

        With ``unread`` the client is probably still sending: what it sends is read for
        a moment, because closing at once would destroy the answer on its way.
        """
        try:
            if unread:
                self._sock.shutdown(socket.SHUT_WR)
                self._linger()
        except OSError:
            pass
        finally:
            self._sock.close()

    def _linger(self) -> None:
        deadline = time.monotonic() + 2.0
        left = 16 * 1024 * 1024
        while left > 0 and (seconds := deadline - time.monotonic()) > 0:
            self._sock.settimeout(seconds)
            received = self._sock.recv(_READ)
            if not received:
                return
            left -= len(received)


_stamp: tuple[int, bytes] = (0, b"")


def _date() -> bytes:
    """The Date header's value, made once a second; real time, as caches and browsers expect it."""
    global _stamp
    second = int(clock.wall())
    if second != _stamp[0]:
        _stamp = (second, formatdate(second, usegmt=True).encode())
    return _stamp[1]
