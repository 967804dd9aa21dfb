"""
What HTTP itself can refuse, and how every refusal is written down.

A problem document (RFC 9457) carries a category's status, a code that clients may
depend on, one safe sentence and the request id: never a value that was sent, never
an exception's text (bus.md, fact 17).
"""

from http import HTTPStatus
from typing import Any

import orjson

from actiontrac.errors import Forbidden, Invalid, NotFound, ServiceError, Unavailable
from actiontrac.http.messages import Response

CONTENT_TYPE = "application/problem+json"


class MalformedRequest(Invalid):
    """This is not a well-formed HTTP request."""

    status = 400


class MalformedJson(Invalid):
    """The body is not well-formed JSON."""

    status = 400


class HeadersTooLarge(Invalid):
    """The request's headers are too large."""

    status = 400


class AddressTooLong(Invalid):
    """The request's address is too long."""

    status = 414


class RequestTooSlow(Invalid):
    """The request did not arrive in time."""

    status = 408


class BodyTooLarge(Invalid):
    """The body is larger than is allowed here."""

    status = 413


class MediaTypeNotSupported(Invalid):
    """Send the body in one of the media types that the documentation names."""

    status = 415


class ExpectationNotMet(Invalid):
    """The only expectation that can be met is 100-continue."""

    status = 417


class VersionNotSupported(Invalid):
    """Speak HTTP/1.1."""

    status = 505


class PathNotFound(NotFound):
    """There is nothing at this address."""


class MethodNotAllowed(Invalid):
    """This address does not know this method."""

    status = 405

    def __init__(self, message: str | None = None, allow: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.allow = allow


class IdempotencyKeyMissing(Invalid):
    """Send an Idempotency-Key header: a new one per purchase, the same one when you repeat it."""

    status = 400


class IdempotencyKeyMalformed(Invalid):
    """An Idempotency-Key is 1 to 255 printable ASCII characters."""

    status = 400


class TlsRequired(Forbidden):
    """Use https: personal data is not sent over plain connections."""


class CrossSiteRefused(Forbidden):
    """This request did not come from this site's own pages, or lacks the session's X-CSRF-Token."""


class Overloaded(Unavailable):
    """Too much is going on at the moment; try again shortly."""

    retry_after = 1


def title_of(kind: type[ServiceError]) -> str:
    """The sentence that is the same for every occurrence of an error."""
    return " ".join((kind.__doc__ or "").split())


def document(error: ServiceError, request_id: str) -> dict[str, Any]:
    known = type(error).code == error.code
    found: dict[str, Any] = {
        "type": f"/docs#problem-{error.code}",
        "title": title_of(type(error)) if known else HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.message,
        "code": error.code,
        "request_id": request_id,
    }
    if error.fields:
        found["fields"] = error.fields
    return found


def headers_of(error: ServiceError) -> list[tuple[str, str]]:
    """What a refusal says in its headers: when to come back, how to sign in, what is allowed."""
    found: list[tuple[str, str]] = []
    if error.retry_after is not None:
        found.append(("Retry-After", str(max(1, round(error.retry_after)))))
    if error.status == 401:
        found.append(("WWW-Authenticate", 'Bearer realm="actiontrac"'))
    if isinstance(error, MethodNotAllowed):
        found.append(("Allow", ", ".join(error.allow)))
    return found


def response(error: ServiceError, request_id: str) -> Response:
    return Response(
        orjson.dumps(document(error, request_id)),
        status=error.status,
        content_type=CONTENT_TYPE,
        headers=headers_of(error),
    )
