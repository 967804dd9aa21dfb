"""Who is let in when there is more to do than can be done: bounded, adapting, with a reserve for payments."""

from contextlib import ExitStack

import eventlet
import pytest

from actiontrac.http.admission import FEWEST, SLOW_SECONDS, WINDOW_SECONDS, Admission, Lane
from actiontrac.http.problems import Overloaded


def full(lane: Lane | Admission, places: int) -> ExitStack:
    taken = ExitStack()
    for _ in range(places):
        taken.enter_context(lane.place(critical=False))
    return taken


class TestPlaces:
    def test_the_last_fifth_is_for_payments(self) -> None:
        lane = Lane(10)
        with full(lane, 8):
            with pytest.raises(Overloaded), lane.place(critical=False):
                pass
            with (
                lane.place(critical=True), lane.place(critical=True),
                pytest.raises(Overloaded), lane.place(critical=True),
            ):  # fmt: skip
                pass
        with full(lane, 8):
            pass

    def test_who_waits_gets_the_place_that_becomes_free(self) -> None:
        lane = Lane(5)
        let_in: list[int] = []

        def visit(number: int) -> None:
            with lane.place(critical=False):
                let_in.append(number)
                eventlet.sleep(0.02)

        visits = [eventlet.spawn(visit, number) for number in range(8)]
        for one in visits:
            one.wait()
        assert let_in == list(range(8))

    def test_as_many_wait_as_there_are_places_and_no_more(self) -> None:
        lane = Lane(5)
        refused: list[int] = []

        def visit(number: int) -> None:
            try:
                with lane.place(critical=False):
                    pass
            except Overloaded:
                refused.append(number)

        with full(lane, 4):
            visits = [eventlet.spawn(visit, number) for number in range(7)]
            eventlet.sleep(0.05)
            assert refused == [4, 5, 6]
        for one in visits:
            one.wait()
        assert refused == [4, 5, 6]


class TestAdapting:
    def test_slow_answers_let_fewer_in_and_quick_ones_more_again(self) -> None:
        now = [0.0]
        lane = Lane(100, adapts=True, elapsed=lambda: now[0])

        def answer(seconds: float, at_once: int) -> None:
            with full(lane, at_once):
                now[0] += seconds

        for _ in range(40):
            answer(SLOW_SECONDS * 2, 5)
        assert lane.limit == FEWEST
        for _ in range(60):
            answer(WINDOW_SECONDS + 0.01, int(lane.limit))
        assert lane.limit == 80

    def test_a_lull_says_nothing(self) -> None:
        now = [0.0]
        lane = Lane(100, adapts=True, elapsed=lambda: now[0])
        for _ in range(20):
            with full(lane, 5):
                now[0] += SLOW_SECONDS * 2
        low = lane.limit
        for _ in range(20):
            with lane.place(critical=False):
                now[0] += WINDOW_SECONDS + 0.01
        assert lane.limit == low

    def test_a_service_that_hangs_leaves_the_others_their_places(self) -> None:
        admission = Admission(20)
        lane = Lane(20, adapts=True)
        lane.limit = FEWEST
        admission._services["billing"] = lane
        with ExitStack() as hanging:
            for _ in range(FEWEST):
                hanging.enter_context(admission.place(critical=False, service="billing"))
            with pytest.raises(Overloaded), admission.place(critical=False, service="billing"):
                pass
            with admission.place(critical=False, service="workers"):
                pass
