"""`make chaos`: a storm of the size that the environment says, and its count as the last line."""

import os
import secrets
import signal
import sys
import time
from pathlib import Path

from tests.servers.servers import RUNS
from tests.stack import ROOT
from tests.storm.hits import LONG, whole_deck
from tests.storm.storm import Outcome, Plan, Storm

#: How many of what made a figure are shown.
MOST_SHOWN = 20


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    if not text:
        return default
    if not text.isdigit() or int(text) < 1:
        sys.exit(f"{name} must be a whole number from 1 on.")
    return int(text)


def plan() -> Plan:
    """From CHAOS_PURCHASES, CHAOS_WORKER_WRITES, CHAOS_SEED, CHAOS_CLIENTS."""
    purchases = _number("CHAOS_PURCHASES", 500)
    return Plan(
        seed=_number("CHAOS_SEED", secrets.randbelow(10**6) + 1),
        purchases=purchases,
        worker_writes=_number("CHAOS_WORKER_WRITES", max(5000, 10 * purchases)),
        clients=_number("CHAOS_CLIENTS", 24),
        scale=LONG,
        deck=whole_deck(3),
        clustered=True,
        # A purchase takes a second or two in calm weather; then nobody is in a hurry.
        most_seconds=1800 + 6 * purchases,
    )


def explain(outcome: Outcome, home: Path) -> None:
    """What is wrong, one a line, and where to look."""
    wrong = {**outcome.verdict.wrong, "unfinished": list(outcome.unfinished), "failures": list(outcome.failures)}
    for name, each in wrong.items():
        for one in each[:MOST_SHOWN]:
            print(f"  {name}: {one}", flush=True)
        if len(each) > MOST_SHOWN:
            print(f"  {name}: and {len(each) - MOST_SHOWN} more", flush=True)
    print(f"  ledgers, notes and logs: {home.relative_to(ROOT)}", flush=True)


def main() -> int:
    """0 when every zero is zero, 1 when one is not."""
    wanted = plan()
    home = RUNS / f"storm-{os.getpid()}"
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"chaos: {time.monotonic() - began:5.0f} s  {text}", flush=True)

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    # A run that is told to stop ends what it has started.
    signal.signal(signal.SIGTERM, leave)
    storm = Storm(wanted, home, say)
    keep = True
    try:
        outcome = storm.run()
        keep = not outcome.clean
        if keep:
            explain(outcome, home)
    finally:
        storm.world.stop(keep=keep)
    print(outcome.further(), flush=True)
    print(outcome.line(), flush=True)
    return 0 if outcome.clean else 1


if __name__ == "__main__":
    sys.exit(main())
