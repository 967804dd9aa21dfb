import os
import secrets
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest
import sqlalchemy as sa
from kombu import Connection, Consumer, Exchange, Queue

from actiontrac.warm import Process, WarmParent
from tests.chassis import sample
from tests.servers.servers import Servers

sample.install()


@cache
def parent_of(program: str, *, green: bool) -> WarmParent:
    """One for all tests of a run."""
    return WarmParent("green" if green else "plain", program)


class Bus:
    """A virtual host and two databases, and the processes that a test starts on them."""

    def __init__(self, servers: Servers, home: Path) -> None:
        name = f"b{secrets.token_hex(4)}"
        self.home = home
        self.url = servers.create_vhost(name)
        databases = servers.create_databases(name)
        self.databases = {"alpha": databases["workers"], "beta": databases["billing"]}
        sample.create_tables(self.databases["alpha"][1], sample.AlphaBase, ("things",))
        sample.create_tables(self.databases["beta"][1], sample.BetaBase, ("counts",))
        self.notes_path = home / "notes"
        self.processes: list[Process] = []

    def environment(self, **extra: str) -> dict[str, str]:
        own = {k: v for k, v in os.environ.items() if not k.startswith("ACTIONTRAC_")}
        for service, (url, _) in self.databases.items():
            own[f"ACTIONTRAC_{service.upper()}_DATABASE_URL"] = url
        return {
            **own,
            "ACTIONTRAC_HOME": str(self.home),
            "ACTIONTRAC_BUS_URL": self.url,
            "ACTIONTRAC_TEST_NOTES": str(self.notes_path),
            **extra,
        }

    def start(self, module: str, *arguments: str, **extra: str) -> Process:
        log = self.home / f"{module}-{len(self.processes)}.log"
        process = parent_of(f"tests.integration.{module}", green=module == "host").start(
            list(arguments), self.environment(**extra), output=log
        )
        self.processes.append(process)
        return process

    def host(self, *services: str, **extra: str) -> Process:
        """Sample services in one process; returns when they are on the bus."""
        ready = f"ready {' '.join(services)}"
        before = self.notes().count(ready)
        process = self.start("host", *services, **extra)
        wait_until(lambda: self.notes().count(ready) > before, f"{services} to be ready")
        return process

    def notes(self) -> list[str]:
        return self.notes_path.read_text().split("\n")[:-1] if self.notes_path.exists() else []

    def logs(self) -> str:
        return "\n".join(path.read_text(errors="replace") for path in self.home.glob("*.log"))

    def sql(self, service: str, statement: str) -> list[Any]:
        engine = sa.create_engine(self.databases[service][0].replace("postgresql://", "postgresql+psycopg2://", 1))
        try:
            with engine.begin() as connection:
                connection.execute(sa.text("SELECT set_config('app.company_id', '*', true)"))
                return list(connection.execute(sa.text(statement)))
        finally:
            engine.dispose()

    def call(self, target: str, *, timeout: float = 10, **kwargs: Any) -> dict[str, Any]:
        """Ask as a stock nameko ``RpcProxy`` does: own reply queue on nameko-rpc, no headers of ours."""
        return self.calls([(target, kwargs)], timeout=timeout)[0]

    def calls(self, questions: list[tuple[str, dict[str, Any]]], *, timeout: float = 10) -> list[dict[str, Any]]:
        exchange = Exchange("nameko-rpc", "topic", durable=True)
        reply_to = uuid4().hex
        answers: dict[str, dict[str, Any]] = {}
        ids = [uuid4().hex for _ in questions]
        with Connection(self.url) as connection:
            channel = connection.channel()
            queue = Queue(f"rpc.reply-{reply_to}", exchange, routing_key=reply_to, auto_delete=True)(channel)
            queue.declare()

            def answered(message: Any) -> None:
                answers[message.properties["correlation_id"]] = orjson.loads(message.body)
                message.ack()

            with Consumer(channel, [queue], on_message=answered):
                producer = connection.Producer(channel)
                for call_id, (target, kwargs) in zip(ids, questions, strict=True):
                    producer.publish(
                        {"args": [], "kwargs": kwargs}, exchange=exchange, routing_key=target, serializer="json",
                        reply_to=reply_to, correlation_id=call_id, mandatory=False,
                    )
                deadline = time.monotonic() + timeout
                while len(answers) < len(ids) and time.monotonic() < deadline:
                    try:
                        connection.drain_events(timeout=0.2)
                    except TimeoutError:
                        continue
        return [answers.get(call_id, {}) for call_id in ids]

    def publish(self, queue: str, body: bytes, **properties: Any) -> None:
        """Put a message straight into a queue, as a broken or hostile sender would."""
        with Connection(self.url) as connection:
            connection.Producer(connection.channel()).publish(body, exchange="", routing_key=queue, **properties)

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait(10)


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.05)


@pytest.fixture
def bus(servers: Servers, tmp_path: Path) -> Iterator[Bus]:
    running = Bus(servers, tmp_path)
    yield running
    running.close()
