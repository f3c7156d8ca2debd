"""Waiting: short, growing waits within a budget, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

FIRST, LONGEST, GROWTH = 0.5, 30.0, 2.0
"""Seconds of the first and of the longest wait, and how they grow."""


@dataclass(frozen=True)
class Backoff:
    """How long to keep trying.

    Attributes:
        seconds: In all.
        clock: Seconds that only go forward.
        sleep: Waits.
    """

    seconds: float = 600.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def attempts(self, *, first: float = FIRST, longest: float = LONGEST) -> Iterator[bool]:
        """Wait between attempts, longer each time; yields whether this attempt is the last.

        Args:
            first: Seconds of the first wait.
            longest: Seconds of the longest wait.
        """
        end = self.clock() + self.seconds
        wait = first
        while True:
            left = end - self.clock()
            yield left <= 0
            self.sleep(max(0.0, min(wait, left)))
            wait = min(longest, wait * GROWTH)
