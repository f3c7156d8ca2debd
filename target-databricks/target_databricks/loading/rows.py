"""Operations on Arrow rows: one row per key, small batches gathered, child rows cut out.

An invoice with four lines becomes one row here and four rows there; nothing is copied value by
value, the nested array already holds the columns of the child table.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from target_databricks.schema.plan import (
    DELETED_AT,
    HISTORY,
    JOB_ID,
    POSITION,
    TABLE_VERSION,
    ChildPlan,
    StreamPlan,
)
from target_databricks.schema.types import TIMESTAMP

_SEPARATOR = "\x1f"
_ESCAPES = (("\x1e", "\x1e0"), (_SEPARATOR, "\x1e1"))
"""What makes a joined key unmistakable, should some id contain the separator itself."""
_ROW = "__row"


def last_versions(table: pa.Table, keys: Sequence[str], bookmark: str | None) -> pa.Table:
    """Keep the last version of each key.

    The last is the one with the highest bookmark; among equals, and where there is no bookmark,
    the one that came last. The order of the rows that stay is the order they came in.
    """
    if table.num_rows < 2 or not keys:
        return table
    identity = key_column(table, keys)
    if pc.count_distinct(identity).as_py() == table.num_rows:
        return table
    ranked = pa.table({"key": identity, _ROW: pa.array(range(table.num_rows), pa.int64())})
    if bookmark is not None:
        ranked = _by_bookmark(ranked, table.column(bookmark))
    last = (
        ranked.select(["key", _ROW]).group_by("key", use_threads=False).aggregate([(_ROW, "last")])
    )
    return table.take(last.column(f"{_ROW}_last").sort())


def _by_bookmark(rows: pa.Table, bookmarks: pa.ChunkedArray) -> pa.Table:
    """Rows by their bookmarks, and among equals in the order they came.

    A version without a bookmark cannot be compared: of its key those before it do not count.
    """
    rows, order = rows.append_column("bookmark", bookmarks), ["bookmark", _ROW]
    if bookmarks.null_count:
        bare = rows.filter(bookmarks.is_null()).group_by("key").aggregate([(_ROW, "max")])
        which = pc.index_in(rows.column("key"), value_set=bare.column("key"))
        since = bare.column(f"{_ROW}_max").take(which)
        counts = pc.greater_equal(rows.column(_ROW), since)
        rows = rows.append_column("dated", bookmarks.is_valid())
        rows, order = rows.filter(pc.fill_null(counts, fill_value=True)), ["dated", *order]
    return rows.sort_by([(name, "ascending") for name in order])


def key_column(table: pa.Table | pa.RecordBatch, keys: Sequence[str]) -> pa.ChunkedArray | pa.Array:
    """One text per row that stands for its whole key."""
    parts = [_as_text(table.column(k)) for k in keys]
    if len(parts) == 1:
        return parts[0]
    for old, new in _ESCAPES:
        parts = [pc.replace_substring(part, old, new) for part in parts]
    return pc.binary_join_element_wise(*parts, _SEPARATOR)


def _as_text(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    if pa.types.is_nested(column.type):
        return pa.array([json.dumps(value, default=str) for value in column.to_pylist()])
    return column if pa.types.is_string(column.type) else column.cast(pa.string())


def of_version(rows: pa.RecordBatch, version: int) -> pa.RecordBatch:
    """The rows, those without a version of a whole table as of this one."""
    place = rows.schema.get_field_index(TABLE_VERSION)
    if not rows.column(place).null_count:
        return rows
    versions = pc.fill_null(rows.column(place), version)
    return rows.set_column(place, rows.schema.field(place), versions)


def in_chunks(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Gather small record batches into tables of about `rows` rows."""
    waiting: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        waiting.append(batch)
        count += batch.num_rows
        if count >= rows:
            yield pa.Table.from_batches(waiting)
            waiting, count = [], 0
    if waiting:
        yield pa.Table.from_batches(waiting)


def rows_of(plan: StreamPlan, child: ChildPlan, parents: pa.Table) -> pa.Table:
    """The child rows of some parents.

    Args:
        plan: The parent's stream.
        child: Which of its child tables.
        parents: Rows of `plan.staged_schema`.

    Returns:
        Rows of `plan.child_schema(child)`. An element that is null gives no row.
    """
    schema = plan.child_schema(child)
    pieces = [
        _rows_of_batch(schema, plan, child, batch)
        for batch in parents.to_batches()
        if batch.num_rows
    ]
    return pa.Table.from_batches(pieces, schema=schema)


def _rows_of_batch(
    schema: pa.Schema, plan: StreamPlan, child: ChildPlan, parents: pa.RecordBatch
) -> pa.RecordBatch:
    lists = parents.column(child.column)
    elements = lists.flatten()
    owner = pc.list_parent_indices(lists)
    position = _positions(lists)
    if elements.null_count:
        real = elements.is_valid()
        elements, owner = elements.filter(real), owner.filter(real)
        position = position.filter(real)
    members = dict(zip((f.name for f in child.row.fields), elements.flatten(), strict=True))
    columns = {
        **members,
        **{key: parents.column(key).take(owner) for key in plan.keys},
        **{each.name: parents.column(each.column).take(owner) for each in child.parents},
        POSITION: position,
        JOB_ID: parents.column(JOB_ID).take(owner),
        DELETED_AT: _moments(parents.column(DELETED_AT)).take(owner),
    }
    columns |= {
        name: parents.column(name).take(owner) for name in HISTORY if name in parents.schema.names
    }
    count = len(elements)
    return pa.record_batch(
        [columns.get(c.name, pa.nulls(count, c.type)) for c in schema], schema=schema
    )


def _moments(deleted: pa.Array) -> pa.Array:
    """When parents were deleted; now, where the tap states that as something else than a time."""
    if deleted.type == TIMESTAMP:
        return deleted
    now = pa.scalar(dt.datetime.now(dt.UTC), TIMESTAMP)
    return pc.if_else(deleted.is_valid(), now, pa.scalar(None, TIMESTAMP))


def _positions(lists: pa.ListArray) -> pa.Array:
    """Each element's place within its own list, from 0."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0).cast(pa.int64())
    total = pc.sum(lengths).as_py() or 0
    starts = pc.subtract(pc.cumulative_sum(lengths), lengths)
    running = pa.array(range(total), pa.int64()) if total else pa.array([], pa.int64())
    return pc.subtract(running, starts.take(pc.list_parent_indices(lists)))
