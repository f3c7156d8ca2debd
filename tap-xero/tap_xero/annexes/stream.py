"""An annex as a Singer stream: of each stream named in the setting, what hangs on its records.

The records are listed as their own stream lists them, those that changed since the last run, with a
bookmark for each of the streams: whoever names one more later gets what hangs on all its records.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tap_xero.annexes.table import query, resource
from tap_xero.api import envelope as envelope_of
from tap_xero.api.errors import NotFoundError
from tap_xero.streams import XeroStream
from tap_xero.sync import queries
from tap_xero.sync.cadence import is_due
from tap_xero.sync.reading import Reading
from tap_xero.sync.readings import reading_of
from tap_xero.sync.singer import utc_now
from tap_xero.sync.task import WindowTask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from singer_sdk import Tap

    from tap_xero.annexes.table import Annex
    from tap_xero.api.client import Tenant
    from tap_xero.api.envelope import Row
    from tap_xero.api.errors import ClosedError
    from tap_xero.models.resources import Resource
    from tap_xero.sync.page import Fetch, Page
    from tap_xero.sync.run import Run
    from tap_xero.sync.window import Window


class AnnexReading(Reading):
    """One reading of the records of one stream, and of what hangs on each."""

    def __init__(
        self, fetch: Fetch, parent: Resource, window: Window, *, annex: Annex, **options: Any
    ) -> None:
        """Prepare; nothing is fetched yet.

        Args:
            fetch: Starts calls.
            parent: What the records are.
            window: Where to start in their list.
            annex: What is read of each.
            options: Those of `Reading`.
        """
        super().__init__(fetch, parent, window, **options)
        self._annex = annex
        self._records = reading_of(fetch, parent, window, **options)

    def pages(self) -> Iterator[Page]:
        """Read to the end of the window; the rows of a page are those of its records."""
        records = self._records
        for page in records.pages():
            yield replace(page, rows=list(self._annexed(page.rows)))
        self.complete, self.remark = records.complete, records.remark
        self.odd, self.window = records.odd, records.window

    def _annexed(self, records: Sequence[Row]) -> Iterator[Row]:
        annex, parent = self._annex, self._resource
        planned = [record for record in records if annex.has(record)]
        calls: deque[Callable[[], dict[str, Any]]] = deque()
        requested = 0
        for record in planned:
            while requested < len(planned) and len(calls) < max(1, self._ahead()):
                path = f"{parent.path}/{planned[requested][parent.identity]}/{annex.path}"
                calls.append(self._fetch(path, {}, None))
                requested += 1
            try:
                envelope = calls.popleft()()
            except NotFoundError:
                continue
            yield from annex.rows(parent, record, envelope_of.rows(envelope, annex.envelope) or ())


class AnnexTask(WindowTask):
    """Reads an annex of the records of one stream of one organisation."""

    def __init__(
        self, stream: AnnexStream, tenant: Tenant, parent: Resource, *, write_messages: bool = True
    ) -> None:
        """Prepare; nothing is read yet.

        Args:
            stream: The stream.
            tenant: The organisation.
            parent: What the records are.
            write_messages: Whether records are written, or only yielded.
        """
        super().__init__(stream, tenant, write_messages=write_messages)
        self._annex = stream.annex
        self.listed = parent
        self._partition = stream.run.state.partition(stream.name, tenant.id, parent.stream)

    @property
    def params(self) -> dict[str, str]:
        """The parameters of every call for the list of the records."""
        archived = self.stream.config["include_archived"]
        return query(self._annex, self.listed, include_archived=archived)

    def reading(
        self, fetch: Fetch, window: Window, params: dict[str, str], ahead: Callable[[], int]
    ) -> Reading:
        """How the organisation is read; the arguments are those of `WindowTask`."""
        return AnnexReading(
            fetch,
            self.listed,
            window,
            annex=self._annex,
            params=params,
            now=utc_now,
            ahead=ahead,
        )

    def refusal(self, error: ClosedError) -> str:
        """Why Xero does not hand it out, and what would help."""
        reason = f"{self.listed.stream}: {queries.refusal(self.listed, error)}"
        scope = self._annex.scope
        return f"{reason[:-1]}, and {scope}." if scope else reason

    def _since(self) -> str | None:
        return super()._since() if self.listed.since else None


class AnnexStream(XeroStream):
    """What hangs on the records of some streams, of every organisation.

    Attributes:
        annex: Its row of the table of annexes.
        parents: Of which streams it is read.
    """

    def __init__(self, tap: Tap, annex: Annex, parents: list[Resource], run: Run) -> None:
        """Make the stream of a row of the table of annexes."""
        super().__init__(tap, resource(annex, parents), run)
        self.annex = annex
        self.parents = parents

    def tasks(self, tenant: Tenant, *, write_messages: bool = True) -> list[WindowTask]:
        """One for each stream whose records are read."""
        return [
            AnnexTask(self, tenant, parent, write_messages=write_messages)
            for parent in self.parents
        ]

    def is_whole_due(self, tenant: Tenant, now: datetime) -> bool:
        """Whether it has not been read whole for long enough, of any of the streams."""
        parts = [self.run.state.partition(self.name, tenant.id, p.stream) for p in self.parents]
        return any(is_due(self.full_refresh_every, part.whole, now) for part in parts)
