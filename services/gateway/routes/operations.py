"""Whether it runs, how well, and what it offers: for operators and programs."""

from collections.abc import Callable

import eventlet
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from actiontrac import leaving
from actiontrac.config import SERVICES_WITH_DATA
from actiontrac.context import RequestContext
from actiontrac.http import Exchange, Response, Route
from actiontrac.http.addresses import is_private
from actiontrac.http.messages import as_json
from actiontrac.http.problems import PathNotFound
from services.gateway.desk import Desk
from services.gateway.schemas import HealthView, ReadinessView


def readiness(desk: Desk) -> Callable[[Exchange], Response]:
    def ping(name: str, request_id: str) -> str:
        try:
            desk.ask_briefly(name, RequestContext(request_id=request_id)).ping()
        except Exception:
            # Whatever keeps it from answering, it is not ready.
            return "down"
        return "ok"

    def ready(exchange: Exchange) -> Response:
        if leaving.begun():
            return as_json({"status": "stopping", "services": {}}, status=503)
        asked = {name: eventlet.spawn(ping, name, exchange.request_id) for name in SERVICES_WITH_DATA}
        services = {name: thread.wait() for name, thread in asked.items()}
        good = all(state == "ok" for state in services.values())
        return as_json({"status": "ok" if good else "down", "services": services}, status=200 if good else 503)

    return ready


def healthy(_: Exchange) -> HealthView:
    return {"status": "ok"}


def metrics(desk: Desk) -> Callable[[Exchange], Response]:
    def measured(exchange: Exchange) -> Response:
        # For the operator's own network; a proxy that passes strangers on adds this header.
        inside = is_private(exchange.request.peer) and "x-forwarded-for" not in exchange.request.headers
        if not desk.settings.sandbox and not inside:
            raise PathNotFound()
        return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)

    return measured


def routes(desk: Desk) -> list[Route]:
    return [
        Route(
            method="GET", path="/healthz", name="get_health", tag="Operations", summary="Whether the process lives",
            answer=HealthView, probe=True, handler=healthy,
        ),
        Route(
            method="GET", path="/readyz", name="get_readiness", tag="Operations",
            summary="Whether every service answers",
            answer=ReadinessView, probe=True, handler=readiness(desk), statuses=(503,),
        ),
        Route(
            method="GET", path="/metrics", name="get_metrics", tag="Operations", summary="Figures for Prometheus",
            description="Without any label that names a person, company or address; in live mode only from inside.",
            answers="text/plain", probe=True, handler=metrics(desk), statuses=(404,),
        ),
    ]  # fmt: skip
