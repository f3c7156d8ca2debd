"""Taking out of a stream's tables what is gone at its source.

Parents are marked first, and their child rows follow the marks; to delete means to mark, to delete
the child rows, and then the parents. A crash in between leaves marks, which the next retirement
follows again, or a parent that is sent again and comes back with its child rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa

from target_databricks.lakehouse.predicates import literal, one_of, quoted
from target_databricks.lakehouse.table import MOST_REPLACED_BY_PREDICATE, LakehouseTable
from target_databricks.loading.backend import Retirement
from target_databricks.schema.plan import (
    DELETED_AT,
    JOB_ID,
    RECORD_HASH,
    SYNC_STARTED_AT,
    TABLE_VERSION,
    StreamPlan,
)


def retire(
    table: LakehouseTable,
    children: Iterable[LakehouseTable],
    plan: StreamPlan,
    retirement: Retirement,
    seen: pa.Table | None,
    *,
    hard: bool,
) -> int:
    """Mark or delete what is gone.

    Args:
        table: The stream's own table.
        children: Its child tables.
        plan: The stream.
        retirement: Which rows are gone.
        seen: Keys that came although their rows were not written, or None.
        hard: Delete instead of marking, and with it what was marked before.

    Returns:
        How many rows, in the stream's own table.
    """
    purge = hard and not plan.children
    gone = _gone(table, retirement, marked=purge)
    if retirement.appended:
        count = table.remove(gone) if purge else table.stamp(DELETED_AT, gone)
    else:
        keys = table.collected(table.others(seen, plan.keys, gone), plan.keys)
        count = keys.num_rows
        _take_out(table, keys, purge=purge)
    match = [JOB_ID, *plan.keys] if retirement.appended else list(plan.keys)
    for child in children:
        _retire_children(table, child, match, hard=hard)
    if hard and plan.children:
        count = table.remove(f"{_column(table, DELETED_AT)} IS NOT NULL")
    return count


def purge(table: LakehouseTable, children: Iterable[LakehouseTable], plan: StreamPlan) -> None:
    """Delete the rows of a merged stream that are marked, and their child rows."""
    for child in children:
        _retire_children(table, child, list(plan.keys), hard=True)
    table.remove(f"{_column(table, DELETED_AT)} IS NOT NULL")


def _retire_children(
    parents: LakehouseTable, table: LakehouseTable, match: list[str], *, hard: bool
) -> None:
    """Mark or delete the child rows of parents that are marked.

    Args:
        parents: The stream's own table.
        table: One of its child tables.
        match: Columns that tell which child rows are whose. Of appended parents that is also the
            run, as a key may be there more than once.
        hard: Whether to delete.
    """
    if table.delta is None:
        return
    alive = f"{_column(parents, DELETED_AT)} IS NULL"
    keys = parents.collected(parents.others(None, match, f"NOT ({alive})"), match)
    if JOB_ID in match and keys.num_rows:
        living = parents.collected(parents.among(keys, match, alive), match)
        keys = keys.join(living, match, join_type="left anti")
    if keys.num_rows:
        where = "true" if hard else f"{_column(table, DELETED_AT)} IS NULL"
        _take_out(table, table.collected(table.among(keys, match, where), match), purge=hard)


def _take_out(table: LakehouseTable, keys: pa.Table, *, purge: bool) -> None:
    """Delete the rows with these keys, or mark them."""
    if purge:
        table.replace(keys, keys.slice(0, 0))
        return
    for start in range(0, keys.num_rows, MOST_REPLACED_BY_PREDICATE):
        some = keys.slice(start, MOST_REPLACED_BY_PREDICATE)
        table.stamp(DELETED_AT, one_of(some))


def _gone(table: LakehouseTable, retirement: Retirement, *, marked: bool) -> str:
    """What holds for rows that are gone; with those, if `marked`, that were marked before."""
    come = [f"{_column(table, JOB_ID)} = {_texts([retirement.job_id])}"]
    if table.spelled(SYNC_STARTED_AT):
        come.append(f"{_column(table, SYNC_STARTED_AT)} = {retirement.started_at}")
    gone = [
        f"coalesce({_column(table, TABLE_VERSION)} < {retirement.version}, true)",
        f"NOT coalesce({' AND '.join(come)}, false)",
    ]
    if retirement.hashes:
        hashes = f"{_column(table, RECORD_HASH)} IN ({_texts(sorted(retirement.hashes))})"
        gone.append(f"NOT coalesce({hashes}, false)")
    alive, old = f"{_column(table, DELETED_AT)} IS NULL", " AND ".join(gone)
    return f"NOT ({alive}) OR ({old})" if marked else f"{alive} AND {old}"


def _column(table: LakehouseTable, name: str) -> str:
    return quoted(table.spelled(name) or name)


def _texts(values: Sequence[str]) -> str:
    return ", ".join(literal(value, pa.string()) for value in values)
