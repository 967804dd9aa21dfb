"""The whole product in processes of its own, in either mode, for tests that use it over HTTP."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from actiontrac import config
from actiontrac.config import Settings
from actiontrac.demo.client import Http
from actiontrac.warm import Process, WarmParent
from tests.servers.ports import free_ports
from tests.servers.servers import Servers

ROOT = Path(__file__).resolve().parent.parent
READY_SECONDS = 40

#: Tests register many companies from one address and hash many passwords.
FOR_TESTS = {
    "ACTIONTRAC_RATE_LIMITS": "off",
    "ACTIONTRAC_PASSWORD_MEMORY_KIB": "64",
    "ACTIONTRAC_PASSWORD_TIME_COST": "1",
}


#: The product is started some hundred times; what starts it cold as in life says so.
GREEN, PLAIN = WarmParent("green"), WarmParent("plain")


class NotReady(Exception):
    """The product did not start; its log is quoted."""


class Product:
    """One running ActionTrac: where it is, and how to stop, kill and start it again."""

    def __init__(
        self, home: Path, environment: dict[str, str], *, mode: str, arguments: tuple[str, ...] = ()
    ) -> None:
        self.home = home
        self.mode = mode
        self._arguments = arguments
        port, sandbox_port, smtp_port = free_ports(3)
        self._own = {
            "ACTIONTRAC_HOME": str(home),
            "ACTIONTRAC_HTTP_PORT": str(port),
            "ACTIONTRAC_LOG_FILE": str(home / "actiontrac.log"),
            **FOR_TESTS,
            **environment,
        }
        if mode == "full":
            self._own["ACTIONTRAC_SANDBOX_PORT"] = str(sandbox_port)
            # Real SMTP, as in the compose file; the embedded mode hands mail over by HTTP.
            self._own["ACTIONTRAC_SANDBOX_SMTP_PORT"] = str(smtp_port)
            self._own.setdefault("ACTIONTRAC_MAIL_URL", f"smtp://127.0.0.1:{smtp_port}")
            self._own.setdefault("ACTIONTRAC_MAIL_TIMEOUT_SECONDS", "2")
        self.url = f"http://127.0.0.1:{port}"
        self._process: Process | None = None

    @property
    def environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("ACTIONTRAC_")}
        return {**inherited, **self._own}

    @property
    def settings(self) -> Settings:
        return config.load(self._own)

    @property
    def sandbox_url(self) -> str:
        return f"{self.url}/sandbox"

    def http(self) -> Http:
        return Http(self.url)

    def start(self, *, wait: bool = True, cold: bool = False, **extra: str) -> None:
        """
        Start it.

        Args:
            cold: in a process that has to import everything, as in life.
            extra: environment for this start only, such as a failpoint.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        arguments, environment = ["up", *self._arguments], {**self.environment, **extra}
        if cold:
            with (self.home / "out.txt").open("ab") as out:
                self._process = subprocess.Popen(
                    [sys.executable, "-W", "ignore", "-m", "actiontrac", *arguments],
                    cwd=ROOT,
                    env=environment,
                    stdout=out,
                    stderr=out,
                    start_new_session=True,
                )
        else:
            parent = GREEN if self.mode == "embedded" else PLAIN
            self._process = parent.start(arguments, environment, output=self.home / "out.txt")
        if wait:
            self.wait_ready()

    def wait_ready(self, seconds: float = READY_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            try:
                if requests.get(f"{self.url}/readyz", timeout=5).status_code == 200:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.05)
        raise NotReady(f"{self.mode} did not become ready.\n{self.output()[-3000:]}\n{self.log()[-3000:]}")

    def wait_ended(self, seconds: float = 30) -> int:
        """Until the process ends by itself, as at a failpoint; its exit code."""
        assert self._process is not None
        return self._process.wait(seconds)

    @property
    def pid(self) -> int:
        """Of the process that ``start`` started; in the full mode the others are below it."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> int:
        """SIGTERM, and wait; the exit code."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.terminate()
        try:
            return self._process.wait(40)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """SIGKILL to all of it, as a power cut would."""
        if self._process is None:
            return
        for pid in [*descendants(self._process.pid), self._process.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._process.wait(10)

    def pids(self, *words: str) -> list[int]:
        """Processes of this product whose command line has these words, such as ``serve billing``."""
        assert self._process is not None
        wanted = " ".join(words)
        return [pid for pid in descendants(self._process.pid) if wanted in command_line(pid)]

    def log(self) -> str:
        path = self.home / "actiontrac.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def output(self) -> str:
        path = self.home / "out.txt"
        return path.read_text(errors="replace") if path.exists() else ""

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``actiontrac …`` beside it, with its settings."""
        return subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "actiontrac", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def advance(self, duration: str) -> None:
        self.http().json("POST", "/sandbox/clock", json={"advance": duration})

    def control(self, method: str, path: str, **options: Any) -> Any:
        return self.http().json(method, f"/sandbox/_control/{path}", expect=(200, 201, 202), **options)


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def descendants(pid: int) -> list[int]:
    """The children of a process and theirs."""
    found: list[int] = []
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return found
    for task in tasks:
        try:
            children = (task / "children").read_text().split()
        except OSError:
            continue
        for child in map(int, children):
            found += [child, *descendants(child)]
    return found


def embedded_product(home: Path, **environment: str) -> Product:
    """Not started yet."""
    return Product(home, environment, mode="embedded")


def full_product(home: Path, servers: Servers, *, replicas: int = 1, **environment: str) -> Product:
    """On a virtual host and databases of its own; not started yet."""
    name = f"t{secrets.token_hex(4)}"
    own = {"ACTIONTRAC_BUS_URL": servers.create_vhost(name)}
    for service, (url, owner_url) in servers.create_databases(name).items():
        own[f"ACTIONTRAC_{service.upper()}_DATABASE_URL"] = url
        own[f"ACTIONTRAC_{service.upper()}_DATABASE_OWNER_URL"] = owner_url
    arguments = ("--replicas", str(replicas))
    return Product(home, {**own, **environment}, mode="full", arguments=arguments)


@contextmanager
def full_stack(*, replicas: int = 1) -> Iterator[Product]:
    """For ``make demo-full``: servers and product, started here and stopped here."""
    servers = Servers.shared()
    product = full_product(ROOT / ".run" / f"demo-{os.getpid()}", servers, replicas=replicas)
    product.start()
    try:
        yield product
    finally:
        product.stop()
        shutil.rmtree(product.home, ignore_errors=True)
