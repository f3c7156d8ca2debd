"""The sandbox's clock: token lifetimes, warehouse starts and idle sessions read it.

Nothing here sleeps. Spark's own `current_timestamp()` is the machine's, not this clock's.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Where the sandbox reads the time."""

    def now(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        ...

    def advance(self, seconds: float) -> None:
        """Move the clock forward; it never goes back."""
        ...


class OffsetClock:
    """The machine's time, plus what it was advanced by."""

    def __init__(self) -> None:
        self._offset = 0.0
        self._lock = threading.Lock()

    def now(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        return time.time() + self._offset

    def advance(self, seconds: float) -> None:
        """Move the clock forward; it never goes back."""
        if seconds < 0:
            raise ValueError("the clock only goes forward")
        with self._lock:
            self._offset += seconds


class ManualClock:
    """A clock that stands still until it is advanced."""

    def __init__(self, now: float = 1_770_000_000.0) -> None:
        self._now = now
        self._lock = threading.Lock()

    def now(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move the clock forward; it never goes back."""
        if seconds < 0:
            raise ValueError("the clock only goes forward")
        with self._lock:
            self._now += seconds
