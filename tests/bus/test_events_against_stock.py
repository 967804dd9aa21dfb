"""Events: what stock nameko loses or doubles (docs/bus.md, rows 1, 4, 11 and 15), and ours does not."""

import pytest

from tests.bus.vocabulary import FLAKY
from tests.bus.world import EVENT_QUEUE, World, wait_until

pytestmark = pytest.mark.full


def emit(world: World, *numbers: int) -> None:
    questions = [("alpha.make_thing", {"company_id": "com_acme", "number": number}) for number in numbers]
    answers = world.calls(questions)
    assert [answer["error"] for answer in answers] == [None] * len(numbers)


def test_row_1_an_event_whose_handler_failed_once_is_not_gone(world: World) -> None:
    world.host("alpha", "beta")
    world.relay()
    emit(world, FLAKY)
    wait_until(lambda: bool(world.noted("handling")), "the handler to be tried")

    if world.ours:
        wait_until(lambda: world.kept("beta") == [FLAKY], "the second try")
    else:
        # What follows in the queue comes, so the first is not still on its way; and nobody gives it back.
        emit(world, 1)
        wait_until(lambda: world.kept("beta") == [1], "the next event")
        world.processes[0].kill()
        world.processes[0].wait(10)
        assert FLAKY not in [body["number"] for body in world.take_all(EVENT_QUEUE)]
        assert world.noted("handling") == [f"handling {FLAKY}", "handling 1"]


def test_row_4_an_effect_whose_acknowledgement_was_lost_is_not_made_again(world: World) -> None:
    dying = world.host("beta", ACTIONTRAC_TEST_HANDLER_SECONDS="30")
    world.host("alpha")
    world.relay()
    emit(world, 5)
    wait_until(lambda: bool(world.noted("effect")), "the effect")
    dying.kill()
    world.host("beta")
    wait_until(lambda: len(world.noted("effect")) == 2, "the second delivery")

    assert world.kept("beta") == ([5] if world.ours else [5, 5])


def test_row_11_an_event_that_nobody_waited_for_yet_is_not_lost(world: World) -> None:
    world.host("alpha")
    world.relay()
    emit(world, 1)
    if world.ours:
        wait_until(lambda: world.sql("alpha", "SELECT count(published_at) FROM outbox") == [(1,)], "the relay")
    world.host("beta")
    emit(world, 2)
    wait_until(lambda: 2 in world.kept("beta"), "the second event")

    if world.ours:
        wait_until(lambda: world.kept("beta") == [1, 2], "the first event")
    else:
        assert world.noted("handling") == ["handling 2"]


def test_row_15_what_falls_due_is_done_by_one_of_two_replicas(world: World) -> None:
    world.host("alpha")
    world.host("alpha")
    world.change("alpha", "INSERT INTO due (number) VALUES (1), (2)")
    wait_until(lambda: world.sql("alpha", "SELECT count(done_at) FROM due") == [(2,)], "the work")

    times = [world.notes().count(f"doing {number}") for number in (1, 2)]
    # A replica of stock nameko does the second when the other may have done it: certain is the first.
    assert times == [1, 1] if world.ours else times[0] == 2
