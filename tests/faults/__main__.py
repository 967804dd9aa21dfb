"""
``make test-the-tests``: plants every fault in a copy of the tree, and sees that its tests notice.

Without the fault they must pass, with it one must fail, in its own words: a test run that
breaks (a module that cannot be imported, no test found) counts as not caught. The working
tree is not touched. Words of a fault's name as arguments choose some.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.faults.catalogue import FAULTS, Fault
from tests.servers.servers import ADOPT, Servers
from tests.stack import ROOT

#: pytest's own codes.
PASSED, FAILED = 0, 1


class Copy:
    """The tree as it is now, without what git ignores."""

    def __init__(self, folder: Path, servers: Path) -> None:
        self._folder = folder
        self._environment = {**os.environ, ADOPT: str(servers)}
        shutil.rmtree(folder, ignore_errors=True)
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        for name in subprocess.check_output(listed, cwd=ROOT, text=True).split("\0"):
            if name and ROOT.joinpath(name).is_file():
                folder.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        # Compiled files are believed when size and second agree: each writing gets a second of its own.
        self._whole = ""
        self._second = int(time.time()) - 100_000

    def plant(self, fault: Fault) -> None:
        self._whole = text = self._folder.joinpath(fault.path).read_text()
        for before, after in fault.edits:
            assert text.count(before) == 1, f"{fault.path} holds not once: {before}"
            text = text.replace(before, after)
        self._write(fault.path, text)

    def mend(self, fault: Fault) -> None:
        self._write(fault.path, self._whole)

    def _write(self, path: str, text: str) -> None:
        self._second += 10
        self._folder.joinpath(path).write_text(text)
        os.utime(self._folder / path, (self._second, self._second))

    def run(self, tests: tuple[str, ...]) -> tuple[int, str]:
        """pytest's code, and its last words."""
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", *tests],
            cwd=self._folder, env=self._environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr


def _by_folder(faults: list[Fault]) -> dict[str, tuple[str, ...]]:
    """What must pass without a fault, a process for each folder of tests."""
    folders: dict[str, dict[str, None]] = {}
    for fault in faults:
        for test in fault.tests:
            folders.setdefault(test.split("/")[1], {})[test] = None
    return {folder: tuple(tests) for folder, tests in folders.items()}


def _noticed(code: int, said: str) -> str:
    """The test that failed; empty where none did, or the run broke."""
    found = re.search(r"^(?:FAILED|ERROR) (\S+)", said, re.MULTILINE)
    return found.group(1).rpartition("::")[2] if code == FAILED and found else ""


def main(words: list[str]) -> int:
    """0 when every fault is caught."""
    chosen = [fault for fault in FAULTS if all(word in fault.name for word in words)]
    servers = Servers.start("faults")
    try:
        copy = Copy(ROOT / ".run" / "faults-tree", servers.folder)
        for folder, tests in _by_folder(chosen).items():
            code, said = copy.run(tests)
            if code != PASSED:
                print(f"Without any fault, tests of tests/{folder} fail:\n{said[-3000:]}", file=sys.stderr)
                return 1
        caught = 0
        for fault in chosen:
            began = time.monotonic()
            copy.plant(fault)
            code, said = copy.run(fault.tests)
            copy.mend(fault)
            by = _noticed(code, said)
            caught += bool(by)
            print(f"{'caught' if by else 'MISSED':7} {time.monotonic() - began:4.0f} s  {fault.name}: {by}", flush=True)
            if not by:
                print(said[-1500:], file=sys.stderr)
    finally:
        servers.stop()
        shutil.rmtree(ROOT / ".run" / "faults-tree", ignore_errors=True)
    print(f"test-the-tests: {caught} of {len(chosen)} caught")
    return 0 if chosen and caught == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
