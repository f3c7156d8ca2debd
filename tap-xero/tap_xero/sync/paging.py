"""Reads a list page by page, until nothing of it is missing.

Rows change while they are read, and pages are cut anew at every call, so a row can slip from a page
that is still to come onto one that has been read. Two pages that share a row leave nothing out
between them (`tap_xero.sync.cuts`), so wherever pages can be made to overlap, they are, and what
they bring is complete whatever Xero counts. This is also how a run goes on where another stopped:
its first page has the last row of the other's last one, or the window is begun anew.

Elsewhere (lists that Xero will not sort, pages of a fixed size, the pages of a long list that do
not overlap) the list is read again until nothing moved, or, where it is long, until as many rows
were received as Xero counts (`tap_xero.sync.completeness`).

When rows that Xero counts are missing nevertheless, what changed since the window was opened is
read as well, and Xero is asked for its count again; when that does not explain them, the window is
read again. When a second pass brings the same rows and the same count, Xero counts more than it
lists: all that it lists is there then.

Once the first page has told how many there are, further pages are asked for several at a time and
used in order. Where pages do not overlap, each that counts fewer rows than one before it was cut
before that one, and is asked for once more.

Xero refuses an order where a list is too long to be sorted (HighVolumeException): it is read
without one then. Where pages of a thousand take longer than Xero gives itself (504), or than we
wait, smaller ones are asked for. Both begin the window anew, as its pages are other ones.

Past the last page Xero may answer with an empty one, with 404, or with rows that came already; all
three are the end.

Source: Xero, Requests and responses (paging, order, If-Modified-Since).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tap_xero.api import envelope as envelope_of
from tap_xero.api import wire
from tap_xero.api.errors import RequestRefusedError, SlowAnswerError
from tap_xero.models import resources
from tap_xero.models.resources import is_large, smaller
from tap_xero.sync import cuts
from tap_xero.sync.completeness import Pass, is_full, may_go_on, nothing_slipped
from tap_xero.sync.cuts import Cut
from tap_xero.sync.reading import Reading, latest_of, unless_past_the_end

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterator

    from tap_xero.api.envelope import Row
    from tap_xero.sync.page import Page
    from tap_xero.sync.reading import Envelope

PASSES = 4
"""Times a window is read in all before it is given up for this run."""

_ROUNDS = 3
"""Times what changed meanwhile is read before the whole window is read again."""

_BRIDGES = 3
"""Pages that are asked for between two that should share a row and do not."""

_MOVING = (
    f"rows kept moving while they were read, {PASSES} times over, so some may be missing. The next "
    "run reads the same window again."
)


class _SlippedError(Exception):
    """Two pages that should share a row do not, nor do pages between them."""


@dataclass(frozen=True)
class _Answer:
    """A page as it came.

    Attributes:
        envelope: The answer.
        rows: Its usable rows.
        odd: Rows of it that are not usable.
        number: Its place.
        following: The place to go on from after it.
        overlaps: Whether it begins with rows of the page before.
        pages: How many pages Xero counts.
        items: How many rows Xero counts.
    """

    envelope: Envelope | None
    rows: list[Row]
    odd: int
    number: int
    following: int
    overlaps: bool = False
    pages: int | None = None
    items: int | None = None

    @cached_property
    def length(self) -> int:
        """Its rows, usable or not."""
        return len(self.rows) + self.odd


class PagedReading(Reading):
    """One reading of one window of a list in pages."""

    def __init__(self, *place: Any, **options: Any) -> None:
        """Prepare; nothing is fetched yet. The arguments are those of `Reading`."""
        super().__init__(*place, **options)
        self._ordered = self._resource.order is not None
        self._overlapping = True
        self._seen: dict[Any, int] = {}

    def _pages(self) -> Iterator[Page]:
        self._seen.clear()
        while True:
            try:
                self.complete = yield from self._until_nothing_is_missing()
            except RequestRefusedError:
                if self._params.pop("order", None) is None:
                    raise
                self._ordered = False
            except SlowAnswerError:
                if not is_large(self._params):
                    raise
                self._params["pageSize"] = str(smaller(self._params))
            else:
                break
            # What was read with other parameters is no page of these; rows may come again.
            self._seen.clear()
            self.window = replace(self.window.restarted(), query=urlencode(self._params))
        if not self.complete:
            self.remark = _MOVING

    # Passes ---------------------------------------------------------------------------

    def _until_nothing_is_missing(self) -> Generator[Page, None, bool]:
        """Read until everything is there; False when that is never certain."""
        if not self._ordered and self.window.page > 1:
            # Without an order, the pages of a stopped run are not the pages of this one.
            self.window = self.window.restarted()
        counted: int | None = None
        for number in range(PASSES):
            read = yield from self._pass(again=number > 0)
            items = self.window.items
            if nothing_slipped(read, ordered=self._ordered, counted=items is not None):
                if number > 0 and self._missing and not read.news and items == counted:
                    self.remark = (
                        f"Xero counts {items:,} rows and lists {len(self._seen):,}, also when all "
                        "is read a second time. What it lists was read; nothing is retired for it."
                    )
                    return True
                doubtful = read.news and not read.proven and read.pages > 1 and not self._ordered
                if not self._missing and not doubtful:
                    return True
                if (yield from self._catch_up(proven=read.proven)):
                    return True
            elif read.broken:
                # Perhaps pages have not the size that was asked for, and can never overlap.
                self._overlapping = number == 0
            elif read.fell:
                # A row left, so counting cannot tell whether another slipped.
                self._seen.clear()
            counted = items
            self.window = self.window.restarted(rows=len(self._seen))
        return False

    def _catch_up(self, *, proven: bool) -> Generator[Page, None, bool]:
        """Read what changed since the window was opened, and compare with a new count."""
        for _ in range(_ROUNDS):
            before = self.window
            try:
                for answer in self._walk(1, self.window.opened):
                    yield self._answered(answer, self._fresh(answer.rows))
            except _SlippedError:
                return False
            items = self._count()
            if items < (self.window.items or 0) and not proven:
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
        counted = self._start({"page": "1", "pageSize": "1"}, self.window.since)()
        return envelope_of.counts(counted)[1] or 0

    @property
    def _missing(self) -> int:
        """Rows that Xero counted and we do not have."""
        return max(0, (self.window.items or 0) - self.window.rows)

    def _pass(self, *, again: bool) -> Generator[Page, None, Pass]:
        """Read from the window's page to its last one."""
        pages, broken, fell, news = 0, False, False, False
        last, identity = self.window.last, self._resource.identity
        proven = self.window.page == 1 or last is not None
        resumable = self._size > 0 and self._ordered
        walk = self._walk(
            self.window.page,
            self.window.since,
            self.window.items or 0,
            None if last is None else {last},
        )
        try:
            for answer in walk:
                most, rows = self.window.items or 0, answer.rows
                fell = fell or (answer.items is not None and answer.items < most)
                proven = proven and (answer.overlaps or answer.number == 1)
                pages += 1
                self.odd += answer.odd
                ids = [row[identity] for row in rows]
                if last in ids:
                    # What is before the last row of a stopped run was in that run's pages.
                    rows = rows[ids.index(last) + 1 :]
                fresh = self._fresh(rows)
                news = news or (bool(fresh) if again else self._may_be_news(fresh, answer.items))
                self.window = replace(
                    self.window,
                    page=answer.following,
                    items=None if answer.items is None else max(answer.items, most),
                    last=(ids[-1] if ids else self.window.last) if resumable else None,
                )
                yield self._answered(answer, fresh)
        except _SlippedError:
            broken = True
        return Pass(pages, broken, proven, fell, news)

    def _answered(self, answer: _Answer, fresh: list[Row]) -> Page:
        return self._page(fresh, answer.envelope or {}, number=answer.number, pages=answer.pages)

    def _fresh(self, rows: list[Row]) -> list[Row]:
        """Rows that were not received before, or not with this timestamp."""
        identity, updated, seen = self._resource.identity, self._resource.updated, self._seen
        before = len(seen)
        fresh = []
        for row in rows:
            # A number takes less memory than the text, of which there is one for each row.
            key, stamp = row[identity], hash(str(row.get(updated or "")))
            if seen.get(key) != stamp:
                seen[key] = stamp
                fresh.append(row)
        self.window = replace(self.window, rows=self.window.rows + len(seen) - before)
        return fresh

    def _may_be_news(self, rows: list[Row], items: int | None) -> bool:
        """Whether some rows may be younger than the window, as far as their timestamps tell."""
        if not rows:
            return False
        if not self._ordered and items is None:
            return True
        latest, settled = latest_of(rows, self._resource.updated), self.window.settled
        return latest is None or settled is None or latest >= settled

    # Pages ----------------------------------------------------------------------------

    @property
    def _size(self) -> int:
        """Rows of the first page, where pages can be made to overlap; else 0."""
        return int(self._params.get("pageSize", "0")) if self._overlapping else 0

    def _cut(self, number: int) -> Cut:
        """The page at a place."""
        if self._size:
            return cuts.cut(number, self._size)
        return Cut(number, int(self._params.get("pageSize", str(resources.FIXED_PAGE_SIZE))))

    def _walk(
        self, number: int, since: str | None, most: int = 0, previous: Collection[Any] | None = None
    ) -> Iterator[_Answer]:
        """The answers from a page to the last.

        Args:
            number: The first page to read.
            since: What If-Modified-Since says.
            most: Rows that the page before `number` counted.
            previous: Marks of which that page had one at least; None when none is known.

        Raises:
            _SlippedError: Rows may be missing between two pages.
        """
        pending = deque([self._ask(self._cut(number), since)])
        requested, ended = number, False
        received: set[Any] = set()
        while pending:
            arrive = pending.popleft()
            answer = self._read(arrive, number)
            overlaps = bool(self._size) and cuts.overlaps(number, self._size)
            if not overlaps and answer.items is not None and answer.items < most:
                # Cut before the one before it.
                answer = self._read(self._ask(self._cut(number), since), number)
            most = most if answer.items is None else answer.items
            marks = self._marks(answer)
            if (
                overlaps
                and previous is not None
                and (marks or not ended)
                and marks.isdisjoint(previous)
            ):
                for _ in range(_BRIDGES):
                    between = self._read(self._ask(cuts.bridge(number, self._size), since), number)
                    if self._marks(between).isdisjoint(previous):
                        raise _SlippedError
                    yield replace(between, following=number, overlaps=True)
                    previous = self._marks(between)
                    if not marks.isdisjoint(previous):
                        break
                    answer = self._read(self._ask(self._cut(number), since), number)
                    marks = self._marks(answer)
                    if not marks.isdisjoint(previous):
                        break
                else:
                    raise _SlippedError
            past = ended and not answer.length and (self._size or answer.items is None)
            repeated = answer.items is None and marks and marks <= received
            if answer.envelope is None or past or repeated:
                return
            if answer.items is None:
                received |= marks
            more = self._goes_on(answer, marks, previous)
            last = self._last(answer) if more else number
            while requested < max(last, number + more) and len(pending) < max(1, self._ahead()):
                requested += 1
                pending.append(self._ask(self._cut(requested), since))
            yield replace(answer, overlaps=overlaps and previous is not None)
            if not more:
                return
            previous, ended = marks, answer.length < self._cut(number).size
            number += 1

    def _goes_on(
        self, answer: _Answer, marks: Collection[Any], previous: Collection[Any] | None
    ) -> bool:
        """Whether there may be a page after one."""
        cut = self._cut(answer.number)
        if not answer.length:
            return False
        if answer.pages is None:
            return may_go_on(answer.length, cut.size)
        if cut.page < answer.pages:
            return True
        repeated = previous is not None and set(marks) <= set(previous)
        return is_full(answer.length, cut.size) and not repeated

    def _last(self, answer: _Answer) -> int:
        """The place of the last page, as Xero counts."""
        if self._size and answer.items is not None:
            return cuts.number_of(answer.items, self._size)
        return answer.pages or answer.number + 1

    def _ask(self, cut: Cut, since: str | None) -> Callable[[], Envelope]:
        size = {"pageSize": str(cut.size)} if "pageSize" in self._params else {}
        return self._start({"page": str(cut.page), **size}, since)

    def _read(self, arrive: Callable[[], Envelope], number: int) -> _Answer:
        """What a call brings; without an envelope when Xero has no such page."""
        envelope = unless_past_the_end(arrive, first=number == 1)
        if envelope is None:
            return _Answer(None, [], 0, number, number + 1)
        listed = self._open(envelope)
        rows = self._usable(listed)
        pages, items = envelope_of.counts(envelope)
        return _Answer(
            envelope, rows, len(listed) - len(rows), number, number + 1, pages=pages, items=items
        )

    def _marks(self, answer: _Answer) -> set[Any]:
        """What tells the rows from others that may have another place in the list."""
        identity, updated = self._resource.identity, self._resource.updated or ""
        if self._ordered:
            return {row[identity] for row in answer.rows}
        # An edit moves a row; one that was not edited keeps its place among the others.
        return {(row[identity], wire.encode(row.get(updated))) for row in answer.rows}
