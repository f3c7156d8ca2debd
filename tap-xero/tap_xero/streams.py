"""The one stream class: a row of the resource table, read for every organisation.

It decides what is read from where to where and writes it out; the reading itself is in
`tap_xero.reading`, the shape of a record in `tap_xero.transform`.
"""

from __future__ import annotations

import logging
import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from singer_sdk.exceptions import SyncLifecycleSignal
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE
from singer_sdk.streams import Stream

from tap_xero import wire
from tap_xero.dates import format_instant, parse_instant
from tap_xero.errors import (
    AccessDeniedError,
    DayLimitError,
    NotFoundError,
    OrganisationGoneError,
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
    from tap_xero.resources import Resource
    from tap_xero.session import Session
    from tap_xero.tap import TapXero

Record = dict[str, Any]

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
            transform = self._transform(verbatim=False)
            for page in self._reading(tenant, verbatim=False).pages():
                for row in self._wanted(page.rows):
                    yield transform(row, tenant.id)

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
        """Read the stream and write it, or yield its records when batches are written."""
        complete = True
        with self.get_record_counter() as counter, self.get_sync_timer():
            for tenant in self._tenants(context):
                if self._session.is_stopped(tenant):
                    complete = False
                    continue
                try:
                    complete &= yield from self._sync_tenant(tenant, counter, write_messages)
                except (AccessDeniedError, NotFoundError) as error:
                    complete = False
                    self._session.remark(self._denied(tenant, error))
                except (DayLimitError, OrganisationGoneError) as error:
                    complete = False
                    self._session.stop(tenant, error)
        self._session.stream_done(self.name)
        if complete and self._stream_version is not None:
            super()._write_activate_version_message(self._stream_version)

    # Reading and writing ----------------------------------------------------------------

    def _tenants(self, context: Mapping[str, Any] | None) -> list[Tenant]:
        tenants = self._session.tenants
        if not context:
            return tenants
        return [tenant for tenant in tenants if tenant.id == context.get(TENANT)]

    def _sync_tenant(
        self, tenant: Tenant, counter: Any, write_messages: bool
    ) -> Generator[Record, None, bool]:
        """Read one organisation. Returns whether it is all there."""
        fast = write_messages and self._writes_unchanged
        stateful = self.replication_key is not None or self.resource.paging is not Paging.WHOLE
        reading = self._reading(tenant, verbatim=fast)
        transform = self._transform(verbatim=fast)
        partition = self.get_context_state({TENANT: tenant.id}) if stateful else {}
        count = 0
        for page in reading.pages():
            records = [transform(row, tenant.id) for row in self._wanted(page.rows)]
            if fast:
                self._xero.writer.write_lines(
                    wire.record_lines(self.name, records, _now(), self._stream_version)
                )
            else:
                for record in records:
                    self._check_max_record_limit(count)
                    if write_messages:
                        self._write_record_message(record)
                    yield record
                    count += 1
            counter.increment(len(records))
            self._session.page_written(tenant, self.resource, page, len(records))
            if stateful:
                record_progress(partition, page.window)
                self._state_changed(write_messages)
        if not reading.complete:
            self._session.remark(
                f"{self.name} of {tenant.name}: rows kept moving while they were read, "
                f"{PASSES} times over, so some may be missing. The next run reads the same "
                "window again."
            )
        if stateful:
            if reading.complete:
                record_completion(partition, reading.window, self._bookmark_key)
            else:
                abandon(partition)
            self._xero.drop_empty_state(self.name)
            self._state_changed(write_messages)
        return reading.complete

    def _wanted(self, rows: list[Record]) -> list[Record]:
        """The rows without those that are archived, if archived ones are not wanted."""
        if self.resource.hidden is None or self.config["include_archived"]:
            return rows
        name, value = self.resource.hidden
        return [row for row in rows if row.get(name) != value]

    @property
    def _writes_unchanged(self) -> bool:
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

    def _reading(self, tenant: Tenant, *, verbatim: bool) -> Reading:
        params = self.resource.query(include_archived=self.config["include_archived"])
        fresh = Window(since=self._since(tenant), query=urlencode(params))
        if self.resource.paging is Paging.OFFSET:
            fresh = Window(since=fresh.since, query=fresh.query, page=0)
        return Reading(
            self._session.fetch(tenant, self.name, verbatim=verbatim),
            self.resource,
            resume(self._partition(tenant), fresh),
            params=params,
            detail=self._detail(),
            now=_now,
        )

    def _since(self, tenant: Tenant) -> str | None:
        """Where a new window starts: the bookmark or start_date, whichever is later."""
        if self._bookmark_key is None:
            return None
        candidates = [bookmark(self._partition(tenant), self.replication_key)]
        if start_date := self.config.get("start_date"):
            candidates.append(format_instant(parse_instant(start_date)))
        return max((each for each in candidates if each), default=None)

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
