"""The sandbox as a process of its own, on plain threads."""

import logging
import signal
import socket
import threading
from dataclasses import replace
from types import TracebackType
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from actiontrac.sandbox.app import Sandbox, create_app
from actiontrac.sandbox.settings import SandboxSettings, require_safe_host

log = logging.getLogger(__name__)


#: Connections that may wait while all threads are starting.
BACKLOG = 128


class QuietHandler(WSGIRequestHandler):
    """Logs no requests: their addresses name payments, and their bodies could hold a card."""

    def log(self, type: str, message: str, *args: Any) -> None:
        return


class Running:
    """
    A sandbox that serves on threads of its own until it is closed, which takes up to ``poll_seconds``.

    Raises:
        UnsafeAddress: the host can be reached from outside.
        OSError: the port is taken.
        SandboxDataBroken: its file cannot be used.
    """

    def __init__(
        self,
        settings: SandboxSettings,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        inside_a_private_network: bool = False,
        poll_seconds: float = 0.5,
    ) -> None:
        require_safe_host(host, inside_a_private_network=inside_a_private_network)
        # Bound here, because Werkzeug ends the whole process when a port is taken.
        with socket.create_server((host, port), family=_family(host), backlog=BACKLOG) as listening:
            self.url = f"http://{host}:{listening.getsockname()[1]}"
            self.app: Sandbox = create_app(replace(settings, internal=settings.internal or self.url))
            self._server: BaseWSGIServer = make_server(
                host, port, self.app, threaded=True, request_handler=QuietHandler, fd=listening.fileno()
            )
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": poll_seconds}, name="sandbox-http", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)
        self.app.close()

    def __enter__(self) -> "Running":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def serve(
    settings: SandboxSettings,
    host: str,
    port: int,
    *,
    smtp_port: int | None = None,
    inside_a_private_network: bool = False,
) -> None:
    """
    Serve until SIGTERM or SIGINT; with ``smtp_port`` mail is taken there too.

    Raises:
        UnsafeAddress: the host can be reached from outside.
        OSError: the port is taken.
    """
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with Running(settings, host, port, inside_a_private_network=inside_a_private_network) as running:
        listener = None
        if smtp_port is not None:
            # Imported here: it brings asyncio along, which nothing else needs.
            from actiontrac.sandbox.smtp import SmtpListener

            listener = SmtpListener(running.app.mailbox, host, smtp_port)
            listener.start()
        log.info("sandbox_ready url=%s", running.url)
        stopping.wait()
        if listener is not None:
            listener.stop()


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
