"""What calls have cost."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from tap_xero.api import envelope as envelope_of


@dataclass
class Usage:
    """What calls have cost. Several threads may add to it.

    Attributes:
        calls: Requests sent, failed ones included.
        retries: Requests that were tried again.
        waited: Seconds spent waiting for a slot of Xero's limits or for another try, by all
            threads together.
        bytes: Bytes of the bodies as they came over the wire, compressed.
        day_left: Calls left of the organisation's day: the fewest that an answer said.
    """

    calls: int = 0
    retries: int = 0
    waited: float = 0.0
    bytes: int = 0
    day_left: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def count_call(self) -> None:
        """Count a request."""
        with self._lock:
            self.calls += 1

    def count_retry(self, seconds: float) -> None:
        """Count another try and the seconds waited before it."""
        with self._lock:
            self.retries += 1
            self.waited += seconds

    def count_wait(self, seconds: float) -> None:
        """Add seconds waited for a slot."""
        with self._lock:
            self.waited += seconds

    def count_answer(self, size: int, day_left: str) -> None:
        """Add the bytes of an answer, and what it says about the day."""
        with self._lock:
            self.bytes += size
            if (left := envelope_of.number(day_left)) is not None:
                self.day_left = left if self.day_left is None else min(self.day_left, left)
