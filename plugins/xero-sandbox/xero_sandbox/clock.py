"""The sandbox's idea of now.

Everything that depends on time (business going on, tokens running out, limit windows) asks a
`Clock`, so that a test can stop time, move it, or start it on a chosen day.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Anything that can tell the time."""

    def now(self) -> datetime:
        """Return the current instant, aware and in UTC."""
        ...


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"A clock needs an aware datetime, got {moment.isoformat()} without zone.")
    return moment.astimezone(UTC)


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the machine's time in UTC."""
        return datetime.now(UTC)


class OffsetClock:
    """A clock that shows `start` when it is made and then runs at real speed."""

    def __init__(self, start: datetime) -> None:
        self._start = _in_utc(start)
        self._made = time.monotonic()

    def now(self) -> datetime:
        """Return `start` plus the real time that has passed since the clock was made."""
        return self._start + timedelta(seconds=time.monotonic() - self._made)


class ManualClock:
    """A clock that stands still until somebody moves it; safe to move from any thread."""

    def __init__(self, start: datetime) -> None:
        self._now = _in_utc(start)
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """Return the instant the clock was last moved to."""
        with self._lock:
            return self._now

    def advance(self, seconds: float = 0, **amounts: float) -> datetime:
        """Move the clock by `seconds` and any other `timedelta` amounts; return the new time."""
        with self._lock:
            self._now += timedelta(seconds=seconds, **amounts)
            return self._now

    def set(self, moment: datetime) -> datetime:
        """Move the clock to `moment` (aware); return it in UTC."""
        with self._lock:
            self._now = _in_utc(moment)
            return self._now
