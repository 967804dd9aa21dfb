"""
Who asks, in which request, until when: carried from the HTTP header to the last
event handler's log line.

On the bus it travels as one signed header, so that whoever can merely publish
cannot pose as somebody (bus.md, fact 16).
"""

import hashlib
import hmac
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from actiontrac import clock
from actiontrac.ids import new_id

HEADER = "actiontrac.context"
SIGNATURE = "actiontrac.signature"
DEADLINE = "actiontrac.deadline"


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Who stands behind a request that came in over HTTP; ``user_id`` is empty for a visitor."""

    user_id: str = ""
    company_id: str = ""
    session_id: str = ""
    role: str = ""
    permissions: tuple[str, ...] = ()

    @property
    def signed_in(self) -> bool:
        return bool(self.user_id)

    def may(self, permission: str) -> bool:
        return permission in self.permissions


@dataclass(kw_only=True)
class RequestContext:
    """
    What is known about the request that is being worked on.

    ``principal`` is None where one service asks another on its own behalf. A call
    whose context carries no valid signature gets a visitor's principal: no rights.
    """

    request_id: str
    principal: Principal | None = None
    idempotency_key: str | None = None
    request_hash: str | None = None
    deadline: float | None = None
    traceparent: str | None = None
    #: Set when the answer was stored earlier under the same idempotency key.
    replayed: bool = field(default=False, compare=False)
    #: Set once this request has entered its first unit of work.
    claimed_key: bool = field(default=False, compare=False)

    def remaining(self, default: float) -> float:
        """Seconds that are left for this request, at most ``default``."""
        if self.deadline is None:
            return default
        return max(0.0, min(default, self.deadline - clock.wall()))

    def as_service(self) -> "RequestContext":
        """The same request, asked on the service's own behalf."""
        return replace(self, principal=None, idempotency_key=None, request_hash=None)


_current: ContextVar[RequestContext | None] = ContextVar("actiontrac_context", default=None)


def current() -> RequestContext:
    """The context of the work under way; work without a request gets one of its own."""
    found = _current.get()
    if found is None:
        found = RequestContext(request_id=new_id("req"))
        _current.set(found)
    return found


def enter(context: RequestContext) -> None:
    _current.set(context)


def _sign(key: str, payload: bytes) -> str:
    return hmac.new(key.encode(), payload, hashlib.sha256).hexdigest()


def to_headers(context: RequestContext, key: str) -> dict[str, Any]:
    """The context as message headers, signed with the key that only our services hold."""
    payload = orjson.dumps(
        {
            "request_id": context.request_id,
            "principal": context.principal,
            "idempotency_key": context.idempotency_key,
            "deadline": context.deadline,
            "traceparent": context.traceparent,
        }
    )
    headers: dict[str, Any] = {HEADER: payload.decode(), SIGNATURE: _sign(key, payload)}
    if context.deadline is not None:
        headers[DEADLINE] = str(context.deadline)
    return headers


def from_headers(headers: dict[str, Any], key: str) -> RequestContext:
    """
    The context of a received message.

    An unsigned or wrongly signed one becomes a visitor with a new request id.
    """
    payload = headers.get(HEADER)
    signature = headers.get(SIGNATURE)
    if not isinstance(payload, str) or not isinstance(signature, str):
        return RequestContext(request_id=new_id("req"), principal=Principal())
    # As bytes: text beyond ASCII is refused by an exception, and the message would come again and again.
    expected = _sign(key, payload.encode(errors="replace")).encode()
    if not hmac.compare_digest(expected, signature.encode(errors="replace")):
        return RequestContext(request_id=new_id("req"), principal=Principal())
    found = orjson.loads(payload)
    principal = found.pop("principal", None)
    if principal is not None:
        principal = Principal(**{**principal, "permissions": tuple(principal["permissions"])})
    known = {name: found.get(name) for name in ("request_id", "idempotency_key", "deadline", "traceparent")}
    return RequestContext(principal=principal, **known)
