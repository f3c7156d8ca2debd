"""A table as a Singer stream."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.streams import Stream

from tap_databricks.records import Records, instant
from tap_databricks.schema import annotated, is_text, stream_schema
from tap_databricks.settings import FILES, FULL_TABLE, INCREMENTAL, LOG_BASED, Options
from tap_databricks.tables import CHANGE, Source, Table, TableError
from tap_databricks.versions import DELETED, Mark, VersionReading, deletions, without_keys

if TYPE_CHECKING:
    from singer_sdk import Tap
    from singer_sdk.helpers import types
    from singer_sdk.singerlib import Catalog, MetadataMapping, SchemaMessage


_EXACT_DIGITS = 15
"""Digits of a decimal that JSON's readers keep, which the state goes through."""


class TableStream(Stream):
    """Rows of a table or view.

    Args:
        tap: The tap.
        name: The stream's name.
        table: The table.
        source: Where it is.
        options: What the settings say of the stream.
        failures: Takes the stream's name when its table cannot be read.
    """

    # Records come in JSON's types and with the schema's properties.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE
    is_sorted: ClassVar[bool] = True

    def __init__(
        self,
        tap: Tap,
        name: str,
        table: Table,
        source: Source,
        options: Options,
        failures: list[str],
    ) -> None:
        self._table, self._source, self._options = table, source, options
        self._failures = failures
        keys = table.keys if options.key_properties is None else options.key_properties
        schema = stream_schema(table.columns, keys, decimals=tap.config["decimals"])
        if table.comment:
            schema["description"] = table.comment
        super().__init__(tap, schema, name)
        self.primary_keys = keys
        self.replication_key = options.replication_key
        if options.replication_method:
            self.forced_replication_method = options.replication_method
        if options.replication_method == FULL_TABLE:
            self.replication_key = None

    @property
    def schema(self) -> dict[str, Any]:
        """The schema; where deletions are read, with a property that says when."""
        schema = super().schema
        if not self._tells_deletions or DELETED in schema["properties"]:
            return schema
        deleted = {
            "type": ["string", "null"],
            "format": "date-time",
            "description": "When the row was deleted; null for one that is there.",
        }
        return {**schema, "properties": {**schema["properties"], DELETED: deleted}}

    @property
    def is_timestamp_replication_key(self) -> bool:
        """Whether the bookmark is an instant; a column that is not there is told of later."""
        return self.replication_key in self.schema["properties"] and (
            super().is_timestamp_replication_key
        )

    @property
    def _tells_deletions(self) -> bool:
        return self.replication_method == LOG_BASED and self._options.log != FILES

    @property
    def metadata(self) -> MetadataMapping:
        """The metadata; what target-databricks notes of its own work is not selected by default."""
        fresh = self._metadata is None
        metadata = super().metadata
        if fresh:
            for breadcrumb, entry in metadata.items():
                own = breadcrumb and breadcrumb[-1].startswith("_sdc_")
                if own and breadcrumb[-1] != DELETED and entry.selected is None:
                    entry.selected_by_default = False
        return metadata

    def apply_catalog(self, catalog: Catalog) -> None:
        """Take what a catalog says of keys and bookmark: metadata first, which people edit.

        Where it says nothing, the settings and the table do.
        """
        keys, bookmark, method = (
            self.primary_keys,
            self.replication_key,
            self.forced_replication_method,
        )
        super().apply_catalog(catalog)
        if (entry := catalog.get_stream(self.name)) is None:
            return
        root = entry.metadata.root
        self.primary_keys = root.table_key_properties or entry.key_properties or keys
        self.replication_key = root.replication_key or entry.replication_key or bookmark
        self.forced_replication_method = (
            root.forced_replication_method or entry.replication_method or method
        )
        # Stream maps take the keys from here.
        entry.key_properties = list(self.primary_keys)

    def _generate_schema_messages(self) -> Generator[SchemaMessage, None, None]:
        for message in super()._generate_schema_messages():
            message.schema = annotated(message.schema, self.schema)
            yield message

    def get_records(self, context: types.Context | None) -> Iterable[dict[str, Any]]:
        """Records; of a table that cannot be read, those that came, and a line that says why."""
        try:
            self._check()
            yield from self._records(context)
        except TableError as error:
            if self.ABORT_AT_RECORD_COUNT is not None:
                # A test of the connection has no run to go on with.
                raise
            self.logger.error("Stream '%s': %s", self.name, error)  # noqa: TRY400
            self._failures.append(self.name)
            return
        if self._stream_version is not None and not self.get_batch_config(self.config):
            super()._write_activate_version_message(self._stream_version)

    def _write_activate_version_message(self, full_table_version: int) -> None:
        """Written once all rows are: of a table that cannot be read, nothing may be retired."""

    def _increment_stream_state(
        self, latest_record: types.Record, *, context: types.Context | None = None
    ) -> None:
        """Rows without a bookmark say nothing of how far it got."""
        if self.replication_key and latest_record.get(self.replication_key) is None:
            return
        super()._increment_stream_state(latest_record, context=context)

    def _records(self, context: types.Context | None) -> Iterator[dict[str, Any]]:
        records = Records(self._columns, self.config["decimals"])
        for batch in self._batches(context):
            if not self._tells_deletions or DELETED not in self._selected:
                yield from records.of(batch)
                continue
            for record, deleted in zip(records.of(batch), deletions(batch), strict=True):
                # A table that has such a column itself says so of its own rows.
                own = record.pop(DELETED, None)
                yield {**record, DELETED: instant(deleted) if deleted else own}
        for column, count in records.unsayable.items():
            self.logger.warning(
                "Stream '%s': %d values of column '%s' are NaN or infinite, which JSON cannot say; "
                "they were sent as null.",
                self.name,
                count,
                column,
            )

    def _batches(self, context: types.Context | None) -> Iterator[pa.RecordBatch | pa.Table]:
        if self.replication_method == LOG_BASED:
            yield from self._versions(context)
            return
        bookmark = None
        if self.replication_method == INCREMENTAL:
            key = str(self.replication_key)
            bookmark = (key, self.get_starting_replication_key_value(context))
        yield from self._source.rows(self._table, self._columns, bookmark)

    def _versions(self, context: types.Context | None) -> Iterator[pa.RecordBatch | pa.Table]:
        state = self.get_context_state(context)

        def settle(mark: Mark) -> None:
            state.update(mark.state())
            self.state_manager.is_flushed = False

        keyed = bool(self.primary_keys)
        reading = VersionReading(
            self._source, self._table, self._columns, keyed, settle, self._options.log
        )
        for batch in reading.batches(Mark.of(state)):
            if not keyed and (lost := without_keys(batch)):
                raise TableError(
                    f"Table {self._table}: {lost.total()} rows were changed or deleted since the "
                    "last run, and the stream has no key by which a target could tell which. "
                    "State key_properties in the setting 'streams', or read it whole "
                    "(replication_method FULL_TABLE)."
                )
            yield batch

    @cached_property
    def _selected(self) -> list[str]:
        """Properties to send."""
        return [name for name in self.schema["properties"] if self.mask[("properties", name)]]

    @cached_property
    def _columns(self) -> list[str]:
        """Columns to read: the selected ones, and those that tell rows and their order."""
        needed = {*self._selected, *self.primary_keys, self.replication_key}
        return [name for name in self._table.columns.names if name in needed]

    def _check(self) -> None:
        """See whether settings and catalog fit the table.

        Raises:
            TableError: They do not.
        """
        columns = self._table.columns
        incremental = self.replication_method == INCREMENTAL
        wanted = {"key_properties": self.primary_keys}
        if incremental:
            wanted["replication_key"] = [str(self.replication_key)]
        for setting, names in wanted.items():
            if lost := [name for name in names if name not in columns.names]:
                raise TableError(
                    f"Table {self._table} has no column '{lost[0]}', which {setting} names. It "
                    f"has {', '.join(columns.names)}."
                )
        if CHANGE in columns.names and self.replication_method == LOG_BASED:
            raise TableError(f"Table {self._table} has a column {CHANGE} of its own.")
        if incremental and not _grows(columns.field(str(self.replication_key)).type):
            raise TableError(
                f"Table {self._table}: replication_key '{self.replication_key}' has a type whose "
                "values a state cannot keep exactly. Take a column of whole numbers, dates, "
                "timestamps or text, or replication_method LOG_BASED."
            )


def _grows(kind: pa.DataType) -> bool:
    """Whether values of a type can be compared, and survive a state in JSON."""
    is_a = pa.types
    if is_a.is_decimal(kind):
        return bool(kind.precision <= _EXACT_DIGITS)
    return bool(
        is_a.is_integer(kind) or is_a.is_date(kind) or is_a.is_timestamp(kind) or is_text(kind)
    )
