"""A folder of Delta tables, read with delta-rs: no Spark, no warehouse.

Source: deltalake 1.6; Delta transaction log protocol, Delta Log Entries, Partition Value
Serialization.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable, QueryBuilder
from deltalake.exceptions import DeltaError, TableNotFoundError
from deltalake.fs import DeltaStorageHandler
from pyarrow import fs
from singer_sdk.exceptions import ConfigurationError
from target_databricks.lakehouse.shapes import plain

from tap_databricks.commits import Action, additions, feed_interrupted, writes_feed
from tap_databricks.tables import (
    CHANGE,
    COMMIT,
    COMMITTED,
    FULL_REFRESH,
    Head,
    NoTablesError,
    Table,
    TableError,
)

_MAPPING = "delta.columnMapping.mode"
_GONE = ("not found", "No such file", "NotFound")
_FOLDER = fs.FileType.Directory
_BATCH = 10_000


class LakehouseFolder:
    """Tables at `<root>/<schema>/<table>`.

    Args:
        root: Folder or URL.
        storage_options: Credentials of an object store, as delta-rs names them.
    """

    def __init__(self, root: str, storage_options: dict[str, str] | None = None) -> None:
        self._root = root.rstrip("/")
        self._options = dict(storage_options or {})
        self._open: dict[str, DeltaTable] = {}

    def names(self, schema: str) -> Iterable[str]:
        """Folders of a schema that have a Delta log.

        Raises:
            NoTablesError: There are none.
            ConfigurationError: Nobody can say.
        """
        try:
            files = self._files(self._root)
            folders = files.get_file_info(fs.FileSelector(schema, allow_not_found=True))
            names = sorted(each.base_name for each in folders if each.type == _FOLDER)
            logs = files.get_file_info([f"{schema}/{name}/_delta_log" for name in names])
        except (OSError, DeltaError) as error:
            is_missing = "://" not in self._root and not Path(self._root).exists()
            raise (NoTablesError if is_missing else ConfigurationError)(
                f"The folder {self._root}/{schema} cannot be looked at: {_line(error)}. See the "
                "settings 'lakehouse_path' and 'storage_options'."
            ) from error
        tables = [n for n, log in zip(names, logs, strict=True) if log.type == _FOLDER]
        if not tables:
            raise NoTablesError(
                f"There are no Delta tables in {self._root}/{schema}. Correct the setting "
                "'schemas' or 'lakehouse_path', or load tables first."
            )
        return tables

    def table(self, schema: str, name: str) -> Table:
        """What a table looks like; a folder knows of no PRIMARY KEY."""
        table = Table(schema, name, pa.schema([]))
        with _told(table):
            delta = self._delta(table)
            columns = pa.schema(delta.schema().to_arrow())
            return Table(schema, name, columns, comment=delta.metadata().description)

    def rows(
        self, table: Table, columns: Sequence[str], bookmark: tuple[str, str | int | None] | None
    ) -> Iterator[pa.RecordBatch]:
        """Rows of the newest version; see `Source.rows`."""
        query = f"SELECT {', '.join(map(_quoted, columns))} FROM t"  # noqa: S608
        if bookmark is not None:
            column, value = bookmark
            if value is not None:
                kind = table.columns.field(column).type
                query += f" WHERE {_quoted(column)} >= {_literal(value, kind)}"
                query += f" OR {_quoted(column)} IS NULL"
            query += f" ORDER BY {_quoted(column)} NULLS FIRST"
        with _told(table):
            builder = QueryBuilder().register("t", self._delta(table))
            yield from _batches(builder.execute(query))

    def head(self, table: Table) -> Head:
        """The newest version."""
        with _told(table):
            delta = self._delta(table)
            metadata = delta.metadata()
            feed = writes_feed(metadata.configuration)
            return Head(str(metadata.id), int(delta.version()), feed)

    def snapshot(
        self, table: Table, columns: Sequence[str], version: int
    ) -> Iterator[pa.RecordBatch]:
        """All rows of a version."""
        with _told(table):
            delta = DeltaTable(self._uri(table), version, storage_options=self._options)
            yield from _batches(delta.scan(columns=list(columns)))

    def changes(
        self, table: Table, columns: Sequence[str], since: int, until: int
    ) -> Iterator[pa.RecordBatch]:
        """The change data feed; delta-rs reads one also where none was written, so look first.

        Raises:
            TableError: It was not written all the time, or is gone.
        """
        off = feed_interrupted(self._commits(table, since, until))
        if off is not None:
            raise TableError(
                f"Table {table}: version {off} switched the change data feed off. Switch it on "
                f"(delta.enableChangeDataFeed = true). {FULL_REFRESH}"
            )
        wanted = [*columns, CHANGE, COMMIT, COMMITTED]
        with _told(table):
            feed = self._delta(table).load_cdf(since + 1, until, columns=[*map(_quoted, wanted)])
            yield from _batches(feed)

    def additions(
        self, table: Table, columns: Sequence[str], since: int, until: int, *, keyed: bool
    ) -> Iterator[pa.RecordBatch]:
        """Rows of new files, less those that a deletion vector marks; see `Source.additions`.

        Raises:
            TableError: The log does not tell, or rows would come twice that have no key.
        """
        with _told(table):
            delta = DeltaTable(self._uri(table), until, storage_options=self._options)
            mode = delta.metadata().configuration.get(_MAPPING) or "none"
        if mode != "none":
            raise TableError(
                f"Table {table} has column mapping ({_MAPPING} = {mode}), under which its files "
                "cannot be read one by one. Set log: change_data_feed for its stream, or "
                "replication_method FULL_TABLE or INCREMENTAL."
            )
        commits = list(self._commits(table, since, until))
        with _told(table):
            earlier = DeltaTable(self._uri(table), since, storage_options=self._options)
            old = set(pa.table(earlier.get_add_actions())["path"].to_pylist())
        new = additions(commits, old)
        if new.rewrites and not keyed:
            raise rewritten(table, new.rewrites[0])
        with _told(table):
            masks = _masks(delta)
            files = self._files(self._uri(table))
            partitions = set(delta.metadata().partition_columns)
            for path, add in new.files.items():
                place = unquote(path)
                if "://" in place or place.startswith("/"):
                    raise TableError(
                        f"Table {table} is a shallow clone, whose files are another table's. Set "
                        "replication_method FULL_TABLE or INCREMENTAL for its stream."
                    )
                with files.open_input_file(place) as file:
                    parquet = pq.ParquetFile(file)
                    stored = [c for c in columns if c in parquet.schema_arrow.names]
                    mask = next((m for uri, m in masks.items() if uri.endswith(f"/{place}")), None)
                    begin = 0
                    for batch in parquet.iter_batches(_BATCH, columns=stored):
                        rows = pa.Table.from_batches([batch])
                        for name in partitions.intersection(columns):
                            rows = rows.append_column(name, _partition(table, name, add, rows))
                        if mask is not None:
                            rows = rows.filter(mask.slice(begin, batch.num_rows))
                        begin += batch.num_rows
                        yield from rows.to_batches()

    def close(self) -> None:
        """There is nothing to let go of."""

    def _delta(self, table: Table) -> DeltaTable:
        """The table as it was when it was first asked for: one version for all of a run."""
        uri = self._uri(table)
        if uri not in self._open:
            self._open[uri] = DeltaTable(uri, storage_options=self._options)
        return self._open[uri]

    def _uri(self, table: Table) -> str:
        return f"{self._root}/{table.schema}/{table.name}"

    def _files(self, uri: str) -> fs.FileSystem:
        return fs.PyFileSystem(DeltaStorageHandler(uri, self._options))

    def _commits(self, table: Table, since: int, until: int) -> Iterator[tuple[int, list[Action]]]:
        files = self._files(self._uri(table))
        for version in range(since + 1, until + 1):
            try:
                with files.open_input_stream(f"_delta_log/{version:020}.json") as file:
                    text = file.read()
            except OSError as error:
                raise TableError(
                    f"Table {table}: version {version} is not in its log any more "
                    "(delta.logRetentionDuration), so what changed since the last run is not "
                    f"known. {FULL_REFRESH} Run more often than the log is kept."
                ) from error
            yield version, [json.loads(line) for line in text.splitlines() if line.strip()]


def rewritten(table: Table, version: int) -> TableError:
    """Rows of a table without a key were rewritten, and would be sent again."""
    return TableError(
        f"Table {table}: version {version} changed, deleted or rewrote rows, and the stream has no "
        "key by which a row that comes again would be known. State key_properties in the setting "
        "'streams', set log: change_data_feed, or read it whole (replication_method FULL_TABLE)."
    )


def vacuumed(table: Table, reason: str) -> TableError:
    """Files that an earlier version needs are gone."""
    return TableError(
        f"Table {table}: files of the versions since the last run are gone, as VACUUM leaves it "
        f"({reason}). {FULL_REFRESH} Run more often than VACUUM keeps files "
        "(delta.deletedFileRetentionDuration)."
    )


@contextmanager
def _told(table: Table) -> Iterator[None]:
    """Name the table in what delta-rs and Arrow raise, and say what to do."""
    try:
        yield
    except TableError:
        raise
    except TableNotFoundError as error:
        raise TableError(
            f"Table {table} is no Delta table: {_line(error)}. See the settings 'lakehouse_path' "
            "and 'schemas'."
        ) from error
    except (DeltaError, pa.ArrowException, OSError, ValueError, KeyError) as error:
        reason = _line(error)
        if any(word in reason for word in _GONE):
            raise vacuumed(table, reason) from error
        raise TableError(f"Table {table} cannot be read: {reason}") from error


def _batches(stream: Any) -> Iterator[pa.RecordBatch]:
    return map(plain, pa.RecordBatchReader.from_stream(stream))


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:500]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: str | int, kind: pa.DataType) -> str:
    """A value as DataFusion's SQL has it."""
    if isinstance(value, str):
        text = "'" + value.replace("'", "''") + "'"
        if pa.types.is_timestamp(kind):
            return f"CAST({text} AS TIMESTAMP)"
        return f"CAST({text} AS DATE)" if pa.types.is_date(kind) else text
    return str(value)


def _masks(delta: DeltaTable) -> dict[str, pa.Array]:
    """By file, which rows are left, where a deletion vector took some."""
    vectors = pa.RecordBatchReader.from_stream(delta.deletion_vectors()).read_all().to_pylist()
    return {each["filepath"]: pa.array(each["selection_vector"]) for each in vectors}


def _partition(table: Table, name: str, add: Action, rows: pa.Table) -> Any:
    """The value of a partition column, which is in the log only, as often as there are rows."""
    text = add["partitionValues"].get(name) or None
    kind = table.columns.field(name).type
    if text is None:
        return pa.nulls(rows.num_rows, kind)
    if pa.types.is_timestamp(kind):
        # In UTC, with or without a Z. Source: protocol, Partition Value Serialization.
        instant = pc.cast(pa.scalar(text.rstrip("Z").replace("T", " ")), pa.timestamp("us"))
        return pa.repeat(pc.assume_timezone(instant, "UTC") if kind.tz else instant, rows.num_rows)
    return pa.repeat(pa.scalar(text).cast(kind), rows.num_rows)
