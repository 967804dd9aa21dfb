"""The workers service on a database of the test's own, and companies with workers."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from actiontrac import clock
from actiontrac.storage import database_for
from actiontrac.storage.migration import migrate
from actiontrac.testing import FakeAccounts, service_of, settings_for
from services.workers.service import WorkersService
from tests.workers.company import Company


@pytest.fixture(scope="session")
def migrated_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with empty tables; each test works on a copy."""
    home = tmp_path_factory.mktemp("workers")
    migrate("workers", settings_for(home))
    return home


@pytest.fixture
def service(migrated_home: Path, tmp_path: Path) -> Iterator[WorkersService]:
    home = tmp_path / "home"
    shutil.copytree(migrated_home, home)
    settings = settings_for(home)
    made: WorkersService = service_of(WorkersService, home, settings=settings, accounts=FakeAccounts("com_acme"))
    yield made
    database_for("workers", settings).dispose()
    clock.configure(None)


@pytest.fixture
def acme(service: WorkersService) -> Company:
    return Company(service, "com_acme")


@pytest.fixture
def rival(service: WorkersService) -> Company:
    return Company(service, "com_rival")
