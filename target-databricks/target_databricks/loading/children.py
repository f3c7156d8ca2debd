"""Cutting child rows out of their parents, in Arrow.

An invoice with four lines becomes one row here and four rows there; nothing is copied value by
value, the nested array already holds the columns of the child table.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from target_databricks.schema.plan import JOB_ID, POSITION, ChildPlan, StreamPlan


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
        POSITION: position,
        JOB_ID: parents.column(JOB_ID).take(owner),
    }
    count = len(elements)
    return pa.record_batch(
        [columns.get(c.name, pa.nulls(count, c.type)) for c in schema], schema=schema
    )


def _positions(lists: pa.ListArray) -> pa.Array:
    """Each element's place within its own list, from 0."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0).cast(pa.int64())
    total = pc.sum(lengths).as_py() or 0
    starts = pc.subtract(pc.cumulative_sum(lengths), lengths)
    running = pa.array(range(total), pa.int64()) if total else pa.array([], pa.int64())
    return pc.subtract(running, starts.take(pc.list_parent_indices(lists)))
