"""
Starts the embedded product quickly: a process that has imported everything, and forks.

To import takes most of a start's time, and there are some hundred starts. What runs in
the fork is the same command in the same environment. The processes of the full mode,
and those of all other tests, are started as in life.

Run as a program, it reads starts from its standard input, one after the other, and
writes the process id and later the exit code of each.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from pathlib import Path

from tests.stack import ROOT, Product


class WarmProcess:
    """What ``Product`` needs of a ``subprocess.Popen``."""

    def __init__(self, host: "subprocess.Popen[str]", pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._host = host
        self._ended = threading.Event()
        threading.Thread(target=self._wait_for_the_code, daemon=True).start()

    def _wait_for_the_code(self) -> None:
        assert self._host.stdout is not None
        self.returncode = int(self._host.stdout.readline() or -signal.SIGKILL)
        self._ended.set()

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired("actiontrac", timeout or 0)
        assert self.returncode is not None
        return self.returncode

    def terminate(self) -> None:
        os.kill(self.pid, signal.SIGTERM)


class WarmProduct(Product):
    """The embedded product; only one of its lives at a time."""

    def __init__(self, home: Path, **environment: str) -> None:
        super().__init__(home, environment, mode="embedded")
        self._host: subprocess.Popen[str] | None = None

    def start(self, *, wait: bool = True, **extra: str) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        if self._host is None:
            self._host = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "tests.chaos.warm"],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                bufsize=1,
                start_new_session=True,
            )
        assert self._host.stdin is not None
        assert self._host.stdout is not None
        wish = {"environment": {**self.environment, **extra}, "out": str(self.home / "out.txt")}
        self._host.stdin.write(json.dumps(wish) + "\n")
        self._process = WarmProcess(self._host, int(self._host.stdout.readline()))  # type: ignore[assignment]
        if wait:
            self.wait_ready()

    def close(self) -> None:
        """End the process that waits for further starts."""
        if self._host is not None:
            assert self._host.stdin is not None
            self._host.stdin.close()
            self._host.wait(10)


def _import_everything() -> None:
    from importlib import import_module

    from actiontrac.config import SERVICES

    for service in SERVICES:
        import_module(f"services.{service}.service")
    for name in (
        "actiontrac.runner",
        "actiontrac.sandbox.app",
        "actiontrac.sandbox.settings",
        "alembic.command",
        "requests",
        "services.billing.providers.paypal_api",
        "sqlalchemy.dialects.sqlite",
        "stripe",
    ):
        import_module(name)


def _become(wish: dict[str, dict[str, str]], out: str) -> int:
    """In the fork: be ``actiontrac up``."""
    os.setsid()
    for number, path in ((0, os.devnull), (1, out), (2, out)):
        opened = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(opened, number)
    os.environ.clear()
    os.environ.update(wish["environment"])
    from actiontrac.cli import main

    return main(["up"])


def _serve() -> None:
    for line in sys.stdin:
        wish = json.loads(line)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                code = _become(wish, wish["out"])
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                os._exit(code)
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(WAIT(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    # The plain one: nothing here may wake eventlet's hub, which each fork makes for itself.
    WAIT = os.waitpid
    import eventlet

    eventlet.monkey_patch()
    _import_everything()
    _serve()
