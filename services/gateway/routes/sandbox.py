"""In sandbox mode: the mail catcher, the payment pages and the clock, behind the same address."""

from typing import Literal

from actiontrac.http import Exchange, Response, Route
from actiontrac.http.problems import PathNotFound
from actiontrac.http.proxy import ServerAway, forward
from actiontrac.http.routes import BODY_LIMIT
from services.gateway.desk import Desk

PREFIX = "/sandbox"

_METHODS: tuple[Literal["GET", "POST", "PATCH", "DELETE"], ...] = ("GET", "POST", "PATCH", "DELETE")


def routes(desk: Desk) -> list[Route]:
    if not desk.settings.sandbox:
        return []

    def pass_on(exchange: Exchange) -> Response:
        request = exchange.request
        path = request.path.removeprefix(PREFIX)
        if not path:
            # Its pages' links are relative to the slash.
            return Response(status=308, content_type="", headers=[("Location", f"{PREFIX}/")])
        if not path.startswith("/"):
            raise PathNotFound()
        if not desk.settings.sandbox_url:
            raise ServerAway()
        return forward(request, desk.settings.sandbox_url, path, request.read(BODY_LIMIT))

    return [
        Route(
            method=method, path=PREFIX, name=f"sandbox_{method.lower()}", summary="The sandbox's own pages",
            handler=pass_on, hidden=True, raw=True, prefix=True, rate="sandbox",
        )
        for method in _METHODS
    ]  # fmt: skip
