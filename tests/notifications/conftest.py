"""Fixtures of the notifications tests."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from actiontrac import clock
from tests.notifications.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    yield World(tmp_path)
    clock.configure(None)


class PowerCut(BaseException):
    """Ends what is under way, as a crash would: nothing in the code catches it."""


@pytest.fixture
def cut_power_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """The first pass at a failpoint of the hand-over or of a campaign ends there."""

    def arm(name: str) -> None:
        armed = [name]

        def failpoint(passed: str) -> None:
            if passed in armed:
                armed.clear()
                raise PowerCut

        monkeypatch.setattr("services.notifications.handover.failpoint", failpoint)
        monkeypatch.setattr("services.notifications.campaigns.failpoint", failpoint)

    return arm


@pytest.fixture
def let_leases_lapse(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A process that died is found out when its lease is over, by the machine's clock."""
    machine_now = clock.machine_now

    def lapse() -> None:
        monkeypatch.setattr(clock, "machine_now", lambda: machine_now() + timedelta(hours=1))

    return lapse
