"""One request on its way: who asks, what was sent, whom to ask; and where arguments come from."""

import re
from secrets import token_hex
from typing import Any, Protocol

from actiontrac import forbidden
from actiontrac.context import Principal, RequestContext
from actiontrac.http.messages import Request
from actiontrac.http.routes import Ask, Source

_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{7,63}")
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

VISITOR = Principal()


class Asker(Protocol):
    """How an exchange reaches a service: an ``actiontrac.rpc.Caller`` for one request."""

    def __call__(self, service: str, asked: RequestContext) -> Any: ...


class Exchange:
    """A request, and everything that is found out about it."""

    __slots__ = ("asked", "asker", "body", "csrf_token", "params", "query", "request", "request_id", "session")

    def __init__(self, request: Request, asker: Asker) -> None:
        self.request = request
        self.asker = asker
        self.request_id = request_id_of(request)
        self.asked = RequestContext(request_id=self.request_id, principal=VISITOR, traceparent=_traceparent_of(request))
        self.params: dict[str, str] = {}
        self.query: dict[str, Any] = {}
        self.body: Any = None
        #: What the gate keeps of the session behind the request.
        self.session: Any = None
        #: What a page of the session must send back; None where the session came as a bearer token.
        self.csrf_token: str | None = None

    @property
    def principal(self) -> Principal:
        return self.asked.principal or VISITOR

    def service(self, name: str) -> Any:
        """A service's methods, asked on behalf of whoever sent the request."""
        return self.asker(name, self.asked)

    def ask(self, question: Ask) -> Any:
        """
        Raises:
            ServiceError: what the service said, or that it could not be reached.
        """
        arguments = {name: source(self) for name, source in question.arguments.items()}
        return getattr(self.service(question.service), question.method)(**arguments)


def request_id_of(request: Request) -> str:
    """The client's own request id where it is harmless in a log, else a new one."""
    sent = request.headers.get("x-request-id")
    if sent is not None and _REQUEST_ID.fullmatch(sent) and not forbidden.find(sent):
        return sent
    # Chance alone: nobody sorts requests by their ids, and this is made for each of them.
    return f"req_{token_hex(13)}"


def _traceparent_of(request: Request) -> str | None:
    sent = request.headers.get("traceparent")
    return sent if sent is not None and _TRACEPARENT.fullmatch(sent) else None


# Where a question's arguments come from


def company(exchange: Exchange) -> str:
    return exchange.principal.company_id


def user(exchange: Exchange) -> str:
    return exchange.principal.user_id


def session(exchange: Exchange) -> str:
    return exchange.principal.session_id


def body(exchange: Exchange) -> Any:
    return exchange.body


def query(exchange: Exchange) -> Any:
    return exchange.query


def path(name: str) -> Source:
    def from_path(exchange: Exchange) -> str:
        return exchange.params[name]

    return from_path


def field(name: str) -> Source:
    def from_body(exchange: Exchange) -> Any:
        return exchange.body[name]

    return from_body


def parameter(name: str, default: Any = None) -> Source:
    def from_query(exchange: Exchange) -> Any:
        return exchange.query.get(name, default)

    return from_query


def by_handler(_: Exchange) -> Any:
    """For a route whose handler makes this argument itself; the table still says which it sends."""
    raise AssertionError("the handler asks for itself")
