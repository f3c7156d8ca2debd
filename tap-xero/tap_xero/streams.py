"""The one stream class: a row of the resource table, read for every organisation.

It decides what is read from where to where and writes it out; the reading itself is in
`tap_xero.reading`, the shape of a record in `tap_xero.transform`.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from singer_sdk.exceptions import SyncLifecycleSignal
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE
from singer_sdk.streams import Stream

from tap_xero import wire
from tap_xero.cadence import is_due, rule, stamp
from tap_xero.dates import format_instant, parse_instant
from tap_xero.errors import (
    AccessDeniedError,
    DayLimitError,
    NotFoundError,
    OrganisationGoneError,
    RequestRefusedError,
    TemporaryError,
)
from tap_xero.models.schema import TENANT, annotate
from tap_xero.reading import PASSES, Reading
from tap_xero.resources import Paging
from tap_xero.transform import compile_transform
from tap_xero.window import (
    Window,
    abandon,
    bookmark,
    record_completion,
    record_progress,
    resume,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from singer_sdk import singerlib

    from tap_xero.client import Tenant
    from tap_xero.reading import Page
    from tap_xero.resources import Resource
    from tap_xero.session import Session
    from tap_xero.tap import TapXero

Record = dict[str, Any]

FAILURES = (
    AccessDeniedError,
    DayLimitError,
    NotFoundError,
    OrganisationGoneError,
    RequestRefusedError,
    TemporaryError,
)
"""What keeps a stream of an organisation from being read, and nothing else."""

_BUDGET_YEARS = 5
"""Years of budgets that are asked for, back and ahead, where start_date does not say."""


class XeroStream(Stream):
    """A resource of Xero as a Singer stream, with one state partition an organisation."""

    # The transform has typed everything already, and conforming would drop the fields
    # that the schema does not know.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    def __init__(self, tap: TapXero, resource: Resource) -> None:
        """Make the stream of a row of the resource table."""
        super().__init__(tap, schema=resource.schema, name=resource.stream)
        self.resource = resource
        self.primary_keys = (TENANT, *resource.key)
        self.replication_key = resource.updated if resource.since else None
        self._xero = tap
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
                for row in self._wanted(page.rows):
                    yield self._transforms[tenant.id](row, tenant.id)

    def get_replication_key_signpost(self, context: Mapping[str, Any] | None = None) -> None:
        """None: bookmarks come from Xero's clock, not from ours."""

    def finalize_state_progress_markers(
        self,
        state: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> None:
        """Write the state: there are no progress markers, windows take their place."""
        self._write_state_message()

    def log(self, message: str, *args: Any, level: int = logging.INFO, **kwargs: Any) -> None:
        """Log what the SDK has to say, its running commentary at debug level.

        The session tells the same in a line per stream. Stopping after one record, as
        `--test` does, is not an error either.
        """
        narration = level == logging.INFO
        stopped = isinstance(sys.exc_info()[1], SyncLifecycleSignal)
        super().log(
            message, *args, level=logging.DEBUG if narration or stopped else level, **kwargs
        )

    def _generate_schema_messages(self) -> Generator[singerlib.SchemaMessage, None, None]:
        for message in super()._generate_schema_messages():
            message.schema = annotate(message.schema, self.resource.schema)
            yield message

    def _write_state_message(self) -> None:
        """Write the state if it changed; without the empty entries the SDK would add to it."""
        if not self.state_manager.is_flushed and self.tap_state:
            self._xero.state_writer.write_state(self.tap_state)
            self.state_manager.is_flushed = True

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
        self._write_schema_message()
        if self.replication_method == REPLICATION_FULL_TABLE and (
            self.emit_activate_version_messages
        ):
            self._stream_version = self._initialized_at // 1000

    def open(
        self, tenant: Tenant, *, verbatim: bool, ahead: Callable[[], int] = lambda: 1
    ) -> Reading | None:
        """Begin to read an organisation; None when the stream is not due there.

        Args:
            tenant: The organisation.
            verbatim: Whether numbers are kept as their characters.
            ahead: How many calls may be on their way while a page is used.
        """
        now, partition = datetime.now(timezone.utc), self._partition(tenant)
        if not is_due(self._every, partition.get("read"), now) and "page" not in partition:
            self._complete = False
            self._session.not_due(tenant, self.name)
            return None
        self._opened[tenant.id] = stamp(now)
        params = self.resource.query(include_archived=self.config["include_archived"])
        query = urlencode(params)
        if self._whole:
            # Read anew from its first page, so that all of it has the same version.
            window = Window(since=self._start_date, query=f"{query}&whole")
        else:
            window = Window(since=self._since(tenant), query=query)
        if self.resource.paging is Paging.OFFSET:
            window = replace(window, page=0)
        if not self._whole:
            resumed = resume(partition, window)
            self._complete = self._complete and resumed is window
            window = resumed
        self._transforms[tenant.id] = self._transform(verbatim=verbatim)
        return Reading(
            self._session.fetch(tenant, self.name, verbatim=verbatim),
            self.resource,
            window,
            params=params,
            detail=self._detail(),
            now=_now,
            ahead=ahead,
        )

    def write(self, tenant: Tenant, page: Page) -> None:
        """Write a page, and the state after it."""
        for _ in self._page_records(tenant, page, write_messages=True):
            pass
        self._progressed(tenant, page, write_messages=True)

    def close(self, tenant: Tenant, reading: Reading, write_messages: bool = True) -> None:
        """Keep in the state what of an organisation is done."""
        if not reading.complete:
            self._complete = False
            self._session.remark(
                f"{self.name} of {tenant.name}: rows kept moving while they were read, "
                f"{PASSES} times over, so some may be missing. The next run reads the same "
                "window again."
            )
        if not self._stateful:
            return
        partition = self.get_context_state({TENANT: tenant.id})
        if reading.complete:
            record_completion(partition, reading.window, self._bookmark_key)
            if self._every is not None:
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
        if error is None:
            return
        if isinstance(error, (AccessDeniedError, NotFoundError)):
            self._session.remark(self._denied(tenant, error))
        elif isinstance(error, (DayLimitError, OrganisationGoneError)):
            self._session.stop(tenant, error)
        elif isinstance(error, (TemporaryError, RequestRefusedError)):
            self._session.failed(tenant, self.name, error)
        else:
            raise error

    def conclude(self) -> None:
        """Say what the stream gave; retire what was not sent again, if all of it was read."""
        self._session.stream_done(self.name)
        if self._stream_version is None or not self._complete:
            return
        known = self._xero.organisations_in_state(self.name)
        if known <= {tenant.id for tenant in self._session.tenants} and not (
            self._start_date and self.replication_key
        ):
            super()._write_activate_version_message(self._stream_version)

    def _page_records(
        self, tenant: Tenant, page: Page, write_messages: bool
    ) -> Generator[Record, None, None]:
        """Write a page; yields its records unless they were written in one go."""
        transform = self._transforms[tenant.id]
        records = [transform(row, tenant.id) for row in self._wanted(page.rows)]
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
            or self._every is not None
            or self._whole_every is not None
        )

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

    def _wanted(self, rows: list[Record]) -> list[Record]:
        """The rows without those that are archived, if archived ones are not wanted."""
        if self.resource.hidden is None or self.config["include_archived"]:
            return rows
        name, value = self.resource.hidden
        return [row for row in rows if row.get(name) != value]

    @property
    def writes_unchanged(self) -> bool:
        """Whether records go out as the transform leaves them, whole pages at a time.

        Stream maps and flattening rework each record, and `--test` stops after one; those
        take the SDK's way.
        """
        if self.ABORT_AT_RECORD_COUNT is not None or len(self.stream_maps) != 1:
            return False
        stream_map = self.stream_maps[0]
        return type(stream_map) is SameRecordTransform and not stream_map.flattening_enabled

    def _transform(self, *, verbatim: bool) -> Callable[[Record, str], Record]:
        return compile_transform(self.resource.model, self.mask, verbatim=verbatim)

    def _since(self, tenant: Tenant) -> str | None:
        """Where a new window starts: the bookmark or start_date, whichever is later."""
        if self._bookmark_key is None:
            return None
        mark = bookmark(self._partition(tenant), self.replication_key)
        if mark is None and len(self._session.tenants) == 1:
            mark = self._xero.singer_io_bookmarks.get(self.name)
        candidates = (mark, self._start_date)
        return max((each for each in candidates if each), default=None)

    @property
    def _start_date(self) -> str | None:
        start_date = self.config.get("start_date")
        if not start_date or self._bookmark_key is None:
            return None
        return format_instant(parse_instant(start_date))

    @property
    def _bookmark_key(self) -> str | None:
        """The replication key, unless the catalog wants the whole table."""
        return None if self.replication_method == REPLICATION_FULL_TABLE else self.replication_key

    def _partition(self, tenant: Tenant) -> dict[str, Any]:
        return self._xero.partition(self.name, {TENANT: tenant.id})

    def _detail(self) -> dict[str, str] | None:
        """Parameters of the single GETs, or None when none of what they bring is selected."""
        if not any(self.mask["properties", name] for name in self.resource.detail):
            return None
        if self.resource.stream != "budgets":
            return {}
        today = datetime.now(timezone.utc)
        first = f"{today.year - _BUDGET_YEARS}-01-01"
        if start_date := self.config.get("start_date"):
            first = format_instant(parse_instant(start_date))[:10]
        return {"DateFrom": first, "DateTo": f"{today.year + _BUDGET_YEARS}-12-31"}

    def _state_changed(self, write_messages: bool) -> None:
        self.state_manager.is_flushed = False
        if write_messages:
            self._write_state_message()

    def _denied(self, tenant: Tenant, error: Exception) -> str:
        scopes = " or ".join(dict.fromkeys((self.resource.granular, self.resource.scope)))
        advice = f"It takes the scope {scopes}"
        if self.resource.paging is Paging.OFFSET:
            advice += ", which Xero gives to apps of the Advanced tier only"
        return f"{self.name} of {tenant.name}: {error} {advice}."


def _now() -> str:
    return format_instant(datetime.now(timezone.utc))
