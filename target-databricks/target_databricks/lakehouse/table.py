"""One Delta table: look up, append, replace, remove, with flat memory.

delta-rs' own MERGE reads the whole target into memory, all columns. Looking first is nearly free:
the keys and hashes of the whole table stream by in a fraction of a second, and then it is known
which rows are new (append), changed (replace) or as they were (nothing).

Every write names the version its look-up saw and allows no rebase: another writer in between is
noticed by Delta itself, not by luck.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, QueryBuilder, Transaction, write_deltalake
from deltalake.exceptions import TableNotFoundError

from target_databricks.lakehouse.predicates import one_of, quoted
from target_databricks.lakehouse.pump import pumped
from target_databricks.rows import KeyIndex, in_chunks

LOOKUP_ROWS = 1 << 18
"""Rows compared with a batch at a time."""
MOST_REPLACED_BY_PREDICATE = 5_000
"""Keys a predicate may list. Beyond, planning the list costs more than streaming the table past
a filter of our own (measured: 20,000 keys took 6.4 s on 4 million rows)."""
WRITER = "target-databricks"
"""Application id of the exactly-once marker in the Delta log."""
SMALL_FILE = 16 << 20
"""Bytes below which a data file counts as small."""
VACUUM_HOURS = 168
"""Hours that files no longer part of a table stay for readers; Delta's own default."""


