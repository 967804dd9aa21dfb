"""A virtual host, two databases and the processes on them: of stock nameko, or of ours."""

from pathlib import Path
from typing import Any

import orjson
import requests
import sqlalchemy as sa
from kombu import Connection

from actiontrac.warm import Process
from tests.integration.conftest import Bus, parent_of, wait_until
from tests.servers.ports import free_ports
from tests.servers.servers import Servers

STOCK, OURS = "stock", "ours"
KINDS = (STOCK, OURS)

#: What both kinds do their work in: each row is one effect, and nothing keeps it from being there twice.
TABLES = {
    "alpha": (
        "CREATE TABLE kept (number integer)",
        "CREATE TABLE due (number integer, leased_until timestamptz, done_at timestamptz)",
    ),
    "beta": ("CREATE TABLE kept (number integer)",),
}
#: The same names with both kinds.
RPC_QUEUE = "rpc-alpha"
EVENT_QUEUE = "evt-alpha-thing.made--beta.on_thing_made"


class World(Bus):
    """The same words for both kinds, so that one test can look at both."""

    def __init__(self, kind: str, servers: Servers, home: Path) -> None:
        super().__init__(servers, home)
        self.kind = kind
        self.notes_path.touch()
        self.address = ""
        for service, statements in TABLES.items():
            engine = sa.create_engine(self.databases[service][1].replace("postgresql://", "postgresql+psycopg2://", 1))
            with engine.begin() as connection:
                for statement in statements:
                    connection.execute(sa.text(statement))
                for table in ("kept", "due") if service == "alpha" else ("kept",):
                    connection.execute(sa.text(f"GRANT ALL ON {table} TO PUBLIC"))
            engine.dispose()

    @property
    def ours(self) -> bool:
        return self.kind == OURS

    def start(self, module: str, *arguments: str, **extra: str) -> Process:
        name = f"tests.bus.{module if module == 'relay_host' else f'{self.kind}_{module}'}"
        log = self.home / f"{module}-{len(list(self.home.glob('*.log')))}.log"
        process = parent_of(name, green=module != "relay_host").start(
            list(arguments), self.environment(**extra), output=log
        )
        self.processes.append(process)
        return process

    def host(self, *services: str, **extra: str) -> Process:
        """These services in one process; with ``door`` among them it can be asked over HTTP."""
        if "door" in services:
            [port] = free_ports(1)
            extra["ACTIONTRAC_HTTP_PORT"] = str(port)
            self.address = f"http://127.0.0.1:{port}"
        return super().host(*services, **extra)

    def relay(self, **extra: str) -> None:
        """What brings events to the bus; stock nameko's services do it themselves."""
        if self.ours:
            self.start("relay_host", **extra)

    def get(self, path: str, timeout: float = 15, **parameters: Any) -> requests.Response:
        return requests.get(f"{self.address}{path}", params=parameters, timeout=timeout)

    def ask(self, target: str, headers: dict[str, Any]) -> dict[str, Any]:
        """Ask with these headers, as anybody may who can publish; the answer as it came."""
        with Connection(self.url) as connection:
            channel = connection.channel()
            here = channel.queue_declare(exclusive=True).queue
            channel.queue_bind(here, "nameko-rpc", here)
            connection.Producer(channel).publish(
                {"args": [], "kwargs": {}}, exchange="nameko-rpc", routing_key=target, serializer="json",
                headers=headers, reply_to=here, correlation_id="1", retry=False,
            )  # fmt: skip
            answers: list[Any] = []

            def answered() -> bool:
                found = channel.basic_get(here, no_ack=True)
                answers.extend([found] if found else [])
                return bool(found)

            wait_until(answered, f"the answer of {target}")
            answer: dict[str, Any] = orjson.loads(answers[0].body)
            return answer

    def kept(self, service: str) -> list[int]:
        """The effects, in order of their numbers."""
        return [number for (number,) in self.sql(service, "SELECT number FROM kept ORDER BY number")]

    def noted(self, word: str) -> list[str]:
        return [line for line in self.notes() if line.split()[0] == word]

    def waiting(self, queue: str) -> int:
        """Messages in a queue that nobody has in hand."""
        with Connection(self.url) as connection:
            return int(connection.default_channel.queue_declare(queue, passive=True).message_count)

    def take_all(self, queue: str) -> list[Any]:
        """The bodies of what waits in a queue, in their order; it is empty then."""
        taken = []
        with Connection(self.url) as connection:
            while (message := connection.default_channel.basic_get(queue, no_ack=True)) is not None:
                taken.append(orjson.loads(message.body))
        return taken

    def begin(self) -> None:
        """As a test begins, nothing of the last one is left: no process, queue, effect or note."""
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait(10)
        self.processes.clear()
        with Connection(self.url) as connection:
            for queue in (RPC_QUEUE, EVENT_QUEUE):
                connection.default_channel.queue_delete(queue)
        self.change("alpha", "DELETE FROM kept", "DELETE FROM due", "DELETE FROM outbox")
        self.change("beta", "DELETE FROM kept", "DELETE FROM failed_events")
        self.notes_path.write_text("")

    def change(self, service: str, *statements: str) -> None:
        engine = sa.create_engine(self.databases[service][0].replace("postgresql://", "postgresql+psycopg2://", 1))
        with engine.begin() as connection:
            connection.execute(sa.text("SELECT set_config('app.company_id', '*', true)"))
            for statement in statements:
                connection.execute(sa.text(statement))
        engine.dispose()


__all__ = ["EVENT_QUEUE", "KINDS", "OURS", "RPC_QUEUE", "STOCK", "World", "wait_until"]
