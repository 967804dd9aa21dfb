"""The compose file keeps what docs and architecture say about it."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from amqp.exceptions import AccessRefused
from kombu import Connection

from actiontrac import config
from actiontrac.commands import broker as broker_command
from actiontrac.config import SERVICES, SERVICES_WITH_DATA, Settings
from tests.servers import containers, programs
from tests.servers.rabbitmq import PrivateBroker

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load(ROOT.joinpath("docker-compose.yml").read_text())
PROCESSES = COMPOSE["services"]


def test_every_service_has_a_process() -> None:
    assert {*SERVICES, "broker-users", "rabbitmq", "postgres", "migrate", "sandbox"} == set(PROCESSES)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_can_be_scaled(name: str) -> None:
    process = PROCESSES[name]

    assert "container_name" not in process
    # The gateway is the one door, at one published port; several need something that shares it.
    assert ("ports" in process) == (name == "gateway")


def test_only_the_gateway_is_published_and_only_on_the_loopback_interface() -> None:
    published = {name: process["ports"] for name, process in PROCESSES.items() if "ports" in process}

    assert published == {"gateway": ["127.0.0.1:8000:8000"]}


@pytest.mark.parametrize("name", [*SERVICES, "broker-users", "migrate", "sandbox"])
def test_a_process_of_ours_runs_with_the_least_rights(name: str) -> None:
    process = PROCESSES[name]

    assert process["read_only"] is True
    assert process["cap_drop"] == ["ALL"]
    assert process["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", SERVICES_WITH_DATA)
def test_a_service_knows_no_other_services_database_and_no_owner(name: str) -> None:
    secrets = [secret for secret in PROCESSES[name]["secrets"] if "database" in secret]

    assert secrets == [f"{name}_database_url"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_a_user_of_the_broker_of_its_own(name: str) -> None:
    environment = PROCESSES[name]["environment"]
    passwords = [secret for secret in PROCESSES[name]["secrets"] if secret.endswith("bus_password")]

    assert passwords == [f"{name}_bus_password"]
    own = {key: value for key, value in environment.items() if key.endswith("BUS_PASSWORD_FILE")}
    assert own == {f"ACTIONTRAC_{name.upper()}_BUS_PASSWORD_FILE": f"/run/secrets/{name}_bus_password"}
    assert environment["ACTIONTRAC_BUS_URL"] == "amqp://{service}:{password}@rabbitmq:5672/%2F"


def test_who_is_no_service_knows_no_password_of_the_broker() -> None:
    knowing = {name for name, process in PROCESSES.items() if "_bus_password" in str(process.get("secrets", []))}

    assert knowing == {*SERVICES, "broker-users"}
    assert "guest" not in ROOT.joinpath("docker-compose.yml").read_text().replace("no guest", "")


def broker_settings(folder: Path) -> Settings:
    """What the process that writes the broker's users is given, with secrets of its own."""
    environment: dict[str, str] = {}
    for name, value in PROCESSES["broker-users"]["environment"].items():
        if str(value).startswith("/run/secrets/"):
            secret = folder / value.removeprefix("/run/secrets/")
            secret.write_text(f"made up for {secret.name}")
            value = str(secret)
        environment[name] = str(value)
    return config.load({**environment, "ACTIONTRAC_HOME": str(folder)})


