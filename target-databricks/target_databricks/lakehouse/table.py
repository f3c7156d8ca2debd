"""One Delta table: look up, append, replace, remove, with flat memory.

delta-rs' own MERGE reads the whole target into memory, all columns. Looking first is nearly free:
the keys and hashes of the whole table stream by in a fraction of a second, and then it is known
which rows are new (append), changed (replace) or as they were (nothing).

Every write names the version its look-up saw and allows no rebase: another writer in between is
noticed by Delta itself, not by luck.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

from target_databricks.lakehouse.features import open_table
from target_databricks.lakehouse.files import FILE_BYTES, compact, writer_properties
from target_databricks.lakehouse.predicates import literal, one_of, quoted
from target_databricks.lakehouse.queries import PLACE, answers, same_key
from target_databricks.lakehouse.shapes import conformed, read_ahead, union, union_type, whole
from target_databricks.loading.rows import in_chunks
from target_databricks.schema.naming import SPELLING, UNICODE

REWRITTEN_ROWS = 1 << 14
"""Rows handed over at a time while a table is written anew."""
MOST_REPLACED_BY_PREDICATE = 5_000
"""Keys a predicate may list. Beyond, planning the list costs more than streaming the table past
a filter of our own (measured: 20,000 keys took 6.4 s on 4 million rows)."""


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
        self._schema: pa.Schema | None = None
        self.changed = False
        self._commits = 0

    @property
    def delta(self) -> DeltaTable | None:
        """The table as of the last look, or None if there is none.

        Raises:
            FeatureError: It has features that cannot be written.
        """
        if self._delta is None:
            self._delta = open_table(self.uri, self._options)
        return self._delta

    @property
    def schema(self) -> pa.Schema | None:
        """Columns with their comments, or None if there is no table."""
        delta = self.delta
        if self._schema is None and delta is not None:
            self._schema = pa.schema(delta.schema().to_arrow())
        return self._schema

    @property
    def properties(self) -> Mapping[str, str]:
        """Its properties; none if there is no table."""
        if self.delta is None:
            return {}
        return {name: str(value) for name, value in self.delta.metadata().configuration.items()}

    def set_properties(self, properties: Mapping[str, str]) -> None:
        """Set properties of a table that exists."""
        if self.delta is not None:
            self.delta.alter.set_table_properties(dict(properties), raise_if_not_exists=False)
            self.refresh()

    def refresh(self) -> None:
        """Forget what was seen; the next look reads the log again."""
        self._delta = self._schema = None

    def create(
        self,
        schema: pa.Schema,
        description: str | None,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        """Create the table if there is none."""
        if self.delta is None:
            self.refresh()
            self._delta = DeltaTable.create(
                self.uri,
                schema=schema,
                mode="ignore",
                description=description,
                configuration={SPELLING: UNICODE, **(properties or {})},
                raise_if_key_not_exists=False,
                storage_options=self._options,
            )

    def evolve(self, schema: pa.Schema) -> None:
        """Add the columns and nested fields that the table lacks."""
        existing, wanted = self.schema, self.fitted(schema.empty_table())
        if existing is not None and pa.schema(union(existing, wanted.schema)) != existing:
            self._write(wanted, "append")

    def spelled(self, column: str) -> str | None:
        """How the table writes a column's name, or None if it has no such column."""
        return self._spelling().get(column.lower())

    def _spelling(self) -> dict[str, str]:
        """Column names as the table writes them, by their lower case."""
        return {n.lower(): n for n in self.schema.names} if self.schema is not None else {}

    def collected(self, batches: Iterable[pa.RecordBatch], columns: Sequence[str]) -> pa.Table:
        """Columns that were read, as one table under the names given, also if there is no row."""
        if rows := list(batches):
            return pa.Table.from_batches(rows).rename_columns(list(columns))
        schema = self.schema or pa.schema([])
        kinds = {c: schema.field(self.spelled(c) or c).type for c in columns}
        return pa.schema(kinds).empty_table()

    def _lacks(self, keys: pa.Table) -> bool:
        """Whether a key column is yet to be added, so that no row can have such a key."""
        return any(self.spelled(name) is None for name in keys.column_names)

    def find(self, keys: pa.Table, columns: Sequence[str]) -> tuple[pa.Table | None, pa.Array]:
        """The rows that have one of the keys.

        Args:
            keys: Key columns, one row per key.
            columns: What is wanted of the rows, in any case; found under the names given.

        Returns:
            The wanted columns, and for each row the place of its key in `keys`. None when there
            is no such row.
        """
        if self._lacks(keys):
            return None, pa.array([], pa.int64())
        spelling = self._spelling()
        own = (f"t.{quoted(spelling.get(c.lower(), c))} AS {quoted(c)}" for c in columns)
        wanted = ", ".join([f"k.{quoted(PLACE)}", *own])
        query = f"SELECT {wanted} FROM t JOIN k ON {same_key(keys)}"  # noqa: S608
        batches = list(self._query(query, keys))
        if not sum(batch.num_rows for batch in batches):
            return None, pa.array([], pa.int64())
        rows = pa.Table.from_batches(batches)
        return rows.drop_columns([PLACE]), rows.column(PLACE).combine_chunks()

    def others(
        self, keys: pa.Table | None, columns: Sequence[str], where: str = "true"
    ) -> Iterator[pa.RecordBatch]:
        """The rows that have none of the keys, streamed.

        Args:
            keys: Key columns; None for none.
            columns: What is wanted of the rows.
            where: A further condition on the rows, in SQL.
        """
        wanted = ", ".join(f"t.{quoted(c)}" for c in columns)
        if keys is None or self._lacks(keys):
            return self._query(f"SELECT {wanted} FROM t WHERE {where}", None)  # noqa: S608
        # The side that is held in memory is the left one: the keys, never the table.
        query = f"SELECT {wanted} FROM k RIGHT ANTI JOIN t ON {same_key(keys)} WHERE {where}"  # noqa: S608
        return self._query(query, keys)

    def among(
        self, keys: pa.Table, columns: Sequence[str], where: str = "true"
    ) -> Iterator[pa.RecordBatch]:
        """The rows that have one of the keys, streamed, without repetition; else as `others`."""
        if self._lacks(keys):
            return iter(())
        wanted = ", ".join(f"t.{quoted(c)}" for c in columns)
        query = (
            f"SELECT DISTINCT {wanted} FROM k RIGHT SEMI JOIN t ON {same_key(keys)} WHERE {where}"  # noqa: S608
        )
        return self._query(query, keys)

    def _query(self, query: str, keys: pa.Table | None) -> Iterator[pa.RecordBatch]:
        return iter(()) if self.delta is None else answers(self.delta, query, keys)

    def append(self, rows: pa.Table, marks: Mapping[str, int] | None = None) -> None:
        """Add rows. New columns and new nested fields are added to the table.

        Args:
            rows: What to add; nothing is written when there are none.
            marks: Numbers by name, recorded in the same commit, for `mark`.
        """
        if rows.num_rows:
            self._write(self.fitted(rows), "append", marks=marks)

    def mark(self, name: str) -> int | None:
        """The number last recorded under a name, or None."""
        return None if self.delta is None else self.delta.transaction_version(name)

    @property
    def state(self) -> tuple[int | None, int]:
        """What to `restore` to: the version, and the commits made through this object."""
        return None if self.delta is None else self.delta.version(), self._commits

    def restore(self, state: tuple[int | None, int]) -> bool:
        """Make the table what it was. Returns False if another writer came in between."""
        version, commits = state
        own = self._commits - commits
        self.refresh()
        if not own or self.delta is None:
            return True
        if version is None:
            self.remove(None)
            return True
        if self.delta.version() != version + own:
            return False
        self.delta.restore(version, commit_properties=_COMMIT)
        self.refresh()
        return True

    def replace(self, keys: pa.Table, rows: pa.Table) -> None:
        """Put rows in the place of those with the given keys, in one commit.

        Args:
            keys: Key columns of the rows to remove; every new row has one of these keys.
            rows: The new rows, possibly none.
        """
        if keys.num_rows == 0:
            return
        rows = self.fitted(rows)
        if self._lacks(keys):
            self.append(rows)
        elif keys.num_rows > MOST_REPLACED_BY_PREDICATE or any(
            pa.types.is_nested(kind) for kind in keys.schema.types
        ):
            # Nor can a predicate list objects and arrays.
            self._rewrite(lambda existing: self.others(keys, existing), rows)
        elif rows.num_rows == 0:
            self.remove(one_of(keys))
        else:
            self._write(rows, "overwrite", predicate=one_of(keys))

    def overwrite(self, other: LakehouseTable) -> None:
        """Put the rows of another table in the place of all of this one's, in one commit."""
        existing, source = self.schema, other.schema
        if existing is None or source is None:
            self.remove(None)
            return
        target = pa.schema(union(existing, self.fitted(source.empty_table()).schema))

        def stream() -> Iterator[pa.RecordBatch]:
            rows = read_ahead(lambda: in_chunks(other.others(None, source.names), REWRITTEN_ROWS))
            for chunk in rows:
                yield from conformed(self.fitted(chunk.cast(source)), target).to_batches()

        self._write(pa.RecordBatchReader.from_batches(target, stream()), "overwrite")

    # delta-rs' own DELETE and UPDATE write views of strings, at which other readers fail.

    def remove(self, predicate: str | None) -> int:
        """Delete the rows that meet a condition, or all. Returns how many."""
        schema, count = self.schema, self._count(predicate)
        if count and schema is not None:
            self._write(schema.empty_table(), "overwrite", predicate=predicate)
        return count

    def stamp(self, column: str, predicate: str) -> int:
        """Set a column of times to now in the rows that meet a condition. Returns in how many."""
        schema, count = self.schema, self._count(predicate)
        if schema is None or not count:
            return 0
        place = schema.get_field_index(self.spelled(column) or column)
        stamped, now = schema.field(place), dt.datetime.now(dt.UTC)

        def chunks() -> Iterator[pa.Table]:
            return in_chunks(self.others(None, schema.names, predicate), REWRITTEN_ROWS)

        def stream() -> Iterator[pa.RecordBatch]:
            for chunk in read_ahead(chunks):
                times = pa.repeat(pa.scalar(now, stamped.type), chunk.num_rows)
                yield from chunk.cast(schema).set_column(place, stamped, times).to_batches()

        # What is written must meet the condition of what it replaces.
        either = f"({predicate}) OR {quoted(stamped.name)} = {literal(now, stamped.type)}"
        reader = pa.RecordBatchReader.from_batches(schema, stream())
        self._write(reader, "overwrite", predicate=either)
        return count

    def stamp_keys(self, column: str, keys: pa.Table) -> None:
        """Set a column of times to now in the rows with these keys, which no predicate can list."""
        schema = self.schema
        if schema is None or not keys.num_rows:
            return
        place = schema.get_field_index(self.spelled(column) or column)
        now = pa.scalar(dt.datetime.now(dt.UTC), schema.field(place).type)
        found, _ = self.find(keys, schema.names)
        if found is not None:
            times = pa.repeat(now, found.num_rows)
            rows = found.cast(schema).set_column(place, schema.field(place), times)
            self._rewrite(lambda names: self.others(keys, names), rows)

    def _count(self, predicate: str | None) -> int:
        query = f"SELECT count(*) FROM t WHERE {predicate or 'true'}"  # noqa: S608
        return sum(int(batch.column(0)[0].as_py()) for batch in self._query(query, None))

    def widen(self, types: Mapping[str, pa.DataType]) -> None:
        """Change column types by streaming the table through a cast, in one commit.

        Raises:
            pa.ArrowInvalid: A value does not survive the cast; the table stays as it was.
        """
        schema = self.schema
        if schema is None:
            return
        wider = pa.schema([c.with_type(types[c.name]) if c.name in types else c for c in schema])
        self._rewrite(lambda names: self.others(None, names), None, schema=wider, mode="overwrite")

    def tidy(self, compact_after: int) -> bool:
        """Compact the table if it has collected that many small files. Returns whether it did."""
        self.refresh()
        if self.delta is None or compact_after <= 0:
            return False
        return compact(self.delta, self.schema or (), compact_after)

    def fitted(self, rows: pa.Table) -> pa.Table:
        """The rows under the table's own spelling, in its types and with what they add to these."""
        schema = self.schema
        if schema is None:
            return rows
        columns = {c.name.lower(): c for c in schema}
        arrays, fields = [], []
        for column, array in zip(rows.schema, rows.columns, strict=True):
            own = columns.get(column.name.lower(), column)
            # The writer itself would leave out new members of an array's elements, without a word.
            kind = union_type(own.type, column.type)
            # Nor does it take a column that is described otherwise; `upkeep` sees to comments.
            field = column.with_name(own.name).with_type(kind).with_metadata(own.metadata)
            fields.append(field)
            arrays.append(array if array.type.equals(kind) else array.cast(kind))
        return pa.Table.from_arrays(arrays, schema=pa.schema(fields))

    def _rewrite(
        self,
        keep: Callable[[Sequence[str]], Iterator[pa.RecordBatch]],
        rows: pa.Table | None,
        *,
        schema: pa.Schema | None = None,
        mode: Literal["merge", "overwrite"] = "merge",
    ) -> None:
        """Write the whole table anew: the rows to keep, then the given ones."""
        existing = self.schema
        if existing is None:
            return
        target = schema or (existing if rows is None else pa.schema(union(existing, rows.schema)))

        def stream() -> Iterator[pa.RecordBatch]:
            for chunk in read_ahead(lambda: in_chunks(keep(existing.names), REWRITTEN_ROWS)):
                yield from conformed(chunk.cast(existing), target).to_batches()
            if rows is not None:
                yield from conformed(rows, target).to_batches()

        self._write(pa.RecordBatchReader.from_batches(target, stream()), "overwrite", evolve=mode)

    def _write(
        self,
        rows: pa.Table | pa.RecordBatchReader,
        mode: Literal["append", "overwrite"],
        *,
        predicate: str | None = None,
        marks: Mapping[str, int] | None = None,
        evolve: Literal["merge", "overwrite"] = "merge",
    ) -> None:
        commit = _COMMIT
        if marks:
            transactions = [Transaction(name, number) for name, number in marks.items()]
            commit = CommitProperties(max_commit_retries=0, app_transactions=transactions)
        columns = [*(self.schema or ()), *rows.schema]
        write: Any = write_deltalake  # its overloads tell modes apart, of which this has two
        write(
            self.delta if self.delta is not None else self.uri,
            whole(rows),
            mode=mode,
            schema_mode=evolve,
            predicate=predicate,
            storage_options=self._options,
            commit_properties=commit,
            writer_properties=writer_properties({c.name: c for c in columns}.values()),
            target_file_size=FILE_BYTES,
        )
        self.changed = True
        self._commits += 1
        self.refresh()


_COMMIT = CommitProperties(max_commit_retries=0)
