"""D10 on RabbitMQ: the product runs without a user that may do everything, and no service reaches further."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from amqp.exceptions import AccessRefused
from kombu import Connection, Queue

from actiontrac import bus, config
from actiontrac.commands import broker
from actiontrac.config import SERVICES
from actiontrac.contracts.topology import CALLS
from actiontrac.demo.steps import Demo
from tests.servers.servers import Servers
from tests.stack import Product, full_product

#: Answers to direct replies go to the exchange without a name, which reaches every queue.
ANSWERING = {service for called in CALLS.values() for service in called}


@pytest.fixture(scope="module")
def product(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    home: Path = tmp_path_factory.mktemp("users")
    made = full_product(home, servers)
    everything = urlsplit(made.settings.bus_url)
    prefix = secrets.token_hex(4)
    for service in SERVICES:
        address = everything._replace(netloc=f"{prefix}-{service}:pw@{everything.hostname}:{everything.port}")
        made._own[f"ACTIONTRAC_{service.upper()}_BUS_URL"] = address.geturl()
    # What is left of the first address is a user that does not exist.
    made._own["ACTIONTRAC_BUS_URL"] = everything._replace(
        netloc=f"{prefix}-nobody:pw@{everything.hostname}:{everything.port}"
    ).geturl()
    file = home / "definitions.json"
    file.write_text(json.dumps(broker.definitions(config.load(made._own))))
    servers.rabbitmqctl("import_definitions", str(file))
    made.start()
    yield made
    assert made.stop() == 0


def test_the_main_job_passes(product: Product) -> None:
    Demo(product.url, product.settings).run()
    assert '"level": "critical"' not in product.log()
    assert "AccessRefused" not in product.log()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_publishes_its_own_events_alone(product: Product, service: str) -> None:
    for source in ("accounts", "workers", "billing"):
        assert publishes(product, service, bus.events_exchange(source).name, "thing.made") is (source == service)
    assert publishes(product, service, "", "rpc-billing") is (service in ANSWERING)
    assert publishes(product, service, "amq.topic", "anything") is False


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_asks_only_whom_it_needs(product: Product, service: str) -> None:
    for other in SERVICES:
        asked = publishes(product, service, bus.RPC_EXCHANGE.name, f"{other}.no_such_method")
        assert asked is (other in CALLS.get(service, ()))


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_reads_its_own_queues_alone(product: Product, servers: Servers, service: str) -> None:
    vhost = urlsplit(product.settings.bus_url).path[1:]
    names = servers.rabbitmqctl("list_queues", "--vhost", vhost, "--no-table-headers", "name").split()
    assert len(names) > 15
    foreign = [
        name for name in names
        if not name.startswith(f"evt-{service}-") and f"--{service}." not in name and f"--{service}-" not in name
        and name not in (f"rpc-{service}", f"dead.{service}")
    ]
    assert [name for name in foreign if reads(product, service, name)] == []


def connection(product: Product, service: str) -> Connection:
    return bus.connect(config.load(product._own).of_service(service))


def publishes(product: Product, service: str, exchange: str, key: str) -> bool:
    with connection(product, service) as link:
        channel = link.default_channel
        channel.confirm_select()
        try:
            channel.basic_publish_confirm(channel.prepare_message(b"{}"), exchange, key)
        except AccessRefused:
            return False
    return True


def reads(product: Product, service: str, queue: str) -> bool:
    with connection(product, service) as link:
        try:
            Queue(queue, no_declare=True)(link.default_channel).get(no_ack=False)
        except AccessRefused:
            return False
    return True
