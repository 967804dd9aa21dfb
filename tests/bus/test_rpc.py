"""What a question promises whatever becomes of it (issue 3, 2): a clear error within its deadline."""

import time

import pytest

from tests.bus.world import World, wait_until

pytestmark = pytest.mark.full


def test_a_service_that_is_not_there_is_said_at_once(ours: World) -> None:
    ours.host("door")
    began = time.monotonic()
    answer = ours.get("/ask", service="missing")

    assert (answer.status_code, answer.json()["code"]) == (503, "service_missing")
    assert int(answer.headers["Retry-After"]) > 0
    assert time.monotonic() - began < 4


def test_a_method_that_is_not_there_is_said_at_once(ours: World) -> None:
    ours.host("alpha", "door")

    answer = ours.get("/ask", method="no_such_method")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_method")


def test_a_service_that_dies_in_the_middle_is_an_error_within_the_deadline(ours: World) -> None:
    dying = ours.host("alpha")
    ours.host("door")
    began = time.monotonic()
    [told] = ours.get("/ask", method="die", count=2, seconds=2).json()["answers"][:1]

    assert told == "deadline_exceeded"
    assert time.monotonic() - began < 8
    assert dying.wait(5) == 9


def test_the_door_says_when_to_come_back_after_a_deadline(ours: World) -> None:
    dying = ours.host("alpha")
    ours.host("door")
    answer = ours.get("/ask", method="die")

    assert (answer.status_code, answer.json()["code"]) == (504, "deadline_exceeded")
    assert int(answer.headers["Retry-After"]) > 0
    assert dying.wait(5) == 9
    # What had killed it is gone with its deadline, and does not kill the next.
    again = ours.host("alpha")
    wait_until(lambda: ours.get("/ask").status_code == 200, "the service to be back")
    assert again.poll() is None