@pytest.mark.full
def test_the_broker_starts_with_the_users_of_the_services_and_no_other(tmp_path: Path) -> None:
    """Without Docker here: the command and the broker's own configuration, on a broker that never ran before."""
    programs_found = programs.rabbitmq()
    if programs_found is None:
        pytest.skip("RabbitMQ is not installed here, only in Docker: `docker compose up` shows the same")
    command = PROCESSES["broker-users"]["command"]
    [volume] = PROCESSES["broker-users"]["volumes"]
    assert command[:3] == ["broker", "setup", "--output"]
    assert volume + ":ro" in PROCESSES["rabbitmq"]["volumes"]
    written = tmp_path / "definitions.json"
    assert broker_command.setup(broker_settings(tmp_path), written) == 0
    ours = ROOT.joinpath("deploy", "rabbitmq.conf").read_text()
    assert f"load_definitions = {command[3]}" in ours

    broker = PrivateBroker.create(tmp_path / "broker", programs_found)
    configuration = broker.folder / "rabbitmq.conf"
    configuration.write_text(configuration.read_text() + ours.replace(command[3], str(written)))
    broker.start()
    try:
        users = [line.split()[0] for line in broker.control("list_users", "--no-table-headers").splitlines()]
        assert sorted(users) == sorted(SERVICES)
        for service in SERVICES:
            own = broker_settings(tmp_path).of_service(service).bus_url
            with Connection(own.replace("rabbitmq:5672", f"127.0.0.1:{broker.port}")) as connection:
                connection.connect()
        with pytest.raises(AccessRefused), Connection(f"amqp://guest:guest@127.0.0.1:{broker.port}/") as connection:
            connection.connect()
    finally:
        broker.stop()


def test_only_billing_and_the_sandbox_know_the_payment_keys() -> None:
    knowing = {
        name
        for name, process in PROCESSES.items()
        if any(secret.startswith(("stripe", "paypal")) for secret in process.get("secrets", []))
    }

    assert knowing == {"billing", "sandbox"}


def test_a_process_is_handed_every_secret_that_its_settings_name() -> None:
    for name, process in PROCESSES.items():
        named = {
            value.removeprefix("/run/secrets/")
            for value in process.get("environment", {}).values()
            if str(value).startswith("/run/secrets/")
        }
        assert named <= set(process.get("secrets", [])), name


def test_the_secrets_script_makes_every_file_that_is_mounted(tmp_path: Path) -> None:
    tmp_path.joinpath("scripts").mkdir()
    script = tmp_path / "scripts" / "secrets.sh"
    script.write_text(ROOT.joinpath("scripts", "secrets.sh").read_text())

    first = subprocess.run(["sh", script], capture_output=True, text=True, check=True)
    made = {path.name: path.read_text() for path in tmp_path.joinpath("deploy", "secrets").iterdir()}
    subprocess.run(["sh", script], capture_output=True, check=True)
    again = {path.name: path.read_text() for path in tmp_path.joinpath("deploy", "secrets").iterdir()}

    wanted = {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()}
    assert set(made) == wanted
    assert again == made, "a second run changed a secret"
    assert not any(value.strip() in first.stdout for value in made.values())
    assert tmp_path.joinpath("deploy", "secrets").stat().st_mode & 0o077 == 0


def test_images_are_pinned_to_a_patch_release_and_the_tests_use_the_same() -> None:
    images = {name: PROCESSES[name]["image"].removeprefix("docker.io/library/") for name in ("rabbitmq", "postgres")}
    python = re.search(r"(?m)^ARG PYTHON=(.*)$", ROOT.joinpath("deploy", "Dockerfile").read_text())

    assert images == {"rabbitmq": containers.RABBITMQ_IMAGE, "postgres": containers.POSTGRES_IMAGE}
    assert python is not None
    assert re.fullmatch(r".*:\d+\.\d+\.\d+-slim-bookworm", python.group(1))
    assert re.search(r":\d+\.\d+\.\d+", images["rabbitmq"])
    assert re.search(r":\d+\.\d+", images["postgres"])


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-test.lock"])
def test_a_lock_pins_and_hashes_everything_and_names_no_host(lock: str) -> None:
    text = ROOT.joinpath(lock).read_text()

    assert not re.search(r"://|file:|(?m:^-)", text)
    entries = re.split(r"(?m)^(?=\S)", text)
    for entry in filter(None, entries):
        assert re.match(r"[a-z0-9.-]+==\S+", entry), entry[:60]
        assert "--hash=sha256:" in entry, entry[:60]


def test_both_locks_pin_the_same_versions() -> None:
    def pins(lock: str) -> dict[str, str]:
        return dict(re.findall(r"(?m)^([a-z0-9.-]+)==(\S+)", ROOT.joinpath(lock).read_text()))

    product, tests = pins("requirements.lock"), pins("requirements-test.lock")

    assert product.items() <= tests.items()
