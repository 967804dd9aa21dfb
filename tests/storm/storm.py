"""
One storm from its beginning to its count.

Clients work while things are hit; then all faults are taken away, the product is left
alone until it has drained, and what others saw is counted.
"""

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

from tests.storm import counting, evidence
from tests.storm.clients import Letterbox, Order, Owner, Shared
from tests.storm.counting import Evidence, Verdict
from tests.storm.hits import Card, Hitter, Scale
from tests.storm.world import World

PROGRESS_SECONDS = 5.0
LOOK_SECONDS = 1.0
#: What has drained must still look so after this.
QUIET_SECONDS = 2.0
#: The first owner has joined by then, or something is wrong that the clients will tell.
WARM_SECONDS = 60.0
#: Longer than the leases of what a dead process held; a sixtieth of the reconciler's longest pause.
LEASE_SECONDS = 61
METHODS = ("card", "paypal")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The size of a storm, and everything that its seed decides."""

    seed: int
    purchases: int
    worker_writes: int
    clients: int
    scale: Scale
    deck: Sequence[Card]
    clustered: bool
    replicas: int = 2
    #: When clients that are still not answered give up, and when a product that has not drained is counted as it is.
    most_seconds: float = 3600
    drain_seconds: float = 900
    #: After so long the product's clock is moved on, a lease at a time: what waits then, waits for the calendar.
    wait_seconds: float = 240


@dataclass(frozen=True)
class Outcome:
    plan: Plan
    verdict: Verdict
    drained_seconds: float
    #: How far the product's clock was moved meanwhile.
    moved_seconds: int
    #: What was not finished when the patience was over.
    unfinished: Sequence[str]
    hits: int
    failures: Sequence[str]

    @property
    def clean(self) -> bool:
        return self.verdict.clean and not self.unfinished and not self.failures

    def line(self) -> str:
        """The last line that is printed."""
        return (
            f"chaos: purchases={self.verdict.purchases} {self.verdict.figures(counting.ZEROS)} "
            f"drained_s={self.drained_seconds:.0f} seed={self.plan.seed}"
        )

    def further(self) -> str:
        """The line before it: what must be zero as well, and what was repeated where that is allowed."""
        return (
            f"further: {self.verdict.figures(counting.FURTHER)} copies_in_doubt={len(self.verdict.copies)} "
            f"clock_moved_s={self.moved_seconds} hits={self.hits}"
        )


class Storm:
    def __init__(self, plan: Plan, home: Path, say: Callable[[str], None]) -> None:
        self.plan = plan
        self.world = World(home, clustered=plan.clustered, replicas=plan.replicas)
        self._say = say
        self._began = time.monotonic()
        self._moved = 0

    def run(self) -> Outcome:
        """All of it; ``world`` still stands afterwards and is the caller's to stop."""
        plan, world = self.plan, self.world
        world.start()
        self._say(f"all of it stands after {time.monotonic() - self._began:.0f} s; seed {plan.seed}")
        shared = Shared(
            url=world.product.url,
            catcher_url=world.catcher_url,
            mail_ledger=world.catcher,
            notes_file=world.notes,
            until=time.monotonic() + plan.most_seconds,
        )
        hitter = Hitter(world, plan.scale, plan.deck, plan.seed)
        threads = self._clients(shared)
        try:
            # Hits on a product that nobody uses yet would show nothing.
            shared.under_way.wait(WARM_SECONDS)
            hitter.start()
            self._watch(threads, shared, hitter)
        finally:
            shared.stopping.set()
            hitter.stop()
        for thread in threads:
            thread.join()
        self._say(f"everything is taken away after {len(hitter.hits)} hits; clients: {_counts(shared)}")
        drained, unfinished, found = self._drain(shared, hitter)
        failures = [*hitter.failures, *self._too_few(shared)]
        return Outcome(plan, counting.count(found), drained, self._moved, unfinished, len(hitter.hits), failures)

    def _too_few(self, shared: Shared) -> list[str]:
        """A storm that did less than it was asked to has shown less."""
        asked = {"purchases": self.plan.purchases, "writes": self.plan.worker_writes}
        return [f"only {shared.done[what]} of {number} {what}" for what, number in asked.items()
                if shared.done[what] < number]  # fmt: skip

    # Clients

    def _clients(self, shared: Shared) -> list[threading.Thread]:
        waiting: SimpleQueue[Order] = SimpleQueue()
        for order in self._orders():
            waiting.put(order)
        letterbox = Letterbox(shared.mail_ledger)

        def work() -> None:
            while not shared.stopping.is_set():
                try:
                    order = waiting.get_nowait()
                except Empty:
                    return
                try:
                    Owner(shared, letterbox, order).live()
                except Exception as problem:
                    with shared.lock:
                        shared.complaints.append(f"owner {order.number}: {type(problem).__name__}: {problem}")

        threads = [threading.Thread(target=work, daemon=True) for _ in range(self.plan.clients)]
        for thread in threads:
            thread.start()
        return threads

    def _orders(self) -> list[Order]:
        owners, writes = self.plan.purchases, self.plan.worker_writes
        shares = [writes // owners + (number < writes % owners) for number in range(owners)]
        return [
            Order(number, METHODS[number % 2], share, random.Random(f"owner {number} {self.plan.seed}"))
            for number, share in enumerate(shares)
        ]

    def _watch(self, threads: list[threading.Thread], shared: Shared, hitter: Hitter) -> None:
        """Until the clients are done, and every card was dealt: or some kind of hit would be left out."""
        said = time.monotonic()
        while any(thread.is_alive() for thread in threads) or not hitter.dealt_once:
            time.sleep(0.2)
            if time.monotonic() - said < PROGRESS_SECONDS:
                continue
            said = time.monotonic()
            self._say(
                f"purchases {shared.done['purchases']}/{self.plan.purchases} "
                f"writes {shared.done['writes']}/{self.plan.worker_writes} hits {len(hitter.hits)} "
                f"repeated {shared.done['unanswered'] + shared.done['answered_503'] + shared.done['answered_504']} "
                f"last: {hitter.last}"
            )

    # The count

    def _drain(self, shared: Shared, hitter: Hitter) -> tuple[float, list[str], Evidence]:
        began = said = time.monotonic()
        quiet_since: float | None = None
        while True:
            found = self._gather(shared, hitter)
            left = counting.unfinished(found)
            now = time.monotonic()
            if left:
                quiet_since = None
            elif quiet_since is None:
                quiet_since = now
            elif now - quiet_since >= QUIET_SECONDS:
                return quiet_since - began, [], self._gather(shared, hitter, queues=True)
            if now - began > self.plan.drain_seconds:
                return now - began, left, self._gather(shared, hitter, queues=True)
            if left and now - said >= PROGRESS_SECONDS:
                said = now
                self._say(f"draining, {len(left)} things are left, such as: {left[0]}")
                if now - began > self.plan.wait_seconds:
                    self.world.advance(f"{LEASE_SECONDS}s")
                    self._moved += LEASE_SECONDS
            time.sleep(LOOK_SECONDS)

    def _gather(self, shared: Shared, hitter: Hitter, *, queues: bool = False) -> Evidence:
        world = self.world
        return evidence.gather(
            notes=world.notes,
            processors=world.processors,
            catcher=world.catcher,
            superuser_url=world.superuser_url,
            databases=world.databases,
            queues=world.queues() if queues else {},
            hits=hitter.hits,
            complaints=shared.complaints,
        )


def _counts(shared: Shared) -> str:
    return " ".join(f"{name}={number}" for name, number in sorted(shared.done.items()))
