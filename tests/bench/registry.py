"""What a bench is, and the list of them: a module that is imported here and registers by name."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

#: Modules with benches, in the order in which they are played.
MODULES = ("reads", "writes", "events")


@dataclass(frozen=True)
class Round:
    """One turn of both sides; ``ratio`` is above 1 where ours is better."""

    ours: float
    theirs: float
    ratio: float
    #: Everything else that was seen, for the JSON file.
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Bench:
    """
    ``play`` is given the stage and the number of the round, and measures both sides in turn.

    ``to_reach`` is None for a figure that is shown beside the others and holds nobody to anything.
    """

    name: str
    what: str
    unit: str
    to_reach: float | None
    play: Callable[[Any, int], Round]


_BENCHES: dict[str, Bench] = {}


def bench(name: str, *, what: str, unit: str, to_reach: float | None = None) -> Callable[..., Any]:
    """Register a function ``(stage, number) -> Round`` under the name that ``bench: NAME RATIO`` shows."""

    def register(play: Callable[[Any, int], Round]) -> Callable[[Any, int], Round]:
        if name in _BENCHES:
            raise ValueError(f"two benches are named {name}")
        _BENCHES[name] = Bench(name, what, unit, to_reach, play)
        return play

    return register


def benches(only: set[str]) -> Iterator[Bench]:
    """All of them, or those that were asked for."""
    for module in MODULES:
        import_module(f"tests.bench.{module}")
    unknown = only - _BENCHES.keys()
    if unknown:
        raise SystemExit(f"No bench is named {', '.join(sorted(unknown))}; there are: {', '.join(_BENCHES)}")
    for found in _BENCHES.values():
        if not only or found.name in only:
            yield found
