"""One scenario: where the process ends, what is being done, and what must have come of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.chaos.actors import Actor
from tests.chaos.lane import Lane
from tests.chaos.truth import Books

#: By the machine's clock: the longest lease of a mail or a campaign is 30 s.
CONVERGENCE_SECONDS = 60.0
#: After so long without a change the product's clock is moved on, by a lease.
STILL_SECONDS = 2.5
MOST_LEASES = 4

JOINED = Books(mails={"verify_email": 1})
PAID = Books(
    checkouts={"paid": 1},
    starts=1,
    charges=1,
    payments=1,
    years=1,
    invoices=1,
    mails={"verify_email": 1, "welcome": 1, "receipt": 1},
)
REFUNDED = replace(
    PAID, checkouts={"refunded": 1}, refunds=1, years=0, credit_notes=1, mails={**PAID.mails, "refund": 1}
)


LOST = replace(
    PAID,
    checkouts={"refunded": 1},
    years=0,
    credit_notes=1,
    mails={**PAID.mails, "payment_disputed": 1, "dispute_lost": 1},
)


@dataclass(frozen=True)
class Scenario:
    """``point`` is empty where nothing is cut off: an answer is lost, or a webhook."""

    point: str
    story: "Callable[[Scene], None]"
    mode: str = "embedded"
    #: In the full mode: which of the processes ends.
    process: str = ""
    #: Whether the story surely passes the point so often.
    certain: bool = True
    #: What the story is told, such as the method of payment.
    given: dict[str, Any] = field(default_factory=dict, hash=False)
    #: Mostly waiting, and longer than others: begun first.
    slow: bool = False

    @property
    def name(self) -> str:
        return self.point.partition(":")[0]

    def __str__(self) -> str:
        words = [self.mode, self.process, self.point, self.story.__name__, *self.given.values()]
        return " ".join(str(word) for word in words if word != "")

    def run(self, lane: Lane) -> None:
        try:
            self.story(Scene(lane, self))
            assert lane.fired or not self.point or not self.certain, f"{self.point} was never passed"
        finally:
            lane.disarm()


class Scene:
    """What a story works with."""

    def __init__(self, lane: Lane, scenario: Scenario) -> None:
        self.lane = lane
        self.truth = lane.truth
        self.scenario = scenario
        self._actors: list[Actor] = []
        self._armed = False

    def __getattr__(self, name: str) -> Any:
        """What the story was given, by its name."""
        try:
            return self.scenario.given[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def provider(self) -> str:
        return {"card": "stripe", "paypal": "paypal"}[self.scenario.given["method"]]

    def actor(self) -> Actor:
        """An owner who has joined, and nothing more of that is under way."""
        made = Actor(self.lane).join()
        self.converge(made, JOINED, keep=False)
        return made

    def arm(self, point: str = "") -> None:
        if point or self.scenario.point:
            self._armed = True
            self.lane.arm(point or self.scenario.point, self.scenario.process)

    def webhooks(self, mode: str, **options: Any) -> None:
        """How the processors send what happens from now on: normal, hold, drop, duplicate …"""
        self.lane.product.control("POST", "webhooks", json={"mode": mode, **options})

    def release_webhooks(self, order: str = "sent") -> None:
        self.lane.product.control("POST", "webhooks/release", json={"order": order})
        self.webhooks("normal")

    def at_the_processor(self, what: str, **given: Any) -> Any:
        """What somebody does in the processor's dashboard, or the buyer's bank."""
        return self.lane.product.control("POST", what, json={"provider": self.provider, **given})

    def fault(self, provider: str, operation: str, kind: str, *, count: int = 1, seconds: float = 1.0) -> None:
        wish = {"provider": provider, "operation": operation, "kind": kind, "count": count, "seconds": seconds}
        self.lane.product.control("POST", "faults", json=wish)

    def wait(self, what: str, look: Callable[[], bool], seconds: float = CONVERGENCE_SECONDS) -> None:
        """Until it is so, moving the product's clock on when nothing happens."""
        began = still_since = time.monotonic()
        self.lane.mend()
        while not look():
            now = time.monotonic()
            assert now - began < seconds, f"{what} did not come"
            if now - still_since > STILL_SECONDS:
                self.lane.advance("61s")
                still_since = time.monotonic()
            time.sleep(0.1)
            self.lane.mend()

    def converge(
        self,
        actor: Actor,
        expected: Books | None,
        *,
        also: Callable[[], list[str]] = list,
        keep: bool = True,
        seconds: float = CONVERGENCE_SECONDS,
    ) -> None:
        """
        Wait until all about the company is as it must be; nobody does anything for it.
        Without ``expected`` it is enough that nothing is lost and nothing is left undone.

        Raises:
            AssertionError: with everything that is still wrong after the bounded time.
        """
        began = still_since = time.monotonic()
        leases = 0
        while True:
            self.lane.mend()
            wrong = self._wrong(actor, expected, also)
            if not wrong:
                break
            now = time.monotonic()
            assert now - began < seconds, "\n".join(["did not converge:", *wrong])
            if now - still_since > STILL_SECONDS and leases < MOST_LEASES:
                self.lane.advance("61s")
                leases += 1
                still_since = time.monotonic()
            time.sleep(0.1)
        self.lane.wait_back()
        if keep and expected is not None:
            self.lane.settled = [(c, b) for c, b in self.lane.settled if c != actor.company_id]
            self.lane.settled.append((actor.company_id, expected))

    def _wrong(self, actor: Actor, expected: Books | None, also: Callable[[], list[str]]) -> list[str]:
        if self._armed and self.scenario.certain and not self.lane.fired:
            return [f"{self.scenario.point} has not been passed", *self._state(actor, expected, also)]
        return self._state(actor, expected, also)

    def _state(self, actor: Actor, expected: Books | None, also: Callable[[], list[str]]) -> list[str]:
        if not actor.company_id:
            actor.company_id = self.truth.company_of(actor.customer.name) or ""
        if not actor.company_id:
            return ["there is no company"]
        return [*self.truth.problems(actor.company_id, expected, self.lane.in_doubt), *also()]
