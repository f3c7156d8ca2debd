"""A task of the scheduler: one stream of one organisation.

It opens, reads, writes, notes progress in the state, and closes. What is asked of Xero is in
`tap_xero.sync.queries`, the reading in `tap_xero.sync.readings`, the shape of a record in
`tap_xero.sync.transform`, that of the state in `tap_xero.sync.state`.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from tap_xero.api.errors import (
    SHAPES,
    ClosedError,
    DayLimitError,
    OrganisationGoneError,
    RequestRefusedError,
    TemporaryError,
    odd_answer,
)
from tap_xero.models.resources import Paging
from tap_xero.sync import queries
from tap_xero.sync.cadence import is_due, stamp
from tap_xero.sync.readings import reading_of
from tap_xero.sync.singer import utc_now
from tap_xero.sync.transform import compile_transform
from tap_xero.sync.window import Window
from tap_xero.text import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_xero.api.client import Tenant
    from tap_xero.sync.drafts import Draft
    from tap_xero.sync.page import Fetch, Page
    from tap_xero.sync.reading import Reading
    from tap_xero.sync.singer import Record, SingerStream

FAILURES = (
    ClosedError,
    DayLimitError,
    OrganisationGoneError,
    RequestRefusedError,
    TemporaryError,
)
"""What keeps a stream of an organisation from being read, and nothing else."""


class StreamTask:
    """What of one stream of one organisation is written, whichever rows are read.

    Attributes:
        stream: The stream.
        tenant: The organisation.
    """

    def __init__(
        self, stream: SingerStream, tenant: Tenant, *, write_messages: bool = True
    ) -> None:
        """Prepare; nothing is read yet.

        Args:
            stream: The stream.
            tenant: The organisation.
            write_messages: Whether records are written, or only yielded.
        """
        self.stream = stream
        self.tenant = tenant
        self._write_messages = write_messages
        self._verbatim = write_messages and stream.writes_unchanged
        self._transform: Callable[[Record, str], Record] | None = None
        self._partition = stream.run.state.partition(stream.name, tenant.id)
        self._draft: Draft | None = None
        self._odd: Exception | None = None

    def fetch(self, turn: Callable[[], None]) -> Fetch:
        """A function that starts calls for the task.

        Args:
            turn: Returns when there is room for another page.
        """
        return self.stream.run.fetch(
            self.tenant, self.stream.name, verbatim=self._verbatim, turn=turn
        )

    def write(self, page: Page) -> Iterator[Record]:
        """Write a page; yields its records unless they were written in one go."""
        stream, resource = self.stream, self.stream.resource
        if self._transform is None:
            self._transform = compile_transform(
                resource.model, stream.mask, verbatim=self._verbatim
            )
        records = [
            self._transform(row, self.tenant.id)
            for row in queries.without_archived(resource, stream.config, page.rows)
        ]
        drafts = stream.drafts
        if self._draft is not None and drafts is not None and not drafts.overflowed:
            drafts.add(self._draft, *stream.messages(records))
        else:
            if self._write_messages:
                stream.run.state.forget_answers(stream.name, [self.tenant.id])
            yield from stream.write_records(records, write_messages=self._write_messages)
        stream.run.note_page(self.tenant, resource, page, len(records))

    @contextmanager
    def _unless_odd(self) -> Iterator[None]:
        """Keep to this stream what an answer does that nothing can be made of."""
        try:
            yield
        except SHAPES as error:
            self._odd = odd_answer(error)

    def _state_changed(self) -> None:
        if self._write_messages:
            self.stream.run.state.write()


class WindowTask(StreamTask):
    """Reads a window of one stream of one organisation: all that is new, or all that there is.

    Attributes:
        listed: What is listed to find the rows.
    """

    def __init__(
        self, stream: SingerStream, tenant: Tenant, *, write_messages: bool = True
    ) -> None:
        """Prepare; nothing is read yet. The arguments are those of `StreamTask`."""
        super().__init__(stream, tenant, write_messages=write_messages)
        self.listed = stream.resource
        self._opened = ""
        self._reached: Window | None = None
        stream.pending += 1

    # What the scheduler calls --------------------------------------------------------------

    def start(
        self,
        ahead: Callable[[], int] = lambda: 1,
        turn: Callable[[], None] = lambda: None,
    ) -> Reading | None:
        """Begin to read; None when the stream is not due.

        Args:
            ahead: How many calls may be on their way while a page is used.
            turn: Returns when there is room for another page.
        """
        now, stream = datetime.now(UTC), self.stream
        if not self._is_due(now):
            stream.complete = False
            stream.run.note_not_due(self.tenant, stream.name)
            return None
        self._opened = stamp(now)
        params = self.params
        window = self._window(urlencode(params))
        if stream.drafts is not None and self._write_messages and window.started is None:
            self._draft = stream.drafts.draft(self.tenant, self._partition, stream.premises)
        return self.reading(self.fetch(turn), window, params, ahead)

    def take(self, page: Page) -> None:
        """Write a page, and the state after it; none any more after one that cannot be read."""
        if self._odd is not None:
            return
        drafts = self.stream.drafts
        if drafts is None:
            self.stream.begin()
        elif self._draft is None:
            drafts.release()
        with self._unless_odd():
            for _ in self._take(page):
                pass

    def end(self, reading: Reading | None, error: Exception | None) -> bool:
        """Keep in the state what is done; False when the organisation has to be left.

        Raises:
            Exception: The error, when it concerns the whole run.
        """
        drafts = self.stream.drafts
        error = self._odd or (None if error is None else odd_answer(error))
        if drafts is None:
            self.stream.begin()
        elif self._draft is not None:
            complete = error is None and reading is not None and reading.complete
            drafts.end(self._draft, complete=complete)
        if error is not None:
            self._note_progress()
            self.fail(error)
        elif reading is not None:
            self.close(reading)
        self.stream.task_ended()
        return not isinstance(error, (DayLimitError, OrganisationGoneError))

    def leave(self) -> None:
        """Note that the stream was not read, as the organisation was left."""
        if self.stream.drafts is None:
            self.stream.begin()
        self.fail(None)
        self.stream.task_ended()

    # Without a scheduler -------------------------------------------------------------------

    def records(self) -> Iterator[Record]:
        """Read and write on this thread, page by page, and yield the records."""
        if self.stream.run.is_stopped(self.tenant):
            self.leave()
            return
        reading, error = self.start(), None
        try:
            for page in reading.pages() if reading else ():
                yield from self._take(page)
        except (*FAILURES, *SHAPES) as failure:
            error = failure
        self.end(reading, error)

    # Opening, writing, closing -------------------------------------------------------------

    @property
    def params(self) -> dict[str, str]:
        """The parameters of every list call, its page left out."""
        return self.listed.query(include_archived=self.stream.config["include_archived"])

    def refusal(self, error: ClosedError) -> str:
        """Why Xero does not hand the stream out, and what would help."""
        return queries.refusal(self.listed, error)

    def reading(
        self, fetch: Fetch, window: Window, params: dict[str, str], ahead: Callable[[], int]
    ) -> Reading:
        """How the organisation is read.

        Args:
            fetch: Starts calls.
            window: Where to start.
            params: Parameters of every list call.
            ahead: How many calls may be on their way while a page is used.
        """
        stream = self.stream
        return reading_of(
            fetch,
            stream.resource,
            window,
            params=params,
            detail=queries.details(
                stream.resource, stream.config, stream.selects, datetime.now(UTC)
            ),
            now=utc_now,
            ahead=ahead,
        )

    def close(self, reading: Reading) -> None:
        """Keep in the state what of the organisation is done."""
        stream = self.stream
        if reading.odd:
            stream.run.remark(
                f"{stream.name} of {self.tenant.name}: {plural(reading.odd, 'row')} without "
                f"{self.listed.identity}, which nothing can be made of."
            )
        if reading.remark:
            stream.complete = False
            stream.run.remark(f"{stream.name} of {self.tenant.name}: {reading.remark}")
            if not reading.complete:
                stream.run.unfinished[self.tenant.name, stream.name] = reading.remark
        if not stream.stateful:
            return
        if reading.complete:
            self._partition.complete(
                reading.window,
                stream.bookmark_key,
                read=self._opened if stream.dated else None,
                whole=self._opened if stream.whole else None,
            )
        else:
            self._partition.abandon()
        self._state_changed()

    def fail(self, error: Exception | None) -> None:
        """Note that the organisation was not read to its end, and why.

        Args:
            error: What happened; None when nothing more of it is read anyway.

        Raises:
            Exception: The error, when it concerns the whole run.
        """
        stream, run = self.stream, self.stream.run
        stream.complete = False
        if isinstance(error, ClosedError):
            run.note_gated(self.tenant, stream.name, self.refusal(error))
        elif isinstance(error, (TemporaryError, RequestRefusedError)):
            run.note_failure(self.tenant, stream.name, error)
        elif error is None or isinstance(error, (DayLimitError, OrganisationGoneError)):
            if error is not None:
                run.stop(self.tenant, error)
            if self._is_due(datetime.now(UTC)):
                run.note_unread(self.tenant, stream.name)
                run.note_backlog(self.tenant, stream.resource, self._partition)
        else:
            raise error

    def _take(self, page: Page) -> Iterator[Record]:
        yield from self.write(page)
        self._reached = page.window
        self._note_progress()

    def _note_progress(self) -> None:
        """Keep in the state how far the window is written."""
        drafts = self.stream.drafts
        written = self._draft is None or drafts is None or drafts.released
        if self.stream.stateful and self._reached is not None and written:
            self._partition.progress(self._reached)
            self._state_changed()

    def _is_due(self, now: datetime) -> bool:
        """Whether the organisation is to be read in this run; what was begun always is."""
        return self._partition.begun or is_due(self.stream.every, self._partition.read, now)

    def _window(self, query: str) -> Window:
        """Where to start: in a window that was left half-read, else at its beginning."""
        stream = self.stream
        if stream.whole:
            # Read anew from its first page, so that all of it has the same version.
            window = Window(since=stream.start_date, query=f"{query}&whole")
        else:
            window = Window(since=self._since(), query=query)
        if stream.resource.paging is Paging.OFFSET:
            window = replace(window, page=0)
        if stream.whole:
            return window
        resumed = self._partition.resume(window)
        stream.complete = stream.complete and resumed is window
        return resumed

    def _since(self) -> str | None:
        """Where a new window starts: the bookmark or start_date, whichever is later."""
        stream, run = self.stream, self.stream.run
        if stream.bookmark_key is None:
            return None
        mark = self._partition.bookmark(stream.replication_key)
        if mark is None and len(run.tenants) + len(run.missing) == 1:
            mark = run.state.singer_io_bookmarks.get(stream.name)
        return max((each for each in (mark, stream.start_date) if each), default=None)
