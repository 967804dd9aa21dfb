"""
What is done to the product, one card after the other from a deck that a seed has shuffled.

Every kind of hit lies in the deck, so a dealt deck has done each of them once.
"""

import random
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from actiontrac import clock
from actiontrac.config import SERVICES, SERVICES_WITH_DATA
from tests.servers import processes
from tests.storm.counting import Hit
from tests.storm.world import World

#: Calls of the processors that may go wrong, and how; where the answer is lost the effect is there.
CALLS = {
    "stripe": ("checkout.sessions.create", "checkout.sessions.retrieve"),
    "paypal": ("orders.create", "orders.capture", "orders.get"),
}
FAULTS = ("late", "error_before", "reset_before", "error_after", "reset_after", "timeout_after", "rate_limited")
WEBHOOKS = ("duplicate", "reorder", "delay", "hold", "drop")


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How hard the storm is, in seconds."""

    between: tuple[float, float]
    frozen: tuple[float, float]
    away: tuple[float, float]
    weather: tuple[float, float]
    #: Whether the deck is dealt once only, and not again and again while somebody works.
    once: bool = False


LONG = Scale(between=(3.0, 8.0), frozen=(15.0, 90.0), away=(0.5, 4.0), weather=(3.0, 12.0))
SHORT = Scale(between=(1.0, 2.0), frozen=(2.0, 3.0), away=(0.1, 0.4), weather=(0.5, 1.5), once=True)


@dataclass(frozen=True)
class Card:
    kind: str
    target: str

    def __str__(self) -> str:
        return f"{self.kind} {self.target}"


def whole_deck(nodes: int) -> list[Card]:
    """Every kind of hit on everything that can be hit."""
    return [
        *(Card(kind, service) for service in SERVICES for kind in ("kill", "freeze")),
        *(Card(kind, f"{service}-relay") for service in SERVICES_WITH_DATA for kind in ("kill", "freeze")),
        *(Card("kill", f"broker-{number + 1}") for number in range(nodes)),
        *(Card("kill", "database") for _ in range(2)),
        *(Card(kind, way) for way in ("broker", "database") for kind in ("cut", "slow", "refuse", "hold")),
        *(Card(kind, provider) for provider in CALLS for kind in ("answers", "webhooks") for _ in range(3)),
    ]


def short_deck() -> list[Card]:
    """Each kind of hit once, scaled: on what does most."""
    return [
        Card("kill", "billing"), Card("kill", "workers"), Card("kill", "notifications"), Card("kill", "gateway"),
        Card("freeze", "accounts"), Card("kill", "billing-relay"), Card("freeze", "workers-relay"),
        Card("kill", "broker-1"), Card("kill", "database"),
        Card("cut", "broker"), Card("slow", "database"), Card("refuse", "broker"), Card("hold", "broker"),
        Card("answers", "stripe"), Card("answers", "paypal"), Card("webhooks", "stripe"), Card("webhooks", "paypal"),
    ]  # fmt: skip


class Hitter:
    """Deals cards until it is told to stop, and then takes everything away that it did."""

    def __init__(self, world: World, scale: Scale, deck: Sequence[Card], seed: int) -> None:
        self.world = world
        self.hits: list[Hit] = []
        self.last = ""
        self._scale = scale
        self._deck = list(deck)
        self._chance = random.Random(f"hits {seed}")
        self._stop = threading.Event()
        self._dealt_once = threading.Event()
        self._under_way: list[threading.Thread] = []
        self._busy: set[str] = set()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._deal, daemon=True)
        #: What a hit could not do; the storm fails with it.
        self.failures: list[str] = []

    def start(self) -> None:
        self._thread.start()

    @property
    def dealt_once(self) -> bool:
        """Whether every card of the deck had its turn; also when nothing is dealt any more."""
        return self._dealt_once.is_set() or not self._thread.is_alive()

    def stop(self) -> None:
        """Deal no more, end every hit that lasts, and bring back what is away; bounded by the servers' starts."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        for one in self._under_way:
            one.join()
        assert self.world.proxy is not None
        for way in ("broker", "database"):
            self.world.proxy.order(way, "clear")
        self.world.control("faults", {}, "DELETE")
        self.world.control("webhooks", {"mode": "normal"})
        self.world.control("webhooks/release", {"order": "reversed"})
        for pid in self.world.frozen():
            processes.send(pid, signal.SIGCONT)

    def _deal(self) -> None:
        while not self._stop.is_set():
            cards = self._deck.copy()
            self._chance.shuffle(cards)
            for card in cards:
                draw = random.Random(self._chance.random())
                if not self._free(card):
                    continue
                hit = threading.Thread(target=self._play, args=(card, draw), daemon=True)
                self._under_way.append(hit)
                hit.start()
                if self._stop.wait(self._chance.uniform(*self._scale.between)):
                    return
            self._dealt_once.set()
            if self._scale.once:
                return

    def _free(self, card: Card) -> bool:
        """Take the place that a card needs, waiting for it a little; a card whose place stays taken is left out."""
        place = _place(card)
        while not self._stop.is_set():
            with self._lock:
                if place not in self._busy:
                    self._busy.add(place)
                    return True
            if card.kind in ("kill", "freeze") and not card.target.startswith(("broker", "database")):
                # A process may be frozen for a minute and a half.
                return False
            self._stop.wait(0.2)
        return False

    def _play(self, card: Card, draw: random.Random) -> None:
        began = clock.wall()
        self.last = str(card)
        try:
            self._PLAYS[card.kind](self, card.target, draw)
        except Exception as problem:
            with self._lock:
                self.failures.append(f"{card}: {type(problem).__name__}: {problem}")
        finally:
            with self._lock:
                self._busy.discard(_place(card))
                self.hits.append(
                    Hit(kind=card.kind, target=card.target, began=began, ended=clock.wall())
                )

    def _wait(self, between: tuple[float, float], draw: random.Random) -> None:
        """As long as the scale says, or until the storm is over."""
        self._stop.wait(draw.uniform(*between))

    # The kinds

    def _kill(self, target: str, draw: random.Random) -> None:
        if target == "database":
            self._away(self.world.database.kill, self.world.database.start, draw)
        elif target.startswith("broker-"):
            node = self.world.nodes[int(target[-1]) - 1]
            self._away(node.kill, node.start, draw)
        else:
            victim = self._one_of(target, draw)
            if victim is not None:
                processes.send(victim, signal.SIGKILL)

    def _away(self, kill: Callable[[], None], start: Callable[[], None], draw: random.Random) -> None:
        kill()
        try:
            self._wait(self._scale.away, draw)
        finally:
            start()

    def _freeze(self, target: str, draw: random.Random) -> None:
        victim = self._one_of(target, draw)
        if victim is None:
            return
        processes.send(victim, signal.SIGSTOP)
        try:
            self._wait(self._scale.frozen, draw)
        finally:
            processes.send(victim, signal.SIGCONT)

    def _one_of(self, target: str, draw: random.Random) -> int | None:
        service, relay, _ = target.partition("-relay")
        found = self.world.product.pids("relay" if relay else "serve", service)
        return draw.choice(sorted(found)) if found else None

    def _weather(self, way: str, what: str, draw: random.Random, **given: float) -> None:
        assert self.world.proxy is not None
        self.world.proxy.order(way, what, **given)
        try:
            self._wait(self._scale.weather, draw)
        finally:
            self.world.proxy.order(way, "clear")

    def _cut(self, way: str, _: random.Random) -> None:
        assert self.world.proxy is not None
        self.world.proxy.order(way, "cut")

    def _slow(self, way: str, draw: random.Random) -> None:
        self._weather(way, "slow", draw, seconds=draw.uniform(0.02, 0.3))

    def _refuse(self, way: str, draw: random.Random) -> None:
        self._weather(way, "refuse", draw)

    def _hold(self, way: str, draw: random.Random) -> None:
        self._weather(way, "hold", draw)

    def _answers(self, provider: str, draw: random.Random) -> None:
        """The next answers of a processor are late, errors, or lost behind the effect."""
        for operation in CALLS[provider]:
            wish = {
                "provider": provider, "operation": operation, "kind": draw.choice(FAULTS),
                "count": draw.randint(1, 3), "seconds": draw.choice((0.5, 2.0, 9.0)),
            }  # fmt: skip
            self.world.control("faults", wish)

    def _webhooks(self, provider: str, draw: random.Random) -> None:
        mode = draw.choice(WEBHOOKS)
        self.world.control("webhooks", {"provider": provider, "mode": mode, "seconds": 3, "times": 3})
        try:
            self._wait(self._scale.weather, draw)
        finally:
            self.world.control("webhooks", {"provider": provider, "mode": "normal"})
            if mode == "hold":
                self.world.control("webhooks/release", {"provider": provider, "order": "reversed"})

    _PLAYS = {
        "kill": _kill, "freeze": _freeze, "cut": _cut, "slow": _slow, "refuse": _refuse, "hold": _hold,
        "answers": _answers, "webhooks": _webhooks,
    }  # fmt: skip


def _place(card: Card) -> str:
    """What two hits must not share: one service, the broker's nodes, the way to a server, a processor's mode."""
    if card.target.startswith("broker-"):
        # One node after the other: a cluster of three lives on two.
        return "nodes"
    if card.kind in ("kill", "freeze"):
        return card.target
    return f"{card.kind if card.kind in ('answers', 'webhooks') else 'way'} {card.target}"

