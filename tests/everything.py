"""
Every test: a folder after the other, each in a process of its own so that none leaves anything behind.

Two lanes at once, for two cores: what starts whole products, which often waits, beside all the rest.
Then, alone, what kills processes and looks at what came of it. What a folder says is shown whole when
it is done; the first that fails ends the run.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from tests.servers.servers import ADOPT

TESTS = Path(__file__).parent
PRODUCTS = ("tests/integration", "tests/journeys")
ALONE = ("tests/chaos",)
#: Measures, not tests.
BENCHES = ("tests/bench",)


class Run:
    def __init__(self) -> None:
        self.failed: list[str] = []
        self._running: list[subprocess.Popen[str]] = []
        self._lock = threading.Lock()

    def together(self, *lanes: Iterable[str]) -> None:
        """Walk every lane to its end, all at once; none goes on when a folder failed in any."""
        threads = [threading.Thread(target=self._walk, args=(lane,)) for lane in lanes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def stop(self, number: int, _: object) -> None:
        """End what runs as Ctrl-C does, so that it stops what it started; a terminal's Ctrl-C reached it already."""
        if self.failed:
            return
        self.failed.append("everything that was not done when the run was stopped")
        if number != signal.SIGINT:
            for one in self._running:
                one.send_signal(signal.SIGINT)

    def _walk(self, lane: Iterable[str]) -> None:
        for folder in lane:
            if self.failed:
                return
            print(f"== {folder} ...", flush=True)
            began = time.monotonic()
            code, said = self._play(folder)
            with self._lock:
                print(f"== {folder}: {time.monotonic() - began:.0f} s\n{said}", flush=True)
                if code and not self.failed:
                    self.failed.append(folder)

    def _play(self, folder: str) -> tuple[int, str]:
        environment = dict(os.environ)
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
    rest = [folder for folder in folders() if folder not in (*PRODUCTS, *ALONE)]
    run.together(PRODUCTS, rest)
    run.together(ALONE)
    for folder in run.failed:
        print(f"Failed: {folder}", file=sys.stderr)
    return 1 if run.failed else 0


if __name__ == "__main__":
    sys.exit(main())
