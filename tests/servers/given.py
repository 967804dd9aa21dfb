"""Servers that somebody else runs, named in the environment."""

import base64
import json
import os
import urllib.error
import urllib.request
from urllib.parse import quote, unquote, urlsplit

from tests.servers.problems import ServersUnavailable

AMQP_URL = "ACTIONTRAC_TEST_AMQP_URL"
AMQP_API_URL = "ACTIONTRAC_TEST_AMQP_API_URL"
DATABASE_URL = "ACTIONTRAC_TEST_DATABASE_URL"


class _Given:
    kind = "given"

    def __init__(self, url: str) -> None:
        self.url = url

    @classmethod
    def restore(cls, url: str) -> "_Given":
        return cls(url)

    def state(self) -> dict[str, str]:
        """What another process needs to take over."""
        return {"url": self.url}

    def start(self) -> None:
        """It runs already."""

    def stop(self) -> None:
        """It is not ours to stop."""

    def kill(self) -> None:
        """It is not ours to kill."""
        raise ServersUnavailable(
            f"Tests that kill a server need private ones: run them without {AMQP_URL} and {DATABASE_URL}."
        )

    pause = resume = kill


class GivenBroker(_Given):
    """
    A running RabbitMQ with its management plugin, which makes a virtual host for every test run.

    The plugin's address is the broker's host at port 15672 with the same user, unless
    ACTIONTRAC_TEST_AMQP_API_URL says otherwise (https://user:password@host:port).
    """

    def url_of(self, vhost: str) -> str:
        """The address of one virtual host."""
        parts = urlsplit(self.url)
        return parts._replace(path=f"/{quote(vhost, safe='')}").geturl()

    def control(self, *arguments: str) -> str:
        """There is no rabbitmqctl for a broker on another machine."""
        raise ServersUnavailable(f"Tests that use rabbitmqctl need a private broker: run them without {AMQP_URL}.")

    def add_vhost(self, name: str) -> str:
        """A new, empty virtual host; returns its URL."""
        user = unquote(urlsplit(self.url).username or "guest")
        self._api("PUT", f"/api/vhosts/{quote(name, safe='')}", {})
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        self._api("PUT", f"/api/permissions/{quote(name, safe='')}/{quote(user, safe='')}", everything)
        return self.url_of(name)

    def delete_vhost(self, name: str) -> None:
        """Delete a virtual host with all its queues and messages."""
        self._api("DELETE", f"/api/vhosts/{quote(name, safe='')}", None)

    def _api(self, method: str, path: str, body: dict[str, str] | None) -> None:
        broker = urlsplit(self.url)
        given = os.environ.get(AMQP_API_URL)
        api = urlsplit(given) if given else urlsplit(f"http://{broker.hostname}:15672")
        user = unquote(api.username or broker.username or "guest")
        password = unquote(api.password or broker.password or "guest")
        request = urllib.request.Request(
            f"{api.scheme}://{api.hostname}:{api.port or 15672}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                "Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode(),
            },
        )
        try:
            urllib.request.urlopen(request, timeout=15).close()
        except (urllib.error.URLError, OSError) as problem:
            raise ServersUnavailable(
                f"The broker of {AMQP_URL} made no virtual host ({problem}); it needs the management plugin, "
                f"whose address {AMQP_API_URL} can tell."
            ) from problem


class GivenPostgres(_Given):
    """A running PostgreSQL; the URL's user must be allowed to make roles and databases."""
