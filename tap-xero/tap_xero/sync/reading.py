"""Reads a window of a resource until nothing of it is missing.

How depends on how Xero hands the rows out: in one response (here), in pages
(`tap_xero.sync.paging`), or after a number (`tap_xero.sync.journals`).

A window that a stopped run has begun is finished, and the one after it is read at once: what was
edited since the stopped run received it is in that one.

Source: Xero, Requests and responses (paging, If-Modified-Since).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tap_xero.api import envelope as envelope_of
from tap_xero.api.errors import NotFoundError, TemporaryError
from tap_xero.models.dates import format_instant, instant, parse_instant
from tap_xero.sync.details import with_details
from tap_xero.sync.page import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tap_xero.api.envelope import Row
    from tap_xero.models.resources import Resource
    from tap_xero.sync.page import Fetch
    from tap_xero.sync.window import Window

Envelope = dict[str, Any]


class Reading:
    """One reading of one window, which comes in one response.

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
        self._detail = detail
        self._now = now
        self._ahead = ahead

    def pages(self) -> Iterator[Page]:
        """Read to the end of the window, and of the next one when this one was begun before."""
        resumed = self.window.started is not None
        yield from self._pages()
        if resumed and self.complete and self._resource.since:
            self.complete, remark = False, self.remark
            self.window = self._following()
            yield from self._pages()
            self.remark = remark or self.remark

    def _following(self) -> Window:
        return self.window.following()

    def _pages(self) -> Iterator[Page]:
        """Read the window; sets `complete`."""
        envelope = self._start({}, self.window.since)()
        rows = self._counted(self._open(envelope))
        if self._detail is not None:
            rows = list(with_details(rows, self._detail, self._detailed, self._ahead))
        yield self._page(rows, envelope, number=1, pages=1)
        self.complete = True

    def _detailed(self, row: Row, params: dict[str, str]) -> Callable[[], list[Row]]:
        path = f"{self._resource.path}/{row[self._resource.identity]}"
        arrive = self._fetch(path, params, None)
        return lambda: self._usable(self._rows(arrive()))

    # What all readings share ----------------------------------------------------------

    def _start(self, place: dict[str, str], since: str | None) -> Callable[[], Envelope]:
        """Start a call for a part of the list."""
        return self._fetch(self._resource.path, {**self._params, **place}, since)

    def _open(self, envelope: Envelope) -> list[Any]:
        """The rows of an answer; the first answer of a window dates it."""
        rows = self._rows(envelope)
        if self.window.started is None:
            latest = latest_of(self._usable(rows), self._resource.updated)
            self.window = replace(self.window, started=self._at(envelope), latest=latest)
        return rows

    def _rows(self, envelope: Envelope) -> list[Any]:
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

    def _at(self, envelope: Envelope) -> str:
        return envelope_of.answered_at(envelope) or self._now()

    def _page(self, rows: list[Row], envelope: Envelope, **place: Any) -> Page:
        return Page(rows, self.window, at=self._at(envelope), **place)


def latest_of(rows: Sequence[Row], name: str | None) -> str | None:
    """The latest timestamp of some rows, ISO 8601 UTC in whole seconds; None without any.

    Args:
        rows: As Xero sent them.
        name: The timestamp's.
    """
    if name is None:
        return None
    texts = {text for row in rows if isinstance(text := row.get(name), str)}
    # Timestamps of one spelling are in the order of their characters.
    latest = {max(some) for some in _by_spelling(texts)}
    return max(filter(None, map(_instant, latest)), default=None)


def _by_spelling(texts: set[str]) -> list[set[str]]:
    spellings: dict[tuple[int, str], set[str]] = {}
    for text in texts:
        spellings.setdefault((len(text), text[:1]), set()).add(text)
    return list(spellings.values())


def _instant(text: str) -> str | None:
    try:
        return format_instant(parse_instant(str(instant(text))))
    except ValueError:
        return None


def unless_past_the_end(arrive: Callable[[], Envelope], *, first: bool) -> Envelope | None:
    """What a call for a page brings; None when Xero has no such page and it is not the first."""
    try:
        return arrive()
    except NotFoundError:
        if first:
            raise
        return None
