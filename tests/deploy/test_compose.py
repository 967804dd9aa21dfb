"""The compose file keeps what docs and architecture say about it."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from actiontrac.config import SERVICES, SERVICES_WITH_DATA
from tests.servers import containers

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load(ROOT.joinpath("docker-compose.yml").read_text())
PROCESSES = COMPOSE["services"]


def test_every_service_has_a_process() -> None:
    assert {*SERVICES, "rabbitmq", "postgres", "migrate", "sandbox"} == set(PROCESSES)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_can_be_scaled(name: str) -> None:
    process = PROCESSES[name]

    assert "container_name" not in process
    # The gateway is the one door, at one published port; several need something that shares it.
    assert ("ports" in process) == (name == "gateway")


def test_only_the_gateway_is_published_and_only_on_the_loopback_interface() -> None:
    published = {name: process["ports"] for name, process in PROCESSES.items() if "ports" in process}

    assert published == {"gateway": ["127.0.0.1:8000:8000"]}


@pytest.mark.parametrize("name", [*SERVICES, "migrate", "sandbox"])
def test_a_process_of_ours_runs_with_the_least_rights(name: str) -> None:
    process = PROCESSES[name]

    assert process["read_only"] is True
    assert process["cap_drop"] == ["ALL"]
    assert process["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", SERVICES_WITH_DATA)
def test_a_service_knows_no_other_services_database_and_no_owner(name: str) -> None:
    secrets = [secret for secret in PROCESSES[name]["secrets"] if "database" in secret]

    assert secrets == [f"{name}_database_url"]


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

    wanted = {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()} | {"rabbitmq.conf"}
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
