"""The private servers keep what their docstrings promise."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest
from kombu import Connection

from tests.servers import Servers, ServersUnavailable, databases, ports, processes
from tests.servers.servers import ADOPT, ROOT, RUNS

pytestmark = pytest.mark.full

STANDARD_PORTS = {5672, 15672, 25672, 4369, 5432}


@pytest.fixture
def prefix(servers: Servers) -> Iterator[str]:
    name = f"t{os.getpid()}_{time.monotonic_ns()}_"
    yield name
    servers.drop_databases(name)


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


class TestAddresses:
    def test_both_accept_a_client_on_a_private_loopback_port(self, servers: Servers) -> None:
        with psycopg2.connect(servers.postgres_url) as database, database.cursor() as cursor:
            cursor.execute("SELECT 1")
            assert cursor.fetchone() == (1,)
        database.close()
        with Connection(servers.amqp_url) as broker:
            broker.connect()

        for url in (servers.postgres_url, servers.amqp_url):
            assert urlsplit(url).hostname == "127.0.0.1"
            assert port_of(url) not in STANDARD_PORTS

    def test_a_wrong_password_is_refused(self, servers: Servers) -> None:
        wrong = servers.postgres_url.replace(urlsplit(servers.postgres_url).password or "", "wrong")

        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            psycopg2.connect(wrong)

    def test_free_ports_lie_outside_the_range_of_outgoing_connections(self) -> None:
        found = ports.free_ports(20)

        assert len(set(found)) == 20
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
        assert max(found) < first


class TestDatabases:
    def test_every_service_gets_a_database_of_its_own(self, servers: Servers, prefix: str) -> None:
        urls = servers.create_databases(prefix)

        assert set(urls) == set(databases.SERVICES)
        accounts, _ = urls["accounts"]
        elsewhere = urlsplit(accounts)._replace(path=f"/{prefix}billing").geturl()
        with pytest.raises(psycopg2.OperationalError, match="permission denied"):
            psycopg2.connect(elsewhere)

    def test_the_service_cannot_bypass_row_level_security(self, servers: Servers, prefix: str) -> None:
        app_url, owner_url = servers.create_databases(prefix)["workers"]
        execute(
            owner_url,
            "CREATE TABLE workers (company_id text, name text)",
            "ALTER TABLE workers ENABLE ROW LEVEL SECURITY",
            "CREATE POLICY company ON workers USING (company_id = current_setting('app.company_id', true))",
        )

        execute(app_url, "SET app.company_id = 'acme'", "INSERT INTO workers VALUES ('acme', 'Ana')")

        read = "SELECT name FROM workers"
        assert execute(app_url, "SET app.company_id = 'acme'", read) == [("Ana",)]
        assert execute(app_url, "SET app.company_id = 'rival'", read) == []
        assert execute(app_url, read) == []
        # With row security off a role that may not bypass it gets an error instead of all rows.
        with pytest.raises(psycopg2.Error, match="row-level security"):
            execute(app_url, "SET row_security = off", read)
        with pytest.raises(psycopg2.Error, match="row-level security"):
            execute(app_url, "SET app.company_id = 'acme'", "INSERT INTO workers VALUES ('rival', 'Eve')")

    @pytest.mark.parametrize(
        "statement",
        [
            "CREATE TABLE mine (id int)",
            "CREATE SCHEMA mine",
            "CREATE DATABASE mine",
            "CREATE ROLE mine",
            "CREATE TEMPORARY TABLE mine (id int)",
            "ALTER TABLE workers DISABLE ROW LEVEL SECURITY",
            "TRUNCATE workers",
            "DROP TABLE workers",
        ],
    )
    def test_the_service_cannot_change_the_schema(self, servers: Servers, prefix: str, statement: str) -> None:
        app_url, owner_url = servers.create_databases(prefix)["workers"]
        execute(owner_url, "CREATE TABLE workers (id serial)")

        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            execute(app_url, statement)

    def test_the_service_may_use_the_tables_and_sequences_of_later_migrations(
        self, servers: Servers, prefix: str
    ) -> None:
        app_url, owner_url = servers.create_databases(prefix)["billing"]
        execute(owner_url, "CREATE TABLE invoices (id serial, total int)")

        rows = execute(
            app_url,
            "INSERT INTO invoices (total) VALUES (5), (7)",
            "UPDATE invoices SET total = 6 WHERE total = 5",
            "DELETE FROM invoices WHERE total = 7",
            "SELECT id, total FROM invoices",
        )

        assert rows == [(1, 6)]

    def test_dropping_is_safe_to_repeat(self, servers: Servers, prefix: str) -> None:
        urls = servers.create_databases(prefix)

        servers.drop_databases(prefix)
        servers.drop_databases(prefix)

        with pytest.raises(psycopg2.OperationalError):
            psycopg2.connect(urls["accounts"][0])


class TestVirtualHosts:
    def test_messages_of_one_are_not_seen_in_another(self, servers: Servers) -> None:
        first, second = servers.create_vhost("first"), servers.create_vhost("second")

        send(first, "hello")

        assert receive(second) is None
        assert receive(first) == "hello"
        servers.delete_vhost("first")
        servers.delete_vhost("second")


class TestKilling:
    """On a pair of their own, because the others share one."""

    @pytest.fixture(scope="class")
    @classmethod
    def own(cls) -> Iterator[Servers]:
        with pytest.MonkeyPatch.context() as patch:
            for name in (ADOPT, "ACTIONTRAC_TEST_AMQP_URL", "ACTIONTRAC_TEST_DATABASE_URL"):
                patch.delenv(name, raising=False)
            servers = Servers.start("killing")
        yield servers
        servers.stop()

    def test_a_killed_postgres_comes_back_with_what_was_committed(self, own: Servers) -> None:
        execute(own.postgres_url, "CREATE TABLE kept (name text)", "INSERT INTO kept VALUES ('Ana')")

        own.kill_postgres()

        assert not ports.is_open(port_of(own.postgres_url))
        own.start_postgres()
        assert execute(own.postgres_url, "SELECT name FROM kept") == [("Ana",)]

    def test_a_killed_broker_comes_back_with_what_was_confirmed(self, own: Servers) -> None:
        send(own.amqp_url, "kept")

        own.kill_broker()

        assert not ports.is_open(port_of(own.amqp_url))
        own.start_broker()
        assert receive(own.amqp_url) == "kept"

    def test_another_run_of_the_same_name_gets_servers_of_its_own(self, own: Servers) -> None:
        # Only the choice of the folder: a second pair would take ten seconds.
        from tests.servers.servers import _claim

        folder, lock = _claim("killing")

        with lock:
            assert folder != own.folder

    def test_stopping_leaves_no_process_no_port_and_no_folder(self, own: Servers) -> None:
        # Last in this class, which ends the pair anyway.
        used = [port_of(own.amqp_url), port_of(own.postgres_url)]
        assert processes.marked(own.folder)

        own.stop()
        own.stop()

        assert processes.marked(own.folder) == []
        assert not any(map(ports.is_open, used))
        assert not own.folder.exists()


class TestCommandLine:
    def test_a_killed_run_leaves_nothing_behind(self) -> None:
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.servers", "run", "--name", "killed", "--", "sleep", "600"],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if not name.startswith("ACTIONTRAC_TEST")},
            start_new_session=True,
        )
        folder = RUNS / "killed"
        wait_until(lambda: bool(sleepers(child.pid)), seconds=60)
        sleeper = sleepers(child.pid)
        assert processes.marked(folder)

        os.kill(child.pid, signal.SIGKILL)
        child.wait()

        wait_until(lambda: not processes.marked(folder) and not folder.exists(), seconds=20)
        # What was run on the servers is not ours to end in general; here it is.
        processes.kill(sleeper)

    def test_says_in_one_sentence_when_nothing_is_there_to_adopt(self) -> None:
        with pytest.raises(ServersUnavailable, match="make servers"):
            Servers.adopt(RUNS / "never-started")


def test_a_process_without_our_mark_is_never_found(tmp_path: Path) -> None:
    # Its command line names the folder, as an editor's or a `tail -f` would.
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", str(tmp_path)])
    try:
        assert processes.marked(tmp_path) == []
    finally:
        other.kill()
        other.wait()


def execute(url: str, *statements: str) -> list[tuple[object, ...]]:
    """Run statements one by one; the rows of the last."""
    database = psycopg2.connect(url)
    database.autocommit = True
    try:
        with database.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []
    finally:
        database.close()


def send(url: str, text: str) -> None:
    with Connection(url, transport_options={"confirm_publish": True}) as broker:
        queue = broker.SimpleQueue("letters", queue_opts={"durable": True})
        queue.put(text, delivery_mode=2)
        queue.close()


def receive(url: str) -> str | None:
    with Connection(url) as broker:
        queue = broker.SimpleQueue("letters", queue_opts={"durable": True})
        try:
            message = queue.get(block=True, timeout=1)
        except (TimeoutError, queue.Empty):
            return None
        message.ack()
        return str(message.payload)


def sleepers(parent: int) -> list[int]:
    """The `sleep` that the command line runs once its servers are up."""
    return [
        process
        for process in processes.with_descendants([parent])
        if processes.PROC.joinpath(str(process), "cmdline").exists()
        and processes.PROC.joinpath(str(process), "cmdline").read_bytes().startswith(b"sleep\0")
    ]


def wait_until(condition: Callable[[], bool], *, seconds: float) -> None:
    ports.wait_for(condition, seconds=seconds, what="What the test waits for")
