"""Stripe's error bodies."""

from typing import Any

from actiontrac.sandbox.exchange import ApiError


def refuse(
    message: str,
    *,
    status: int = 400,
    kind: str = "invalid_request_error",
    code: str | None = None,
    parameter: str | None = None,
    kept: bool = True,
) -> ApiError:
    """
    An error in Stripe's words.

    ``kept`` is whether the answer stays under the idempotency key: Stripe keeps
    what its endpoint answered, but not what was refused before the endpoint ran.
    """
    error: dict[str, Any] = {"type": kind, "message": message}
    if code is not None:
        error["code"] = code
    if parameter is not None:
        error["param"] = parameter
    return ApiError(status, {"error": error}, kept=kept)


def missing(what: str, identifier: str, parameter: str = "id") -> ApiError:
    return refuse(f"No such {what}: '{identifier}'", status=404, code="resource_missing", parameter=parameter)
