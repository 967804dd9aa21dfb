"""
``make bench``: every bench in turn, several rounds, medians.

Options are environment variables: BENCH_ROUNDS (5), BENCH_SECONDS for one side of one
round (6), BENCH_ONLY (names, separated by commas).
"""

import json
import os
import platform
import statistics
import sys
import time
from datetime import UTC, datetime

from tests.bench.registry import Bench, Round, benches
from tests.bench.stage import Stage


def _say(text: str) -> None:
    print(f"  {text} ...", flush=True)


def _figure(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.2f} {unit}"


def _play(bench: Bench, stage: Stage, number: int) -> Round:
    found = bench.play(stage, number)
    print(
        f"  round {number + 1} {bench.name}: ours {_figure(found.ours, bench.unit)}, "
        f"theirs {_figure(found.theirs, bench.unit)}, ratio {found.ratio:.2f}",
        flush=True,
    )
    return found


def _median(rounds: list[Round], what: str) -> float:
    return statistics.median(getattr(one, what) for one in rounds)


def _table(played: dict[Bench, list[Round]]) -> None:
    print(f"\n{'':24} {'ours':>18} {'theirs':>18} {'ratio':>6} {'least':>6} {'most':>6}  to reach")
    for bench, rounds in played.items():
        ratios = [one.ratio for one in rounds]
        print(
            f"{bench.name:24} {_figure(_median(rounds, 'ours'), bench.unit):>18} "
            f"{_figure(_median(rounds, 'theirs'), bench.unit):>18} {statistics.median(ratios):6.2f} "
            f"{min(ratios):6.2f} {max(ratios):6.2f}  {bench.to_reach or '-'}"
        )
    print()


def _machine() -> dict[str, object]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "load_before": os.getloadavg(),
    }


def main() -> int:
    """0 when everything was measured, whatever the ratios are."""
    rounds = int(os.environ.get("BENCH_ROUNDS") or 5)
    seconds = float(os.environ.get("BENCH_SECONDS") or 6)
    only = {name.strip() for name in os.environ.get("BENCH_ONLY", "").split(",") if name.strip()}
    chosen = list(benches(only))
    machine = _machine()
    print(f"{len(chosen)} benches, {rounds} rounds, {seconds:g} s for one side of a round", flush=True)
    began = time.monotonic()
    stage = Stage(seconds, say=_say)
    played: dict[Bench, list[Round]] = {bench: [] for bench in chosen}
    try:
        for number in range(rounds):
            for bench in chosen:
                played[bench].append(_play(bench, stage, number))
    finally:
        stage.close()
    report = {
        **machine,
        "rounds": rounds,
        "seconds": seconds,
        "took_seconds": round(time.monotonic() - began),
        "benches": {
            bench.name: {
                "what": bench.what, "unit": bench.unit, "to_reach": bench.to_reach,
                "ours": _median(found, "ours"), "theirs": _median(found, "theirs"), "ratio": _median(found, "ratio"),
                "rounds": [vars(one) for one in found],
            }
            for bench, found in played.items()
        },
    }  # fmt: skip
    path = stage.folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S}.json"
    path.write_text(json.dumps(report, indent=1))
    _table(played)
    print(f"Written to {path.relative_to(stage.folder.parents[1])}")
    for bench, found in played.items():
        print(f"bench: {bench.name} {_median(found, 'ratio'):.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