class LakehouseTable:
    """A Delta table that may not exist yet.

    Args:
        uri: Where it is.
        storage_options: Credentials of the object store.
    """

    def __init__(self, uri: str, storage_options: Mapping[str, str] | None = None) -> None:
        self.uri = uri
        self._options = dict(storage_options) if storage_options else None
        self._delta: DeltaTable | None = None
        self.written = False

    @property
    def delta(self) -> DeltaTable | None:
        """The table as of the last look, or None if there is none."""
        if self._delta is None:
            try:
                self._delta = DeltaTable(self.uri, storage_options=self._options)
            except TableNotFoundError:
                return None
        return self._delta

    @property
    def schema(self) -> pa.Schema | None:
        """Columns with their comments, or None if there is no table."""
        delta = self.delta
        return None if delta is None else pa.schema(delta.schema().to_arrow())

    def refresh(self) -> None:
        """Forget what was seen; the next look reads the log again."""
        self._delta = None

    def create(self, schema: pa.Schema, description: str | None) -> None:
        """Create the table if there is none."""
        if self.delta is None:
            self._delta = DeltaTable.create(
                self.uri,
                schema=schema,
                mode="ignore",
                description=description,
                storage_options=self._options,
            )

    def scan(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Stream some columns of all rows; text comes as plain strings."""
        if self.delta is None or not columns:
            return
        wanted = ", ".join(map(quoted, columns))
        reader = (
            QueryBuilder().register("t", self.delta).execute(f"SELECT {wanted} FROM t")  # noqa: S608
        )
        for batch in pa.RecordBatchReader.from_stream(reader):
            yield _plain(batch)

    def find(
        self, index: KeyIndex, keys: Sequence[str], columns: Sequence[str]
    ) -> tuple[pa.Table | None, pa.Array]:
        """The rows that have a key of the batch.

        Returns:
            Their values of `columns`, and for each its place in the batch. None when there is
            no such row.
        """
        found: list[pa.Table] = []
        places: list[pa.Array] = []
        wanted = list(dict.fromkeys([*keys, *columns]))
        for chunk in in_chunks(self.scan(wanted), LOOKUP_ROWS):
            rows, where = index.find(chunk)
            if len(where):
                found.append(rows.select(list(columns)))
                places.append(where)
        if not found:
            return None, pa.array([], pa.int32())
        return pa.concat_tables(found), pa.concat_arrays(places)

    def append(self, rows: pa.Table, mark: int | None = None) -> None:
        """Add rows. New columns and new nested fields are added to the table.

        Args:
            rows: What to add.
            mark: Recorded in the same commit, for `holds`.
        """
        if rows.num_rows or mark is not None:
            self._write(rows, "append", mark=mark)

    def holds(self, mark: int) -> bool:
        """Whether the last marked append was this one."""
        self.refresh()
        return self.delta is not None and self.delta.transaction_version(WRITER) == mark

    def replace(self, keys: pa.Table, rows: pa.Table) -> None:
        """Put rows in the place of those with the given keys, in one commit.

        Args:
            keys: Key columns of the rows to remove; every new row has one of these keys.
            rows: The new rows, possibly none.
        """
        if keys.num_rows == 0:
            return
        if keys.num_rows > MOST_REPLACED_BY_PREDICATE:
            index = KeyIndex(_distinct(keys), keys.column_names)
            self._rewrite(index.without, rows)
        elif rows.num_rows == 0:
            self.remove(one_of(keys))
        else:
            self._write(rows, "overwrite", predicate=one_of(keys))

    def remove(self, predicate: str | None) -> int:
        """Delete the rows that meet a condition, or all. Returns how many."""
        if self.delta is None:
            return 0
        metrics = self.delta.delete(predicate, commit_properties=_COMMIT)
        deleted = int(metrics.get("num_deleted_rows") or 0)
        self.written = self.written or deleted > 0
        return deleted

    def update(self, keys: pa.Table, column: str, value: str) -> None:
        """Set one column of the rows with the given keys to the value of an SQL expression."""
        if self.delta is None:
            return
        for start in range(0, keys.num_rows, MOST_REPLACED_BY_PREDICATE):
            some = keys.slice(start, MOST_REPLACED_BY_PREDICATE)
            self.delta.update({column: value}, predicate=one_of(some), commit_properties=_COMMIT)
            self.written = True

    def widen(self, types: Mapping[str, pa.DataType]) -> None:
        """Change column types by streaming the table through a cast, in one commit.

        Raises:
            pa.ArrowInvalid: A value does not survive the cast; the table stays as it was.
        """
        schema = self.schema
        if schema is None:
            return
        wider = pa.schema([c.with_type(types[c.name]) if c.name in types else c for c in schema])
        self._rewrite(lambda rows: rows.cast(wider), None, schema=wider, mode="overwrite")

    def tidy(self, compact_after: int) -> bool:
        """Compact the table if it has collected that many small files. Returns whether it did."""
        self.refresh()
        if self.delta is None or compact_after <= 0:
            return False
        sizes = pa.table(self.delta.get_add_actions(flatten=True)).column("size_bytes")
        if (pc.sum(pc.less(sizes, SMALL_FILE)).as_py() or 0) < compact_after:
            return False
        self.delta.optimize.compact(max_concurrent_tasks=1)
        self.delta.vacuum(VACUUM_HOURS, dry_run=False)
        return True

    def _rewrite(
        self,
        change: Callable[[pa.Table], pa.Table],
        rows: pa.Table | None,
        *,
        schema: pa.Schema | None = None,
        mode: Literal["merge", "overwrite"] = "merge",
    ) -> None:
        """Write the whole table anew: its rows as changed, then the given ones."""
        existing = self.schema
        if existing is None:
            return
        target = schema or (existing if rows is None else pa.schema(_united(existing, rows.schema)))

        def stored() -> Iterator[pa.Table]:
            return in_chunks(self.scan(existing.names), LOOKUP_ROWS // 4)

        def stream() -> Iterator[pa.RecordBatch]:
            for chunk in pumped(stored):
                yield from _conformed(change(chunk.cast(existing)), target).to_batches()
            if rows is not None:
                yield from _conformed(rows, target).to_batches()

        self._write(pa.RecordBatchReader.from_batches(target, stream()), "overwrite", evolve=mode)

    def _write(
        self,
        rows: pa.Table | pa.RecordBatchReader,
        mode: Literal["append", "overwrite"],
        *,
        predicate: str | None = None,
        mark: int | None = None,
        evolve: Literal["merge", "overwrite"] = "merge",
    ) -> None:
        commit = _COMMIT
        if mark is not None:
            commit = CommitProperties(
                max_commit_retries=0, app_transactions=[Transaction(WRITER, mark)]
            )
        write: Any = write_deltalake  # its overloads tell modes apart, of which this has two
        write(
            self.delta if self.delta is not None else self.uri,
            rows,
            mode=mode,
            schema_mode=evolve,
            predicate=predicate,
            storage_options=self._options,
            commit_properties=commit,
        )
        self.written = True
        self.refresh()


_COMMIT = CommitProperties(max_commit_retries=0)


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with DataFusion's string views as plain strings, which keys are compared in."""
    if not any(pa.types.is_string_view(c.type) for c in batch.schema):
        return batch
    return pa.record_batch(
        {
            n: a.cast(pa.string()) if pa.types.is_string_view(a.type) else a
            for n, a in zip(batch.schema.names, batch.columns, strict=True)
        }
    )


def _distinct(keys: pa.Table) -> pa.Table:
    return keys.group_by(keys.column_names).aggregate([])


def _united(existing: Iterable[pa.Field], rows: Iterable[pa.Field]) -> list[pa.Field]:
    """The table's columns, then those that the rows bring; likewise inside structs and lists."""
    brought = {c.name: c for c in rows}
    columns = [
        c.with_type(_united_type(c.type, brought.pop(c.name).type)) if c.name in brought else c
        for c in existing
    ]
    return [*columns, *brought.values()]


def _united_type(existing: pa.DataType, brought: pa.DataType) -> pa.DataType:
    if pa.types.is_struct(existing) and pa.types.is_struct(brought):
        return pa.struct(_united(existing, brought))
    if pa.types.is_list(existing) and pa.types.is_list(brought):
        element = existing.value_field
        return pa.list_(element.with_type(_united_type(element.type, brought.value_type)))
    return existing


def _conformed(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        rows.column(c.name).cast(c.type)
        if c.name in rows.column_names
        else pa.nulls(rows.num_rows, c.type)
        for c in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)
