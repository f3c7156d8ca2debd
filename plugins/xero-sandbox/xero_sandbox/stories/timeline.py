"""When things happen: working time, the pace of a strand of business, and what is due next.

History starts on Monday 1 January 2024 and reaches the anchor, 1 January 2026, with exactly the
number of invoices that was asked for; it goes on at that pace for ever. All instants are
milliseconds since 1970.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xero_sandbox.wire import DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOUR = 3_600_000
START = 1_704_067_200_000
"""Monday 1 January 2024, 00:00 UTC."""
ANCHOR = 1_767_225_600_000
"""1 January 2026, 00:00 UTC."""
SET_UP = START - 420 * DAY
"""When organisations were set up, and their settings last changed."""

_OPENS = 8 * HOUR
_WORKING_DAY = 10 * HOUR
_WORKING_DAYS = 523
"""Mondays to Fridays from START to ANCHOR."""
HISTORY = _WORKING_DAYS * _WORKING_DAY
"""Working time from START to ANCHOR."""


def at_work(worked: int) -> int:
    """Return the instant at which `worked` milliseconds of working time have passed."""
    day, rest = divmod(worked, _WORKING_DAY)
    week, weekday = divmod(day, 5)
    return START + (week * 7 + weekday) * DAY + _OPENS + rest


def worked_by(instant: int) -> int:
    """Return how much working time has passed since START (negative before it)."""
    day, rest = divmod(instant - START, DAY)
    week, weekday = divmod(day, 7)
    today = min(max(rest - _OPENS, 0), _WORKING_DAY)
    if weekday >= 5:
        weekday, today = 5, 0
    return (week * 5 + weekday) * _WORKING_DAY + today


@dataclass(frozen=True)
class Pace:
    """How often something happens.

    Attributes:
        count: How many fall between START and ANCHOR.
    """

    count: int

    def at(self, index: int, jitter: float) -> int:
        """Return when number `index` happens; `jitter` in [0, 1) places it within its slot."""
        return at_work((index * HISTORY + int(jitter * HISTORY)) // self.count)

    def begun(self, instant: int) -> int:
        """Return a number of happenings that have surely taken place by `instant`."""
        return max(0, worked_by(instant) * self.count // HISTORY)


class Agenda:
    """Which stories change between one look and the next.

    A strand is asked for the birth of its next story and, for stories that are not over, for
    their next event; neither depends on how often anybody looks.

    Args:
        births: For each strand, gives the instant at which story number `index` begins.
    """

    def __init__(self, births: dict[str, Callable[[int], int]]) -> None:
        self._births = births
        self._next = dict.fromkeys(births, 0)
        self._pending: list[tuple[int, str, int]] = []

    def due(self, now: int) -> Iterator[tuple[str, int]]:
        """Yield (strand, index) of each story with an event up to `now`, each once.

        The caller reports a story's next event with `expect`, before or after the iteration.
        """
        late: set[tuple[str, int]] = set()
        while self._pending and self._pending[0][0] <= now:
            late.add(heapq.heappop(self._pending)[1:])
        yield from sorted(late)
        for strand, birth in self._births.items():
            while birth(self._next[strand]) <= now:
                index = self._next[strand]
                self._next[strand] += 1
                yield strand, index

    def expect(self, at: int, strand: str, index: int) -> None:
        """Remember that a story has its next event at `at`."""
        heapq.heappush(self._pending, (at, strand, index))

    def next_event(self) -> int:
        """Return the earliest instant at which anything will be due."""
        births = min(birth(self._next[strand]) for strand, birth in self._births.items())
        return min(births, self._pending[0][0]) if self._pending else births
