"""
``actiontrac broker setup``: a user of RabbitMQ for each service, with the rights that it uses and no more.

What is printed is RabbitMQ's own format of definitions, so that the broker's tools take it in::

    actiontrac broker setup > definitions.json
    rabbitmqctl import_definitions definitions.json

Taking it in again changes nothing but the passwords, to what the settings say.
"""

import base64
import hashlib
import json
import re
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from actiontrac import bus
from actiontrac.commands.catalogue import events
from actiontrac.config import SERVICES, ConfigurationError, Settings
from actiontrac.contracts.topology import BROADCASTS, CALLS, SUBSCRIPTIONS

#: What the broker's definitions call a password that was hashed as ``_hashed`` does.
_HASHING = "rabbit_password_hashing_sha256"
#: Where answers go: RabbitMQ takes direct replies at the exchange without a name only.
_REPLIES = "amq.default"


def setup(settings: Settings, output: Path | None) -> int:
    """
    Print the definitions, or write them into a file, at once and whole.

    Raises:
        ConfigurationError: the services have no addresses of their own on a broker, or the file cannot be written.
    """
    text = json.dumps(definitions(settings), indent=2)
    if output is None:
        print(text)
        return 0
    beside = output.with_suffix(".new")
    try:
        beside.write_text(text)
        # The broker runs as a user of its own; what stands in it are salted hashes of long random words.
        beside.chmod(0o644)
        beside.rename(output)
    except OSError as problem:
        raise ConfigurationError(f"{output} cannot be written ({problem.strerror}).") from None
    return 0


def definitions(settings: Settings) -> dict[str, list[dict[str, Any]]]:
    """The virtual host, users, permissions and topic permissions of all services; passwords are salted and hashed."""
    users: dict[str, dict[str, Any]] = {}
    permissions, topics = [], []
    for service in SERVICES:
        name, password, vhost = _credentials(service, settings)
        if name in users:
            raise ConfigurationError(f"Two services share the bus user {name}; give {service} one of its own.")
        users[name] = {"name": name, "password_hash": _hashed(password), "hashing_algorithm": _HASHING, "tags": ""}
        whose = {"user": name, "vhost": vhost}
        permissions.append({**whose, **rights(service)})
        topics.append({**whose, "exchange": bus.RPC_EXCHANGE.name, **questions(service)})
    return {
        # One that is there already stays as it is.
        "vhosts": [{"name": name} for name in dict.fromkeys(each["vhost"] for each in permissions)],
        "users": list(users.values()),
        "permissions": permissions,
        "topic_permissions": topics,
    }


def rights(service: str) -> dict[str, str]:
    """
    What a service may declare, write to and read from, as patterns for whole names.

    It reads its own queues alone, and publishes its own events alone. Who has nothing to
    answer, as the gateway, cannot write to a queue directly either. Producer and consumer
    both declare the queue between them, whoever comes first.
    """
    sources = {event.type: event.source for event in events()}
    emitted = [kind for kind, source in sources.items() if source == service]
    handled = [kind for kind in sources if service in _handling(kind)]
    heard = sorted({*(sources[kind] for kind in handled), *BROADCASTS.get(service, ())})
    consumers = sorted({consumer for kind in emitted for consumer in _handling(kind)})

    exchanges = [bus.RPC_EXCHANGE.name]
    if emitted or handled:
        exchanges.append(bus.DEAD_EXCHANGE.name)
    if emitted:
        exchanges.append(bus.events_exchange(service).name)
    queues = [bus.rpc_queue(service).name, *([bus.dead_queue(service).name] if handled else [])]
    # Where their messages wait while one of them is made anew; those of events have it in their patterns.
    queues += [name + bus.MOVING for name in queues]
    event_queues = [f"evt-{source}-.*--{service}[.-].*" for source in heard]
    if emitted:
        event_queues.append(f"evt-{service}-.*")
    heard_exchanges = [bus.events_exchange(source).name for source in heard]
    fed = [bus.dead_queue(consumer).name for consumer in consumers]
    answers = [_REPLIES] if any(service in asked for asked in CALLS.values()) else []
    return {
        "configure": _any_of([*exchanges, *heard_exchanges, *queues, *fed], event_queues),
        # Binding a queue writes to it; a queue with a dead-letter exchange writes there.
        "write": _any_of([*exchanges, *queues, *fed, *answers], event_queues),
        # Binding a queue reads its exchange; declaring one that dead-letters reads the queue.
        "read": _any_of([*exchanges, *heard_exchanges, *queues], event_queues),
    }


def questions(service: str) -> dict[str, str]:
    """Whom a service may ask, and under which name it may be asked."""
    asked = "|".join(re.escape(other) for other in CALLS.get(service, ()))
    return {"write": rf"^({asked})\." if asked else "^$", "read": rf"^{re.escape(service)}\.\*$"}


def _handling(kind: str) -> set[str]:
    """The services that handle events of a type."""
    return {handler.partition(".")[0] for handler in SUBSCRIPTIONS.get(kind, ())}


def _any_of(names: list[str], patterns: list[str]) -> str:
    return f"^({'|'.join([*map(re.escape, names), *patterns])})$"


def _credentials(service: str, settings: Settings) -> tuple[str, str, str]:
    """User, password and virtual host of a service's address."""
    name = f"ACTIONTRAC_{service.upper()}_BUS_URL"
    address = urlsplit(settings.of_service(service).bus_url)
    if address.scheme not in ("amqp", "amqps"):
        raise ConfigurationError(f"Set {name} (or ACTIONTRAC_BUS_URL with {{service}} in it) to an amqp:// address.")
    user, password = unquote(address.username or ""), unquote(address.password or "")
    if not user or not password or user == "guest":
        raise ConfigurationError(f"{name} needs a user of its own, which is not guest, and a password.")
    return user, password, unquote(address.path[1:]) or "/"


def _hashed(password: str) -> str:
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
