"""What is said while a run goes on: how far it is, how fast, and when a stream will be read."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tap_xero.text import duration

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_xero.sync.page import Page

_FIRST = 5.0
"""Seconds before anything is said, and between two lines at least."""
_LATER = 60.0
"""Seconds between two lines of a run that takes hours."""


@dataclass
class _Reading:
    """A stream of an organisation that is being read: where it was when it was first seen."""

    began: float
    page: int


@dataclass
class Commentary:
    """Says how far a run is, every five seconds and less often the longer it takes.

    Attributes:
        say: Takes a line.
        clock: Seconds, of any beginning.
        tasks: Streams of organisations that are to be read; 0 where that is not known.
        ended: How many of them are read.
        rows: Rows so far.
    """

    say: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    tasks: int = 0
    ended: int = 0
    rows: int = 0
    _began: float | None = None
    _said: float = 0.0
    _readings: dict[str, _Reading] = field(default_factory=dict)

    def begin(self, tasks: int) -> None:
        """A run begins."""
        self.tasks, self._began = tasks, self.clock()
        self._said = self._began

    def note_page(self, name: str, page: Page, rows: int) -> None:
        """A page was read.

        Args:
            name: What it is a page of, for people.
            page: The page.
            rows: Rows that it gave.
        """
        now = self.clock()
        self.rows += rows
        reading = self._readings.setdefault(name, _Reading(now, page.number))
        self._speak(now, _place(name, page, reading, now))

    def note_end(self) -> None:
        """A stream of an organisation is read."""
        self.ended += 1
        self._speak(self.clock(), "")

    def _speak(self, now: float, place: str) -> None:
        if self._began is None:
            self.begin(0)
            return
        seconds = now - self._began
        if now - self._said < min(max(_FIRST, seconds / 12), _LATER):
            return
        self._said = now
        done = f", {self.ended:,} of {self.tasks:,} streams done" if self.tasks else ""
        self.say(
            f"{duration(seconds)}: {self.rows:,} rows, {self.rows / seconds:,.0f} a second{done}"
            + (f"; {place}" if place else "")
        )


def _place(name: str, page: Page, reading: _Reading, now: float) -> str:
    """`invoices of Kauri at page 12 of 40, 25 s left`, as far as that is known."""
    at = f"{name} at page {page.number:,}"
    if not page.pages:
        return at
    at += f" of {page.pages:,}"
    read, left = page.number - reading.page, page.pages - page.number
    if read <= 0 or left <= 0:
        return at
    return f"{at}, {duration((now - reading.began) / read * left)} left"
