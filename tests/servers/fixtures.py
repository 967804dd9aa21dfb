"""The pair of servers as a pytest fixture; import it in a conftest.py."""

import pytest

from tests.servers.servers import Servers


@pytest.fixture(scope="session")
def servers() -> Servers:
    """A private RabbitMQ and PostgreSQL, started by the first test that asks and ended with the run."""
    return Servers.shared()
