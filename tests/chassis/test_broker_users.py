"""D10: the users of RabbitMQ, each with its own rights only (what the broker makes of them: tests/integration)."""

import base64
import hashlib
import json
import re

import pytest

from actiontrac import config
from actiontrac.commands import broker
from actiontrac.config import SERVICES, ConfigurationError

OWN = {f"ACTIONTRAC_{service.upper()}_BUS_PASSWORD": f"secret of {service}" for service in SERVICES}
SETTINGS = config.load({"ACTIONTRAC_BUS_URL": "amqp://at_{service}:{password}@bus.example/acme", **OWN})


def may(right: str, service: str, name: str) -> bool:
    return bool(re.search(broker.rights(service)[right], name))


def test_every_service_gets_a_user_in_the_virtual_host() -> None:
    found = broker.definitions(SETTINGS)
    assert [user["name"] for user in found["users"]] == [f"at_{service}" for service in SERVICES]
    assert {user["tags"] for user in found["users"]} == {""}
    assert {entry["vhost"] for entry in [*found["permissions"], *found["topic_permissions"]]} == {"acme"}


def test_passwords_are_hashed_as_rabbitmq_does() -> None:
    found = broker.definitions(SETTINGS)
    assert "secret" not in json.dumps(found)
    for service, user in zip(SERVICES, found["users"], strict=True):
        raw = base64.b64decode(user["password_hash"])
        assert raw[4:] == hashlib.sha256(raw[:4] + f"secret of {service}".encode()).digest()


@pytest.mark.parametrize(
    ("right", "service", "name", "allowed"),
    [
        ("write", "billing", "billing.events", True),
        ("write", "workers", "billing.events", False),
        ("write", "gateway", "billing.events", False),
        ("write", "gateway", "nameko-rpc", True),
        # The exchange without a name reaches every queue.
        ("write", "gateway", "amq.default", False),
        ("read", "notifications", "evt-billing-payment.received--notifications.on_payment_received", True),
        ("read", "workers", "evt-billing-payment.received--notifications.on_payment_received", False),
        ("read", "gateway", "evt-accounts-sessions.revoked--gateway-1f2e3d", True),
        ("read", "gateway", "rpc-accounts", False),
        ("read", "workers", "rpc-workers", True),
        ("read", "workers", "rpc-workers-of-somebody", False),
        ("configure", "workers", "accounts.events", False),
    ],
)
def test_a_service_has_the_rights_that_it_uses(right: str, service: str, name: str, allowed: bool) -> None:
    assert may(right, service, name) is allowed


def test_a_service_asks_whom_it_needs_and_is_asked_by_its_own_name() -> None:
    assert re.search(broker.questions("gateway")["write"], "billing.list_plans")
    assert not re.search(broker.questions("workers")["write"], "billing.list_plans")
    assert not re.search(broker.questions("accounts")["write"], "billing.list_plans")
    assert re.search(broker.questions("workers")["read"], "workers.*")
    assert not re.search(broker.questions("workers")["read"], "billing.*")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "ACTIONTRAC_ACCOUNTS_BUS_URL"),
        ({"ACTIONTRAC_BUS_URL": "amqp://guest:guest@bus.example/"}, "not guest"),
        ({"ACTIONTRAC_BUS_URL": "amqp://all:secret@bus.example/"}, "share the bus user all"),
    ],
)
def test_addresses_without_users_of_their_own_are_refused(settings: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as refused:
        broker.definitions(config.load(settings))
    assert "secret" not in str(refused.value)


def test_an_address_of_its_own_wins() -> None:
    own = config.load({**OWN, "ACTIONTRAC_BUS_URL": "amqp://{service}:{password}@a/", "ACTIONTRAC_BILLING_BUS_URL": "amqp://b:c@d/e"})
    assert own.of_service("billing").bus_url == "amqp://b:c@d/e"
    assert own.of_service("workers").bus_url == "amqp://workers:secret%20of%20workers@a/"
