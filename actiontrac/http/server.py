"""
The HTTP door of a process: a bound address, a green thread per connection, a clean end.

It replaces nameko's web server, which puts exceptions' text into its answers, accepts
bodies of any size, waits for half-open requests forever and binds every interface
(bus.md, fact 17). A request runs in its connection's own green thread rather than in
a nameko worker: the worker would cost a second thread and a fresh set of dependencies
for what only passes a question on.
"""

import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import Any

import eventlet
from eventlet.event import Event as Signal
from greenlet import GreenletExit
from nameko.extensions import Entrypoint, SharedExtension

from actiontrac import context, leaving, log
from actiontrac.config import Settings
from actiontrac.context import RequestContext
from actiontrac.errors import DeadlineExceeded, InternalError, ServiceError
from actiontrac.http import problems
from actiontrac.http.listening import refuse_newcomers
from actiontrac.http.messages import Request, Response
from actiontrac.http.wire import Connection
from actiontrac.ids import new_id

_log = log.get(__name__)

Handler = Callable[[Request], Response]

#: Connections at once; the next one is told to come back.
MAX_CONNECTIONS = 2000

#: The kernel keeps this many connections that we have not taken yet.
BACKLOG = 1024

HANDSHAKE_SECONDS = 10.0

#: A stopping server answers what its kept connections still ask for so long, each for the last time. Who asks
#: seldom finds the connection closed between two requests, which every client must expect (RFC 9112, 9.3.1).
LAST_CALL_SECONDS = 1.0

#: A connection whose first packet was let in has its others here after this, on any network worth the name.
HANDSHAKES_UNDER_WAY_SECONDS = 0.1


