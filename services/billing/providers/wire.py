"""What both adapters do when the network fails."""

import ipaddress
import time
from collections.abc import Callable, Iterator
from typing import TypeVar
from urllib.parse import urlsplit

import requests
import urllib3

from services.billing.providers import ProviderUnavailable

Answer = TypeVar("Answer")

#: Pauses before a repeat: a dropped connection or a 500 is usually gone by then.
PAUSES_SECONDS = (0.2, 0.6)
#: A failure that took longer is not repeated here: somebody waits for the answer.
QUICK_SECONDS = 3.0

#: Names that only exist inside a private network.
PRIVATE_SUFFIXES = (".internal", ".local", ".localhost")


def patiently(call: Callable[[], Answer]) -> Answer:
    """
    Call, and call again after a quick failure; the call must carry an idempotency key or change nothing.

    Raises:
        ProviderUnavailable: unknown if any of the tries was unknown, and not only the last.
    """
    unknown = False
    for pause in (*PAUSES_SECONDS, None):
        started = time.monotonic()
        try:
            return call()
        except ProviderUnavailable as problem:
            unknown = unknown or problem.outcome_unknown
            if pause is None or time.monotonic() - started > QUICK_SECONDS:
                raise ProviderUnavailable(str(problem), outcome_unknown=unknown) from problem
        time.sleep(pause)
    raise AssertionError("the last try returns or raises")


def never_sent(problem: BaseException) -> bool:
    """Whether the request surely did not reach the processor: the connection was never made."""
    return any(
        isinstance(
            cause,
            (
                requests.exceptions.ConnectTimeout,
                requests.exceptions.SSLError,
                requests.exceptions.ProxyError,
                requests.exceptions.InvalidURL,
                urllib3.exceptions.NewConnectionError,
                urllib3.exceptions.ConnectTimeoutError,
            ),
        )
        for cause in _causes(problem)
    )


def _causes(problem: BaseException | None) -> Iterator[BaseException]:
    """The exception, what caused it, and what urllib3 packs inside."""
    seen: set[int] = set()
    while problem is not None and id(problem) not in seen:
        seen.add(id(problem))
        yield problem
        inner = [argument for argument in problem.args if isinstance(argument, BaseException)]
        reason = getattr(problem, "reason", None)
        following = reason if isinstance(reason, BaseException) else problem.__cause__ or problem.__context__
        problem = inner[0] if inner else following


def is_private(base: str) -> bool:
    """Whether an address can only be on this machine or inside a private network."""
    host = urlsplit(base).hostname or ""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or (bool(host) and "." not in host) or host.endswith(PRIVATE_SUFFIXES)
