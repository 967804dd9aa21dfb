"""Fixtures of the notifications tests."""

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from actiontrac import clock
from actiontrac.storage.migration import migrate
from actiontrac.testing import settings_for
from tests.notifications.world import World


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a fresh database: copying it is cheaper than migrating for every test."""
    home = tmp_path_factory.mktemp("migrated")
    migrate("notifications", settings_for(home))
    clock.configure(None)
    return home


@pytest.fixture
def home(tmp_path: Path, migrated: Path) -> Path:
    shutil.copytree(migrated, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def world(home: Path) -> Iterator[World]:
    yield World(home)
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
