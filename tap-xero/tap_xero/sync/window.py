"""A window: the rows of one stream of one organisation that one reading is about.

Where the next one starts rests on what Xero does not promise, so it is right either way:

- If-Modified-Since counts whole seconds, and a row appears when its transaction ends, later than
  its timestamp. A bookmark lies `OVERLAP` back for that; of rows that appear later still, nothing
  can tell.
- `DateTimeUTC` of an answer may be the start of the query or its end, and the clock it comes from
  need not be the one that rows are stamped with. So a bookmark is reckoned from the latest
  timestamp in the window's first answer, where that is earlier; but not from more than `DIFFERENCE`
  before that answer, so that what was changed once is not read again for good.

Rows that come twice cost a target nothing when nothing in them changed; a row that is missed is
lost.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from tap_xero.models.dates import format_instant, parse_instant

OVERLAP = timedelta(minutes=5)
"""How much later than its timestamp a row may appear."""

DIFFERENCE = timedelta(hours=1)
"""How far the clock of answers may be ahead of the one that rows are stamped with."""


@dataclass(frozen=True)
class Window:
    """How far the reading of one stream of one organisation has come.

    Attributes:
        since: What If-Modified-Since says, ISO 8601 UTC; None for everything.
        started: When Xero answered the first call of the window, by its own clock; None
            before that.
        page: Page to read next, from 1; for journals, the number to read after, from 0.
        rows: Distinct rows received so far.
        items: Rows in the window by Xero's last count; None where it does not count.
        query: Parameters the pages were counted with; others make other pages.
        latest: The latest timestamp of a row in that answer, ISO 8601 UTC.
        last: Id of the last row before `page`, where pages overlap.
    """

    since: str | None = None
    started: str | None = None
    page: int = 1
    rows: int = 0
    items: int | None = None
    query: str = ""
    latest: str | None = None
    last: str | None = None

    def restarted(self, *, rows: int = 0) -> Window:
        """The same window, to be read from its first page again, `rows` of it in hand."""
        return replace(self, page=1, rows=rows, items=None, last=None)

    def following(self, *, page: int = 1) -> Window:
        """The window after this one, of which nothing is read yet."""
        return Window(since=self.bookmark, page=page, query=self.query)

    @property
    def opened(self) -> str | None:
        """What has an earlier timestamp was there when the window was opened, if clocks agree."""
        return None if self.started is None else _before(self.started, OVERLAP)

    @property
    def settled(self) -> str | None:
        """What has an earlier timestamp was there when the window was opened, in any case."""
        return None if self.started is None else _before(self.started, OVERLAP + DIFFERENCE)

    @property
    def bookmark(self) -> str | None:
        """Where the next window starts."""
        if self.started is None or self.settled is None:
            return None
        seen = [_before(min(self.latest, self.started), OVERLAP)] if self.latest else []
        return max((*seen, self.settled, self.since or ""))


def _before(moment: str, span: timedelta) -> str:
    return format_instant(parse_instant(moment) - span)
