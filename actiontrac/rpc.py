"""
Asking another service, and answering.

Wire-compatible with a stock nameko ``RpcProxy`` (exchange, queue names, payload and
reply), but transient, without confirms, with a deadline that both sides know, and
with errors that keep their category, code and fields (bus.md, facts 8 to 10 and 16).
"""

import hashlib
import hmac
import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import orjson
from nameko.extensions import DependencyProvider, Entrypoint, SharedExtension

from actiontrac import bus, clock, context, log
from actiontrac.consumer import Consumer, Delivery
from actiontrac.context import Principal, RequestContext
from actiontrac.errors import (
    DeadlineExceeded,
    Forbidden,
    InternalError,
    Invalid,
    NotFound,
    ServiceError,
    Unauthenticated,
    from_wire,
)
from actiontrac.link import RpcLink
from actiontrac.storage import Replayed, in_unit_of_work

_log = log.get(__name__)

Method = TypeVar("Method", bound=Callable[..., Any])

#: The permission of methods that only our own services may call; the default.
SERVICE_ONLY = "service"
PUBLIC = "public"
SIGNED_IN = "signed_in"

MAX_ANSWER_BYTES = 8 * 1024 * 1024


class UnknownMethod(NotFound):
    """The service has no such method."""


class AnswerTooLarge(ServiceError):
    """The answer is too large to send; ask for less at a time."""


def require(principal: Principal | None, permission: str, company_id: str | None) -> None:
    """
    Whether this caller may use a method; a call between services has no principal.

    Raises:
        Unauthenticated, Forbidden: not this caller.
        NotFound: another company's data, which for this caller does not exist (A24).
    """
    if principal is None or permission == PUBLIC:
        return
    if permission == SERVICE_ONLY:
        raise Forbidden()
    if not principal.signed_in:
        raise Unauthenticated()
    if permission != SIGNED_IN and not principal.may(permission):
        raise Forbidden()
    if company_id is not None and company_id != principal.company_id and not principal.may("staff"):
        raise NotFound()


class RpcServer(SharedExtension):
    """The queue of one service, shared by its methods."""

    consumer = Consumer()
    link = RpcLink()

    def __init__(self) -> None:
        self._methods: dict[str, Rpc] = {}
        self._subscribed = False

    def add(self, entrypoint: "Rpc") -> None:
        self._methods[entrypoint.method_name] = entrypoint
        if not self._subscribed:
            self._subscribed = True
            settings = self.container.config["settings"]
            self.consumer.subscribe(
                bus.rpc_queue(self.container.service_name),
                self._receive,
                lane="rpc",
                prefetch=settings.max_workers,
            )

    def _receive(self, delivery: Delivery) -> None:
        asked = context.from_headers(delivery.headers, self.container.config["settings"].secret("BUS_KEY"))
        if asked.deadline is not None and asked.deadline <= clock.wall():
            # Nobody waits any more, and nobody may be surprised later (A10).
            delivery.ack()
            return
        try:
            entrypoint, kwargs = self._target(delivery)
            require(asked.principal, entrypoint.requires, kwargs.get("company_id"))
        except ServiceError as error:
            self._reply(delivery, error=error)
            return
        except Exception as problem:
            # Given back, it would come again at once, for ever: a classic queue counts no deliveries.
            _log.error("question_unreadable", exc_info=problem)
            self._reply(delivery, error=InternalError())
            return
        if entrypoint.write:
            # A message that is delivered again, or a call that is repeated, is the same
            # operation even where the caller named no key of its own.
            asked.idempotency_key = asked.idempotency_key or _call_id(delivery)
            key = self.container.config["settings"].secret("BUS_KEY")
            asked.request_hash = _hash(key, entrypoint.method_name, kwargs)
        else:
            asked.idempotency_key = None
        self.container.spawn_worker(
            entrypoint,
            (),
            kwargs,
            context_data={"context": asked},
            handle_result=partial(self._answer, delivery, asked),
        )

    def _target(self, delivery: Delivery) -> tuple["Rpc", dict[str, Any]]:
        name = delivery.routing_key.rpartition(".")[2]
        entrypoint = self._methods.get(name)
        if entrypoint is None:
            raise UnknownMethod(f"{self.container.service_name} has no method {name!r:.80}")
        try:
            payload = orjson.loads(delivery.body)
            args, kwargs = payload.get("args", []), payload["kwargs"]
            if args:
                raise TypeError
            entrypoint.signature.bind(None, **kwargs)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Invalid(f"{name} was called with arguments that it does not take.") from None
        return entrypoint, kwargs

    def _answer(
        self,
        delivery: Delivery,
        asked: RequestContext,
        worker_ctx: Any,
        result: Any,
        exc_info: Any,
    ) -> tuple[Any, Any]:
        error = exc_info[1] if exc_info else None
        if isinstance(error, Replayed):
            self._reply(delivery, result=error.response, replayed=True)
        elif isinstance(error, ServiceError):
            self._reply(delivery, error=error)
        elif error is not None:
            _log.error("rpc_failed", method=worker_ctx.entrypoint.method_name, exc_info=error)
            self._reply(delivery, error=InternalError())
        else:
            self._reply(delivery, result=result)
        return result, None

    def _reply(
        self,
        delivery: Delivery,
        *,
        result: Any = None,
        error: ServiceError | None = None,
        replayed: bool = False,
    ) -> None:
        reply_to = delivery.properties.get("reply_to")
        if reply_to:
            self.link.reply(
                str(reply_to),
                str(delivery.properties.get("correlation_id") or ""),
                _encode(result, error, replayed),
            )
        delivery.ack()