class HttpServer(SharedExtension):
    """The process's HTTP server; it serves one handler."""

    def __init__(self) -> None:
        self._handler: Handler | None = None
        self._listener: Any = None
        self._tls: ssl.SSLContext | None = None
        self._acceptor: Any = None
        self._connections: dict[Connection, Any] = {}
        self._quiet = Signal()
        self._draining = False
        #: Answers are the last on their connection now.
        self._closing = False
        #: Where it listens, once it is set up.
        self.address: tuple[str, int] = ("", 0)

    @property
    def settings(self) -> Settings:
        found: Settings = self.container.config["settings"]
        return found

    def serve(self, handler: Handler) -> None:
        self._handler = handler

    def setup(self) -> None:
        """
        Take the address.

        Raises:
            OSError: it is taken, or not ours to take.
        """
        settings = self.settings
        if settings.tls_certificate and settings.tls_key:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
            self._tls.load_cert_chain(settings.tls_certificate, settings.tls_key)
        family = socket.AF_INET6 if ":" in settings.http_host else socket.AF_INET
        self._listener = socket.create_server(
            (settings.http_host, settings.http_port),
            family=family,
            backlog=BACKLOG,
            # Replicas on one machine: the kernel shares the connections out among them.
            reuse_port=settings.option("HTTP_REUSE_PORT", "") == "1",
        )
        self.address = self._listener.getsockname()[:2]

    def start(self) -> None:
        if self._acceptor is None:
            self._acceptor = eventlet.spawn(self._accept)

    def stop(self) -> None:
        self.drain()

    def kill(self) -> None:
        self._draining = self._closing = True
        self._close_listener()
        for thread in list(self._connections.values()):
            thread.kill()

    def drain(self) -> None:
        """
        Say that it is not ready, take no new connection, answer what has been asked, then end every connection.

        After ``drain_seconds`` what still runs is ended.
        """
        if self._draining:
            return
        self._draining = True
        leaving.begin()
        # Its readiness is false now; whoever balances the load needs a moment to see it.
        eventlet.sleep(self.settings.http_drain_delay_seconds)
        self._closing = True
        self._take_the_waiting()
        self._close_listener()
        self._last_call()
        for connection in list(self._connections):
            if connection.idle:
                connection.interrupt()
        if self._connections:
            with eventlet.Timeout(self.settings.drain_seconds, False):
                self._quiet.wait()
        for thread in list(self._connections.values()):
            thread.kill()

    def _last_call(self) -> None:
        """Until every kept connection has been told with an answer that it was the last, or the time is up."""
        with eventlet.Timeout(LAST_CALL_SECONDS, False):
            while self._connections:
                eventlet.sleep(0.05)

    def _take_the_waiting(self) -> None:
        """
        Connections that the kernel has accepted for us would be reset with the listener.

        So it lets no new one begin: who asks for one is not answered, asks again after a second as TCP does,
        and is then sent to another replica on this port, or told that nobody is here. What had begun is taken.
        """
        if self._listener is None:
            return
        if refuse_newcomers(self._listener):
            eventlet.sleep(HANDSHAKES_UNDER_WAY_SECONDS)
        if self._acceptor is not None:
            self._acceptor.kill()
        self._listener.settimeout(0)
        with contextlib.suppress(OSError):
            while True:
                self._spawn(*self._listener.accept())

    def _close_listener(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _accept(self) -> None:
        while not self._closing:
            try:
                sock, peer = self._listener.accept()
            except OSError as problem:
                if self._closing or self._listener is None:
                    return
                # Out of file descriptors, or the client left at once: neither ends the server.
                _log.warning("accept_failed", error=type(problem).__name__)
                eventlet.sleep(0.05)
                continue
            self._spawn(sock, peer)

    def _spawn(self, sock: Any, peer: tuple[Any, ...]) -> None:
        connection = Connection(sock, str(peer[0]), "https" if self._tls else "http")
        self._connections[connection] = eventlet.spawn(self._run, connection, sock)

    def _run(self, connection: Connection, sock: Any) -> None:
        unread = False
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                connection.secure(self._tls, HANDSHAKE_SECONDS)
            unread = self._converse(connection)
        except (OSError, GreenletExit):
            # The client left, stalled, or we are stopping: nobody is there to be told.
            pass
        except Exception as problem:
            _log.error("connection_failed", exc_info=problem)
        finally:
            try:
                connection.close(unread=unread)
            finally:
                self._connections.pop(connection, None)
                if self._closing and not self._connections and not self._quiet.ready():
                    self._quiet.send()

    def _converse(self, connection: Connection) -> bool:
        """Answer request after request; returns whether the client may still be sending."""
        if len(self._connections) > MAX_CONNECTIONS:
            return self._refuse(connection, problems.Overloaded())
        while True:
            try:
                request = connection.next_request()
            except ServiceError as problem:
                return self._refuse(connection, problem)
            if request is None:
                return False
            response = self._answer(request)
            keep = connection.send(request, response, keep=not response.close and not self._closing)
            try:
                finished = connection.finish_body(request)
            except ServiceError:
                return False
            if not keep or not finished:
                return not finished

    def _answer(self, request: Request) -> Response:
        assert self._handler is not None
        try:
            return self._handler(request)
        except eventlet.Timeout:
            return problems.response(DeadlineExceeded(), context.current().request_id)
        except Exception as problem:
            # The handler answers for its own errors; this is for what it did not think of.
            _log.error("request_failed", exc_info=problem)
            return problems.response(InternalError(), context.current().request_id)

    def _refuse(self, connection: Connection, problem: ServiceError) -> bool:
        context.enter(RequestContext(request_id=new_id("req")))
        response = problems.response(problem, context.current().request_id)
        response.headers.append(("X-Request-Id", context.current().request_id))
        _log.info("request_refused", status=problem.status, code=problem.code)
        connection.send(None, response, keep=False)
        return True


class Http(Entrypoint):
    """The method that answers every HTTP request of this process."""

    server = HttpServer()

    def setup(self) -> None:
        self.server.serve(self._handle)

    def start(self) -> None:
        # One service object for the whole process: its dependencies belong to nobody's request.
        self._service = self.container.service_cls()
        for provider in self.container.dependencies:
            setattr(self._service, provider.attr_name, provider.get_dependency(None))
        self._method = getattr(self._service, self.method_name)

    def stop(self) -> None:
        self.server.drain()

    def _handle(self, request: Request) -> Response:
        found: Response = self._method(request)
        return found


http = Http.decorator
