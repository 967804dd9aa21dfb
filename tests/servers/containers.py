"""The two servers in Docker, for machines where their programs are not installed."""

import hashlib
import json
import secrets
import shutil
import subprocess
from pathlib import Path

from tests.servers.ports import HOST, free_ports, speaks_amqp, wait_for
from tests.servers.postgres import answers
from tests.servers.problems import ServersUnavailable

#: The same as in docker-compose.yml; a test compares them.
RABBITMQ_IMAGE = "rabbitmq:3.13.7-alpine"
POSTGRES_IMAGE = "postgres:16.10-alpine"

LABEL = "actiontrac.run"

#: The image may have to be downloaded first.
START_SECONDS = 180


def engine_answers() -> bool:
    """Whether a Docker engine can be used here."""
    if shutil.which("docker") is None:
        return False
    try:
        result = subprocess.run(["docker", "version"], capture_output=True, timeout=15, check=False)
    except subprocess.TimeoutExpired:
        return False
    return result.returncode == 0


def remove_left_over(folder: Path) -> None:
    """Remove the containers of this run's folder."""
    names = _docker("ps", "--all", "--quiet", "--filter", f"label={LABEL}={folder}").split()
    if names:
        _docker("rm", "--force", "--volumes", *names)


class _Container:
    kind = "container"
    image: str
    inner_port: int
    role: str

    def __init__(self, folder: Path, *, port: int, password: str) -> None:
        self.folder = folder
        self.port = port
        self.password = password
        mark = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
        self.name = f"actiontrac-{self.role}-{mark}"

    def state(self) -> dict[str, str]:
        """What another process needs to take over."""
        return {"port": str(self.port), "password": self.password}

    def kill(self) -> None:
        """End the server as a power cut would; its data stays."""
        _docker("kill", self.name)

    def pause(self) -> None:
        """Freeze the server: its connections stay open, and nothing answers."""
        _docker("pause", self.name)

    def resume(self) -> None:
        """Let a frozen server run on."""
        _docker("unpause", self.name)

    def stop(self) -> None:
        """Remove the container with its data."""
        _docker("rm", "--force", "--volumes", self.name)

    def _run(self, environment: dict[str, str]) -> None:
        if self.name in _docker("ps", "--all", "--format", "{{.Names}}").split():
            _docker("start", self.name)
            return
        settings = [part for name, value in environment.items() for part in ("--env", f"{name}={value}")]
        _docker(
            *("run", "--detach", "--name", self.name, "--label", f"{LABEL}={self.folder}"),
            # A fixed port: one that Docker chooses changes when the container is started again.
            *("--publish", f"{HOST}:{self.port}:{self.inner_port}"),
            *settings,
            self.image,
        )


class ContainerBroker(_Container):
    """RabbitMQ in a container."""

    image = RABBITMQ_IMAGE
    inner_port = 5672
    role = "rabbitmq"

    @classmethod
    def create(cls, folder: Path) -> "ContainerBroker":
        """A new node; not started."""
        [port] = free_ports(1)
        return cls(folder, port=port, password=secrets.token_hex(12))

    @classmethod
    def restore(cls, folder: Path, state: dict[str, str]) -> "ContainerBroker":
        """The node that another process started."""
        return cls(folder, port=int(state["port"]), password=state["password"])

    @property
    def url(self) -> str:
        return self.url_of("%2F")

    def url_of(self, vhost: str) -> str:
        """The address of one virtual host."""
        return f"amqp://actiontrac:{self.password}@{HOST}:{self.port}/{vhost}"

    def start(self) -> None:
        """Start the node, with the data that it left; returns when it accepts clients."""
        self._run({"RABBITMQ_DEFAULT_USER": "actiontrac", "RABBITMQ_DEFAULT_PASS": self.password})
        wait_for(lambda: speaks_amqp(self.port), seconds=START_SECONDS, what="The start of RabbitMQ in Docker")

    def control(self, *arguments: str) -> str:
        """What ``rabbitmqctl`` says."""
        return _docker("exec", self.name, "rabbitmqctl", "--quiet", *arguments)

    def add_vhost(self, name: str) -> str:
        """A new, empty virtual host; returns its URL."""
        self.control("add_vhost", name)
        self.control("set_permissions", "--vhost", name, "actiontrac", ".*", ".*", ".*")
        return self.url_of(name)

    def delete_vhost(self, name: str) -> None:
        """Delete a virtual host with all its queues and messages."""
        self.control("delete_vhost", name)


class ContainerPostgres(_Container):
    """PostgreSQL in a container."""

    image = POSTGRES_IMAGE
    inner_port = 5432
    role = "postgres"

    @classmethod
    def create(cls, folder: Path) -> "ContainerPostgres":
        """A new, empty server; not started."""
        [port] = free_ports(1)
        return cls(folder, port=port, password=secrets.token_hex(12))

    @classmethod
    def restore(cls, folder: Path, state: dict[str, str]) -> "ContainerPostgres":
        """The server that another process started."""
        return cls(folder, port=int(state["port"]), password=state["password"])

    @property
    def url(self) -> str:
        """The superuser's address."""
        return f"postgresql://postgres:{self.password}@{HOST}:{self.port}/postgres"

    def start(self) -> None:
        """Start the server, with the data that it left; returns when it accepts clients."""
        self._run({"POSTGRES_PASSWORD": self.password})
        wait_for(lambda: answers(self.url), seconds=START_SECONDS, what="The start of PostgreSQL in Docker")


def _docker(*arguments: str) -> str:
    result = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=600, check=False)
    if result.returncode:
        command = json.dumps(arguments[:2])
        raise ServersUnavailable(f"docker {command} failed: {result.stderr.strip()}")
    return result.stdout
