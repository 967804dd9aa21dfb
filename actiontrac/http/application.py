"""
The way of every request: found in the table, let in, recognised, checked, answered.

It knows no route and no service; what is the product's own stands behind ``Gate``.
"""

import time
from collections.abc import Callable
from typing import Any, Protocol

from actiontrac import clock, context, log
from actiontrac.errors import Forbidden, InternalError, ServiceError, Unauthenticated
from actiontrac.http import problems, validation
from actiontrac.http.admission import Admission
from actiontrac.http.exchange import Asker, Exchange
from actiontrac.http.messages import Request, Response, as_json
from actiontrac.http.routes import PUBLIC, SIGNED_IN, Route, Table

_log = log.get(__name__)

#: In logs and figures, for what no route serves.
UNKNOWN = "(none)"


class Gate(Protocol):
    """What decides who may come in; it refuses by raising a ServiceError."""

    def receive(self, exchange: Exchange, route: Route | None) -> None:
        """Before anything is read: the kind of connection, the address's rate."""

    def recognise(self, exchange: Exchange, route: Route) -> None:
        """Set the principal of a request that must have one, and rate it."""

    def check_site(self, exchange: Exchange, route: Route) -> None:
        """Refuse what another site made a browser send."""


Observer = Callable[[str, str, int, float], None]
ErrorPage = Callable[[ServiceError, str], Response]


class Application:
    def __init__(
        self,
        table: Table,
        *,
        gate: Gate,
        asker: Asker,
        admission: Admission,
        request_seconds: float,
        observe: Observer,
        error_page: ErrorPage,
    ) -> None:
        self.table = table
        self._gate = gate
        self._asker = asker
        self._admission = admission
        self._request_seconds = request_seconds
        self._observe = observe
        self._error_page = error_page

    def answer(self, request: Request) -> Response:
        """The answer to a request, whatever happens."""
        began = time.monotonic()
        exchange = Exchange(request, self._asker)
        context.enter(exchange.asked)
        route: Route | None = None
        try:
            if request.method == "OPTIONS":
                response = self._options(exchange)
            else:
                route, exchange.params = self._find(exchange)
                response = self._run(exchange, route)
        except ServiceError as error:
            response = self._refusal(error, exchange, route)
        except Exception as problem:
            _log.error("request_failed", route=route.path if route else UNKNOWN, exc_info=problem)
            response = self._refusal(InternalError(), exchange, route)
        response.headers.append(("X-Request-Id", exchange.request_id))
        self._record(exchange, route, response.status, time.monotonic() - began)
        return response

    def _find(self, exchange: Exchange) -> tuple[Route, dict[str, str]]:
        try:
            return self.table.find(exchange.request)
        except ServiceError:
            # Guessing addresses counts as well.
            self._gate.receive(exchange, None)
            raise

    def _options(self, exchange: Exchange) -> Response:
        self._gate.receive(exchange, None)
        allow = ", ".join(self.table.methods(exchange.request.path))
        return Response(status=204, headers=[("Allow", allow)])

    def _run(self, exchange: Exchange, route: Route) -> Response:
        if route.probe:
            return self._finished(exchange, route)
        self._gate.receive(exchange, route)
        with self._admission.place(critical=route.critical, service=route.ask.service if route.ask else ""):
            self._gate.recognise(exchange, route)
            self._permit(exchange, route)
            self._gate.check_site(exchange, route)
            self._read(exchange, route)
            exchange.asked.deadline = clock.wall() + self._request_seconds
            return self._finished(exchange, route)

    def _permit(self, exchange: Exchange, route: Route) -> None:
        """
        The same rule as at the service, applied before anything is read or asked.

        Raises:
            Unauthenticated, Forbidden.
        """
        if route.requires == PUBLIC:
            return
        if not exchange.principal.signed_in:
            raise Unauthenticated()
        if route.requires == SIGNED_IN:
            # The operators belong to no company, so there is no "own" data for them.
            allowed = bool(exchange.principal.company_id)
        else:
            allowed = exchange.principal.may(route.requires)
        if not allowed:
            raise Forbidden()

    def _read(self, exchange: Exchange, route: Route) -> None:
        request = exchange.request
        exchange.query = validation.query_of(request, route)
        exchange.asked.idempotency_key = validation.idempotency_key_of(request, route)
        if route.body is None or route.raw:
            return
        if request.media_type in route.also_accepts:
            return
        exchange.body = validation.body_of(request, route)

    def _finished(self, exchange: Exchange, route: Route) -> Response:
        if route.handler is not None:
            found = route.handler(exchange)
        else:
            assert route.ask is not None
            found = exchange.ask(route.ask)
        response = self._written(found, route)
        if exchange.asked.replayed:
            response.headers.append(("Idempotent-Replayed", "true"))
        return response

    def _written(self, found: Any, route: Route) -> Response:
        if isinstance(found, Response):
            return found
        if route.status == 204:
            return Response(status=204)
        return as_json(found, status=route.status)

    def _refusal(self, error: ServiceError, exchange: Exchange, route: Route | None) -> Response:
        if route is not None and route.page:
            response = self._error_page(error, exchange.request_id)
            response.headers.extend(problems.headers_of(error))
        else:
            response = problems.response(error, exchange.request_id)
        # What was not read may be an attack's; the connection does not wait for it.
        response.close = isinstance(error, (problems.BodyTooLarge, problems.RequestTooSlow, problems.MalformedRequest))
        return response

    def _record(self, exchange: Exchange, route: Route | None, status: int, seconds: float) -> None:
        path = route.path if route is not None else UNKNOWN
        method = exchange.request.method if route is not None or status == 204 else "-"
        self._observe(path, method, status, seconds)
        if route is None or not route.probe:
            _log.info("request", route=path, method=method, status=status, ms=round(seconds * 1000, 1))
