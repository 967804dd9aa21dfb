"""
A small HTTP door of each service process for its operator: alive, ready, measured.

Not for the public: it binds where ACTIONTRAC_HEALTH_HOST says and only when
ACTIONTRAC_HEALTH_PORT is set. Metrics carry no label that names a person or company.
"""

from collections.abc import Callable, Iterable
from typing import Any

import eventlet
import eventlet.wsgi
import orjson
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest
from sqlalchemy import func, select

from actiontrac import leaving
from actiontrac.config import Settings
from actiontrac.consumer import Consumer
from actiontrac.link import RpcLink
from actiontrac.outbox import lag_seconds
from actiontrac.storage import Store

OUTBOX_LAG = Gauge("actiontrac_outbox_lag_seconds", "Age of the oldest unpublished event", ["service"])
PARKED = Gauge("actiontrac_failed_events", "Events that could not be handled", ["service", "state"])
PENDING = Gauge("actiontrac_rpc_pending", "Questions that wait for an answer", ["service"])
CONNECTED = Gauge("actiontrac_bus_connected", "Whether the bus is reachable", ["service"])


class Health:
    """What one container says about itself."""

    def __init__(self, container: Any, open_store: Callable[[str], Store] | None) -> None:
        self._service = container.service_name
        self._consumers = [e for e in container.extensions if isinstance(e, Consumer)]
        self._links = [e for e in container.extensions if isinstance(e, RpcLink)]
        self._open_store = open_store

    def ready(self) -> bool:
        """Whether it can do work now, and goes on to: on the bus in both directions, and not told to stop."""
        return not leaving.begun() and all(c.connected for c in self._consumers) and all(k.usable for k in self._links)

    def measure(self) -> None:
        CONNECTED.labels(self._service).set(self.ready())
        PENDING.labels(self._service).set(sum(link.pending for link in self._links))
        if self._open_store is None:
            return
        with self._open_store(self._service) as store:
            failed = store.base.FailedEvent
            OUTBOX_LAG.labels(self._service).set(lag_seconds(store.session, store.base.Outbox))
            by_state = select(failed.state, func.count()).group_by(failed.state)
            counted: dict[str, int] = dict(store.session.execute(by_state).all())
            for state in ("retry", "dead"):
                PARKED.labels(self._service, state).set(counted.get(state, 0))


def serve(settings: Settings, health: Health) -> None:
    """Answer /healthz, /readyz and /metrics in the background, if a port is set."""
    if not settings.health_port:
        return

    def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO")
        if path == "/metrics":
            health.measure()
            start("200 OK", [("Content-Type", CONTENT_TYPE_LATEST)])
            return [generate_latest()]
        if path in ("/healthz", "/readyz"):
            good = path == "/healthz" or health.ready()
            start("200 OK" if good else "503 Service Unavailable", [("Content-Type", "application/json")])
            return [orjson.dumps({"status": "ok" if good else "not ready"})]
        start("404 Not Found", [("Content-Type", "application/json")])
        return [b"{}"]

    host = settings.option("HEALTH_HOST", "127.0.0.1")
    listener = eventlet.listen((host, settings.health_port))
    eventlet.spawn(eventlet.wsgi.server, listener, application, log_output=False)
