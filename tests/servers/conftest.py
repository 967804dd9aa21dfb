from tests.servers.fixtures import servers

__all__ = ["servers"]
