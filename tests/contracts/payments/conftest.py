"""The payment contract: the same tests for both processors, with and without a seller."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.billing.providers import wire
from tests.contracts.payments.support import SELLERS, Case, providers
from tests.sandbox.world import World

#: Real test accounts, where somebody has some.
LIVE_KEYS = {
    "stripe": ("ACTIONTRAC_TEST_STRIPE_KEY",),
    "paypal": ("ACTIONTRAC_TEST_PAYPAL_CLIENT_ID", "ACTIONTRAC_TEST_PAYPAL_CLIENT_SECRET"),
}


def has_keys(name: str) -> bool:
    return all(os.environ.get(key) for key in LIVE_KEYS[name])


#: Without keys the file is not even collected: a test that did not run must not count as anything.
collect_ignore = [f"test_live_{name}.py" for name in LIVE_KEYS if not has_keys(name)]


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeats without the pauses that only a real network needs."""
    monkeypatch.setattr(wire, "PAUSES_SECONDS", (0.01, 0.02))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture(params=["stripe", "paypal", "stripe for a seller", "paypal for a seller"])
def case(request: pytest.FixtureRequest, world: World) -> Case:
    name, _, sold = request.param.partition(" ")
    return Case(world, providers(world)[name], SELLERS[name] if sold else None)


@pytest.fixture(params=["stripe", "paypal"])
def plain(request: pytest.FixtureRequest, world: World) -> Case:
    """For what has nothing to do with sellers."""
    return Case(world, providers(world)[request.param], None)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for name, keys in LIVE_KEYS.items():
        told = "run against the real test account" if has_keys(name) else f"not run (no keys: {', '.join(keys)})"
        terminalreporter.write_line(f"live provider {name}: {told}")
