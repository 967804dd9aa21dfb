"""
Parents that have imported everything, and fork: most of the start of a process is imports.

The supervisor has two, one with eventlet in place for the services and one without it for
the relays and the sandboxes, so that a service that was killed is back in a fraction of a
second, and all of them share the memory of what they imported. What runs in a fork is the
same command in the same environment, in a session of its own, under its own name in ``ps``.

The parent is the hidden command ``actiontrac warm green|plain PROGRAM NUMBER``: a module whose
``main()`` the forks run, and the number of a socket that its starter reads and writes, a line
of JSON each:
``{"arguments": […], "environment": {…}, "output": path or null}`` → ``{"pid": …}``, and for
each process that ends ``{"ended": pid, "code": …}``. It ends when the socket does, and asks
its children to end, too.
"""

import contextlib
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from actiontrac.config import SERVICES, SERVICES_WITH_DATA

#: macOS ends a process that forked and then asks the system for its proxies, as requests does.
FORKS = sys.platform == "linux"

_GREEN = (
    *(f"services.{name}.service" for name in SERVICES),
    "actiontrac.runner",
    "actiontrac.sandbox.app",
    "alembic.command",
    "requests",
    "services.billing.providers.paypal_api",
    "sqlalchemy.dialects.postgresql.psycopg2",
    "sqlalchemy.dialects.sqlite",
    "stripe",
)
_PLAIN = (
    "actiontrac.outbox",
    "actiontrac.sandbox.server",
    "actiontrac.storage.migration",
    "actiontrac.supervisor",
    "alembic.command",
    *(f"services.{name}.models" for name in SERVICES_WITH_DATA),
    "sqlalchemy.dialects.postgresql.psycopg2",
)


_PYTHON = (sys.executable, "-W", "ignore", "-m")
#: What processes of the product run.
PROGRAM = "actiontrac.cli"


class Process(Protocol):
    """What is common to a ``subprocess.Popen`` and a process that a warm parent forked."""

    @property
    def pid(self) -> int: ...
    @property
    def returncode(self) -> int | None: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


