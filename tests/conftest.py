"""Fixtures of every suite: private servers, and the whole product in both modes."""

from collections.abc import Iterator

import pytest

from tests.servers.fixtures import servers
from tests.stack import Product, embedded_product, full_product

__all__ = ["servers"]


@pytest.fixture(scope="session", params=["embedded", pytest.param("full", marks=pytest.mark.full)])
def product(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The product, started once for all journeys of a mode; they share it, so they bring their own companies."""
    home = tmp_path_factory.mktemp(request.param)
    if request.param == "embedded":
        started = embedded_product(home)
    else:
        started = full_product(home, request.getfixturevalue("servers"))
    started.start()
    yield started
    assert started.stop() == 0, "the product did not stop cleanly"
