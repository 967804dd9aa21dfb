"""
Stock nameko, as nameko-examples does it: an HTTP gateway, ``RpcProxy``, SQLAlchemy
through a dependency provider, events from an ``EventDispatcher`` after the commit.

``python -m tests.bench.peers.stock_nameko gateway | accounts | workers | billing``
"""

import eventlet

eventlet.monkey_patch()

import json  # noqa: E402
import logging.config  # noqa: E402
import sys  # noqa: E402
from datetime import UTC, datetime  # noqa: E402
from typing import Any  # noqa: E402
from uuid import uuid4  # noqa: E402

from nameko.events import EventDispatcher, event_handler  # noqa: E402
from nameko.exceptions import safe_for_serialization  # noqa: E402
from nameko.extensions import DependencyProvider  # noqa: E402
from nameko.rpc import RpcProxy, rpc  # noqa: E402
from nameko.runners import ServiceRunner  # noqa: E402
from nameko.web.handlers import HttpRequestHandler  # noqa: E402
from sqlalchemy import create_engine, select  # noqa: E402
from sqlalchemy.orm import Session as DatabaseSession  # noqa: E402
from sqlalchemy.orm import sessionmaker  # noqa: E402
from werkzeug import Request, Response  # noqa: E402

from tests.bench.peers import tables  # noqa: E402
from tests.bench.peers.tables import Effect, Session, Worker  # noqa: E402


class NotFound(Exception):
    """There is no such thing for this caller."""


class Unauthenticated(Exception):
    """Nobody is signed in."""


class Db(DependencyProvider):
    """A session for each call, as nameko-sqlalchemy makes it."""

    def setup(self) -> None:
        self.engine = create_engine(tables.DATABASE_URL.replace("postgresql://", "postgresql+psycopg2://", 1))
        self.sessions = sessionmaker(self.engine)
        self.open: dict[Any, DatabaseSession] = {}

    def get_dependency(self, worker_ctx: Any) -> DatabaseSession:
        session = self.open[worker_ctx] = self.sessions()
        return session

    def worker_teardown(self, worker_ctx: Any) -> None:
        self.open.pop(worker_ctx).close()


class ApiHandler(HttpRequestHandler):
    """The gateway's entrypoint of nameko-examples: expected exceptions become statuses."""

    statuses = {"NotFound": 404, "Unauthenticated": 401}

    def response_from_exception(self, exc: Exception) -> Response:
        name = getattr(exc, "exc_type", type(exc).__name__)
        status = self.statuses.get(name, 500)
        body = json.dumps({"error": name, "message": safe_for_serialization(exc)})
        return Response(body, status=status, mimetype="application/json")


http = ApiHandler.decorator


class GatewayService:
    name = "gateway"
    accounts_rpc = RpcProxy("accounts")
    workers_rpc = RpcProxy("workers")

    @http("GET", "/v1/workers/<string:worker_id>")
    def get_worker(self, request: Request, worker_id: str) -> Response:
        company_id = self._company_of(request)
        worker = self.workers_rpc.get_worker(company_id, worker_id)
        return Response(json.dumps(worker), mimetype="application/json")

    @http("POST", "/v1/workers")
    def create_worker(self, request: Request) -> Response:
        company_id = self._company_of(request)
        worker = self.workers_rpc.create_worker(company_id, json.loads(request.get_data(as_text=True)))
        return Response(json.dumps(worker), status=201, mimetype="application/json")

    def _company_of(self, request: Request) -> str:
        token = tables.token_in(request.headers.get("Authorization"))
        if token is None:
            raise Unauthenticated()
        company_id: str = self.accounts_rpc.resolve_session(token)["company_id"]
        return company_id


class AccountsService:
    name = "accounts"
    db = Db()

    @rpc(expected_exceptions=Unauthenticated)
    def resolve_session(self, token: str) -> dict[str, Any]:
        session = self.db.get(Session, tables.token_hash(token))
        if session is None or session.expires_at < datetime.now(UTC):
            raise Unauthenticated()
        return {
            "user_id": session.user_id,
            "company_id": session.company_id,
            "permissions": session.permissions,
        }


class WorkersService:
    name = "workers"
    db = Db()
    event_dispatcher = EventDispatcher()

    @rpc(expected_exceptions=NotFound)
    def get_worker(self, company_id: str, worker_id: str) -> dict[str, Any]:
        statement = select(Worker).where(Worker.id == worker_id, Worker.company_id == company_id)
        worker = self.db.scalars(statement).one_or_none()
        if worker is None:
            raise NotFound(worker_id)
        return tables.view(worker)

    @rpc
    def create_worker(self, company_id: str, fields: dict[str, Any]) -> dict[str, Any]:
        now = datetime.now(UTC)
        worker = Worker(
            id=f"wrk_{uuid4().hex}", company_id=company_id, kind="employee", status="active", tags=[],
            created_at=now, updated_at=now, **fields,
        )  # fmt: skip
        self.db.add(worker)
        self.db.commit()
        made = tables.view(worker)
        event = {"event_id": uuid4().hex, "company_id": company_id, "worker_id": made["id"]}
        self.event_dispatcher("worker_created", event)
        return made


class BillingService:
    name = "billing"
    db = Db()

    @event_handler("workers", "worker_created")
    def handle_worker_created(self, payload: dict[str, Any]) -> None:
        self.db.add(Effect(id=payload["event_id"], company_id=payload["company_id"]))
        self.db.commit()


SERVICES = {service.name: service for service in (GatewayService, AccountsService, WorkersService, BillingService)}

#: As config.yml of nameko-examples.
CONFIG = {
    "AMQP_URI": tables.AMQP_URL,
    "WEB_SERVER_ADDRESS": f"127.0.0.1:{tables.PORT}",
    "rpc_exchange": "nameko-rpc",
    "max_workers": 10,
    "parent_calls_tracked": 10,
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"level": "INFO", "handlers": ["console"]},
}


def main() -> None:
    logging.config.dictConfig(LOGGING)
    runner = ServiceRunner(CONFIG)
    runner.add_service(SERVICES[sys.argv[1]])
    runner.start()
    runner.wait()


if __name__ == "__main__":
    main()
