"""What the gateway counts: by route, method and status, by nobody's name."""

import os
from typing import Any

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter("actiontrac_http_requests", "Requests answered", ["route", "method", "status"])
SECONDS = Histogram(
    "actiontrac_http_request_seconds",
    "How long an answer took",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
PROCESS = Gauge("actiontrac_process_id", "Which process answered, where several share a port")
PROCESS.set_function(os.getpid)

#: Looking a label up costs more than counting.
_known: dict[tuple[str, str, int], tuple[Any, Any]] = {}


def observe(route: str, method: str, status: int, seconds: float) -> None:
    key = (route, method, status)
    found = _known.get(key)
    if found is None:
        found = _known[key] = (REQUESTS.labels(route, method, str(status)), SECONDS.labels(route))
    found[0].inc()
    found[1].observe(seconds)
