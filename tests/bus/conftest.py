"""One broker and database of this folder's own, because it is killed, alarmed and cut; on it a world of each kind."""

import os
from collections.abc import Iterator

import pytest

from tests.bus.world import KINDS, OURS, World
from tests.servers.servers import ADOPT, Servers


@pytest.fixture(scope="session")
def own_servers() -> Iterator[Servers]:
    """A pair of these tests' own: nobody else's broker is killed."""
    adopted = os.environ.pop(ADOPT, None)
    try:
        started = Servers.start("bus")
    finally:
        if adopted is not None:
            os.environ[ADOPT] = adopted
    yield started
    started.stop()


@pytest.fixture(scope="session")
def worlds(own_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, World]]:
    made = {kind: World(kind, own_servers, tmp_path_factory.mktemp(kind)) for kind in KINDS}
    yield made
    for world in made.values():
        world.close()


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, worlds: dict[str, World]) -> World:
    """Stock nameko, then ours: what a test says of the one it denies of the other."""
    found = worlds[request.param]
    found.begin()
    return found


@pytest.fixture
def ours(worlds: dict[str, World]) -> World:
    found = worlds[OURS]
    found.begin()
    return found
