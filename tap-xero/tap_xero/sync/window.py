"""A window: the rows of one stream of one organisation that one reading is about."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from tap_xero.models.dates import format_instant, parse_instant

OVERLAP = timedelta(seconds=60)
"""How far a bookmark lies before the moment its window was opened.

If-Modified-Since counts whole seconds, Xero's machines do not agree on the time to the
second, and a row appears when its transaction ends, later than its timestamp. Rows read
twice cost a target nothing when nothing in them changed; a row that is missed is lost.
"""


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
    """

    since: str | None = None
    started: str | None = None
    page: int = 1
    rows: int = 0
    items: int | None = None
    query: str = ""

    def restarted(self, *, rows: int = 0) -> Window:
        """The same window, to be read from its first page again, `rows` of it in hand."""
        return replace(self, page=1, rows=rows, items=None)

    @property
    def bookmark(self) -> str | None:
        """Where the next window starts: shortly before this one did."""
        if self.started is None:
            return None
        return format_instant(parse_instant(self.started) - OVERLAP)
