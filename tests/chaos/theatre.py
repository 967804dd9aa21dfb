"""Plays the scenarios on several products at once, because most of a scenario is waiting."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from queue import Empty, Queue

from tests.chaos.lane import Lane
from tests.chaos.scene import Scenario
from tests.servers.servers import Servers


class Theatre:
    """Begins all scenarios at once; a test waits for the outcome of its own."""

    def __init__(self, scenarios: Sequence[Scenario], folder: Path, servers: Servers | None, lanes: int) -> None:
        self._folder = folder
        self._servers = servers
        self._outcomes: dict[str, Future[None]] = {str(scenario): Future() for scenario in scenarios}
        self._afterwards: list[str] = []
        #: Seconds that each scenario took, and how often a process ended.
        self.seconds: dict[str, float] = {}
        self.deaths = 0
        self._threads: list[threading.Thread] = []
        self._numbers = iter(range(10_000))
        embedded = [scenario for scenario in scenarios if scenario.mode == "embedded"]
        full = [scenario for scenario in scenarios if scenario.mode == "full"]
        if full:
            self._open(full, self._full_lane, max(1, lanes // 3))
        if embedded:
            # What waits longest begins first; its tests come first, too.
            self._open(embedded, self._embedded_lane, lanes)

    def _embedded_lane(self) -> Lane:
        return Lane.embedded(self._folder / f"embedded-{next(self._numbers)}")

    def _full_lane(self) -> Lane:
        assert self._servers is not None
        return Lane.full(self._folder / f"full-{next(self._numbers)}", self._servers)

    def _open(self, scenarios: list[Scenario], make: Callable[[], Lane], lanes: int) -> None:
        waiting: Queue[Scenario] = Queue()
        for scenario in scenarios:
            waiting.put(scenario)
        for _ in range(min(lanes, len(scenarios))):
            thread = threading.Thread(target=self._play, args=(waiting, make), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _play(self, waiting: "Queue[Scenario]", make: Callable[[], Lane]) -> None:
        lane: Lane | None = None
        while True:
            try:
                scenario = waiting.get_nowait()
            except Empty:
                break
            outcome = self._outcomes[str(scenario)]
            try:
                lane = lane or make()
                began, deaths = time.monotonic(), lane.deaths
                scenario.run(lane)
                self.seconds[str(scenario)] = time.monotonic() - began
                self.deaths += lane.deaths - deaths
                outcome.set_result(None)
            except BaseException as problem:
                if lane is not None:
                    problem.add_note(f"in {lane.product.home}\n{lane.product.log()[-3000:]}")
                    # Whatever it is, the next scenario shall not suffer from it.
                    lane.abandon()
                    lane = None
                outcome.set_exception(problem)
        if lane is not None:
            self._close(lane)

    def _close(self, lane: Lane) -> None:
        try:
            self._afterwards += two_hours_later(lane)
            if lane.stop() != 0:
                self._afterwards.append(f"{lane.product.home} did not stop cleanly")
        except BaseException as problem:
            self._afterwards.append(f"{type(problem).__name__}: {problem}")
            lane.abandon()

    def outcome(self, scenario: Scenario) -> None:
        """Wait for it; raises what it raised."""
        self._outcomes[str(scenario)].result()

    def afterwards(self) -> list[str]:
        """Wait for the end of all; what was no more as it should be two hours later."""
        for thread in self._threads:
            thread.join()
        return self._afterwards


def two_hours_later(lane: Lane) -> list[str]:
    """Nothing more happens to anybody: no second charge, no second mail, no second document."""
    lane.wait_back()
    for _ in range(2):
        lane.advance("1h")
        time.sleep(3)
    deadline = time.monotonic() + 30
    while True:
        wrong = [
            f"{company_id}: {problem}"
            for company_id, books in lane.settled
            for problem in lane.truth.problems(company_id, books, lane.in_doubt)
        ]
        # Somebody's session may be running out at this very moment; what happened twice stays.
        if not wrong or time.monotonic() > deadline:
            return wrong
        time.sleep(0.5)
