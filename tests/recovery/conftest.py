"""One product with two replicas of everything, on a broker and a database that may be killed."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from actiontrac.demo.client import Customer
from tests.examples import DEEP
from tests.recovery.scene import Scene
from tests.servers.servers import ADOPT, Servers
from tests.stack import full_product

FIGURES = pytest.StashKey[dict[str, Any]]()


@pytest.fixture(scope="session")
def own_servers() -> Iterator[Servers]:
    """A pair of this run's own: nobody else's broker is killed."""
    adopted = os.environ.pop(ADOPT, None)
    try:
        started = Servers.start("recovery")
    finally:
        if adopted is not None:
            os.environ[ADOPT] = adopted
    yield started
    started.stop()


@pytest.fixture(scope="session")
def scene(
    request: pytest.FixtureRequest, own_servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    product = full_product(tmp_path_factory.mktemp("recovery"), own_servers, replicas=2)
    product.start(wait=False)
    product.wait_ready(120)
    opened = Scene(product, own_servers, request.config.stash.setdefault(FIGURES, {}))
    opened.wait_whole()
    yield opened
    assert product.stop() == 0, "the product did not stop cleanly"


@pytest.fixture(scope="session")
def owner(scene: Scene) -> Customer:
    """Somebody with a company on a large plan, signed in."""
    customer = Customer(scene.product.url)
    customer.join()
    return customer


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for name, values in config.stash.get(FIGURES, {}).items():
        said = "  ".join(f"{key}={value}" for key, value in values.items())
        terminalreporter.write_line(f"recovery{' (deep)' if DEEP else ''}: {name}: {said}")
