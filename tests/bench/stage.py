"""
What every bench plays on: a private broker and database, the product with its data, and
the peers on the same servers with the same data.

Everything is started when it is first asked for, and ended with the stage.
"""

import os
import secrets
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg2
import requests
import sqlalchemy as sa
from sqlalchemy.orm import Session as DatabaseSession

from actiontrac.clock import in_days, parse
from actiontrac.demo.client import Customer, pay
from tests.bench import venv
from tests.bench.peers import tables
from tests.servers.ports import free_ports
from tests.servers.servers import Servers
from tests.stack import ROOT, Product, full_product

#: As many as there are connections: each plays a company of its own.
COMPANIES = 16
WORKERS_EACH = 100

_WORKER = "W{n},Wanda{n},Rivers,w{n}@customer.example,+1 503 555 0142,Fitter,Assembly,Portland,2024-03-01,Knows it\n"
_COLUMNS = "worker_number,first_name,last_name,work_email,work_phone,title,department,site,started_on,notes\n"


class Company:
    """A customer who has paid, and what its workers look like from outside."""

    def __init__(self, customer: Customer) -> None:
        self.customer = customer
        self.token = customer.http.token or ""
        self.workers: list[dict[str, Any]] = []
        self.id = ""
        self.user_id = ""


class Peer:
    """A peer's processes; the last of them answers HTTP on ``port``."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.port = free_ports(1)[0]
        self._folder = folder
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, python: str, module: str, *arguments: str, environment: dict[str, str], **options: Any) -> Any:
        log = (self._folder / f"{self.name}-{'-'.join(arguments) or 'http'}.log").open("wb")
        process = subprocess.Popen(
            [python, "-W", "ignore", "-m", f"tests.bench.peers.{module}", *arguments],
            cwd=ROOT, env={**environment, "BENCH_PORT": str(self.port)}, stderr=log, text=True,
            **{"stdout": log, **options},
        )  # fmt: skip
        log.close()
        self.processes.append(process)
        return process

    def wait_for_answers(self, token: str, seconds: float = 40) -> None:
        """Until a signed-in request is answered: everything behind the door is up, too."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for process in self.processes:
                if process.poll() is not None:
                    raise RuntimeError(f"{self.name} ended while it started; see {self._folder}")
            try:
                found = requests.get(
                    f"http://127.0.0.1:{self.port}/v1/workers/nobody",
                    headers={"Authorization": f"Bearer {token}"}, timeout=5,
                )  # fmt: skip
                if found.status_code == 404:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.1)
        raise RuntimeError(f"{self.name} did not start; see {self._folder}")

    def stop(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
        self.processes = []


class Stage:
    def __init__(self, seconds: float, *, say: Any) -> None:
        self.seconds = seconds
        self.say = say
        self.folder = ROOT / ".run" / "bench"
        self.home = self.folder / f"run-{os.getpid()}"
        self.home.mkdir(parents=True)
        self._peers: dict[str, Peer] = {}
        self._closers: list[Any] = []
        self._numbers = 0

    def close(self) -> None:
        for peer in self._peers.values():
            peer.stop()
        for close in reversed(self._closers):
            close()
        shutil.rmtree(self.home, ignore_errors=True)

    def on_close(self, close: Any) -> None:
        self._closers.append(close)

    def numbers(self, how_many: int) -> int:
        """The first of so many numbers that nobody else gets."""
        first = self._numbers
        self._numbers += how_many
        return first

    @cached_property
    def servers(self) -> Servers:
        self.say("starting RabbitMQ and PostgreSQL")
        servers = Servers.start("bench-servers")
        self.on_close(servers.stop)
        return servers

    # The product

    @cached_property
    def product(self) -> Product:
        servers = self.servers
        self.say("starting the product, one process per service")
        product = full_product(self.home / "product", servers)
        self.on_close(product.stop)
        product.start()
        return product

    @property
    def product_port(self) -> int:
        return int(self.product.url.rpartition(":")[2])

    @cached_property
    def companies(self) -> list[Company]:
        """Companies that registered, paid and imported their workers over HTTP."""
        url = self.product.url
        self.say(f"registering {COMPANIES} companies with {WORKERS_EACH} workers each")
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(lambda _: _make_company(url), range(COMPANIES)))

    def as_superuser(self, url: str) -> str:
        """The same database as the server's superuser sees it: past row-level security."""
        return self.servers.postgres_url.rpartition("/")[0] + "/" + url.rpartition("/")[2].partition("?")[0]

    # The peers

    @cached_property
    def peers_database(self) -> str:
        """The peers' one database, with the product's data as the product shows it."""
        name = f"bench_{secrets.token_hex(4)}"
        admin = psycopg2.connect(self.servers.postgres_url)
        admin.autocommit = True
        admin.cursor().execute(f"CREATE DATABASE {name}")
        admin.close()
        url = self.servers.postgres_url.rpartition("/")[0] + f"/{name}"
        engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg2://", 1))
        tables.Base.metadata.create_all(engine)
        engine.dispose()
        return url

    def fill_peers(self) -> None:
        engine = sa.create_engine(self.peers_database.replace("postgresql://", "postgresql+psycopg2://", 1))
        with DatabaseSession(engine) as session:
            for company in self.companies:
                session.add(
                    tables.Session(
                        token_hash=tables.token_hash(company.token), user_id=company.user_id, company_id=company.id,
                        permissions=["workers.read", "workers.write"], expires_at=in_days(1),
                    )
                )  # fmt: skip
                session.add_all(_row(company.id, worker) for worker in company.workers)
            session.commit()
        with engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(sa.text("VACUUM ANALYZE"))
        engine.dispose()
        for service in ("accounts", "workers"):
            # The product's tables are as well looked after.
            self._vacuum(self.product.settings.database_url_for(service))

    def _vacuum(self, url: str) -> None:
        connection = psycopg2.connect(self.as_superuser(url))
        connection.autocommit = True
        connection.cursor().execute("VACUUM ANALYZE")
        connection.close()

    @cached_property
    def _filled(self) -> bool:
        self.fill_peers()
        return True

    @cached_property
    def peers_bus(self) -> str:
        """Of their own, so that nobody's queues are in anybody's way."""
        return self.servers.create_vhost(f"peers{secrets.token_hex(3)}")

    def peer_environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("ACTIONTRAC_")}
        return {**inherited, "BENCH_DATABASE_URL": self.peers_database, "BENCH_AMQP_URL": self.peers_bus}

    def peer(self, name: str) -> Peer:
        """A peer that runs, with the product's data."""
        assert self._filled
        if name not in self._peers:
            self.say(f"starting the peer {name}")
            self._peers[name] = PEERS[name](self, Peer(self.home, name))
        return self._peers[name]


