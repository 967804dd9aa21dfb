"""Products of a journey's own, for what would disturb the others: the clock, replicas, kills."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.servers.servers import Servers
from tests.stack import Product, embedded_product, full_product

Start = Callable[..., Product]


@contextmanager
def running(product: Product) -> Iterator[Product]:
    """Started here, and ended here whatever happened to it meanwhile."""
    product.start(wait=False)
    try:
        # Many processes on a small machine take their time to start.
        product.wait_ready(120)
        yield product
    finally:
        if product.running:
            product.stop()


@pytest.fixture(scope="module")
def products(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Start]:
    """Start products of the module's own: ``products("embedded")``, ``products("full")``."""

    def start(mode: str, **environment: str) -> Product:
        home: Path = tmp_path_factory.mktemp(f"own-{mode}")
        if mode == "embedded":
            made = embedded_product(home, **environment)
        else:
            servers: Servers = request.getfixturevalue("servers")
            made = full_product(home, servers, **environment)
        return stack.enter_context(running(made))

    with ExitStack() as stack:
        yield start


@pytest.fixture(scope="module", params=["embedded", pytest.param("full", marks=pytest.mark.full)])
def own_product(request: pytest.FixtureRequest, products: Start) -> Product:
    """A product of the module's own, in either mode."""
    return products(request.param)
