"""
Every test: a folder after the other, each in a process of its own so that none leaves anything behind.

Two at once, for two cores, the longest first so that both end together, and beside them those that
mostly wait. What a folder says is shown whole when it is done; the first that fails ends the run.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.servers.servers import ADOPT

TESTS = Path(__file__).parent
#: What starts whole products takes longest; in this order, those that start little run beside it.
LONGEST = ("tests/journeys", "tests/chaos", "tests/billing", "tests/gateway", "tests/workers")
AT_ONCE = 2
#: These wait for what they broke to come back, one after the other.
WAITING = ("tests/recovery", "tests/storm", "tests/bus", "tests/integration", "tests/servers")
#: Measures, not tests.
BENCHES = ("tests/bench",)


class Run:
    def __init__(self) -> None:
        self.failed: list[str] = []
        self._running: list[subprocess.Popen[str]] = []
        self._lock = threading.Lock()
        self._stopped = False

    def all_of(self, folders: Iterable[str], beside: Iterable[str]) -> None:
        """Play them in this order, two at once, and the others one by one; none begins when one has failed."""
        queue = iter(folders)
        threads = [threading.Thread(target=self._walk, args=(lane,)) for lane in [queue] * AT_ONCE + [iter(beside)]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def stop(self, number: int, _: object) -> None:
        """End what runs as Ctrl-C does, so that it stops what it started; a terminal's Ctrl-C reached it already."""
        if self._stopped:
            return
        self._stopped = True
        self.failed.append("everything that was not done when the run was stopped")
        if number != signal.SIGINT:
            for one in self._running:
                one.send_signal(signal.SIGINT)

    def _walk(self, waiting: Iterator[str]) -> None:
        while not self.failed:
            with self._lock:
                folder = next(waiting, None)
            if folder is None:
                return
            print(f"== {folder} ...", flush=True)
            began = time.monotonic()
            code, said = self._play(folder)
            with self._lock:
                print(f"== {folder}: {time.monotonic() - began:.0f} s\n{said}", flush=True)
                if code and not self.failed:
                    self.failed.append(folder)

    def _play(self, folder: str) -> tuple[int, str]:
        # Hundreds of processes start: what they import is compiled once, whatever the machine's habit is.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        if folder == "tests/servers":
            # The tests of the servers start their own.
            environment.pop(ADOPT, None)
        playing = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-q", folder],
            cwd=TESTS.parent,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._running.append(playing)
        said = playing.communicate()[0]
        self._running.remove(playing)
        return playing.returncode, said


def folders() -> list[str]:
    """Everything that holds tests; pytest ends with an error for a folder without any."""
    found = {path.relative_to(TESTS).parts[0] for path in TESTS.rglob("test_*.py")}
    return sorted(f"tests/{name}" for name in found if f"tests/{name}" not in BENCHES)


def main() -> int:
    """0 when every test passed, 1 when one did not."""
    run = Run()
    signal.signal(signal.SIGTERM, run.stop)
    signal.signal(signal.SIGINT, run.stop)
    rest = [folder for folder in folders() if folder not in (*LONGEST, *WAITING)]
    run.all_of([*LONGEST, *rest], beside=WAITING)
    for folder in run.failed:
        print(f"Failed: {folder}", file=sys.stderr)
    return 1 if run.failed else 0


if __name__ == "__main__":
    sys.exit(main())