class WarmProcess:
    def __init__(self, parent: "WarmParent", life: int, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._parent = parent
        self._life = life

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        if self.returncode is None:
            self.returncode = self._parent.code_of(self.pid, self._life, 0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """
        Raises:
            subprocess.TimeoutExpired: it still runs.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.returncode is None:
            left = 1.0 if deadline is None else deadline - time.monotonic()
            if left <= 0 and self.poll() is None:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            if self.returncode is None:
                self.returncode = self._parent.code_of(self.pid, self._life, min(left, 1.0))
        return self.returncode

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


class WarmParent:
    """One such parent: started at the first need, and again when it ended."""

    def __init__(self, kind: str, program: str = PROGRAM) -> None:
        """
        Args:
            kind: ``green`` for programs that need eventlet in place, else ``plain``.
            program: the module whose ``main()`` is run, which takes its arguments from ``sys.argv``.
        """
        self._kind = kind
        self._program = program
        self._host: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._heard = b""
        #: How often it was started; a process belongs to one of these lives.
        self._life = 0
        self._codes: dict[int, int] = {}
        self._pids: list[int] = []
        # Tests start products from several threads.
        self._lock = threading.RLock()

    def start(
        self, arguments: list[str], environment: dict[str, str], *, output: Path | None = None
    ) -> Process:
        """
        Run the program with these arguments and exactly this environment.

        Args:
            output: file to which its standard output and error are appended; this process's by default.
        """
        if not FORKS:
            return _without_a_parent(self._program, arguments, environment, output)
        wish = {"arguments": arguments, "environment": environment, "output": output and str(output)}
        with self._lock:
            self.warm_up()
            assert self._socket is not None
            self._socket.sendall(json.dumps(wish).encode() + b"\n")
            while not self._pids:
                if not self._listen(None):
                    raise RuntimeError(f"The {self._kind} parent of the processes ended; its output says why.")
            return WarmProcess(self, self._life, self._pids.pop())

    def warm_up(self) -> None:
        """Start the parent, if there is none; it imports while the caller does something else."""
        with self._lock:
            if not FORKS or (self._host is not None and self._host.poll() is None and self._socket is not None):
                return
            ours, theirs = socket.socketpair()
            with theirs:
                self._host = subprocess.Popen(
                    [*_PYTHON, "actiontrac", "warm", self._kind, self._program, str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    # Ctrl-C reaches the supervisor only, which stops the processes in order.
                    start_new_session=True,
                )
            self._socket, self._heard = ours, b""
            self._life += 1

    def close(self) -> None:
        """End the parent, and with it what it started."""
        with self._lock:
            if self._socket is not None:
                self._socket.close()
                self._socket = None
            if self._host is not None:
                self._host.wait()

    def code_of(self, pid: int, life: int, seconds: float) -> int | None:
        """How this process of that life ended, if it has by then."""
        deadline = time.monotonic() + seconds
        while pid not in self._codes:
            with self._lock:
                left = max(0.0, deadline - time.monotonic())
                # Short, so that other threads have their turn.
                going_on = self._life == life and self._listen(min(left, 0.05))
                if not going_on and pid not in self._codes:
                    # Its parent ended before it: nobody would hear of its end any more.
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGTERM)
                    return -signal.SIGTERM
            if not left:
                break
        return self._codes.pop(pid, None)

    def _listen(self, seconds: float | None) -> bool:
        """Take in what the parent says within so many seconds; False when it said its last."""
        if self._socket is None:
            return False
        self._socket.settimeout(seconds)
        try:
            heard = self._socket.recv(65536)
        except (TimeoutError, BlockingIOError):
            return True
        except OSError:
            heard = b""
        finally:
            self._socket.settimeout(None)
        if not heard:
            self._socket.close()
            self._socket = None
            return False
        *lines, self._heard = (self._heard + heard).split(b"\n")
        for said in map(json.loads, lines):
            if "pid" in said:
                self._pids.append(said["pid"])
            else:
                self._codes[said["ended"]] = said["code"]
        return True


def _without_a_parent(
    program: str, arguments: list[str], environment: dict[str, str], output: Path | None
) -> Process:
    with contextlib.ExitStack() as stack:
        out = stack.enter_context(output.open("ab")) if output else None
        return subprocess.Popen(
            [*_PYTHON, "actiontrac" if program == PROGRAM else program, *arguments],
            env=environment,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )


class _Host:
    """The parent itself; there is no thread in it, as forks need."""

    def __init__(self, program: ModuleType, descriptor: int, select: ModuleType) -> None:
        self._program = program
        self._wishes = descriptor
        self._select = select
        self._children: set[int] = set()
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake)
        # Never written to: the standard input of the children, which ends when this process does.
        self._input, self._end_of_input = os.pipe()

    def run(self) -> int:
        heard = b""
        while True:
            ready = self._select.select([self._wishes, self._woken], [], [])[0]
            if self._woken in ready:
                os.read(self._woken, 4096)
                self._report_the_ended()
            if self._wishes in ready:
                piece = os.read(self._wishes, 65536)
                if not piece:
                    return self._end_all()
                *lines, heard = (heard + piece).split(b"\n")
                for line in lines:
                    self._fork(json.loads(line))

    def _fork(self, wish: dict[str, Any]) -> None:
        pid = os.fork()
        if pid:
            self._children.add(pid)
            self._say({"pid": pid})
            return
        code = 1
        try:
            self._become(wish)
            code = self._program.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:
            traceback.print_exc()
        finally:
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _become(self, wish: dict[str, Any]) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(self._input, 0)
        for number in (self._wishes, self._woken, self._wake, self._input, self._end_of_input):
            os.close(number)
        os.setsid()
        if wish["output"]:
            opened = os.open(wish["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(opened, 1)
            os.dup2(opened, 2)
            os.close(opened)
        os.environ.clear()
        os.environ.update(wish["environment"])
        if "eventlet" in sys.modules:
            from eventlet import hubs

            # Patching made one, and its epoll would be shared: each would wake for what concerns the others.
            hubs.use_hub()
        sys.argv = [self._program.__name__.replace(PROGRAM, "actiontrac"), *wish["arguments"]]
        _name(" ".join(sys.argv))

    def _report_the_ended(self) -> None:
        for pid in list(self._children):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self._children.discard(pid)
                self._say({"ended": pid, "code": os.waitstatus_to_exitcode(status)})

    def _say(self, words: dict[str, int]) -> None:
        # Nobody listens any more: the next read says so.
        with contextlib.suppress(OSError):
            os.write(self._wishes, json.dumps(words).encode() + b"\n")

    def _end_all(self) -> int:
        for pid in self._children:
            os.kill(pid, signal.SIGTERM)
        return 0


def _name(title: str) -> None:
    from setproctitle import setproctitle

    setproctitle(title)


def run(kind: str, program: str, descriptor: int) -> int:
    """Be such a parent, until the socket ends."""
    _name(f"actiontrac warm {kind}")
    if program == PROGRAM:
        for name in _GREEN if kind == "green" else _PLAIN:
            import_module(name)
    runs = import_module(program)
    if kind == "green":
        # The plain one: the hub must not run here, or its forks would go on with it.
        from eventlet.patcher import original

        select = original("select")
    else:
        import select
    # What is there now lives as long as the process: not looked through in each fork, where that would copy it.
    gc.collect()
    gc.freeze()
    return _Host(runs, descriptor, select).run()
