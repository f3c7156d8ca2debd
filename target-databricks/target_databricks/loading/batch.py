"""A batch: rows of one stream, parsed, ready to be staged and applied.

A batch explains itself. Written to Parquet it carries its plan along, so that a later run can
replay it without the tap, and its name is derived from its content, so that the same rows staged
twice are one file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from target_databricks.loading.rows import last_versions, rows_of
from target_databricks.schema.plan import (
    AT,
    CLEARED,
    DELETED_AT,
    DUE,
    JOB_ID,
    PLACE,
    RECORD_HASH,
    RESCUED_DATA,
    SYNC_STARTED_AT,
    ChildPlan,
    StreamPlan,
)

RunId = tuple[str, int | None]
"""A job id, which may be used again, and the milliseconds since 1970 at which the run began."""


def content_digest(stream: str, rows: pa.Table, salt: str = "") -> str:
    """A name for rows of a stream, from what is in them: 32 hexadecimal digits."""
    content = hashlib.sha256(f"{stream}\0{salt}\0".encode())
    for chunk in rows.column(RECORD_HASH).chunks:
        content.update("".join(pc.fill_null(chunk, "").to_pylist()).encode())
    return content.hexdigest()[:32]


@dataclass(frozen=True)
class Batch:
    """Rows of one stream.

    Attributes:
        plan: What the stream becomes.
        rows: Table of `plan.staged_schema`; one row per key where the stream has keys.
        read: Records received for it, superseded versions included.
        through: Records received for the stream in this run up to the end of this batch; 0 for a
            batch that an earlier run staged.
        salt: What sets this batch apart from another of the same rows, where that matters.
        marks: Rows that each table had of this run before the batch, where a destination tells by
            it whether the batch was appended already.
    """

    plan: StreamPlan
    rows: pa.Table
    read: int
    through: int = 0
    salt: str = ""
    marks: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """Derived from stream, content and salt; the same rows have the same digest."""
        return content_digest(self.plan.stream, self.rows, self.salt)

    @property
    def rescued(self) -> int:
        """Rows of which something did not fit the schema."""
        column = self.rows.column(RESCUED_DATA)
        return int(len(column) - column.null_count)

    @property
    def deletions(self) -> bool:
        """Whether the tap declares a row of it gone."""
        column = self.rows.column(DELETED_AT)
        return bool(column.null_count < len(column))

    @property
    def last_values(self) -> list[str]:
        """Columns of which a row that is declared gone has the last value, if it states none."""
        return [f.name for f in self.plan.fields] if self.deletions else []

    @property
    def cleared(self) -> list[str]:
        """Columns of the table that some row must not keep a value in."""
        if CLEARED not in self.rows.column_names:
            return []
        names = pc.list_flatten(self.rows.column(CLEARED))
        return sorted(pc.unique(names).to_pylist())

    @property
    def run(self) -> RunId:
        """The run that its rows bear, and when that began, where they say it."""
        if not self.rows.num_rows:
            return "", None
        names = self.rows.column_names
        began = self.rows.column(SYNC_STARTED_AT)[0].as_py() if SYNC_STARTED_AT in names else None
        return str(self.rows.column(JOB_ID)[0]), began

    def parents(self, rows: pa.Table) -> pa.Table:
        """Rows as the parent's table holds them: child arrays cut out."""
        only_staged = [name for name in (DUE, CLEARED, PLACE, AT) if name in rows.column_names]
        return rows.drop_columns([*(child.column for child in self.plan.children), *only_staged])

    def with_places(self) -> Batch:
        """The batch, each row with its place among the records that its stream received.

        Records that could not become rows are not in it: they count as if they had come first.
        """
        count = self.rows.num_rows
        places = pa.array(range(self.through - count + 1, self.through + 1), pa.int64())
        return replace(self, rows=self.rows.append_column(PLACE, places))

    @property
    def places(self) -> pa.ChunkedArray:
        """The place of each row; of a batch that does not say it, that of its end."""
        if PLACE in self.rows.column_names:
            return self.rows.column(PLACE)
        return pa.chunked_array([pa.repeat(pa.scalar(self.through), self.rows.num_rows)])

    def part(self, mask: pa.Array, salt: str) -> Batch:
        """The rows of a mask of a batch that is appended already, as a batch of their own."""
        rest = replace(self, rows=self.rows.filter(pc.invert(mask)))
        marks = self.marks and marks_after(self.marks, rest)
        rows = self.rows.filter(mask)
        return replace(self, rows=rows, read=rows.num_rows, salt=salt, marks=marks)

    def children(self, child: ChildPlan, rows: pa.Table) -> pa.Table:
        """Rows of a child table that belong to some of this batch's rows."""
        return rows_of(self.plan, child, rows)


def make_batch(
    plan: StreamPlan, blocks: list[pa.RecordBatch], through: int, *, keep_all: bool = False
) -> Batch:
    """Put parsed blocks together.

    Args:
        plan: The stream.
        blocks: Blocks of `plan.staged_schema`, in the order they came.
        through: Records received for the stream in this run so far.
        keep_all: Keep every version of a key, for append-only loads.
    """
    rows = pa.Table.from_batches(blocks, schema=plan.staged_schema)
    read = rows.num_rows
    if not keep_all:
        rows = last_versions(rows, plan.keys, plan.ordering)
    return Batch(plan, rows, read, through)


def marks_after(marks: Mapping[str, int], batch: Batch) -> dict[str, int]:
    """Marks as they are once a batch is appended."""
    plan = batch.plan
    rows = {plan.table: batch.rows.num_rows}
    rows |= {child.table: batch.children(child, batch.rows).num_rows for child in plan.children}
    return {table: count + rows[table] for table, count in marks.items()}


@dataclass(frozen=True)
class LoadResult:
    """What applying one batch did, in rows of the stream's own table."""

    stream: str
    table: str
    file: str
    read: int
    started_at: datetime
    finished_at: datetime
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    outdated: int = 0
    deleted: int = 0
    rescued: int = 0
    set_aside: int = 0
    dropped: int = 0
    error: str | None = None

    @property
    def written(self) -> int:
        """Rows the load changed."""
        return self.inserted + self.updated + self.deleted


_COUNTED = (
    "read",
    "inserted",
    "updated",
    "unchanged",
    "outdated",
    "deleted",
    "rescued",
    "set_aside",
    "dropped",
)


def combined(results: Sequence[LoadResult]) -> LoadResult:
    """What several loads of one batch did together."""
    sums = {name: sum(getattr(result, name) for result in results) for name in _COUNTED}
    error = next((result.error for result in results if result.error), None)
    return replace(results[0], finished_at=results[-1].finished_at, error=error, **sums)
