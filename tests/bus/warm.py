"""
Starts hosts quickly: a process that has imported one kind of host, and forks.

To import takes most of a start's time, and there are some forty starts here. Run as a
program with the host's module, it reads wishes from its standard input, one a line, and
answers each with one line.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.stack import ROOT


class Parent:
    """The process that forks; one a module."""

    def __init__(self, module: str) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.bus.warm", module],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        )  # fmt: skip

    def start(self, arguments: tuple[str, ...], environment: dict[str, str], log: Path) -> "Host":
        return Host(self, self.ask(start=list(arguments), environment=environment, log=str(log)))

    def ask(self, **wish: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(wish) + "\n")
            return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


class Host:
    """What the tests need of a ``subprocess.Popen``."""

    def __init__(self, parent: Parent, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._parent = parent

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._parent.ask(poll=self.pid)
        return self.returncode

    def wait(self, timeout: float) -> int:
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("host", timeout)
            time.sleep(0.02)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        # Nobody collects it but we, so the id is still its own.
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _become(module: Any, arguments: list[str], environment: dict[str, str], log: str) -> int:
    """In the fork: be the host."""
    for number, path in ((0, os.devnull), (1, log), (2, log)):
        opened = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(opened, number)
    os.environ.clear()
    os.environ.update(environment)
    random.seed()
    sys.argv = [module.__name__, *arguments]
    code: int = module.main()
    return code


def _poll(pid: int) -> int | None:
    found, status = WAIT(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _serve(module: Any) -> None:
    for line in sys.stdin:
        wish = json.loads(line)
        if "poll" in wish:
            print(json.dumps(_poll(wish["poll"])), flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                code = _become(module, wish["start"], wish["environment"], wish["log"])
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                os._exit(code)
        print(pid, flush=True)


if __name__ == "__main__":
    # The plain one: nothing here may wake eventlet's hub, which each fork makes for itself.
    WAIT = os.waitpid
    _serve(import_module(sys.argv[1]))
