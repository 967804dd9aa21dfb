"""
The command line of the private servers.

Examples:
  python -m tests.servers start            start them and keep them; prints the environment
  eval "$(python -m tests.servers env)"    let the next test runs use them
  python -m tests.servers stop             end them
  python -m tests.servers run -- COMMAND   start them, run COMMAND on them, end them
  python -m tests.servers install          only install what is missing
"""

import argparse
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.servers.problems import ServersUnavailable
from tests.servers.servers import ADOPT, RUNS, Servers, clean_up, install_missing


def main() -> int:
    """Run one command; the exit code is its own, or that of the command it ran."""
    arguments = _parser().parse_args()
    try:
        return int(_COMMANDS[arguments.command](arguments) or 0)
    except ServersUnavailable as problem:
        print(f"ActionTrac: {problem}", file=sys.stderr)
        return 1


def start(arguments: argparse.Namespace) -> None:
    """Start and keep them, once: a second start finds them."""
    folder = RUNS / arguments.name
    if not folder.joinpath("servers.json").exists():
        Servers.start(arguments.name, keep=True)
    print(f"export {ADOPT}={folder}")


def stop(arguments: argparse.Namespace) -> None:
    """End one pair, or all that no live test run is using."""
    folders = [RUNS / arguments.name]
    if arguments.all and RUNS.exists():
        folders = [entry for entry in RUNS.iterdir() if entry.is_dir()]
    for folder in folders:
        if _is_used_by_a_run(folder):
            print(f"{folder.name} is used by a running test run and ends with it.", file=sys.stderr)
        else:
            clean_up(folder)


def env(arguments: argparse.Namespace) -> None:
    """Print what makes the next test runs use the kept servers."""
    servers = Servers.adopt(RUNS / arguments.name)
    print(f"export {ADOPT}={servers.folder}")


def install(_: argparse.Namespace) -> None:
    """Only install what is missing."""
    install_missing()


def run(arguments: argparse.Namespace) -> int:
    """
    Run a command on fresh servers with fresh databases, in the settings that the product reads.

    With ``--only-servers`` the command is a run of the tests: it gets the servers and no setting of the product.
    """
    if not arguments.arguments:
        raise ServersUnavailable("Say what to run: python -m tests.servers run -- COMMAND")
    # A terminated parent must still end its servers.
    signal.signal(signal.SIGTERM, _leave)
    servers = Servers.start(arguments.name)
    try:
        if arguments.only_servers:
            return _run_child(arguments.arguments, {**os.environ, ADOPT: str(servers.folder)})
        own = Servers.create_database_set(servers, f"run{os.getpid()}_")
        home = RUNS / f"{servers.folder.name}-home-{os.getpid()}"
        return _run_child(
            arguments.arguments,
            {
                **os.environ,
                ADOPT: str(servers.folder),
                "ACTIONTRAC_BUS_URL": servers.create_vhost(f"run{os.getpid()}"),
                "ACTIONTRAC_DATABASE_URL": own.app_url,
                "ACTIONTRAC_DATABASE_OWNER_URL": own.owner_url,
                "ACTIONTRAC_HOME": os.environ.get("ACTIONTRAC_HOME", str(home)),
            },
        )
    finally:
        servers.stop()


def reap(arguments: argparse.Namespace) -> None:
    """Wait until the process that started us is gone, then end what it left (used by Servers itself)."""
    sys.stdin.buffer.read()
    clean_up(Path(arguments.folder))


def _run_child(command: list[str], environment: Mapping[str, str]) -> int:
    child = subprocess.Popen(command, env=dict(environment))
    try:
        return child.wait()
    except (KeyboardInterrupt, SystemExit):
        # Ctrl-C reached the child too; a SIGTERM did not.
        child.terminate()
        try:
            return child.wait(timeout=30)
        except subprocess.TimeoutExpired:
            child.kill()
            return child.wait()


def _leave(number: int, _: object) -> None:
    raise SystemExit(128 + number)


def _is_used_by_a_run(folder: Path) -> bool:
    path = RUNS / f".{folder.name}.lock"
    if not path.exists():
        return False
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.servers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, command in _COMMANDS.items():
        sub = commands.add_parser(name, help=command.__doc__)
        if name in ("start", "stop", "env"):
            sub.add_argument("--name", default="kept", help="which pair, if there are several (default: kept)")
        if name == "stop":
            sub.add_argument("--all", action="store_true", help="every pair that no live test run is using")
        if name == "run":
            sub.add_argument("--name", default="run", help="folder under .run/ (default: run)")
            sub.add_argument("--only-servers", action="store_true", help="for test runs: no database, no settings")
            sub.add_argument("arguments", nargs="*", metavar="COMMAND", help="after --: what to run")
        if name == "reap":
            sub.add_argument("folder")
    return parser


_COMMANDS = {"start": start, "stop": stop, "env": env, "install": install, "run": run, "reap": reap}

if __name__ == "__main__":
    sys.exit(main())
