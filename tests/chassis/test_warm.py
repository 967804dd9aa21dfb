"""Processes that a warm parent forked are what they would be if they had been started."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from actiontrac.demo.client import wait_for
from actiontrac.warm import Process, WarmParent
from tests.servers.ports import free_ports
from tests.stack import command_line

Start = Callable[..., Process]


@pytest.fixture(scope="module", params=["plain", "green"])
def parent(request: pytest.FixtureRequest) -> Iterator[WarmParent]:
    made = WarmParent(request.param)
    yield made
    made.close()


@pytest.fixture
def start(parent: WarmParent, tmp_path: Path) -> Iterator[Start]:
    started: list[Process] = []

    def run(*arguments: str, **environment: str) -> Process:
        own = {"PATH": os.environ["PATH"], "ACTIONTRAC_HOME": str(tmp_path / "home"), **environment}
        started.append(parent.start(list(arguments), own, output=tmp_path / "out"))
        return started[-1]

    yield run
    for one in started:
        one.kill()


@pytest.fixture
def sandbox(start: Start) -> Process:
    """One that runs until it is told to end."""
    process = start("sandbox", ACTIONTRAC_SANDBOX_PORT=str(free_ports(1)[0]))
    wait_for("its name", lambda: "actiontrac sandbox" in command_line(process.pid))
    return process


def test_its_output_and_its_exit_code_arrive(start: Start, tmp_path: Path) -> None:
    assert start("clock").wait(20) == 0
    assert "days ahead of the machine" in (tmp_path / "out").read_text()
    assert start("clock", "advance").wait(20) == 2
    assert "Say by how much" in (tmp_path / "out").read_text()


def test_it_has_no_environment_but_its_own(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTIONTRAC_HTTP_PORT", "of the parent")
    assert start("clock").wait(20) == 0
    assert start("clock", ACTIONTRAC_HTTP_PORT="eighty").wait(20) == 2
    assert "ACTIONTRAC_HTTP_PORT" in (tmp_path / "out").read_text()


def test_it_runs_until_it_is_told_to_end(sandbox: Process) -> None:
    assert sandbox.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        sandbox.wait(0.1)
    sandbox.terminate()
    assert sandbox.wait(20) == 0
    assert sandbox.returncode == sandbox.poll() == 0


def test_a_kill_is_told_from_an_end(sandbox: Process) -> None:
    sandbox.kill()
    assert sandbox.wait(20) == -signal.SIGKILL


def test_when_the_parent_ends_its_children_count_as_ended_and_others_can_be_started(
    parent: WarmParent, sandbox: Process, start: Start
) -> None:
    status = Path(f"/proc/{sandbox.pid}/stat").read_text().rpartition(")")[2].split()
    os.kill(int(status[1]), signal.SIGKILL)
    assert sandbox.wait(20) == -signal.SIGTERM
    wait_for("its end", lambda: not command_line(sandbox.pid))
    assert start("clock").wait(20) == 0


def test_when_nobody_needs_the_parent_any_more_its_children_end(tmp_path: Path) -> None:
    parent = WarmParent("plain")
    environment = {
        "PATH": os.environ["PATH"],
        "ACTIONTRAC_HOME": str(tmp_path / "home"),
        "ACTIONTRAC_SANDBOX_PORT": str(free_ports(1)[0]),
    }
    process = parent.start(["sandbox"], environment, output=tmp_path / "out")
    wait_for("its name", lambda: "actiontrac sandbox" in command_line(process.pid))
    parent.close()
    wait_for("its end", lambda: not command_line(process.pid))
