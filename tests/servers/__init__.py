"""
A private RabbitMQ and a private PostgreSQL for tests and for ``make demo-full``.

Both live under ``.run/<name>/`` on ports of their own on 127.0.0.1, never on a
standard port, and are ended with the process that started them, however it ends.
Use ``Servers.start(name)`` in code, the ``servers`` fixture in a test, or
``python -m tests.servers --help``.
"""

from tests.servers.problems import ServersUnavailable
from tests.servers.servers import Servers

__all__ = ["Servers", "ServersUnavailable"]
