"""The nameko class: HTTP in, RPC out, and what it must hear from accounts."""

from functools import cache
from typing import Any

import orjson
from nameko.extensions import DependencyProvider

from actiontrac import __version__
from actiontrac.config import Settings
from actiontrac.consumer import Consumer
from actiontrac.context import RequestContext
from actiontrac.contracts import accounts
from actiontrac.http import HTML, Exchange, Request, Response, Route, Table, docs, openapi
from actiontrac.http.admission import Admission
from actiontrac.http.application import Application
from actiontrac.http.headers import PUBLIC_API, PUBLIC_PAGE
from actiontrac.http.server import http
from actiontrac.link import RpcLink
from actiontrac.rpc import Caller
from actiontrac.service import Service, handle
from services.gateway import examples, metrics, pages, routes
from services.gateway.desk import Desk
from services.gateway.gate import SiteGate
from services.gateway.sessions import Sessions

#: Requests at once; each waits for a service most of its time.
PLACES = 200

PING_SECONDS = 1.5

DESCRIPTION = (
    "A central place where a company manages the administrative side of its workers.\n\n"
    "Every refusal is application/problem+json with a stable `code` and the id of the request. Every writing request "
    "takes an Idempotency-Key: repeated under the same key, it happens once. Lists come in pages: "
    '{"items": […], "next_cursor": …}. Times are UTC, money is in minor units.'
)


class Door(DependencyProvider):
    """The gateway's one dependency: it lives as long as the process."""

    consumer = Consumer()
    link = RpcLink()

    def setup(self) -> None:
        settings: Settings = self.container.config["settings"]
        self.sessions = Sessions(lambda: self.consumer.connections if self.consumer.connected else None)
        gate = SiteGate(settings, self.sessions, self._resolve)
        desk = Desk(settings, self.sessions, gate, self._ask_briefly, {"version": __version__})
        table = with_documentation(routes.table(desk), settings)
        self.application = Application(
            table,
            gate=gate,
            asker=self._ask,
            admission=Admission(int(settings.option("HTTP_PLACES", str(PLACES)))),
            request_seconds=settings.rpc_timeout_seconds,
            observe=metrics.observe,
            error_page=pages.refusal,
        )
        self._seconds = settings.rpc_timeout_seconds

    def get_dependency(self, worker_ctx: Any) -> "Door":
        return self

    def _ask(self, service: str, asked: RequestContext) -> Caller:
        return Caller(service, self.link, asked, self._seconds)

    def _ask_briefly(self, service: str, asked: RequestContext) -> Caller:
        return Caller(service, self.link, asked, PING_SECONDS)

    def _resolve(self, asked: RequestContext, token: str) -> accounts.PrincipalView:
        # The gateway asks on its own behalf: nobody is behind the request yet.
        found: accounts.PrincipalView = self._ask("accounts", asked.as_service()).resolve_session(token=token)
        return found


def document_of(table: Table) -> dict[str, Any]:
    return openapi.build(
        table,
        title="ActionTrac",
        version=__version__,
        description=DESCRIPTION,
        tags=routes.TAGS,
        examples=examples.VIEWS,
    )


def with_documentation(table: Table, settings: Settings) -> Table:
    """The table, and the two routes that describe it."""

    @cache
    def document() -> bytes:
        return orjson.dumps(document_of(whole), option=orjson.OPT_INDENT_2)

    @cache
    def page() -> bytes:
        made = docs.page(
            orjson.loads(document()), whole, base=settings.public_url, stylesheet=pages.STYLESHEET, brand="ActionTrac"
        )
        return made.encode()

    def send_document(_: Exchange) -> Response:
        return Response(document(), policy=PUBLIC_API)

    def send_page(_: Exchange) -> Response:
        return Response(page(), content_type=HTML, policy=PUBLIC_PAGE)

    whole = Table(
        [
            *table.routes,
            Route(
                method="GET", path="/openapi.json", name="get_openapi", tag="Operations",
                summary="This document", handler=send_document, answer=dict,
            ),
            Route(
                method="GET", path="/docs", name="read_docs", summary="The documentation", handler=send_page,
                page=True, hidden=True,
            ),
        ]
    )  # fmt: skip
    return whole


class GatewayService(Service):
    name = "gateway"
    door = Door()

    @http()
    def answer(self, request: Request) -> Response:
        """Every HTTP request comes through here."""
        return self.door.application.answer(request)

    @handle(accounts.SessionsRevoked, broadcast=True)
    def on_sessions_revoked(self, event: accounts.SessionsRevoked) -> None:
        """Forget these sessions at once; without hearing of it they would live on for 30 seconds (A10)."""
        self.door.sessions.forget_sessions(event.session_ids)

    @handle(accounts.RightsChanged, broadcast=True)
    def on_rights_changed(self, event: accounts.RightsChanged) -> None:
        """Look this person's rights up anew with the next request."""
        self.door.sessions.forget_user(event.user_id)
