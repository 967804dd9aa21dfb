"""Fixtures of every suite: private servers, and the whole product in both modes."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests import examples
from tests.servers.fixtures import servers
from tests.stack import Product, embedded_product, full_product

__all__ = ["servers"]

# The one place where hypothesis learns how many examples there are: see tests/examples.py.
examples.register()
_progress = examples.Progress()


def pytest_sessionstart() -> None:
    if examples.DEEP:
        _progress.start()


def pytest_sessionfinish() -> None:
    _progress.stop()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Any:
    """Count the examples of a property while it runs, and show in the end that there were enough."""
    handle = getattr(pyfuncitem.obj, "hypothesis", None)
    if not examples.DEEP or handle is None:
        return (yield)
    _progress.began(pyfuncitem.name)
    handle.inner_test, kept = _progress.counted(handle.inner_test), handle.inner_test
    try:
        return (yield)
    finally:
        handle.inner_test = kept


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
