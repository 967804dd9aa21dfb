"""
The only place that reads the time (G13).

In sandbox mode the clock can be moved forward while the product runs. The offset
is kept in one small file that every process on the machine (or, in containers,
on the shared volume) reads, so that all of them agree on what day it is.
"""

import os
import re
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class ClockNotMovable(Exception):
    """The clock stands still for nobody: it can only be moved in sandbox mode."""


class _Offset:
    """Seconds that the sandbox runs ahead, re-read only when its file changed."""

    def __init__(self) -> None:
        self.path: Path | None = None
        self._stamp: tuple[int, int] | None = None
        self._seconds = 0.0

    def seconds(self) -> float:
        if self.path is None:
            return 0.0
        try:
            found = os.stat(self.path)
        except OSError:
            # No file yet: nobody has moved the clock.
            self._stamp, self._seconds = None, 0.0
            return 0.0
        stamp = (found.st_mtime_ns, found.st_ino)
        if stamp != self._stamp:
            self._seconds = float(self.path.read_text() or 0)
            self._stamp = stamp
        return self._seconds

    def write(self, seconds: float) -> None:
        if self.path is None:
            raise ClockNotMovable("The clock can be moved only in sandbox mode.")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Written beside and renamed, so that no process ever reads half a number.
        beside = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        beside.write_text(repr(seconds))
        os.replace(beside, self.path)


_offset = _Offset()


def configure(path: Path | None) -> None:
    """Name the file that carries the sandbox's offset; None fixes the clock to real time."""
    _offset.path = path
    _offset._stamp = None


def now() -> datetime:
    """The time as the product sees it: aware, UTC."""
    return datetime.fromtimestamp(time.time() + _offset.seconds(), UTC)


def today() -> date:
    return now().date()


def wall() -> float:
    """
    Seconds since the epoch by the machine's own clock, moved by nobody.

    For deadlines that travel between processes: a sandbox that jumps ahead by a
    month must not time out the requests that are under way.
    """
    return time.time()


def machine_now() -> datetime:
    """``wall`` as a moment, for rows that serve the transport and not the business."""
    return datetime.fromtimestamp(time.time(), UTC)


def advance(seconds: float) -> datetime:
    """
    Move the clock forward for every process of this sandbox; returns the new time.

    Raises:
        ClockNotMovable: in live mode.
        ValueError: time does not run backwards.
    """
    if seconds < 0:
        raise ValueError("time does not run backwards")
    _offset.write(_offset.seconds() + seconds)
    return now()


def offset_seconds() -> float:
    return _offset.seconds()


def duration(text: str) -> float:
    """
    Seconds in a duration such as ``30d``, ``12h``, ``45m``, ``10s`` or ``1d12h``.

    Raises:
        ValueError: the text is not a duration.
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text.strip():
        raise ValueError("a duration looks like 30d, 12h, 45m or 10s")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def iso(moment: datetime) -> str:
    """The one way a moment is written on the wire: ``2026-11-23T13:00:00Z``."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def parse(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def in_days(days: float) -> datetime:
    return now() + timedelta(days=days)
