"""The one stream class: a row of the resource table, read for every organisation.

It decides what is read from where to where and writes it out; what is asked of Xero is in
`tap_xero.sync.queries`, the reading in `tap_xero.sync.reading`, the shape of a record in
`tap_xero.sync.transform`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE

from tap_xero.api import wire
from tap_xero.api.errors import (
    ClosedError,
    DayLimitError,
    OrganisationGoneError,
    RequestRefusedError,
    TemporaryError,
)
from tap_xero.models.dates import format_instant
from tap_xero.models.resources import Paging
from tap_xero.models.schema import TENANT
from tap_xero.sync import queries
from tap_xero.sync.cadence import is_due, rule, stamp
from tap_xero.sync.changed import ChangedRows
from tap_xero.sync.reading import Reading
from tap_xero.sync.singer import SingerStream
from tap_xero.sync.state import (
    Window,
    abandon,
    bookmark,
    record_completion,
    record_progress,
    resume,
)
from tap_xero.sync.transform import compile_transform

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from tap_xero.api.client import Tenant
    from tap_xero.models.resources import Resource
    from tap_xero.sync.reading import Fetch, Page
    from tap_xero.sync.run import Session
    from tap_xero.tap import TapXero

Record = dict[str, Any]

FAILURES = (
    ClosedError,
    DayLimitError,
    OrganisationGoneError,
    RequestRefusedError,
    TemporaryError,
)
"""What keeps a stream of an organisation from being read, and nothing else."""


class XeroStream(SingerStream):
    """A resource of Xero as a Singer stream, with one state partition an organisation."""

    def __init__(self, tap: TapXero, resource: Resource) -> None:
        """Make the stream of a row of the resource table."""
        super().__init__(tap, resource)
        self._complete = True
        self._written = 0
        self._opened: dict[str, str] = {}
        self._transforms: dict[str, Callable[[Record, str], Record]] = {}

    @property
    def _session(self) -> Session:
        return self._xero.session

    # What the SDK asks of a stream -----------------------------------------------------

    @property
    def partitions(self) -> list[dict[str, Any]]:
        """One for each organisation that is read."""
        return [{TENANT: tenant.id} for tenant in self._session.tenants]

    def get_records(self, context: Mapping[str, Any] | None) -> Generator[Record, None, None]:
        """The records of one organisation or, without a context, of all."""
        for tenant in self._tenants(context):
            reading = self.open(tenant, verbatim=False)
            for page in reading.pages() if reading else ():
                for row in queries.wanted(self.resource, self.config, page.rows):
                    yield self._transforms[tenant.id](row, tenant.id)

    def _write_activate_version_message(self, full_table_version: int) -> None:
        """Nothing yet: rows must not be retired before all that replace them are written."""

    def _sync_records(
        self, context: Mapping[str, Any] | None = None, *, write_messages: bool = True
    ) -> Generator[Record, None, None]:
        """Read one organisation after the other, and yield the records for batches."""
        with self.get_record_counter() as counter, self.get_sync_timer():
            for tenant in self._tenants(context):
                if self._session.is_stopped(tenant):
                    self.fail(tenant, None)
                    continue
                reading = self.open(tenant, verbatim=write_messages and self.writes_unchanged)
                if reading is None:
                    continue
                try:
                    for page in reading.pages():
                        for record in self._page_records(tenant, page, write_messages):
                            yield record
                            counter.increment()
                        self._progressed(tenant, page, write_messages)
                except FAILURES as error:
                    self.fail(tenant, error)
                else:
                    self.close(tenant, reading, write_messages)
        self.conclude()

    # Reading and writing ----------------------------------------------------------------

    def _tenants(self, context: Mapping[str, Any] | None) -> list[Tenant]:
        tenants = self._session.tenants
        if not context:
            return tenants
        return [tenant for tenant in tenants if tenant.id == context.get(TENANT)]

    def begin(self) -> None:
        """Announce the stream, before anything of it is written."""
        self.announce()

    def announce(self) -> None:
        """Write what the stream looks like, and settle which version its records have."""
        full_table = self.replication_method == REPLICATION_FULL_TABLE
        if (full_table and self.emit_activate_version_messages) or self._whole:
            self._stream_version = self._initialized_at // 1000
        self._write_schema_message()

    def open(
        self,
        tenant: Tenant,
        *,
        verbatim: bool,
        ahead: Callable[[], int] = lambda: 1,
        turn: Callable[[], None] = lambda: None,
    ) -> Reading | None:
        """Begin to read an organisation; None when the stream is not due there.

        Args:
            tenant: The organisation.
            verbatim: Whether numbers are kept as their characters.
            ahead: How many calls may be on their way while a page is used.
            turn: Returns when there is room for another page.
        """
        now, partition = datetime.now(timezone.utc), self._partition(tenant)
        if not self._is_due(partition, now):
            self._complete = False
            self._session.not_due(tenant, self.name)
            return None
        self._opened[tenant.id] = stamp(now)
        params = self.resource.query(include_archived=self.config["include_archived"])
        query = urlencode(params)
        if self._whole:
            # Read anew from its first page, so that all of it has the same version.
            window = Window(since=self._start, query=f"{query}&whole")
        else:
            window = Window(since=self._since(tenant), query=query)
        if self.resource.paging is Paging.OFFSET:
            window = replace(window, page=0)
        if not self._whole:
            resumed = resume(partition, window)
            self._complete = self._complete and resumed is window
            window = resumed
        self._transforms[tenant.id] = self._transform(verbatim=verbatim)
        fetch = self._session.fetch(tenant, self.name, verbatim=verbatim, turn=turn)
        return self._reading(tenant, fetch, window, params, ahead)

    def open_changed(
        self,
        tenant: Tenant,
        ids: Sequence[str],
        *,
        ahead: Callable[[], int],
        turn: Callable[[], None],
    ) -> ChangedRows:
        """Begin to read some rows of an organisation by their ids, beside its windows.

        Args:
            tenant: The organisation.
            ids: The rows.
            ahead: How many calls may be on their way while a page is used.
            turn: Returns when there is room for another page.
        """
        verbatim = self.writes_unchanged
        self._transforms[tenant.id] = self._transform(verbatim=verbatim)
        return ChangedRows(
            self._session.fetch(tenant, self.name, verbatim=verbatim, turn=turn),
            self.resource,
            ids,
            now=_now,
            ahead=ahead,
        )

    def write(self, tenant: Tenant, page: Page) -> None:
        """Write a page, and the state after it."""
        self.write_rows(tenant, page)
        self._progressed(tenant, page, write_messages=True)

    def write_rows(self, tenant: Tenant, page: Page) -> None:
        """Write a page."""
        for _ in self._page_records(tenant, page, write_messages=True):
            pass

    def close(self, tenant: Tenant, reading: Reading, write_messages: bool = True) -> None:
        """Keep in the state what of an organisation is done."""
        if reading.remark:
            self._complete = False
            self._session.remark(f"{self.name} of {tenant.name}: {reading.remark}")
        if not self._stateful:
            return
        partition = self.get_context_state({TENANT: tenant.id})
        if reading.complete:
            record_completion(partition, reading.window, self._bookmark_key)
            if self._dated:
                partition["read"] = self._opened[tenant.id]
            if self._whole:
                partition["whole"] = self._opened[tenant.id]
        else:
            abandon(partition)
        self._xero.drop_empty_state(self.name)
        self._state_changed(write_messages)

    def fail(self, tenant: Tenant, error: Exception | None) -> None:
        """Note that an organisation was not read to its end, and why.

        Args:
            tenant: The organisation.
            error: What happened; None when nothing more of it is read anyway.

        Raises:
            Exception: The error, when it concerns the whole run.
        """
        self._complete = False
        if isinstance(error, ClosedError):
            self._session.closed(tenant, self.name, queries.refused(self.resource, error))
        elif isinstance(error, (TemporaryError, RequestRefusedError)):
            self._session.failed(tenant, self.name, error)
        elif error is None or isinstance(error, (DayLimitError, OrganisationGoneError)):
            self._leave(tenant, error)
        else:
            raise error

    def _leave(self, tenant: Tenant, error: DayLimitError | OrganisationGoneError | None) -> None:
        """Note that nothing more of an organisation is read in this run."""
        if error is not None:
            self._session.stop(tenant, error)
        partition = self._partition(tenant)
        if self._is_due(partition, datetime.now(timezone.utc)):
            self._session.leave(tenant, self.name)
            self._session.left_over(tenant, self.resource, partition)

    def conclude(self) -> None:
        """Say what the stream gave; retire what was not sent again, if all of it was read."""
        self._session.stream_done(self.name)
        if self._stream_version is None or not self._complete or self._session.missing:
            return
        known = self._xero.organisations_in_state(self.name)
        if known <= {tenant.id for tenant in self._session.tenants} and not (
            self._start and self.replication_key
        ):
            super()._write_activate_version_message(self._stream_version)

    def _page_records(
        self, tenant: Tenant, page: Page, write_messages: bool
    ) -> Generator[Record, None, None]:
        """Write a page; yields its records unless they were written in one go."""
        transform = self._transforms[tenant.id]
        records = [
            transform(row, tenant.id)
            for row in queries.wanted(self.resource, self.config, page.rows)
        ]
        if write_messages and self.writes_unchanged:
            self._xero.writer.write_lines(
                wire.record_lines(self.name, records, _now(), self._stream_version)
            )
        else:
            for record in records:
                self._check_max_record_limit(self._written)
                if write_messages:
                    self._write_record_message(record)
                yield record
                self._written += 1
        self._session.page_written(tenant, self.resource, page, len(records))

    def _progressed(self, tenant: Tenant, page: Page, write_messages: bool) -> None:
        if self._stateful:
            record_progress(self.get_context_state({TENANT: tenant.id}), page.window)
            self._state_changed(write_messages)

    @property
    def _stateful(self) -> bool:
        """Whether there is anything to remember of a stream."""
        return (
            self.replication_key is not None
            or self.resource.paging is not Paging.WHOLE
            or self._dated
            or self._whole_every is not None
        )

    def _is_due(self, partition: dict[str, Any], now: datetime) -> bool:
        """Whether an organisation is to be read in this run; what was begun always is."""
        return "page" in partition or is_due(self._every, partition.get("read"), now)

    @property
    def _dated(self) -> bool:
        """Whether to remember when an organisation was read."""
        return self._every is not None

    @cached_property
    def _every(self) -> timedelta | None:
        return rule(self.config.get("cadence"), self.name)

    @cached_property
    def _whole_every(self) -> timedelta | None:
        return rule(self.config.get("full_refresh_every"), self.name)

    @cached_property
    def _whole(self) -> bool:
        """Whether this run reads the stream whole, in every organisation.

        A version of a table is one of all its organisations, so they are refreshed together.
        """
        every = self._whole_every
        if every is None:
            return False
        now = datetime.now(timezone.utc)
        whole = any(
            is_due(every, self._partition(tenant).get("whole"), now)
            for tenant in self._session.tenants
        )
        if whole:
            self._stream_version = self._initialized_at // 1000
        return whole

    def _reading(
        self,
        tenant: Tenant,  # noqa: ARG002
        fetch: Fetch,
        window: Window,
        params: dict[str, str],
        ahead: Callable[[], int],
    ) -> Reading:
        """How an organisation is read."""
        return Reading(
            fetch,
            self.resource,
            window,
            params=params,
            detail=queries.details(
                self.resource, self.config, self._selects, datetime.now(timezone.utc)
            ),
            now=_now,
            ahead=ahead,
        )

    def _transform(self, *, verbatim: bool) -> Callable[[Record, str], Record]:
        return compile_transform(self.resource.model, self.mask, verbatim=verbatim)

    def _since(self, tenant: Tenant) -> str | None:
        """Where a new window starts: the bookmark or start_date, whichever is later."""
        if self._bookmark_key is None:
            return None
        mark = bookmark(self._partition(tenant), self.replication_key)
        if mark is None and len(self._session.tenants) + len(self._session.missing) == 1:
            mark = self._xero.singer_io_bookmarks.get(self.name)
        candidates = (mark, self._start)
        return max((each for each in candidates if each), default=None)

    @property
    def _start(self) -> str | None:
        """The start date, in a stream that it holds for."""
        return None if self._bookmark_key is None else queries.start_date(self.config)

    def _selects(self, field: str) -> bool:
        return bool(self.mask["properties", field])

    @property
    def _bookmark_key(self) -> str | None:
        """The replication key, unless the catalog wants the whole table."""
        return None if self.replication_method == REPLICATION_FULL_TABLE else self.replication_key


def _now() -> str:
    return format_instant(datetime.now(timezone.utc))
