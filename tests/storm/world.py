"""
All that stands during a storm: servers, the proxy before them, the sandboxes beside the product, the product.

The processors' sandbox and the mail catcher are processes of their own that nobody hits;
what they accepted they append to files, which are the truth.
"""

import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from actiontrac.config import SERVICES_WITH_DATA
from tests.servers.cluster import BrokerCluster
from tests.servers.containers import ContainerBroker, ContainerPostgres
from tests.servers.given import AMQP_URL, DATABASE_URL, GivenBroker, GivenPostgres
from tests.servers.ports import free_ports
from tests.servers.postgres import PrivatePostgres
from tests.servers.rabbitmq import PrivateBroker
from tests.servers.servers import ADOPT, Servers
from tests.stack import ROOT, Product
from tests.storm.proxy import Proxy

#: Everything starts beside everything else on two cores.
READY_SECONDS = 180
VHOST = "storm"


class World:
    """Started whole by ``start``; ``stop`` ends all of it, and removes what it wrote unless told not to."""

    def __init__(self, home: Path, *, clustered: bool, replicas: int) -> None:
        self.home = home
        self.product_home = home / "product"
        self.processors = home / "processors.jsonl"
        self.catcher = home / "catcher.jsonl"
        self.notes = home / "notes.jsonl"
        self._clustered = clustered
        self._replicas = replicas
        self._sandboxes: list[subprocess.Popen[bytes]] = []
        self._prefix = f"s{secrets.token_hex(3)}"
        self._servers: Servers | None = None
        self.proxy: Proxy | None = None

    def start(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        # Of its own: nobody else's broker may be killed. The change lasts for this one call.
        others = {name: os.environ.pop(name) for name in (ADOPT, AMQP_URL, DATABASE_URL) if name in os.environ}
        try:
            self._servers = Servers.start(self.home.name + "-servers", clustered=self._clustered)
        finally:
            os.environ.update(others)
        self.proxy = Proxy()
        self.product = self._product(self._servers, self.proxy)
        self._start_sandboxes()
        self.product.start(wait=False)
        self.product.wait_ready(READY_SECONDS)

    def _product(self, servers: Servers, proxy: Proxy) -> Product:
        vhost = urlsplit(servers.create_vhost(VHOST))
        broker_port = proxy.open("broker", [node.port for node in self.nodes])
        database_port = proxy.open("database", [self.database.port])
        user = vhost.netloc.rpartition("@")[0]
        environment = {"ACTIONTRAC_BUS_URL": vhost._replace(netloc=f"{user}@127.0.0.1:{broker_port}").geturl()}
        for service, (url, owner_url) in servers.create_databases(self._prefix).items():
            # Migrations run before the storm, and past the proxy.
            direct = f":{self.database.port}/"
            environment[f"ACTIONTRAC_{service.upper()}_DATABASE_URL"] = url.replace(direct, f":{database_port}/")
            environment[f"ACTIONTRAC_{service.upper()}_DATABASE_OWNER_URL"] = owner_url
        self._sandbox_port, self._catcher_port, self._smtp_port = free_ports(3)
        environment |= {
            "ACTIONTRAC_SANDBOX_URL": f"http://127.0.0.1:{self._sandbox_port}",
            "ACTIONTRAC_MAIL_URL": f"smtp://127.0.0.1:{self._smtp_port}",
            # Nobody hits the catcher: on a busy machine it must not look as if somebody did. A mail whose
            # sender died waits for ten times as long.
            "ACTIONTRAC_MAIL_TIMEOUT_SECONDS": "3",
        }
        arguments = ("--replicas", str(self._replicas))
        return Product(self.product_home, environment, mode="full", arguments=arguments)

    def _start_sandboxes(self) -> None:
        # It invents the secrets of this installation, which the sandbox must know.
        _ = self.product.settings
        shared = {**self.product.environment, "ACTIONTRAC_CLOCK_FILE": str(self.product_home / "clock")}
        self._sandbox(
            shared,
            ACTIONTRAC_SANDBOX_PORT=str(self._sandbox_port),
            ACTIONTRAC_SANDBOX_SMTP_PORT="",
            ACTIONTRAC_SANDBOX_LEDGER_FILE=str(self.processors),
            ACTIONTRAC_LOG_FILE=str(self.home / "processors.log"),
        )
        self._sandbox(
            shared,
            ACTIONTRAC_HOME=str(self.home / "catcher"),
            ACTIONTRAC_SANDBOX_PORT=str(self._catcher_port),
            ACTIONTRAC_SANDBOX_SMTP_PORT=str(self._smtp_port),
            ACTIONTRAC_SANDBOX_LEDGER_FILE=str(self.catcher),
            ACTIONTRAC_LOG_FILE=str(self.home / "catcher.log"),
        )

    def _sandbox(self, shared: dict[str, str], **own: str) -> None:
        with (self.home / "sandboxes.txt").open("ab") as out:
            self._sandboxes.append(
                subprocess.Popen(
                    [sys.executable, "-W", "ignore", "-m", "actiontrac", "sandbox"],
                    cwd=ROOT, env={**shared, **own}, stdout=out, stderr=out, start_new_session=True,
                )
            )  # fmt: skip
        self._wait_answers(f"http://127.0.0.1:{own['ACTIONTRAC_SANDBOX_PORT']}/healthz")

    def _wait_answers(self, address: str) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            with suppress(requests.RequestException):
                requests.get(address, timeout=5)
                return
            time.sleep(0.1)
        raise AssertionError(f"nobody answers at {address}")

    # What can be hit, and looked at

    @property
    def nodes(self) -> Sequence[PrivateBroker | ContainerBroker]:
        assert self._servers is not None
        broker = self._servers.broker
        if isinstance(broker, BrokerCluster):
            return broker.nodes
        assert not isinstance(broker, GivenBroker)
        return [broker]

    @property
    def database(self) -> PrivatePostgres | ContainerPostgres:
        assert self._servers is not None
        found = self._servers.database
        assert not isinstance(found, GivenPostgres)
        return found

    @property
    def catcher_url(self) -> str:
        return f"http://127.0.0.1:{self._catcher_port}"

    def control(self, path: str, wish: dict[str, Any], method: str = "POST") -> None:
        """Tell the processors' sandbox how to misbehave, past the gateway."""
        address = f"http://127.0.0.1:{self._sandbox_port}/_control/{path}"
        requests.request(method, address, json=wish, timeout=30).raise_for_status()

    def advance(self, duration: str) -> None:
        """Let the product's time pass."""
        address = f"http://127.0.0.1:{self._sandbox_port}/clock"
        requests.post(address, json={"advance": duration}, timeout=30).raise_for_status()

    @property
    def superuser_url(self) -> str:
        assert self._servers is not None
        return self._servers.postgres_url

    @property
    def databases(self) -> dict[str, str]:
        return {service: f"{self._prefix}{service}" for service in SERVICES_WITH_DATA}

    def queues(self) -> dict[str, int]:
        """Messages in each queue, ready or not yet acknowledged."""
        said = self.nodes[0].control("list_queues", "--vhost", VHOST, "--no-table-headers", "name", "messages")
        lines = [line.split("\t") for line in said.splitlines() if "\t" in line]
        return {name: int(number) for name, number in lines}

    def frozen(self) -> list[int]:
        """Processes of the product that stand still."""
        return [pid for pid in self.product.pids("") if _state(pid) == "T"]

    def stop(self, *, keep: bool) -> None:
        """End everything; ``keep`` leaves ledgers, notes and logs where they are."""
        if hasattr(self, "product"):
            # Nothing it could still say matters: it was counted, or the storm has failed.
            self.product.kill()
        for sandbox in self._sandboxes:
            sandbox.terminate()
        for sandbox in self._sandboxes:
            sandbox.wait(20)
        if self.proxy is not None:
            self.proxy.close()
        if self._servers is not None:
            if keep:
                self._keep_logs()
            self._servers.stop()
        if not keep:
            shutil.rmtree(self.home, ignore_errors=True)

    def _keep_logs(self) -> None:
        for node in self.nodes:
            if isinstance(node, PrivateBroker):
                shutil.copytree(node.folder / "log", self.home / "broker" / node.folder.name, dirs_exist_ok=True)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""

