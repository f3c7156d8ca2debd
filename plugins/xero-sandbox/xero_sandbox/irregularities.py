"""Irregularities: what Xero may do by its documentation, or was seen doing, and mostly does not.

A test switches them on for as long as it likes; faults strike single calls, these last. The table
`REASONS` says what each is for and where it comes from.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable

REASONS: dict[str, str] = {
    "count_error": (
        "`pagination.itemCount` is off by so many rows for good: users report counts above what is "
        "listed, and Xero says nowhere that the two agree"
    ),
    "count_lag": (
        "`itemCount` is as it was so many seconds ago: Xero says nowhere that rows and count are "
        "of one moment"
    ),
    "commit_delay": (
        "rows become visible so many seconds after their UpdatedDateUTC: a timestamp is taken "
        "while a transaction runs, and others see the row when it has ended"
    ),
    "clock_ahead": (
        "`DateTimeUTC` of answers is so many seconds ahead of the timestamps of rows (behind when "
        "negative): Xero does not say that its machines agree, or which moment of a call it is"
    ),
    "date_ahead": "the Date header is so many seconds ahead of the clock: another machine sets it",
    "short_pages": (
        "pages have a row fewer than asked for, and are not the last: as rows do that are hidden "
        "from a user; for quotes and journals Xero documents a short page as the end"
    ),
    "past_the_end": (
        "a page past the end is `empty`, `missing` (404) or `repeated` (the last page again): all "
        "three were seen; Xero documents none"
    ),
    "most_sorted": (
        "400 HighVolumeException for an order over more rows than this: error 51, as users of "
        "large organisations report"
    ),
    "persons_replaced": (
        "an update of a contact without ContactPersons leaves it none: Xero says that persons who "
        "are not included are removed, and of other fields that they stay"
    ),
    "slow_above": (
        "504 for pages of more rows than this: as users report for invoices with many lines"
    ),
}
"""Each switch: what the client sees, and why Xero may do that."""

PAST_THE_END = ("empty", "missing", "repeated")


@dataclass(frozen=True)
class Switches:
    """The switches; `REASONS` says what they do."""

    count_error: int = 0
    count_lag: float = 0.0
    commit_delay: float = 0.0
    clock_ahead: float = 0.0
    date_ahead: float = 0.0
    short_pages: bool = False
    past_the_end: str = "empty"
    most_sorted: int | None = None
    slow_above: int | None = None
    persons_replaced: bool = False

    def __post_init__(self) -> None:
        if self.past_the_end not in PAST_THE_END:
            raise ValueError(f"past_the_end is one of {', '.join(PAST_THE_END)}")


_REGULAR = Switches()


@dataclass
class Irregularities:
    """The switches that are on, and for which resources.

    Attributes:
        switches: As set.
        resources: Envelope keys whose lists are concerned; None for all. What is about time
            concerns every answer.
    """

    switches: Switches = _REGULAR
    resources: Collection[str] | None = None
    _counts: dict[Hashable, deque[tuple[float, int]]] = field(default_factory=dict, repr=False)

    def set(self, *, resources: Collection[str] | None = None, **switches: Any) -> None:
        """Switch on, besides what is on already.

        Args:
            resources: Envelope keys whose lists are concerned; None for all.
            switches: By their names in `REASONS`.

        Raises:
            ValueError: There is no such switch.
        """
        unknown = switches.keys() - REASONS.keys()
        if unknown:
            names = ", ".join(each.name for each in fields(Switches))
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}; known are: {names}")
        self.switches = replace(self.switches, **switches)
        self.resources = resources

    def clear(self) -> None:
        """Switch all off."""
        self.switches, self.resources = _REGULAR, None
        self._counts.clear()

    def of(self, resource: str) -> Switches:
        """The switches for the lists of a resource."""
        concerned = self.resources is None or resource in self.resources
        return self.switches if concerned else _REGULAR

    def count(self, resource: str, selection: Hashable, total: int, now: float) -> int:
        """What `itemCount` says of a list.

        Args:
            resource: Envelope key.
            selection: What tells the list from others.
            total: Rows it has.
            now: Seconds by the clock.
        """
        switches = self.of(resource)
        counted = total
        if switches.count_lag:
            # Of what was counted so long ago the latest; no list was counted before its first call.
            history = self._counts.setdefault((resource, selection), deque())
            history.append((now, total))
            while len(history) > 1 and history[1][0] <= now - switches.count_lag:
                history.popleft()
            counted = history[0][1]
        return max(0, counted + switches.count_error)
