"""How often somebody may ask: token buckets in memory, one per class and asker."""

from dataclasses import dataclass

#: Buckets at most; full ones are dropped first, because a full bucket says nothing.
MAX_BUCKETS = 50_000


@dataclass(frozen=True)
class Rate:
    """``burst`` at once, refilled at ``per_minute``."""

    per_minute: float
    burst: float

    def times(self, factor: float) -> "Rate":
        return Rate(self.per_minute * factor, self.burst * factor)


class Buckets:
    """Counts for many askers; forgets those that have not asked for long."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str], list[float]] = {}

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, kind: str, asker: str, rate: Rate, now: float) -> float:
        """Seconds to wait before this asker may ask again; 0 when it may go on now."""
        key = (kind, asker)
        bucket = self._buckets.get(key)
        refill = rate.per_minute / 60
        if bucket is None:
            if len(self._buckets) >= MAX_BUCKETS:
                self._prune(now)
            bucket = self._buckets[key] = [rate.burst, now, refill, rate.burst]
        tokens = min(rate.burst, bucket[0] + (now - bucket[1]) * refill)
        bucket[1] = now
        if tokens < 1:
            bucket[0] = tokens
            return (1 - tokens) / refill
        bucket[0] = tokens - 1
        return 0.0

    def _prune(self, now: float) -> None:
        full = [
            key for key, (tokens, at, refill, burst) in self._buckets.items() if tokens + (now - at) * refill >= burst
        ]
        for key in full:
            del self._buckets[key]
        if len(self._buckets) >= MAX_BUCKETS:
            # A flood of addresses: who asked longest ago starts afresh.
            oldest = sorted(self._buckets, key=lambda key: self._buckets[key][1])
            for key in oldest[: MAX_BUCKETS // 10]:
                del self._buckets[key]
