"""Where the servers' programs are, and how they get there when they are missing."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.problems import ServersUnavailable

#: Quorum queues with at-least-once dead-lettering came with 3.10.
OLDEST_RABBITMQ = (3, 10)
OLDEST_POSTGRES = 15

POLICY = Path("/usr/sbin/policy-rc.d")
CLUSTER_POLICY = Path("/etc/postgresql-common/createcluster.d/actiontrac-tests.conf")


def rabbitmq() -> Path | None:
    """
    The folder of RabbitMQ's own scripts, newest first.

    Not the wrappers in /usr/sbin: Debian's accept only root and the rabbitmq user,
    and switch to that user's data folder.
    """
    found = [
        *Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin"),
        *Path("/opt/homebrew/opt").glob("rabbitmq/sbin"),
        *Path("/usr/local/opt").glob("rabbitmq/sbin"),
    ]
    usable = [
        folder
        for folder in found
        if folder.joinpath("rabbitmq-server").is_file() and _version(folder) >= OLDEST_RABBITMQ
    ]
    return max(usable, key=_version, default=None)


def postgres() -> Path | None:
    """The folder of PostgreSQL's programs, newest first."""
    found = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    for program in ("initdb", "postgres"):
        path = shutil.which(program)
        if path:
            found.append(Path(path).resolve().parent)
    versions = {
        folder: _postgres_version(folder)
        for folder in found
        if all(folder.joinpath(program).is_file() for program in ("initdb", "postgres"))
    }
    usable = [folder for folder, version in versions.items() if version >= OLDEST_POSTGRES]
    return max(usable, key=lambda folder: versions[folder], default=None)


def can_install() -> bool:
    """Only root on a system with apt-get may install; anybody else is told what to do."""
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(packages: list[str]) -> None:
    """
    Install Debian packages so that no system service starts, now or after a reboot's first cluster.

    Raises:
        ServersUnavailable: apt-get failed; with its last words.
    """
    print(f"Installing {' and '.join(packages)} with apt-get ...", file=sys.stderr, flush=True)
    # Another apt-get may be running, as on a machine that was just started.
    apt = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "--yes", "--quiet"]
    with _no_service_starts():
        for command in ([*apt, "update"], [*apt, "install", "--no-install-recommends", *packages]):
            result = subprocess.run(
                command,
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            # A mirror that is away for `update` may still leave lists that are good enough to install from.
            if result.returncode and "install" in command:
                words = "\n".join((result.stdout + result.stderr).splitlines()[-10:])
                raise ServersUnavailable(f"apt-get could not install {' and '.join(packages)}:\n{words}")


@contextmanager
def _no_service_starts() -> Iterator[None]:
    """Debian's way to say so: a policy that answers 101, and no first cluster of PostgreSQL."""
    with (
        _temporary(POLICY, "#!/bin/sh\nexit 101\n", mode=0o755),
        _temporary(CLUSTER_POLICY, "create_main_cluster = false\n", mode=0o644),
    ):
        yield


@contextmanager
def _temporary(path: Path, text: str, *, mode: int) -> Iterator[None]:
    if path.exists():
        # The machine's own policy counts; containers come with this very one.
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _version(folder: Path) -> tuple[int, ...]:
    found = re.search(r"rabbitmq(?:_server)?[-/](\d+)\.(\d+)\.(\d+)", str(folder.resolve()))
    return tuple(map(int, found.groups())) if found else (0,)


def _postgres_version(folder: Path) -> int:
    result = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"\) (\d+)", result.stdout)
    return int(found.group(1)) if found else 0
