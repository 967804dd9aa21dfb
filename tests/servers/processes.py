"""
Processes of a run: started with a mark, found by it, and ended by process id.

Every process that we start carries ``ACTIONTRAC_SERVERS_RUN=<folder>`` in its
environment, and its descendants inherit it. A process without our mark is never
touched, whatever its name.
"""

import os
import pwd
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.servers.ports import wait_for

MARK = "ACTIONTRAC_SERVERS_RUN"
PROC = Path("/proc")

#: Our own children: they must be collected, or they stay as zombies for as long as we live.
_started: list[subprocess.Popen[bytes]] = []


def start(
    command: Sequence[str | Path],
    *,
    folder: Path,
    log: Path,
    environment: Mapping[str, str],
    account: str | None = None,
) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own (Ctrl-C in the terminal does not reach it), output to the log."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**environment, MARK: str(folder)},
            cwd=folder,
            start_new_session=True,
            **as_account(account),
        )
    _started.append(process)
    return process


def as_account(account: str | None) -> dict[str, Any]:
    """Popen's arguments for running as another user, which only root can."""
    if account is None:
        return {}
    entry = pwd.getpwnam(account)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def marked(folder: Path) -> list[int]:
    """
    The processes that were started for this folder, or for one inside it.

    PostgreSQL writes its process titles over the memory that held its environment,
    so its postmaster is also known by ``-D <folder>`` on its command line.
    """
    found = []
    for entry in _entries():
        if entry == os.getpid():
            continue
        values = _read(entry, "environ").split(b"\0")
        prefix = f"{MARK}={folder}".encode()
        is_marked = any(value == prefix or value.startswith(prefix + b"/") for value in values)
        if is_marked or _is_postmaster_of(entry, folder):
            found.append(entry)
    return found


def with_descendants(processes: Iterable[int]) -> list[int]:
    """These processes and all that they started."""
    children: dict[int, list[int]] = {}
    for entry in _entries():
        # "pid (name) state parent ...": the name may hold spaces and brackets.
        fields = _read(entry, "stat").rpartition(b")")[2].split()
        if len(fields) > 1:
            children.setdefault(int(fields[1]), []).append(entry)
    found: list[int] = []
    waiting = list(processes)
    while waiting:
        process = waiting.pop()
        if process not in found:
            found.append(process)
            waiting.extend(children.get(process, []))
    return found


def kill(processes: Iterable[int], *, seconds: float = 10) -> None:
    """SIGKILL them all, and wait until none is left."""
    chosen = list(processes)
    for process in chosen:
        send(process, signal.SIGKILL)
    wait_for(lambda: not any(map(is_alive, chosen)), seconds=seconds, what="The end of killed processes")


def send(process: int, number: signal.Signals) -> None:
    """Signal a process that may have ended meanwhile."""
    with suppress(ProcessLookupError):
        os.kill(process, number)


def is_alive(process: int) -> bool:
    """Whether it still runs; one that ended and waits to be collected does not."""
    for child in _started:
        if child.pid == process:
            return child.poll() is None
    if PROC.joinpath("self").exists():
        state = _read(process, "stat").rpartition(b")")[2].split()[:1]
        return state not in ([], [b"Z"], [b"X"])
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def stop_gently(process: int, number: signal.Signals, *, seconds: float) -> bool:
    """Signal it and wait; whether it ended in time."""
    send(process, number)
    deadline = time.monotonic() + seconds
    while is_alive(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _is_postmaster_of(process: int, folder: Path) -> bool:
    words = _read(process, "cmdline").split(b"\0")
    if not words[0].endswith((b"postgres", b"postmaster")) or b"-D" not in words:
        return False
    data = words[words.index(b"-D") + 1].decode(errors="replace")
    return Path(data).is_relative_to(folder)


def _entries() -> list[int]:
    if not PROC.joinpath("self").exists():
        return []
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]


def _read(process: int, name: str) -> bytes:
    try:
        return PROC.joinpath(str(process), name).read_bytes()
    except OSError:
        # It ended while we looked, or it is another user's and so not ours.
        return b""
