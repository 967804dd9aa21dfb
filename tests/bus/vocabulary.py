"""What both hosts, stock and ours, and the tests about them agree on."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

#: An event whose handler fails the first time, as when a database blinks.
FLAKY = 1000

#: In the text of an exception; nobody outside may read it.
SECRET = "olive@acme.example has a problem"


def note(line: str) -> None:
    """Tell the test, in order with what other processes tell it."""
    with Path(os.environ["ACTIONTRAC_TEST_NOTES"]).open("a") as file:
        file.write(line + "\n")


def notes() -> list[str]:
    return Path(os.environ["ACTIONTRAC_TEST_NOTES"]).read_text().splitlines()


@dataclass(frozen=True)
class Question:
    """What the door is told to ask, how often at once, and how long to wait."""

    service: str
    method: str
    count: int
    seconds: float


def question(arguments: Mapping[str, str]) -> Question:
    return Question(
        arguments.get("service", "alpha"),
        arguments.get("method", "ping"),
        int(arguments.get("count", "1")),
        float(arguments.get("seconds", "5")),
    )
