"""
What a service says when it cannot do what it was asked.

An error is a category (which the gateway turns into a status), a code (the class
name in snake_case, which clients may depend on) and one safe sentence. It never
carries a value that a person typed: names of fields only.
"""

import re
from typing import Any, ClassVar, Self, TypedDict


class FieldProblem(TypedDict):
    field: str
    problem: str


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


class ServiceError(Exception):
    """Something went wrong that the caller can be told about."""

    status: ClassVar[int] = 500
    category: ClassVar[str] = "error"
    code: ClassVar[str] = "service_error"

    #: Seconds after which trying again makes sense; the gateway sends it as Retry-After.
    retry_after: int | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "code" not in cls.__dict__:
            cls.code = _snake(cls.__name__)
        if ServiceError in cls.__bases__ and "category" not in cls.__dict__:
            cls.category = cls.code
        _REGISTRY[cls.code] = cls

    def __init__(self, message: str | None = None) -> None:
        # One message and nothing else, because nameko carries positional arguments
        # only, turned into text.
        sentence = message or " ".join((type(self).__doc__ or "").split())
        super().__init__(sentence)
        self.message = sentence
        self.fields: list[FieldProblem] = []

    @classmethod
    def at(cls, field: str, problem: str) -> Self:
        """The error for one field; the problem must not repeat the field's value."""
        return cls.fields_of([{"field": field, "problem": problem}])

    @classmethod
    def fields_of(cls, problems: list[FieldProblem]) -> Self:
        error = cls("; ".join(f"{p['field']}: {p['problem']}" for p in problems))
        error.fields = problems
        return error

    def to_wire(self) -> dict[str, Any]:
        wire: dict[str, Any] = {
            "category": self.category,
            "code": self.code,
            "message": self.message,
        }
        if self.fields:
            wire["fields"] = self.fields
        if self.retry_after is not None:
            wire["retry_after"] = self.retry_after
        return wire


_REGISTRY: dict[str, type[ServiceError]] = {}


class Invalid(ServiceError):
    """The request is not valid."""

    status = 422


class Unauthenticated(ServiceError):
    """Sign in first."""

    status = 401


class Forbidden(ServiceError):
    """You may not do this."""

    status = 403


class NotFound(ServiceError):
    """There is no such thing."""

    status = 404


class Conflict(ServiceError):
    """This contradicts the present state."""

    status = 409


class RateLimited(ServiceError):
    """Too many attempts; try again later."""

    status = 429
    retry_after = 60


class Unavailable(ServiceError):
    """This part of ActionTrac cannot answer at the moment; try again shortly."""

    status = 503
    retry_after = 2


class DeadlineExceeded(Unavailable):
    """No answer came in time; whether the work was done is unknown. Repeat with the same key."""

    status = 504


class InternalError(ServiceError):
    """Something went wrong on our side. It has been logged; quote the request id."""


class IdempotencyKeyInUse(Conflict):
    """A request with this Idempotency-Key is still running; try again shortly."""

    retry_after = 1


class IdempotencyKeyReused(Invalid):
    """This Idempotency-Key was used before with another request."""


def from_wire(wire: dict[str, Any]) -> ServiceError:
    """
    Rebuild the error that another service raised.

    A code that this process does not know (a newer peer) becomes its category.
    """
    kind = _REGISTRY.get(wire.get("code", "")) or _REGISTRY.get(wire.get("category", ""))
    error = (kind or ServiceError)(wire.get("message"))
    error.fields = wire.get("fields") or []
    if "retry_after" in wire:
        error.retry_after = wire["retry_after"]
    if kind is None or kind.code != wire.get("code"):
        error.code = wire.get("code", error.code)  # type: ignore[misc]
    return error