def _make_company(url: str) -> Company:
    customer = Customer(url, f"bench{secrets.token_hex(6)}")
    customer.join()
    checkout = customer.buy("enterprise", "card")
    pay(checkout, "pay")
    customer.wait_paid(checkout["id"])
    found = Company(customer)
    me = customer.http.json("GET", "/v1/me")
    found.user_id = me["user_id"]
    found.id = me.get("company_id") or customer.http.json("GET", "/v1/company")["id"]
    text = _COLUMNS + "".join(_WORKER.replace("{n}", str(number)) for number in range(WORKERS_EACH))
    customer.http.request("POST", "/v1/worker-imports", json={"text": text}, expect=201, key=secrets.token_hex(8))
    cursor: str | None = None
    while True:
        query = {"limit": 100, **({"cursor": cursor} if cursor else {})}
        page = customer.http.json("GET", "/v1/workers", params=query)
        found.workers += page["items"]
        cursor = page["next_cursor"]
        if not cursor:
            return found


def _row(company_id: str, worker: dict[str, Any]) -> tables.Worker:
    moments = {name: parse(worker[name]) for name in ("created_at", "updated_at")}
    return tables.Worker(**{**worker, **moments, "company_id": company_id})


def _nameko(stage: Stage, peer: Peer) -> Peer:
    for service in ("billing", "accounts", "workers", "gateway"):
        peer.start(sys.executable, "stock_nameko", service, environment=stage.peer_environment())
    peer.wait_for_answers(stage.companies[0].token)
    return peer


def _faststream(stage: Stage, peer: Peer) -> Peer:
    for service in ("accounts", "workers"):
        peer.start(venv.python(), "faststream_services", service, environment=stage.peer_environment())
    peer.start(venv.python(), "faststream_gateway", environment=stage.peer_environment())
    peer.wait_for_answers(stage.companies[0].token)
    return peer


def _one_process(module: str) -> Any:
    def start(stage: Stage, peer: Peer) -> Peer:
        peer.start(venv.python(), module, environment=stage.peer_environment())
        peer.wait_for_answers(stage.companies[0].token)
        return peer

    return start


PEERS = {
    "nameko": _nameko,
    "faststream": _faststream,
    "monolith": _one_process("monolith"),
    "monolith_async": _one_process("monolith_async"),
}
