"""Reads journals, which never change, by their number.

A short answer is the end by Xero's documentation. One that is nearly full may be short for rows
that are hidden, so one more is asked for; beyond the last journal Xero answers with nothing, with
404, or with journals that came already, and all three are the end. Numbers may become visible out
of their order; those that do are in the next window, by their time.

Source: Xero, Journals (100 at most, `offset`); what comes beyond the last one as reported by users
of the API.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tap_xero.models import resources
from tap_xero.sync.completeness import may_go_on
from tap_xero.sync.reading import Reading, unless_past_the_end

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_xero.sync.page import Page
    from tap_xero.sync.reading import Envelope
    from tap_xero.sync.window import Window


class JournalReading(Reading):
    """One reading of the journals of a window."""

    def _following(self) -> Window:
        return self.window.following(page=0)

    def _pages(self) -> Iterator[Page]:
        if self.window.started is None:
            self.window = replace(self.window, page=0)
        calls = 0
        pending: Callable[[], Envelope] | None = self._after(self.window.page)
        while pending is not None:
            offset = self.window.page
            envelope = unless_past_the_end(pending, first=offset == 0)
            if envelope is None:
                break
            listed = self._open(envelope)
            # Beyond the last journal Xero starts to repeat itself.
            rows = [
                row
                for row in self._usable(listed)
                if isinstance(number := row.get("JournalNumber"), int) and number > offset
            ]
            last = max((row["JournalNumber"] for row in rows), default=offset)
            more = rows and may_go_on(len(listed), resources.FIXED_PAGE_SIZE)
            pending = self._after(last) if more else None
            calls += 1
            self.window = replace(self.window, page=last)
            yield self._page(rows, envelope, number=calls, pages=None)
        self.complete = True

    def _after(self, offset: int) -> Callable[[], Envelope]:
        return self._start({"offset": str(offset)}, self.window.since)
