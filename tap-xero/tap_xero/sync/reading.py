"""Reads a window of a resource, page by page, until nothing of it is missing.

Rows change while they are read, and pages are cut anew at every call, so a row can slip
from a page that is still to come onto one that has been read already. Two things keep it
from being missed:

- Pages are asked for in the order of the immutable id wherever `order` exists. No edit
  moves a row then; a new row only pushes others to later pages, where they are seen.
- A window is complete when as many distinct rows were received as Xero counts
  (`itemCount`) in it. Rows do not leave a window (what is deleted or archived stays listed
  with its status), so equal numbers mean equal sets. When some are missing, what changed
  since the window was opened is read as well, and Xero is asked for its count again; when
  that does not explain them, the window is read again. When a second pass brings the same
  rows and the same count, Xero counts more than it lists: all that it lists is there then.

Once the first page has told how many there are, further pages are asked for several at a
time and used in order. Xero may cut them in another order than that of their numbers, so a
new row can push one from a page that is cut late onto one that was cut early. The late one
counts the new row, so a page that counts fewer than one before it was cut too early: it is
asked for once more. Every page that is handed on was thus cut after those before it, and a
run that is stopped anywhere leaves no gap behind, which the next one could not find: it no
longer knows which rows were received, so it cannot tell by their number.

Where there is neither order nor count (linked transactions, which can vanish), pages are
read again until a pass brings nothing new. Journals never change and are read by number.
Xero refuses an order where a list is too long to be sorted (HighVolumeException): it is read
without one then. Where pages of a thousand take longer than Xero gives itself (504), or than we
wait, smaller ones are asked for. Both begin the window anew, as its pages are other ones.

Past the last page Xero may answer with an empty one, with 404, or with rows that came
already; all three are the end.

Source: Xero, Requests and responses (paging, If-Modified-Since); the behaviour of
journals beyond the last one as reported by users of the API.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tap_xero.api import envelope as envelope_of
from tap_xero.api.errors import NotFoundError, RequestRefusedError, SlowAnswerError, TemporaryError
from tap_xero.models.dates import instant
from tap_xero.models.resources import FIXED_PAGE_SIZE, Paging, is_large, smaller
from tap_xero.sync.details import with_details
from tap_xero.sync.page import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from tap_xero.api.envelope import Row
    from tap_xero.models.resources import Resource
    from tap_xero.sync.page import Fetch
    from tap_xero.sync.window import Window

PASSES = 4
"""Times a window is read in all before it is given up for this run."""

_ROUNDS = 3
"""Times what changed meanwhile is read before the whole window is read again."""

_MOVING = (
    f"rows kept moving while they were read, {PASSES} times over, so some may be missing. The next "
    "run reads the same window again."
)


class Reading:
    """One reading of one window.

    Attributes:
        complete: True once everything in the window was received.
        remark: What is to be known of how that was found, one sentence; empty when all is clear.
        odd: Rows that could not be told from others, and were left.
        window: The window as far as it was read.
    """

    def __init__(
        self,
        fetch: Fetch,
        resource: Resource,
        window: Window,
        *,
        params: dict[str, str],
        detail: Sequence[dict[str, str]] | None = None,
        now: Callable[[], str],
        ahead: Callable[[], int] = lambda: 1,
    ) -> None:
        """Prepare; nothing is fetched yet.

        Args:
            fetch: Starts calls.
            resource: What to read.
            window: Where to start.
            params: Parameters of every list call.
            detail: Parameters of the single GETs of each row; None to be content with
                the list.
            now: The time, for an answer of Xero that does not say.
            ahead: How many calls may be on their way while a page is used.
        """
        self.complete = False
        self.remark = ""
        self.odd = 0
        self.window = window
        self._fetch = fetch
        self._resource = resource
        self._params = dict(params)
        self._ordered = resource.order is not None
        self._detail = detail
        self._now = now
        self._ahead = ahead
        self._seen: set[Any] = set()

    def pages(self) -> Iterator[Page]:
        """Read to the end of the window."""
        while True:
            try:
                yield from self._pages()
            except RequestRefusedError:
                if self._params.pop("order", None) is None:
                    raise
                self._ordered = False
            except SlowAnswerError:
                if not is_large(self._params):
                    raise
                self._params["pageSize"] = str(smaller(self._params))
            else:
                return
            # What was read with other parameters is no page of these; rows may come again.
            self._seen.clear()
            self.window = replace(self.window.restarted(), query=urlencode(self._params))

    def _pages(self) -> Iterator[Page]:
        paging = self._resource.paging
        if paging is Paging.WHOLE:
            yield self._whole()
            self.complete = True
        elif paging is Paging.OFFSET:
            yield from self._by_offset()
            self.complete = True
        elif paging is Paging.PAGES:
            self.complete = yield from self._until_all_counted()
        elif self._ordered:
            yield from self._pass()
            self.complete = True
        else:
            self.complete = yield from self._until_nothing_new()
        if not self.complete:
            self.remark = _MOVING

    # One response -------------------------------------------------------------------

    def _whole(self) -> Page:
        envelope = self._start(None, self.window.since)()
        rows = self._counted(self._open(envelope))
        if self._detail is not None:
            rows = list(with_details(rows, self._detail, self._detailed, self._ahead))
        return self._page(rows, envelope, number=1, pages=1)

    def _detailed(self, row: Row, params: dict[str, str]) -> Callable[[], list[Row]]:
        path = f"{self._resource.path}/{row[self._resource.identity]}"
        arrive = self._fetch(path, params, None)
        return lambda: self._usable(self._rows(arrive()))

    # Journals -----------------------------------------------------------------------

    def _by_offset(self) -> Iterator[Page]:
        if self.window.started is None:
            self.window = replace(self.window, page=0)
        calls = 0
        pending: Callable[[], dict[str, Any]] | None = self._start_after(self.window.page)
        while pending is not None:
            offset = self.window.page
            envelope = _unless_past_the_end(pending, first=offset == 0)
            if envelope is None:
                return
            # Beyond the last journal Xero starts to repeat itself.
            rows = [
                row
                for row in self._usable(self._open(envelope))
                if isinstance(number := row.get("JournalNumber"), int) and number > offset
            ]
            full = len(self._rows(envelope)) >= FIXED_PAGE_SIZE
            last = max((row["JournalNumber"] for row in rows), default=offset)
            pending = self._start_after(last) if full and rows else None
            calls += 1
            self.window = replace(self.window, page=last)
            yield self._page(rows, envelope, number=calls, pages=None)

    def _start_after(self, offset: int) -> Callable[[], dict[str, Any]]:
        params = {**self._params, "offset": str(offset)}
        return self._fetch(self._resource.path, params, self.window.since)

    # Pages --------------------------------------------------------------------------

    def _until_all_counted(self) -> Generator[Page, None, bool]:
        """Read until as many rows came as Xero counts; False when they never do."""
        self._restart_unless_ordered()
        counted: int | None = None
        for number in range(PASSES):
            before = len(self._seen)
            fell, listed = yield from self._pass()
            same = number > 0 and before == listed == len(self._seen)
            if fell and self._count() < (self.window.items or 0):
                # A row left after all, so counting cannot tell whether another slipped.
                self._seen.clear()
            elif same and not fell and self._missing and self.window.items == counted:
                self.remark = (
                    f"Xero counts {self.window.items:,} rows and lists {listed:,}, also when all "
                    "is read a second time. What it lists was read; nothing is retired for it."
                )
                return True
            elif not self._missing or (yield from self._catch_up()):
                return True
            counted = self.window.items
            self.window = self.window.restarted(rows=len(self._seen))
        return False

    def _catch_up(self) -> Generator[Page, None, bool]:
        """Read what changed since the window was opened, and compare with a new count."""
        for _ in range(_ROUNDS):
            before = self.window
            yield from self._changed_meanwhile()
            items = self._count()
            if items < (self.window.items or 0):
                self._seen.clear()
                return False
            self.window = replace(self.window, items=items)
            if not self._missing:
                return True
            if self.window == before:
                return False
        return False

    def _count(self) -> int:
        """Rows in the window as Xero counts them now."""
        params = {**self._params, "page": "1", "pageSize": "1"}
        counted = self._fetch(self._resource.path, params, self.window.since)()
        return envelope_of.counts(counted)[1] or 0

    def _until_nothing_new(self) -> Generator[Page, None, bool]:
        """Read until a pass brings nothing new; False when every pass did."""
        self._restart_unless_ordered()
        for _ in range(PASSES):
            before = len(self._seen)
            yield from self._pass()
            one_answer = self.window.page == 2
            if one_answer or len(self._seen) == before:
                return True
            self.window = self.window.restarted(rows=len(self._seen))
        return False

    def _restart_unless_ordered(self) -> None:
        """Without an order, the pages of a stopped run are not the pages of this one."""
        if not self._ordered and self.window.page > 1:
            self.window = self.window.restarted()

    @property
    def _missing(self) -> int:
        """Rows that Xero counted and we do not have."""
        return max(0, (self.window.items or 0) - self.window.rows)

    def _pass(self) -> Generator[Page, None, tuple[bool, int]]:
        """Read from the window's page to its last one.

        Returns:
            Whether a page counted less than one before it although it was cut after it, so that
            rows have left; and how many rows the pages had.
        """
        fell, listed = False, 0
        walk = self._walk(self.window.page, self.window.since, self.window.items or 0)
        for envelope, number, pages, items in walk:
            most = self.window.items or 0
            fell = fell or (items is not None and items < most)
            rows = self._counted(self._rows(envelope))
            listed += len(rows)
            fresh = self._fresh(rows)
            self.window = replace(
                self.window, page=number + 1, items=None if items is None else max(items, most)
            )
            yield self._page(fresh, envelope, number=number, pages=pages)
        return fell, listed

    def _changed_meanwhile(self) -> Iterator[Page]:
        """Read what changed since the window was opened, into the same window."""
        for envelope, number, pages, _ in self._walk(1, self.window.bookmark):
            fresh = self._fresh(self._usable(self._rows(envelope)))
            yield self._page(fresh, envelope, number=number, pages=pages)

    def _walk(
        self, number: int, since: str | None, most: int = 0
    ) -> Iterator[tuple[dict[str, Any], int, int | None, int | None]]:
        """The answers from a page to the last, each cut after the one before.

        Args:
            number: The first page to read.
            since: What If-Modified-Since says.
            most: Rows that the page before `number` counted.

        Yields:
            An answer, its page number, and how many pages and rows it counts.
        """
        pending = deque([self._start(number, since)])
        last = requested = number
        received: set[Any] = set()
        while pending:
            envelope = _unless_past_the_end(pending.popleft(), first=number == 1)
            pages, items = envelope_of.counts(envelope)
            if items is not None and items < most:
                envelope = _unless_past_the_end(self._start(number, since), first=number == 1)
                pages, items = envelope_of.counts(envelope)
            if envelope is None:
                return
            most = most if items is None else items
            rows = self._open(envelope)
            if pages is None:
                these = {row[self._resource.identity] for row in self._usable(rows)}
                if these and these <= received:
                    return
                received |= these
            uncounted = number + (len(rows) >= FIXED_PAGE_SIZE)
            last = max(last, uncounted if pages is None else pages)
            while requested < last and len(pending) < max(1, self._ahead()):
                requested += 1
                pending.append(self._start(requested, since))
            yield envelope, number, pages, items
            number += 1

    def _fresh(self, rows: list[Row]) -> list[Row]:
        """Rows not received before, or changed since the window was opened."""
        identity, seen = self._resource.identity, self._seen
        before = len(seen)
        fresh = []
        for row in rows:
            if row[identity] not in seen:
                seen.add(row[identity])
                fresh.append(row)
            elif self._touched(row):
                fresh.append(row)
        self.window = replace(self.window, rows=self.window.rows + len(seen) - before)
        return fresh

    def _touched(self, row: Row) -> bool:
        updated = instant(row.get(self._resource.updated or ""))
        started = self.window.bookmark
        return updated is None or started is None or updated >= started

    # Envelopes ----------------------------------------------------------------------

    def _start(self, page: int | None, since: str | None) -> Callable[[], dict[str, Any]]:
        params = self._params if page is None else {**self._params, "page": str(page)}
        return self._fetch(self._resource.path, params, since)

    def _open(self, envelope: dict[str, Any]) -> list[Row]:
        """The rows of an answer; the first answer of a window dates it."""
        if self.window.started is None:
            self.window = replace(self.window, started=self._at(envelope))
        return self._rows(envelope)

    def _rows(self, envelope: dict[str, Any]) -> list[Row]:
        """The rows of an answer as they came, odd ones included."""
        rows = envelope_of.rows(envelope, self._resource.envelope)
        if rows is None:
            raise TemporaryError(
                f"Xero's answer for {self._resource.path} has no {self._resource.envelope}."
            )
        return rows

    def _usable(self, rows: list[Any]) -> list[Row]:
        return envelope_of.usable(rows, self._resource.identity)

    def _counted(self, rows: list[Any]) -> list[Row]:
        """The usable ones of some rows; the others are counted."""
        usable = self._usable(rows)
        self.odd += len(rows) - len(usable)
        return usable

    def _at(self, envelope: dict[str, Any]) -> str:
        return envelope_of.answered_at(envelope) or self._now()

    def _page(self, rows: list[Row], envelope: dict[str, Any], **place: Any) -> Page:
        return Page(rows, self.window, at=self._at(envelope), **place)


def _unless_past_the_end(
    arrive: Callable[[], dict[str, Any]], *, first: bool
) -> dict[str, Any] | None:
    """What a call for a page brings; None when Xero has no such page and it is not the first."""
    try:
        return arrive()
    except NotFoundError:
        if first:
            raise
        return None
