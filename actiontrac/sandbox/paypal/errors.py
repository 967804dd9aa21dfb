"""PayPal's error bodies."""

import secrets

from actiontrac.sandbox.database import Document
from actiontrac.sandbox.exchange import ApiError

NAMES = {
    400: "INVALID_REQUEST",
    401: "AUTHENTICATION_FAILURE",
    403: "NOT_AUTHORIZED",
    404: "RESOURCE_NOT_FOUND",
    409: "RESOURCE_CONFLICT",
    415: "UNSUPPORTED_MEDIA_TYPE",
    422: "UNPROCESSABLE_ENTITY",
    429: "RATE_LIMIT_REACHED",
    500: "INTERNAL_SERVER_ERROR",
}


def body(
    status: int, issue: str | None = None, *, field: str | None = None, links: list[Document] | None = None
) -> Document:
    """An error in PayPal's shape; ``issue`` is the word that programs read."""
    found: Document = {
        "name": NAMES[status],
        "message": NAMES[status].replace("_", " ").capitalize() + ".",
        "debug_id": secrets.token_hex(6),
        "links": links or [],
    }
    if issue is not None:
        detail = {"issue": issue, "description": issue.replace("_", " ").capitalize() + "."}
        found["details"] = [detail if field is None else {**detail, "field": field}]
    return found


def refuse(status: int, issue: str | None = None, *, field: str | None = None) -> ApiError:
    return ApiError(status, body(status, issue, field=field))


def unprocessable(issue: str, *, field: str | None = None) -> ApiError:
    return refuse(422, issue, field=field)
