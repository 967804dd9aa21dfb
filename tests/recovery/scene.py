"""What the recovery tests look at: who is in rotation, what the broker counts, what it costs in seconds."""

import json
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kombu import Connection

from actiontrac.config import SERVICES
from actiontrac.demo.client import Http
from tests.recovery.traffic import percentile
from tests.servers.servers import Servers
from tests.stack import Product

REPLICAS = 2


class Scene:
    """A product of two replicas on servers of its own, all of which may be killed."""

    def __init__(self, product: Product, servers: Servers, figures: dict[str, Any]) -> None:
        self.product = product
        self.servers = servers
        self.figures = figures

    # Replicas

    def pids(self, service: str) -> list[int]:
        return self.product.pids(f"serve {service}")

    def in_rotation(self, service: str) -> int:
        """How many replicas take questions now: of the gateway those that listen, else the queue's consumers."""
        if service == "gateway":
            return listeners(int(self.product.url.rpartition(":")[2]))
        with Connection(self.product.settings.bus_url, connect_timeout=3) as connection:
            _, _, consumers = connection.default_channel.queue_declare(f"rpc-{service}", passive=True)
        return int(consumers)

    def whole(self) -> bool:
        """Whether every replica of every service is in rotation."""
        try:
            return all(self.in_rotation(service) == REPLICAS for service in SERVICES) and self.ready()
        except OSError:
            return False

    def ready(self) -> bool:
        try:
            return self.product.http().request("GET", "/readyz", expect=(200, 503)).status_code == 200
        except OSError:
            return False

    def wait_whole(self, seconds: float = 60) -> None:
        until(self.whole, seconds, "every replica in rotation")

    # The broker's own view

    def redelivered(self) -> int:
        """Messages that RabbitMQ has delivered a second time since it started, over all queues of every kind."""
        said = self.servers.rabbitmqctl("eval", "rabbit_global_counters:overview().")
        counted = [int(number) for number in re.findall(r"messages_redelivered_total\s*=>\s*(\d+)", said)]
        assert counted, f"the broker does not count redeliveries: {said[:300]}"
        return sum(counted)

    def waiting(self) -> dict[str, int]:
        """Messages in each queue of the product, delivered or not."""
        vhost = self.product.settings.bus_url.rpartition("/")[2]
        said = self.servers.rabbitmqctl("list_queues", "-p", vhost, "name", "messages", "--formatter", "json")
        return {one["name"]: one["messages"] for one in json.loads(said)}

    # Figures

    def note(self, name: str, **values: Any) -> None:
        """Keep what was measured; the run prints it in the end."""
        self.figures[name] = values


def listeners(port: int) -> int:
    """Sockets that listen on a TCP port of this machine."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    fields = [line.split() for line in lines]
    return sum(one[3] == "0A" and int(one[1].rpartition(":")[2], 16) == port for one in fields)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def end(pid: int, number: signal.Signals = signal.SIGTERM) -> None:
    os.kill(pid, number)


def until(look: Callable[[], Any], seconds: float, what: str) -> float:
    """Wait for something; how long it took. Failing is the answer to a wait without end."""
    began = time.monotonic()
    while not look():
        assert time.monotonic() - began < seconds, f"{what}: not within {seconds:g} s"
        time.sleep(0.05)
    return time.monotonic() - began


def milliseconds(values: list[float]) -> str:
    """p50, p99 and the greatest of some seconds."""
    if not values:
        return "none"
    shown = (percentile(values, 0.5), percentile(values, 0.99), max(values))
    return " / ".join(f"{1000 * value:.0f}" for value in shown) + " ms (p50/p99/max)"


def works(http: Http, path: str = "/v1/me") -> bool:
    """Whether this caller is answered well now."""
    try:
        return http.request("GET", path, expect=tuple(range(200, 600))).status_code == 200
    except OSError:
        return False
