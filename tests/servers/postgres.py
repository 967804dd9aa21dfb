"""One private PostgreSQL."""

import hashlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg2

from tests.servers import processes
from tests.servers.ports import HOST, end_of, free_ports, wait_for
from tests.servers.problems import ServersUnavailable

USER = "postgres"

#: It starts in less than a second; this is for a recovery under load.
START_SECONDS = 60


class PrivatePostgres:
    """PostgreSQL in a folder, with its own superuser password and port, on the loopback interface only."""

    kind = "private"

    def __init__(self, folder: Path, programs: Path, *, port: int, password: str) -> None:
        self.folder = folder / "postgres"
        self.programs = programs
        self.port = port
        self.password = password
        self.account = _account()
        self.data = data_folder(folder)

    @classmethod
    def create(cls, folder: Path, programs: Path) -> "PrivatePostgres":
        """A new server; its first start makes its data."""
        [port] = free_ports(1)
        return cls(folder, programs, port=port, password=secrets.token_hex(12))

    @classmethod
    def restore(cls, folder: Path, state: dict[str, str]) -> "PrivatePostgres":
        """The server that another process started here."""
        return cls(folder, Path(state["programs"]), port=int(state["port"]), password=state["password"])

    def state(self) -> dict[str, str]:
        """What another process needs to take over."""
        return {"programs": str(self.programs), "port": str(self.port), "password": self.password}

    @property
    def url(self) -> str:
        """The superuser's address."""
        return f"postgresql://{USER}:{self.password}@{HOST}:{self.port}/postgres"

    def start(self) -> None:
        """Start the server, with the data that it left; returns when it accepts clients."""
        if not self.data.joinpath("PG_VERSION").exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._initialise()
        process = processes.start(
            [self.programs / "postgres", "-D", self.data],
            folder=self.data,
            log=self._log,
            environment=self._environment(),
            account=self.account,
        )

        def is_up() -> bool:
            if process.poll() is not None:
                raise ServersUnavailable(f"PostgreSQL ended while it started:{end_of(self._log)}")
            return answers(self.url)

        wait_for(is_up, seconds=START_SECONDS, what="The start of PostgreSQL", log=self._log)

    def kill(self) -> None:
        """End the server as a power cut would; its data stays."""
        processes.kill(processes.with_descendants(processes.marked(self.data)))

    def pause(self) -> None:
        """Freeze the server: its connections stay open, and nothing answers."""
        for process in processes.with_descendants(processes.marked(self.data)):
            processes.send(process, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen server run on."""
        for process in processes.with_descendants(processes.marked(self.data)):
            processes.send(process, signal.SIGCONT)

    def stop(self) -> None:
        """End the server; it gives its shared memory back, which a kill would leave in the system."""
        self.resume()
        for process in processes.marked(self.data):
            # "Immediate shutdown": no checkpoint, because the folder is removed.
            processes.stop_gently(process, signal.SIGQUIT, seconds=10)
        self.kill()
        shutil.rmtree(self.data, ignore_errors=True)

    @property
    def _log(self) -> Path:
        return self.folder / "output.log"

    def _environment(self) -> dict[str, str]:
        # Without the caller's PG variables, which would point to another server.
        return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC"}

    def _initialise(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        self.data.chmod(0o700)
        # A file is the only way to set a password that other users of the machine cannot see.
        handle, name = tempfile.mkstemp()
        with os.fdopen(handle, "w") as file:
            file.write(self.password)
        if self.account is not None:
            entry = pwd.getpwnam(self.account)
            os.chown(self.data, entry.pw_uid, entry.pw_gid)
            os.chown(name, entry.pw_uid, entry.pw_gid)
        try:
            result = subprocess.run(
                [
                    self.programs / "initdb",
                    *("-D", self.data, "--username", USER, "--pwfile", name, "--auth", "scram-sha-256"),
                    *("--encoding", "UTF8", "--no-sync"),
                ],
                env=self._environment(),
                cwd=self.data,
                capture_output=True,
                text=True,
                check=False,
                **processes.as_account(self.account),
            )
        finally:
            Path(name).unlink()
        if result.returncode:
            raise ServersUnavailable(f"initdb failed: {result.stderr or result.stdout}")
        with self.data.joinpath("postgresql.conf").open("a") as file:
            file.write(_CONFIGURATION.format(host=HOST, port=self.port))


def answers(url: str) -> bool:
    """Whether a server there lets us in."""
    try:
        psycopg2.connect(url, connect_timeout=2).close()
    except psycopg2.OperationalError:
        return False
    return True


def data_folder(folder: Path) -> Path:
    """
    Where the data of a run lies: in its folder, if the server's user can get there.

    A clone in root's home cannot be entered by the user that PostgreSQL runs as
    when we are root; then it is a folder of the same run in the system's place for
    temporary files, found again by a hash of the run's path.
    """
    account = _account()
    if account is None or _can_enter(account, folder):
        return folder / "postgres" / "data"
    mark = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"actiontrac-postgres-{mark}"


def _account() -> str | None:
    """The user that PostgreSQL runs as: ourselves, or another when we are root, whom it refuses."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _can_enter(account: str, folder: Path) -> bool:
    entry = pwd.getpwnam(account)
    groups = os.getgrouplist(account, entry.pw_gid)
    for parent in [folder, *folder.parents]:
        if not parent.exists():
            # We make it ourselves, open to be entered.
            continue
        status = parent.stat()
        if status.st_uid == entry.pw_uid:
            allowed = status.st_mode & 0o100
        elif status.st_gid in groups:
            allowed = status.st_mode & 0o010
        else:
            allowed = status.st_mode & 0o001
        if not allowed:
            return False
    return True


_CONFIGURATION = """
listen_addresses = '{host}'
port = {port}
# Everybody comes over TCP; a socket's path could be longer than the system allows.
unix_socket_directories = ''
# Five services in three replicas with their pools, and the relays.
max_connections = 300
shared_buffers = 64MB
timezone = 'UTC'
log_timezone = 'UTC'
log_min_error_statement = error
# Statements hold what people typed, and a test greps logs for it.
log_min_duration_statement = -1
jit = off
"""
