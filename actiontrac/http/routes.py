"""
A table of routes: from it come dispatch, validation, the OpenAPI document and its page.

A route says everything about itself that somebody outside must know; what it asks of
another service is said as data (``Ask``), so that a test can compare it with that
service's code.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel

from actiontrac.errors import ServiceError
from actiontrac.http.messages import Request, Response, decoded
from actiontrac.http.problems import MalformedRequest, MethodNotAllowed, PathNotFound

if TYPE_CHECKING:
    from actiontrac.http.exchange import Exchange

PUBLIC = "public"
SIGNED_IN = "signed_in"

BODY_LIMIT = 1024 * 1024

WRITES = ("POST", "PUT", "PATCH", "DELETE")

#: What stands for a variable part of an address: ids, slugs and link tokens. Anything
#: else can name nothing, and is not even asked for.
PART = re.compile(r"[A-Za-z0-9_~.\-]{1,300}")

Source = Callable[["Exchange"], Any]


@dataclass(frozen=True)
class Ask:
    """A question to a service: its method, and where each argument comes from."""

    service: str
    method: str
    arguments: Mapping[str, Source] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Route:
    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    #: The operation's id in the OpenAPI document.
    name: str
    summary: str
    description: str = ""
    tag: str = ""
    #: ``public``, ``signed_in`` or a permission: the same that the service requires.
    requires: str = PUBLIC
    ask: Ask | None = None
    #: Instead of, or around, the question: makes the answer itself.
    handler: Callable[["Exchange"], Any] | None = None
    body: type[BaseModel] | None = None
    body_limit: int = BODY_LIMIT
    #: Media types of the body beside JSON.
    also_accepts: tuple[str, ...] = ()
    #: Top-level fields of the body that have a door of their own further in.
    unguarded: frozenset[str] = frozenset()
    query: type[BaseModel] | None = None
    #: The view (a TypedDict) that is answered; None for no content or what is not JSON.
    answer: Any = None
    status: int = 200
    #: Media type of the answer.
    answers: str = "application/json"
    #: The refusals that belong to this route alone.
    errors: tuple[type[ServiceError], ...] = ()
    rate: str = "read"
    needs_idempotency_key: bool = False
    #: Never turned away to make room: payments and what reports them.
    critical: bool = False
    #: Kept out of admission, rates and the access log's noise: probes.
    probe: bool = False
    #: A page for people: refusals are pages too.
    page: bool = False
    #: Left out of the document.
    hidden: bool = False
    #: A body that only its receiver can judge: kept from JSON, the guard and cross-site checks.
    raw: bool = False
    #: Everything below the path belongs to it.
    prefix: bool = False
    example: Any = None
    #: Statuses that the handler may answer with besides the usual ones.
    statuses: tuple[int, ...] = ()

    @property
    def writes(self) -> bool:
        return self.method in WRITES

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(re.findall(r"\{(\w+)\}", self.path))


class _Node:
    __slots__ = ("children", "prefix", "routes", "variable")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.variable: _Node | None = None
        self.routes: dict[str, Route] = {}
        self.prefix: dict[str, Route] = {}


class Table:
    """Routes, found by address and method."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes: tuple[Route, ...] = tuple(routes)
        self._root = _Node()
        for route in self.routes:
            self._add(route)

    def _add(self, route: Route) -> None:
        node = self._root
        for part in route.path.strip("/").split("/"):
            if part.startswith("{"):
                node.variable = node.variable or _Node()
                node = node.variable
            else:
                node = node.children.setdefault(part, _Node())
        slot = node.prefix if route.prefix else node.routes
        if route.method in slot:
            raise ValueError(f"two routes for {route.method} {route.path}")
        slot[route.method] = route

    def find(self, request: Request) -> tuple[Route, dict[str, str]]:
        """
        The route that serves a request, and the variable parts of its address.

        Raises:
            PathNotFound, MethodNotAllowed.
        """
        offered, values = self._offered(request.path)
        route = offered.get("GET" if request.method == "HEAD" else request.method)
        if route is None:
            if not offered:
                raise PathNotFound()
            raise MethodNotAllowed(allow=allowed(offered))
        return route, dict(zip(route.parameters, values, strict=True)) if values else {}

    def _offered(self, path: str) -> tuple[dict[str, Route], list[str]]:
        node = self._root
        values: list[str] = []
        below: dict[str, Route] = {}
        for part in path[1:].split("/"):
            below = node.prefix or below
            following = node.children.get(part)
            if following is None:
                if node.variable is None or not PART.fullmatch(plain := _plain(part)):
                    return below, []
                values.append(plain)
                following = node.variable
            node = following
        return node.routes or node.prefix or below, values if node.routes else []

    def methods(self, path: str) -> tuple[str, ...]:
        """
        What an address allows.

        Raises:
            PathNotFound: there is nothing.
        """
        offered, _ = self._offered(path)
        if not offered:
            raise PathNotFound()
        return allowed(offered)


def _plain(part: str) -> str:
    try:
        return decoded(part)
    except UnicodeDecodeError:
        raise MalformedRequest("The address is not UTF-8.") from None


def allowed(offered: Mapping[str, Route]) -> tuple[str, ...]:
    methods = set(offered)
    if "GET" in methods:
        methods.add("HEAD")
    return tuple(sorted({*methods, "OPTIONS"}))


#: What a handler may return: a finished answer, or a view.
Answer = Response | Any
