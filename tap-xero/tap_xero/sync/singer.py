"""The Singer side of a stream: its schema, its versions, its messages, and how the SDK sees it.

A stream is one of all organisations; what is read of each of them is in `tap_xero.sync.task`.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE
from singer_sdk.streams import Stream

from tap_xero.api import wire
from tap_xero.models.dates import format_instant
from tap_xero.models.resources import Paging
from tap_xero.models.schema import STEP, TENANT, annotate, with_steps
from tap_xero.sync import queries
from tap_xero.sync.cadence import is_due, rule
from tap_xero.sync.drafts import Drafts

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence

    from singer_sdk import Tap, singerlib

    from tap_xero.api.client import Tenant
    from tap_xero.models.resources import Resource
    from tap_xero.sync.run import Run

Record = dict[str, Any]

UNCHANGED = "x-unchanged"
"""Annotation of the schema of a stream of which no record follows, as none would be new.

For a target that replaces tables: this one is not to be emptied.
"""


class SingerStream(Stream):
    """A stream of a resource, with one state partition an organisation.

    Attributes:
        resource: Its row of the resource table.
        run: What it shares with the other streams of the run.
        annotated: Its schema, with the annotations that a catalog loses.
        complete: Whether everything of it was read, so that its version may be activated.
        pending: Tasks, one for each organisation, that have not ended.
    """

    # The transform has typed everything already, and conforming would drop the fields
    # that the schema does not know.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    def __init__(self, tap: Tap, resource: Resource, run: Run) -> None:
        """Name the stream, its schema and its keys after a row of the resource table."""
        steps = tap.config.get("amount_scale") == STEP
        self.annotated = with_steps(resource.schema) if steps else resource.schema
        super().__init__(tap, schema=self.annotated, name=resource.stream)
        self.resource = resource
        self.run = run
        self.complete = True
        self.pending = 0
        self.primary_keys = (TENANT, *resource.key)
        self.replication_key = resource.updated if resource.since else None
        self._announced = False
        self._unchanged = False
        self._written = 0
        self._drafts: Drafts | None = None

    # What the settings and the catalog want of it --------------------------------------

    @cached_property
    def every(self) -> timedelta | None:
        """How often it is read; None for at every run."""
        return rule(self.config.get("cadence"), self.name)

    @cached_property
    def full_refresh_every(self) -> timedelta | None:
        """How often it is read whole; None for never, or always."""
        return rule(self.config.get("full_refresh_every"), self.name)

    @property
    def dated(self) -> bool:
        """Whether to remember when an organisation was read."""
        return self.every is not None

    @property
    def stateful(self) -> bool:
        """Whether there is anything to remember of it."""
        return (
            self.replication_key is not None
            or self.resource.paging is not Paging.WHOLE
            or self.dated
            or self.full_refresh_every is not None
        )

    @cached_property
    def whole(self) -> bool:
        """Whether this run reads the stream whole, in every organisation.

        A version of a table is one of all its organisations, so they are refreshed together.
        """
        every = self.full_refresh_every
        if every is None:
            return False
        now = datetime.now(UTC)
        whole = any(self.is_whole_due(tenant, now) for tenant in self.run.tenants)
        if whole:
            self._stream_version = self._initialized_at // 1000
        return whole

    def is_whole_due(self, tenant: Tenant, now: datetime) -> bool:
        """Whether an organisation has not been read whole for long enough."""
        partition = self.run.state.partition(self.name, tenant.id)
        return is_due(self.full_refresh_every, partition.whole, now)

    @property
    def versioned(self) -> bool:
        """Whether this run's records have a version, so that what is gone can be retired."""
        full_table = self.replication_method == REPLICATION_FULL_TABLE
        return (full_table and self.emit_activate_version_messages) or self.whole

    @property
    def drafts(self) -> Drafts | None:
        """What is kept back of it; None when all of it is written as it comes."""
        if (
            self.bookmark_key is not None
            or not self.config["skip_unchanged"]
            or self.config.get("batch_config")
            or self.ABORT_AT_RECORD_COUNT is not None
        ):
            return None
        if self._drafts is None:
            self._drafts = Drafts(
                now=datetime.now(UTC),
                begin=self.begin,
                write=self.run.writer.write_lines,
                forget=self._forget_answers,
            )
        return self._drafts

    @cached_property
    def premises(self) -> bytes:
        """What the records depend on besides Xero's answer: schemas and selection."""
        schemas = [message.to_dict() for message in self._generate_schema_messages()]
        selection = sorted((list(crumb), chosen) for crumb, chosen in self.mask.items())
        return wire.encode([schemas, selection])

    @property
    def bookmark_key(self) -> str | None:
        """The replication key, unless the catalog wants the whole table."""
        return None if self.replication_method == REPLICATION_FULL_TABLE else self.replication_key

    @property
    def start_date(self) -> str | None:
        """The start date, ISO 8601 UTC, in a stream that it holds for."""
        return None if self.bookmark_key is None else queries.start_date(self.config)

    def selects(self, field: str) -> bool:
        """Whether the catalog selects a property of the records."""
        return bool(self.mask["properties", field])

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

    # Messages -----------------------------------------------------------------------------

    def begin(self) -> None:
        """Announce the stream, once, before anything of it is written."""
        if not self._announced:
            self._announced = True
            self.announce()

    def announce(self) -> None:
        """Write what the stream looks like, and settle which version its records have."""
        self.settle_version()
        super()._write_schema_message()

    def settle_version(self) -> None:
        """Settle which version its records have."""
        if self.versioned:
            self._stream_version = self._initialized_at // 1000

    def messages(self, records: Sequence[Record]) -> tuple[bytes, list[bytes]]:
        """RECORD messages as lines, and what each of them says whenever it is written.

        Args:
            records: As the transform leaves them.
        """
        self.settle_version()
        if self.writes_unchanged:
            bodies = [wire.encode(record) for record in records]
            verbatim = map(wire.verbatim, bodies)
            return wire.record_lines(self.name, verbatim, utc_now(), self._stream_version), bodies
        made = [each for record in records for each in self._generate_record_messages(record)]
        lines = b"".join(self.run.writer.format_message(each) + b"\n" for each in made)
        return lines, [wire.encode([each.stream, each.record]) for each in made]

    def write_records(self, records: Sequence[Record], *, write_messages: bool) -> Iterator[Record]:
        """Write records; yields them unless they were written in one go.

        Args:
            records: As the transform leaves them.
            write_messages: Whether they are written at all, or only yielded.
        """
        if write_messages and self.writes_unchanged:
            self.run.writer.write_lines(
                wire.record_lines(self.name, records, utc_now(), self._stream_version)
            )
            return
        for record in records:
            self._check_max_record_limit(self._written)
            if write_messages:
                self._write_record_message(record)
            yield record
            self._written += 1

    def task_ended(self) -> None:
        """One organisation less to read; conclude after the last."""
        self.pending -= 1
        self.run.commentary.note_end()
        if not self.pending:
            self.conclude()

    def conclude(self) -> None:
        """Say what the stream gave; retire what was not sent again, if all of it was read."""
        run, drafts, retires = self.run, self.drafts, self._retires()
        tenants = {tenant.id for tenant in run.tenants}
        gone = run.state.answers(self.name, besides=tenants)
        if drafts is not None:
            drafts.conclude(retires=retires, gone=bool(gone))
            for draft in drafts.unchanged:
                run.note_unchanged(draft.tenant, self.name)
                self._unchanged = True
        self.begin()
        run.log_stream(self.name)
        if retires and not self._unchanged:
            super()._write_activate_version_message(cast("int", self._stream_version))
            for partition in gone:
                partition.forget_answer()
        if drafts is not None:
            drafts.record(retired=retires)
            run.state.write()

    def _retires(self) -> bool:
        """Whether this run may retire rows: it has seen all that the tables may have."""
        if not self.versioned or not self.complete or self.run.missing:
            return False
        remembered = self.run.state.organisations(self.name)
        return remembered <= {tenant.id for tenant in self.run.tenants} and not (
            self.start_date and self.replication_key
        )

    def _forget_answers(self) -> None:
        """Have the state say no more what was written of any organisation of the run."""
        self.run.state.forget_answers(self.name, [tenant.id for tenant in self.run.tenants])

    def end_reading(self) -> None:
        """Note that the stream is read; whoever reads it once more gets its schema once more."""
        self._announced = self._unchanged = False
        self._drafts = None

    # How the SDK sees it ------------------------------------------------------------------

    def get_replication_key_signpost(self, context: Mapping[str, Any] | None = None) -> None:
        """None: bookmarks come from Xero's clock, not from ours."""

    def finalize_state_progress_markers(
        self,
        state: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> None:
        """Write the state: there are no progress markers, windows take their place."""
        self.run.state.write()

    def log(self, message: str, *args: Any, level: int = logging.INFO, **kwargs: Any) -> None:
        """Log what the SDK has to say, its running commentary at debug level.

        The run tells the same in a line per stream, and the tap ends with every error as a line.
        """
        narration = level == logging.INFO or sys.exc_info()[1] is not None
        super().log(message, *args, level=logging.DEBUG if narration else level, **kwargs)

    def _write_schema_message(self) -> None:
        """Once: of another organisation, something of this stream may have been written already.

        Not yet, where it is not known whether records follow.
        """
        if self.drafts is None:
            self.begin()

    def _generate_schema_messages(self) -> Generator[singerlib.SchemaMessage, None, None]:
        for message in super()._generate_schema_messages():
            message.schema = annotate(message.schema, self.annotated)
            if self._unchanged:
                message.schema = {**message.schema, UNCHANGED: True}
            yield message

    def _write_state_message(self) -> None:
        """Write the state, without the empty entries the SDK would add to it."""
        self.run.state.write()

    def _write_activate_version_message(self, full_table_version: int) -> None:
        """Nothing yet: rows must not be retired before all that replace them are written."""


def utc_now() -> str:
    """The time, ISO 8601 UTC."""
    return format_instant(datetime.now(UTC))
