"""
Running services: all in one process on its own memory, or one in this process.

Whoever imports this has called ``eventlet.monkey_patch()`` as its first statement.
"""

import dataclasses
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

import eventlet
import eventlet.wsgi
from eventlet.event import Event as Signal
from nameko.runners import ServiceRunner

from actiontrac import clock, failpoints, health, log
from actiontrac.config import (
    SERVICES,
    SERVICES_WITH_DATA,
    ConfigurationError,
    Settings,
    prepare_home,
)
from actiontrac.outbox import relay_in_memory
from actiontrac.service import chassis_store
from actiontrac.storage import database_for
from actiontrac.storage.migration import current, head, migrate

_log = log.get(__name__)

#: Beside RPC: events, timers and the workers that wait for them.
OTHER_WORKERS = 60


def service_class(name: str) -> Any:
    module = import_module(f"services.{name}.service")
    return getattr(module, f"{name.title()}Service")


def _runner(settings: Settings, services: tuple[str, ...]) -> ServiceRunner:
    runner = ServiceRunner(
        {
            "settings": settings,
            "chassis_store": chassis_store(settings),
            "SERVICE_CONTAINER_CLS": "actiontrac.service.Container",
            "max_workers": settings.max_workers + OTHER_WORKERS,
        }
    )
    for name in services:
        runner.add_service(service_class(name))
    return runner


def _until_told_to_stop() -> Signal:
    told = Signal()

    def tell(*_: Any) -> None:
        if told.ready():
            # The second Ctrl-C: somebody does not want to wait.
            os._exit(130)
        told.send()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: eventlet.spawn_after(0, tell))
    return told


def _stop(runner: ServiceRunner, seconds: float) -> bool:
    """
    Stop every container, the doors first, so that what is under way inside can still
    ask the others. Whether it was done in time.
    """
    with eventlet.Timeout(seconds + 2, False):
        doors = [c for c in runner.containers if c.service_name == "gateway"]
        for container in doors:
            container.stop()
        runner.stop()
        return True
    return False


def check_port(host: str, port: int) -> None:
    """
    Raises:
        ConfigurationError: somebody else listens there.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as problem:
            raise ConfigurationError(
                f"Port {port} on {host} cannot be used ({problem.strerror}); set ACTIONTRAC_HTTP_PORT to a free one."
            ) from None


def _start_sandbox(settings: Settings) -> Settings:
    """The sandboxes of the payment providers and the mail catcher, on a loopback port."""
    from actiontrac.sandbox.app import create_app
    from actiontrac.sandbox.settings import SandboxSettings

    listener = eventlet.listen((settings.sandbox_host, settings.sandbox_port))
    whole = dataclasses.replace(settings, sandbox_url=f"http://127.0.0.1:{listener.getsockname()[1]}")
    application = create_app(SandboxSettings.of(whole))
    # For commands beside the running product: through the gateway no credentials reach the sandboxes.
    (settings.home / "sandbox.url").write_text(whole.sandbox_url)
    eventlet.spawn(eventlet.wsgi.server, listener, application, log_output=False)
    return whole


def run_embedded(settings: Settings, announce: Callable[[Settings], None]) -> int:
    """All services, the sandboxes and the relays in this process, until told to stop."""
    prepare_home(settings.home)
    check_port(settings.http_host, settings.http_port)
    clock.configure(settings.clock_file)
    told = _until_told_to_stop()
    for service in SERVICES_WITH_DATA:
        migrate(service, settings)
    if settings.sandbox and not settings.sandbox_url:
        settings = _start_sandbox(settings)
    runner = _runner(settings, SERVICES)
    runner.start()
    stop = threading.Event()
    for service in SERVICES_WITH_DATA:
        relay = relay_in_memory(service, settings, database_for(service, settings))
        eventlet.spawn(relay.run, stop)
    announce(settings)
    told.wait()
    clean = _stop(runner, settings.drain_seconds + settings.http_drain_delay_seconds)
    stop.set()
    return 0 if clean else 1


class RelayProcess:
    """The relay of a service, as a child without eventlet; restarted when it ends."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._child: subprocess.Popen[bytes] | None = None
        self._stopping = False

    def run(self) -> None:
        while not self._stopping:
            # It ends when its standard input does: with this process, however that ends.
            self._child = subprocess.Popen(
                [sys.executable, "-m", "actiontrac", "relay", self._service], stdin=subprocess.PIPE
            )
            while self._child.poll() is None and not self._stopping:
                eventlet.sleep(0.2)
            if not self._stopping:
                _log.warning("relay_restarted", service=self._service, code=self._child.returncode)
                eventlet.sleep(0.5)

    def stop(self) -> None:
        self._stopping = True
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()
            with eventlet.Timeout(5, False):
                while self._child.poll() is None:
                    eventlet.sleep(0.05)
                return
            self._child.kill()


def serve(service: str, settings: Settings, *, with_relay: bool = True) -> int:
    """One service in this process on RabbitMQ, until told to stop."""
    if settings.embedded:
        raise ConfigurationError(
            "Set ACTIONTRAC_BUS_URL to your RabbitMQ (amqp://…): a service on its own has nobody to talk to in memory."
        )
    settings = settings.of_service(service)
    clock.configure(settings.clock_file)
    failpoints.process = service
    told = _until_told_to_stop()
    has_data = service in SERVICES_WITH_DATA
    if has_data and current(service, settings) != head(service):
        raise ConfigurationError(f"The database of {service} is not up to date; run: actiontrac migrate {service}")
    runner = _runner(settings, (service,))
    if not _start_unless_told(runner, told):
        _log.info("service_stopped", service=service, clean=True)
        return 0
    relay = RelayProcess(service) if has_data and with_relay else None
    if relay is not None:
        eventlet.spawn(relay.run)
    container = next(iter(runner.containers))
    health.serve(settings, health.Health(container, chassis_store(settings) if has_data else None))
    eventlet.spawn(_die_with, container)
    _log.info("service_ready", service=service)
    told.wait()
    clean = _stop(runner, settings.drain_seconds + settings.http_drain_delay_seconds)
    if relay is not None:
        relay.stop()
    _log.info("service_stopped", service=service, clean=clean)
    return 0 if clean else 1


def _start_unless_told(runner: ServiceRunner, told: Signal) -> bool:
    """Whether it serves now: a broker that is away is waited for, but not against an order to stop."""
    starting = eventlet.spawn(runner.start)
    while not starting.dead:
        if told.ready():
            starting.kill()
            return False
        eventlet.sleep(0.02)
    starting.wait()
    return True


def _die_with(container: Any) -> None:
    """A container that died takes the process with it: the supervisor starts a new one."""
    try:
        container.wait()
    except BaseException as problem:
        _log.critical("container_died", exc_info=problem)
        os._exit(1)
