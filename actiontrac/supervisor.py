"""
``actiontrac up`` on a broker: one process per service and relay, restarted when one ends.

For a machine without containers, and for the tests. Where there is an orchestrator
it does this job and runs ``actiontrac serve SERVICE`` itself. Processes are forked from
warm parents, so that one that ended is back at once.
"""

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from types import FrameType

from actiontrac import log
from actiontrac.config import SERVICES, SERVICES_WITH_DATA, Settings, prepare_home
from actiontrac.storage.migration import migrate
from actiontrac.warm import Process, WarmParent

_log = log.get(__name__)

#: A process that ends at once is not started again faster than this.
RESTART_SECONDS = 0.5
KILL_AFTER_SECONDS = 15


@dataclass
class Child:
    name: str
    arguments: list[str]
    environment: dict[str, str]
    parent: WarmParent
    process: Process | None = None
    started_at: float = 0.0

    def start(self) -> None:
        self.started_at = time.monotonic()
        self.process = self.parent.start(self.arguments, self.environment)


class Supervisor:
    """Starts the children, restarts those that end, stops them in order."""

    def __init__(self, settings: Settings, replicas: dict[str, int]) -> None:
        self._settings = settings
        self._stopping = False
        self._green, self._plain = WarmParent("green"), WarmParent("plain")
        self._children = self._plan(replicas)

    def _plan(self, replicas: dict[str, int]) -> list[Child]:
        environment = dict(os.environ)
        children = []
        if self._settings.sandbox and not self._settings.environment.get("ACTIONTRAC_SANDBOX_URL"):
            port = self._settings.sandbox_port or self._settings.http_port + 1
            environment["ACTIONTRAC_SANDBOX_PORT"] = str(port)
            environment["ACTIONTRAC_SANDBOX_URL"] = f"http://127.0.0.1:{port}"
            children.append(Child("sandbox", ["sandbox"], dict(environment), self._plain))
        for service in SERVICES:
            count = replicas.get(service, 1)
            for number in range(count):
                own = dict(environment)
                if service == "gateway" and count > 1:
                    # The kernel shares the port's connections between the replicas.
                    own["ACTIONTRAC_HTTP_REUSE_PORT"] = "1"
                name = f"{service}-{number + 1}"
                if service not in SERVICES_WITH_DATA:
                    children.append(Child(name, ["serve", service], own, self._green))
                    continue
                children.append(Child(name, ["serve", service, "--no-relay"], own, self._green))
                children.append(Child(f"{name}-relay", ["relay", service], own, self._plain))
        return children

    def run(self) -> int:
        """Until told to stop; returns the exit code."""
        prepare_home(self._settings.home)
        for parent in (self._green, self._plain):
            parent.warm_up()
        for service in SERVICES_WITH_DATA:
            migrate(service, self._settings)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told)
        for child in self._children:
            child.start()
        while not self._stopping:
            self._restart_the_dead()
            time.sleep(0.1)
        return self._stop()

    def _told(self, _: int, __: FrameType | None) -> None:
        self._stopping = True

    def _restart_the_dead(self) -> None:
        for child in self._children:
            if child.process is None or child.process.poll() is None:
                continue
            if time.monotonic() - child.started_at < RESTART_SECONDS:
                continue
            _log.warning("process_restarted", process=child.name, code=child.process.returncode)
            child.start()

    def _stop(self) -> int:
        # The doors first, the sandboxes last: what is under way may still need them.
        doors = [c for c in self._children if c.name.startswith("gateway")]
        relays = [c for c in self._children if c.name.endswith("-relay")]
        last = [c for c in self._children if c.name == "sandbox"]
        services = [c for c in self._children if c not in (*doors, *relays, *last)]
        codes = [self._end(group) for group in (doors, services, relays, last)]
        for parent in (self._green, self._plain):
            parent.close()
        return max(codes)

    def _end(self, children: list[Child]) -> int:
        running = [c.process for c in children if c.process is not None and c.process.poll() is None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + KILL_AFTER_SECONDS
        code = 0
        for process in running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                code = 1
        return code
