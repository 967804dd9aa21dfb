"""What operators read about the settings is what the code reads."""

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import yaml

from actiontrac import config

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / ".env.example"

#: Read outside actiontrac/ and services/, or with a name that is put together.
READ_ELSEWHERE = {
    "ACTIONTRAC_TEST_AMQP_URL",
    "ACTIONTRAC_TEST_AMQP_API_URL",
    "ACTIONTRAC_TEST_DATABASE_URL",
    "ACTIONTRAC_TEST_SERVERS",
    *(
        f"ACTIONTRAC_{service.upper()}_DATABASE_{kind}"
        for service in config.SERVICES_WITH_DATA
        for kind in ("URL", "OWNER_URL", "PASSWORD")
    ),
    *(f"ACTIONTRAC_{service.upper()}_BUS_{kind}" for service in config.SERVICES for kind in ("URL", "PASSWORD")),
}

#: For our own tests and processes only; an operator never sets them.
INTERNAL = {"ACTIONTRAC_FAILPOINT_PROCESS", "ACTIONTRAC_FAILPOINT_FIRED"}


def listed() -> set[str]:
    return set(re.findall(r"(?m)^#?(ACTIONTRAC_[A-Z_]+)=", EXAMPLE.read_text()))


def defaults() -> dict[str, str]:
    """The lines that are not commented out, read as a shell would."""
    found = re.findall(r'(?m)^(ACTIONTRAC_[A-Z_]+)="?(.*?)"?$', EXAMPLE.read_text())
    return dict(found)


def read_by_the_code() -> Iterator[str]:
    for folder in ("actiontrac", "services"):
        for path in ROOT.joinpath(folder).rglob("*.py"):
            source = path.read_text()
            for name in re.findall(r'\.option\(\s*"([A-Z_]+)"', source):
                yield f"ACTIONTRAC_{name}"
            for name in re.findall(r'environ(?:ment)?(?:\.get\(|\[)\s*"(ACTIONTRAC_[A-Z_]+)"', source):
                yield name
    source = Path(config.__file__).read_text()
    for name in re.findall(r'(?:text\(|_number\(env, )"([A-Z_]+)"', source):
        yield f"ACTIONTRAC_{name}"
    for name in config.SECRETS:
        yield f"ACTIONTRAC_{name}"


def test_the_example_lists_every_setting_and_no_other() -> None:
    read = {*read_by_the_code(), *READ_ELSEWHERE} - INTERNAL

    assert read - listed() == set(), "read by the code and not in .env.example"
    assert listed() - read == set(), "in .env.example and never read"


def test_the_defaults_of_the_example_are_those_of_the_code(tmp_path: Path) -> None:
    # The data folder is the one setting that must differ: the first start writes into it.
    given = config.load({**defaults(), "ACTIONTRAC_HOME": str(tmp_path)})
    default = config.load({"ACTIONTRAC_HOME": str(tmp_path)})

    for field in fields(config.Settings):
        if field.name != "environment":
            assert getattr(given, field.name) == getattr(default, field.name), field.name
    for name, value in defaults().items():
        option = name.removeprefix("ACTIONTRAC_")
        source = re.search(rf'option\("{option}", "([^"]*)"\)', all_sources())
        if source:
            assert value == source.group(1), name


def test_the_compose_file_sets_only_settings_that_exist() -> None:
    processes = yaml.safe_load(ROOT.joinpath("docker-compose.yml").read_text())["services"]

    used = {
        name.removesuffix("_FILE") if name != "ACTIONTRAC_CLOCK_FILE" else name
        for process in processes.values()
        for name in process.get("environment", {})
        if name.startswith("ACTIONTRAC_")
    }

    assert used <= listed()


def all_sources() -> str:
    return "\n".join(
        path.read_text() for folder in ("actiontrac", "services") for path in ROOT.joinpath(folder).rglob("*.py")
    )
