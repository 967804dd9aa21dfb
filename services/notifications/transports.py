"""
How a mail leaves us: an SMTP server, or the sandbox's catcher.

A transport says one of four things about a mail: it was taken over, it was refused
for good, it may be tried again, or nobody knows. The last is kept apart, because it
is the one case in which sending again may send twice.
"""

import http.client
import re
import smtplib
import socket
import ssl
from typing import Protocol
from urllib.parse import unquote, urlsplit

from actiontrac.config import Settings
from services.notifications.policies import is_bad_address


class Refused(Exception):
    """It will never be taken; ``bad_address`` where the server says that nobody is there."""

    def __init__(self, reason: str, *, bad_address: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.bad_address = bad_address


class Deferred(Exception):
    """
    Not now: ``away`` where the server could not be used at all, ``fate_unknown`` where
    the mail had left us whole and no answer came.
    """

    def __init__(self, reason: str, *, away: bool = False, fate_unknown: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.away = away
        self.fate_unknown = fate_unknown


class Transport(Protocol):
    #: No send takes longer; who is silent for longer has died.
    longest_seconds: float

    def send(self, *, sender: str, recipient: str, raw: bytes) -> None:
        """
        Hand one mail over; returning means that it was taken over.

        Raises:
            Refused, Deferred
        """
        ...

    def rest(self) -> None:
        """Let go of what is held between mails; the next one opens it again."""
        ...


class SMTPTransport:
    """
    An SMTP server: ``smtp://[user:password@]host[:25]`` or ``smtps://…[:465]``.

    STARTTLS is used wherever it is offered, except on loopback, and certificates are
    checked. A password is never sent over a connection without TLS. One connection
    serves a batch.
    """

    #: Steps of a conversation that may each wait for the time-out.
    _STEPS = 10

    def __init__(self, url: str, *, timeout_seconds: float) -> None:
        parts = urlsplit(url)
        self._implicit_tls = parts.scheme == "smtps"
        self._host = parts.hostname or "localhost"
        self._port = parts.port or (465 if self._implicit_tls else 25)
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password or "")
        self._timeout = timeout_seconds
        self._connection: smtplib.SMTP | None = None
        self.longest_seconds = timeout_seconds * self._STEPS

    def send(self, *, sender: str, recipient: str, raw: bytes) -> None:
        used_before = self._connection is not None
        try:
            self._begin(sender)
        except Deferred:
            if not used_before:
                raise
            # Servers close connections that were idle; that says nothing about the mail.
            self.rest()
            self._begin(sender)
        self._recipient(recipient)
        self._content(raw)

    def rest(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.quit()
        except (OSError, smtplib.SMTPException):
            connection.close()

    def _begin(self, sender: str) -> None:
        try:
            if self._connection is None:
                self._connection = self._connect()
            code, _ = self._connection.mail(sender)
        except (OSError, smtplib.SMTPException) as problem:
            self._drop()
            raise Deferred(_code("connect", problem), away=True) from problem
        if code != 250:
            # Our own sender is refused: nobody's address is to blame, and nothing gets through.
            self._drop()
            raise Deferred(f"sender_{code}", away=True)

    def _recipient(self, recipient: str) -> None:
        code, answer = self._step("recipient", lambda connection: connection.rcpt(recipient))
        if code in (250, 251):
            return
        self._reset()
        if _is_final(code):
            raise Refused(f"recipient_{code}", bad_address=is_bad_address(code, _enhanced(answer)))
        raise Deferred(f"recipient_{code}")

    def _content(self, raw: bytes) -> None:
        code, _ = self._step("data", lambda connection: connection.docmd("DATA"))
        if code != 354:
            self._reset()
            raise _by_code("data", code)
        connection = self._connection
        assert connection is not None
        # From the final dot on, only the server's answer tells whether it has the mail.
        whole = False
        try:
            connection.send(_dot_stuffed(raw))
            whole = True
            connection.send(b".\r\n")
            code, _ = connection.getreply()
        except (OSError, smtplib.SMTPException) as problem:
            self._drop()
            raise Deferred(_code("content", problem), fate_unknown=whole) from problem
        if code == 250:
            return
        self._reset()
        raise _by_code("content", code)

    def _step(self, name: str, ask: "Step") -> tuple[int, bytes]:
        connection = self._connection
        assert connection is not None
        try:
            return ask(connection)
        except (OSError, smtplib.SMTPException) as problem:
            self._drop()
            raise Deferred(_code(name, problem)) from problem

    def _connect(self) -> smtplib.SMTP:
        # Our name in EHLO says nothing about the machine that we run on.
        name = "actiontrac.invalid" if _is_loopback(self._host) else socket.getfqdn()
        if self._implicit_tls:
            context = ssl.create_default_context()
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host, self._port, local_hostname=name, timeout=self._timeout, context=context
            )
        else:
            connection = smtplib.SMTP(self._host, self._port, local_hostname=name, timeout=self._timeout)
        try:
            self._secure(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _secure(self, connection: smtplib.SMTP) -> None:
        connection.ehlo_or_helo_if_needed()
        secure = self._implicit_tls
        if not secure and connection.has_extn("starttls") and not _is_loopback(self._host):
            connection.starttls(context=ssl.create_default_context())
            connection.ehlo()
            secure = True
        if self._user is None:
            return
        if not secure and not _is_loopback(self._host):
            raise smtplib.SMTPNotSupportedError("no TLS, no password")
        connection.login(self._user, self._password)

    def _reset(self) -> None:
        connection = self._connection
        if connection is None:
            return
        try:
            connection.rset()
        except (OSError, smtplib.SMTPException):
            self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class Step(Protocol):
    def __call__(self, connection: smtplib.SMTP, /) -> tuple[int, bytes]: ...


def _is_final(code: int) -> bool:
    """
    Whether a code is about this mail. 50x is about the conversation and 53x about
    our password: those are for the operator to mend, and the mail waits.
    """
    return code in (511, 521, 523) or 541 <= code < 600


def _by_code(step: str, code: int) -> Exception:
    if _is_final(code):
        return Refused(f"{step}_{code}")
    return Deferred(f"{step}_{code}")


def _code(step: str, problem: Exception) -> str:
    # Servers quote addresses in what they say; a type and a number do not.
    number = getattr(problem, "smtp_code", None)
    return f"{step}_{number}" if number and number > 0 else f"{step}_failed"


def _enhanced(answer: bytes) -> str:
    found = re.match(rb"([245]\.\d{1,3}\.\d{1,3})\b", answer)
    return found.group(1).decode() if found else ""


def _dot_stuffed(raw: bytes) -> bytes:
    stuffed = re.sub(rb"(?m)^\.", b"..", raw)
    return stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n"


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


class CatcherTransport:
    """The sandbox's mail catcher: one HTTP request with the raw mail in it."""

    longest_seconds = 10.0
    _TIMEOUT_SECONDS = 4.0

    def __init__(self, sandbox_url: str) -> None:
        parts = urlsplit(sandbox_url)
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or 80
        self._path = f"{parts.path}/mail/messages"

    def send(self, *, sender: str, recipient: str, raw: bytes) -> None:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._TIMEOUT_SECONDS)
        whole = False
        headers = {"Content-Type": "message/rfc822", "X-Envelope-From": sender, "X-Envelope-To": recipient}
        try:
            connection.connect()
            whole = True
            connection.request("POST", self._path, raw, headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as problem:
            raise Deferred("catcher_failed", away=not whole, fate_unknown=whole) from problem
        finally:
            connection.close()
        if status >= 500:
            raise Deferred(f"catcher_{status}", fate_unknown=True)
        if status >= 400:
            raise Refused(f"catcher_{status}")

    def rest(self) -> None:
        """Nothing is held."""


_transports: dict[str, Transport] = {}


def transport_for(settings: Settings) -> Transport:
    """
    The one transport of this process, by ``ACTIONTRAC_MAIL_URL``.

    Raises:
        ValueError: the URL names no way that we know.
    """
    url = settings.mail_url
    key = f"{url}|{settings.sandbox_url}"
    if key not in _transports:
        scheme = url.partition(":")[0]
        if scheme == "sandbox":
            _transports[key] = CatcherTransport(settings.sandbox_url)
        elif scheme in ("smtp", "smtps"):
            # RFC 5321 asks for minutes; a dead server would hold a mail's lease as long.
            timeout = float(settings.option("MAIL_TIMEOUT_SECONDS", "30"))
            _transports[key] = SMTPTransport(url, timeout_seconds=timeout)
        else:
            raise ValueError("ACTIONTRAC_MAIL_URL must begin with smtp://, smtps:// or sandbox:")
    return _transports[key]
