"""The pair of servers of one run: chosen, started, adopted, stopped, and cleaned up after a crash."""

import atexit
import fcntl
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from tests.servers import containers, databases, given, processes, programs
from tests.servers.cluster import BrokerCluster
from tests.servers.containers import ContainerBroker, ContainerPostgres
from tests.servers.given import GivenBroker, GivenPostgres
from tests.servers.postgres import PrivatePostgres, data_folder
from tests.servers.problems import ServersUnavailable
from tests.servers.rabbitmq import PrivateBroker

Broker = PrivateBroker | BrokerCluster | ContainerBroker | GivenBroker
Database = PrivatePostgres | ContainerPostgres | GivenPostgres

ROOT = Path(__file__).parents[2]
RUNS = ROOT / ".run"

#: Points to the folder of servers that are already running and stay so.
ADOPT = "ACTIONTRAC_TEST_SERVERS"


class Servers:
    """
    A running broker and a running database.

    ``start`` makes them for this process and ends them with it; ``shared`` gives every
    caller in this process the same pair. Each may be killed and started again: its
    address stays and so does its data.
    """

    _shared: "Servers | None" = None
    _shared_lock = threading.Lock()

    def __init__(self, folder: Path, broker: Broker, database: Database) -> None:
        self.folder = folder
        self.broker = broker
        self.database = database
        self._lock: IO[str] | None = None
        self._reaper: subprocess.Popen[bytes] | None = None
        self._stopped = False

    @classmethod
    def start(cls, name: str = "tests", *, keep: bool = False, clustered: bool = False) -> "Servers":
        """
        Start a pair under ``.run/<name>``, or adopt the one that ACTIONTRAC_TEST_SERVERS points to.

        When another live process uses this name, ``<name>-2`` and so on is taken; what a
        dead one left is cleaned up first. With ``keep`` the servers outlive this process.
        ``clustered`` is a broker of three nodes, which nobody else can adopt.

        Raises:
            ServersUnavailable: with the one sentence that says what to install or set.
        """
        running = os.environ.get(ADOPT)
        if running:
            return cls.adopt(Path(running))
        folder, lock = _claim(name)
        try:
            clean_up(folder)
            broker, database = _choose(folder, clustered)
            servers = cls(folder, broker, database)
            servers._lock = lock
            if not keep:
                servers._watch_over()
            with ThreadPoolExecutor() as pool:
                for start in [pool.submit(broker.start), pool.submit(database.start)]:
                    start.result()
        except BaseException:
            clean_up(folder)
            lock.close()
            raise
        if not clustered:
            servers._save()
        return servers

    @classmethod
    def adopt(cls, folder: Path) -> "Servers":
        """
        Use servers that another process started and keeps; ``stop`` leaves them alone.

        Raises:
            ServersUnavailable: none are there.
        """
        try:
            state = json.loads(folder.joinpath("servers.json").read_text())
        except (OSError, ValueError):
            raise ServersUnavailable(
                f"No servers run in {folder}; start them with `make servers`, or unset {ADOPT}."
            ) from None
        broker, database = state["broker"], state["database"]
        servers = cls(
            folder,
            _RESTORE[broker.pop("kind") + " broker"](folder, broker),  # type: ignore[arg-type]
            _RESTORE[database.pop("kind") + " database"](folder, database),  # type: ignore[arg-type]
        )
        servers._stopped = True
        return servers

    @classmethod
    def shared(cls) -> "Servers":
        """The pair of this process, started by whoever asks first and stopped at its end."""
        with cls._shared_lock:
            if cls._shared is None:
                cls._shared = cls.start()
                atexit.register(cls._shared.stop)
            return cls._shared

    @property
    def amqp_url(self) -> str:
        """The default virtual host; take one of your own from ``create_vhost`` instead."""
        return self.broker.url

    @property
    def postgres_url(self) -> str:
        """The superuser's address."""
        return self.database.url

    def kill_broker(self) -> None:
        """SIGKILL RabbitMQ; what it had confirmed is there again after ``start_broker``."""
        self.broker.kill()

    def start_broker(self) -> None:
        """Start it again at the same address; returns when it accepts clients."""
        self.broker.start()

    def kill_postgres(self) -> None:
        """SIGKILL PostgreSQL; what was committed is there again after ``start_postgres``."""
        self.database.kill()

    def start_postgres(self) -> None:
        """Start it again at the same address; returns when it accepts clients."""
        self.database.start()

    def rabbitmqctl(self, *arguments: str) -> str:
        """Raise an alarm, list queues, ...: what rabbitmqctl prints; one to two seconds a call."""
        return self.broker.control(*arguments)

    def create_vhost(self, name: str) -> str:
        """A new, empty virtual host; returns its URL."""
        return self.broker.add_vhost(name)

    def delete_vhost(self, name: str) -> None:
        """Delete it with all its queues and messages."""
        self.broker.delete_vhost(name)

    def create_databases(self, prefix: str) -> dict[str, tuple[str, str]]:
        """For accounts, workers, billing and notifications a new database: (service's URL, owner's URL)."""
        return self.create_database_set(prefix).urls()

    def create_database_set(self, prefix: str) -> databases.Databases:
        """The same, as two addresses with {service} in them, the way the settings want them."""
        return databases.create(self.postgres_url, prefix)

    def drop_databases(self, prefix: str) -> None:
        """Remove them, with whoever is still connected; safe to repeat."""
        databases.drop(self.postgres_url, prefix)

    def stop(self) -> None:
        """End both and remove their folder; safe to repeat. Adopted servers stay."""
        if self._stopped:
            return
        self._stopped = True
        self.broker.stop()
        self.database.stop()
        clean_up(self.folder)
        if self._reaper is not None and self._reaper.stdin is not None:
            self._reaper.stdin.close()
            self._reaper.wait(timeout=30)
        if self._lock is not None:
            self._lock.close()

    def _watch_over(self) -> None:
        # It waits for the end of its input, which comes when this process ends, however that happens;
        # then it ends what is left. A SIGKILL of a test run so leaves no server behind.
        self._reaper = subprocess.Popen(
            [sys.executable, "-m", "tests.servers", "reap", str(self.folder)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _save(self) -> None:
        state = {
            "broker": {"kind": self.broker.kind, **self.broker.state()},
            "database": {"kind": self.database.kind, **self.database.state()},
        }
        path = self.folder / "servers.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(state, indent=1))


def install_missing() -> None:
    """
    Install what is missing and may be installed, so that a first start does not take it into its time limits.

    Raises:
        ServersUnavailable: with the one sentence that says what to install or set.
    """
    missing = {}
    if given.AMQP_URL not in os.environ and programs.rabbitmq() is None:
        missing["rabbitmq-server"] = "RabbitMQ 3.10 or newer"
    if given.DATABASE_URL not in os.environ and programs.postgres() is None:
        missing["postgresql"] = "PostgreSQL 15 or newer"
    if missing and programs.can_install():
        programs.install(list(missing))
        if "rabbitmq-server" in missing and programs.rabbitmq() is not None:
            del missing["rabbitmq-server"]
        if "postgresql" in missing and programs.postgres() is not None:
            del missing["postgresql"]
    if missing and not containers.engine_answers():
        raise ServersUnavailable(
            f"The tests need {' and '.join(missing.values())}: install it (on Debian or Ubuntu: sudo apt-get install "
            f"{' '.join(missing)}), or start Docker, or set {given.AMQP_URL} and {given.DATABASE_URL}."
        )


def clean_up(folder: Path) -> None:
    """End whatever still runs for this folder, provably ours only, and remove the folder; safe to repeat."""
    data = data_folder(folder)
    processes.kill(processes.with_descendants({*processes.marked(folder), *processes.marked(data)}))
    state = folder / "servers.json"
    containers_used = not state.exists() or '"container"' in state.read_text()
    if folder.exists() and containers_used and containers.engine_answers():
        containers.remove_left_over(folder)
    for place in (data, folder):
        shutil.rmtree(place, ignore_errors=True)


def _claim(name: str) -> tuple[Path, IO[str]]:
    """A folder that no other live process uses; the lock ends with its holder, whatever ends that."""
    RUNS.mkdir(exist_ok=True)
    for number in range(1, 100):
        folder = RUNS / (name if number == 1 else f"{name}-{number}")
        lock = RUNS.joinpath(f".{folder.name}.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        return folder, lock
    raise ServersUnavailable(f"A hundred runs named {name} are alive; stop some (`make servers-stop`).")


def _choose(folder: Path, clustered: bool) -> tuple[Broker, Database]:
    install_missing()
    rabbitmq, postgres = programs.rabbitmq(), programs.postgres()
    amqp_url, database_url = os.environ.get(given.AMQP_URL), os.environ.get(given.DATABASE_URL)
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    broker: Broker
    database: Database
    if clustered:
        if rabbitmq is None:
            raise ServersUnavailable("A cluster needs RabbitMQ's own programs: sudo apt-get install rabbitmq-server.")
        broker = BrokerCluster.create(folder, rabbitmq)
    elif amqp_url:
        broker = GivenBroker(amqp_url)
    elif rabbitmq is not None:
        broker = PrivateBroker.create(folder, rabbitmq)
    else:
        broker = ContainerBroker.create(folder)
    if database_url:
        database = GivenPostgres(database_url)
    elif postgres is not None:
        database = PrivatePostgres.create(folder, postgres)
    else:
        database = ContainerPostgres.create(folder)
    return broker, database


_RESTORE: dict[str, Callable[[Path, dict[str, str]], Broker | Database]] = {
    "private broker": PrivateBroker.restore,
    "container broker": ContainerBroker.restore,
    "given broker": lambda _, state: GivenBroker(state["url"]),
    "private database": PrivatePostgres.restore,
    "container database": ContainerPostgres.restore,
    "given database": lambda _, state: GivenPostgres(state["url"]),
}