def _call_id(delivery: Delivery) -> str | None:
    correlation_id = delivery.properties.get("correlation_id")
    return f"call:{correlation_id}" if correlation_id else None


def _hash(key: str, method: str, kwargs: dict[str, Any]) -> str:
    # Keyed, because some requests carry a password: from a plain hash in the database
    # it could be guessed at the full speed of SHA-256, past argon2.
    canonical = orjson.dumps([method, kwargs], option=orjson.OPT_SORT_KEYS)
    return hmac.new(key.encode(), canonical, hashlib.sha256).hexdigest()


def _encode(result: Any, error: ServiceError | None, replayed: bool) -> bytes:
    if error is not None:
        return orjson.dumps({"result": None, "error": _stock_error(error)})
    answer = {"result": result, "error": None}
    if replayed:
        answer["replayed"] = True
    try:
        body = orjson.dumps(answer)
    except TypeError as problem:
        _log.error("answer_not_serialisable", exc_info=problem)
        return orjson.dumps({"result": None, "error": _stock_error(InternalError())})
    if len(body) > MAX_ANSWER_BYTES:
        return orjson.dumps({"result": None, "error": _stock_error(AnswerTooLarge())})
    return body


def _stock_error(error: ServiceError) -> dict[str, Any]:
    """What a stock nameko caller expects, and beside it what ours reads."""
    return {
        "exc_type": type(error).__name__,
        "exc_path": f"{type(error).__module__}.{type(error).__name__}",
        "exc_args": [error.message],
        "value": error.message,
        "actiontrac": error.to_wire(),
    }


class Rpc(Entrypoint):
    """A method that other services and, through the gateway, people can call."""

    server = RpcServer()
    consumer = Consumer()

    def __init__(self, *, requires: str = SERVICE_ONLY, write: bool = False) -> None:
        super().__init__(expected_exceptions=(ServiceError, Replayed))
        self.requires = requires
        self.write = write

    def setup(self) -> None:
        self.signature = inspect.signature(getattr(self.container.service_cls, self.method_name))
        self.server.add(self)

    def stop(self) -> None:
        self.consumer.drain()


def rpc(*, requires: str = SERVICE_ONLY, write: bool = False) -> Callable[[Method], Method]:
    """
    Offer a method on the bus.

    ``requires`` names the permission that a person needs: ``service`` (the default)
    is for other services only, ``public`` for anybody, ``signed_in`` for any member.
    ``write`` methods are executed once per idempotency key, however often they arrive.
    """
    decorate: Callable[[Method], Method] = Rpc.decorator(requires=requires, write=write)
    return decorate


class Caller:
    """Another service, as the code of this one sees it: ``self.accounts.get_company(…)``."""

    def __init__(self, service: str, link: RpcLink, asked: RequestContext, timeout: float) -> None:
        self._service = service
        self._link = link
        self._asked = asked
        self._timeout = timeout

    def __getattr__(self, method: str) -> Callable[..., Any]:
        return partial(self._call, method)

    def as_service(self) -> "Caller":
        """Ask on the service's own behalf, not on behalf of the person behind the request."""
        return Caller(self._service, self._link, self._asked.as_service(), self._timeout)

    def _call(self, method: str, /, **kwargs: Any) -> Any:
        """
        Raises:
            ServiceError: what the other service raised.
            DeadlineExceeded: it did not answer in time.
            Unavailable: it could not be asked.
        """
        if in_unit_of_work():
            raise RuntimeError("no RPC inside a unit of work: the transaction would wait for the bus")
        timeout = self._asked.remaining(self._timeout)
        if timeout <= 0:
            raise DeadlineExceeded()
        answer = self._link.call(self._service, method, kwargs, self._asked, timeout)
        error = answer.get("error")
        if error is not None:
            raise from_wire(error.get("actiontrac") or {"message": "The service failed."})
        if answer.get("replayed"):
            self._asked.replayed = True
        return answer.get("result")


class RpcClient(DependencyProvider):
    """
    ``accounts = RpcClient("accounts")`` in a service: its ``Caller`` for this request.

    By default one service asks another on its own behalf; the gateway passes on who
    asked (``on_behalf=True``).
    """

    link = RpcLink()

    def __init__(self, service: str, *, on_behalf: bool = False) -> None:
        self._service = service
        self._on_behalf = on_behalf

    def get_dependency(self, worker_ctx: Any) -> Caller:
        asked: RequestContext = worker_ctx.data["context"]
        if not self._on_behalf:
            asked = asked.as_service()
        timeout = self.container.config["settings"].rpc_timeout_seconds
        return Caller(self._service, self.link, asked, timeout)
