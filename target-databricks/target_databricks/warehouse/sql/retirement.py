"""The statements that take out of a stream's tables what is gone at its source. Pure, as `dml.py`.

| statement | does |
|---|---|
| `retire` | marks or deletes the rows of the stream's own table that are gone |
| `retire_children` | likewise child rows, of parents that are marked |
| `purge` | deletes the parents that are marked |

Parents are marked first, and all else follows the marks. A crash in between leaves marks, which the
next retirement follows again, or a parent that is sent again and comes back with its child rows.
"""

# ruff: noqa: S608 - names are quoted and values are literals, both in names.py

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from target_databricks.loading.backend import Retirement
from target_databricks.schema.plan import (
    DELETED_AT,
    JOB_ID,
    RECORD_HASH,
    SYNC_STARTED_AT,
    TABLE_VERSION,
    StreamPlan,
)
from target_databricks.warehouse.sql.clauses import same_key
from target_databricks.warehouse.sql.names import literal, quoted


def statements(
    tables: Sequence[str],
    columns: pa.Schema,
    plan: StreamPlan,
    retirement: Retirement,
    seen: Sequence[str],
    *,
    hard: bool,
) -> list[str]:
    """All statements of a retirement, in order.

    Args:
        tables: The stream's own table, then its child tables that are there, in SQL.
        columns: Columns of the stream's own table as they are now.
        plan: The stream.
        retirement: Which rows are gone.
        seen: Keys that came although their rows were not written, as SQL to select from.
        hard: Delete instead of marking.
    """
    parent, *children = tables
    whole = hard and not plan.children
    first = retire(parent, columns, plan, retirement, seen, purge=whole)
    others = [
        retire_children(child, parent, plan, appended=retirement.appended, purge=hard)
        for child in children
    ]
    return [first, *others, *([purge(parent)] if hard and plan.children else [])]


def retire(
    table: str,
    columns: pa.Schema,
    plan: StreamPlan,
    retirement: Retirement,
    seen: Sequence[str],
    *,
    purge: bool,
) -> str:
    """Mark or delete the rows of a stream's own table that are gone.

    Args:
        table: The table, in SQL.
        columns: Its columns as they are now.
        plan: The stream.
        retirement: Which rows are gone.
        seen: Keys that came although their rows were not written, as SQL to select from.
        purge: Delete them, and what was marked before, instead of marking them.
    """
    gone = _gone(columns, retirement, marked=purge)
    if retirement.appended:
        mark = f"UPDATE {table} AS p SET {quoted(DELETED_AT)} = current_timestamp()"
        return "\n".join([f"DELETE FROM {table} AS p" if purge else mark, f"WHERE {gone}"])
    keys = ", ".join(f"p.{quoted(k)}" for k in plan.keys)
    source = f"SELECT DISTINCT {keys} FROM {table} AS p"
    if seen:
        names = ", ".join(quoted(k) for k in plan.keys)
        files = " UNION ALL ".join(f"SELECT {names} FROM {source}" for source in seen)
        # A row that came is left out whether or not it was written.
        source += f" LEFT ANTI JOIN ({files}) AS k ON {same_key('p', 'k', plan.keys)}"
    return _taken_out(table, f"{source} WHERE {gone}", plan.keys, purge=purge)


def purge_all(tables: Sequence[str], plan: StreamPlan) -> list[str]:
    """The statements that delete what is marked of a merged stream; arguments as before."""
    parent, *children = tables
    gone = [retire_children(c, parent, plan, appended=False, purge=True) for c in children]
    return [*gone, purge(parent)]


def retire_children(
    table: str, parent: str, plan: StreamPlan, *, appended: bool, purge: bool
) -> str:
    """Mark or delete the rows of a child table whose parents are marked.

    Of appended parents only the run tells which child rows are whose: a key may be there more than
    once.

    Args:
        table: The child's table, in SQL.
        parent: The stream's own table, in SQL.
        plan: The stream.
        appended: Whether its rows are appended.
        purge: Delete them instead of marking them.
    """
    match = (JOB_ID, *plan.keys) if appended else plan.keys
    names = ", ".join(f"p.{quoted(k)}" for k in match)
    deleted = quoted(DELETED_AT)
    source = f"SELECT DISTINCT {names} FROM {parent} AS p"
    if appended:
        source += (
            f" LEFT ANTI JOIN (SELECT * FROM {parent} WHERE {deleted} IS NULL) AS k"
            f" ON {same_key('p', 'k', match)}"
        )
    return _taken_out(table, f"{source} WHERE p.{deleted} IS NOT NULL", match, purge=purge)


def purge(table: str) -> str:
    """DELETE the rows of a table that are marked."""
    return f"DELETE FROM {table} WHERE {quoted(DELETED_AT)} IS NOT NULL"


def _taken_out(table: str, keys: str, match: Sequence[str], *, purge: bool) -> str:
    """MERGE keys into a table in order to delete the rows that have them, or to mark them."""
    action = "DELETE" if purge else f"UPDATE SET {quoted(DELETED_AT)} = current_timestamp()"
    condition = "" if purge else f" AND t.{quoted(DELETED_AT)} IS NULL"
    return "\n".join(
        [
            f"MERGE INTO {table} AS t",
            f"USING ({keys}) AS s",
            f"ON {same_key('t', 's', match)}",
            f"WHEN MATCHED{condition} THEN {action}",
        ]
    )


def _gone(columns: pa.Schema, retirement: Retirement, *, marked: bool) -> str:
    """What holds for rows `p` that are gone; with those, if `marked`, that were marked before."""
    come = f"p.{quoted(JOB_ID)} = {literal(retirement.job_id)}"
    if SYNC_STARTED_AT in {name.lower() for name in columns.names}:
        come += f" AND p.{quoted(SYNC_STARTED_AT)} = {int(retirement.started_at)}"
    gone = [
        f"coalesce(p.{quoted(TABLE_VERSION)} < {int(retirement.version)}, true)",
        f"NOT coalesce({come}, false)",
    ]
    if retirement.hashes:
        listed = ", ".join(literal(digest) for digest in sorted(retirement.hashes))
        gone.append(f"NOT coalesce(p.{quoted(RECORD_HASH)} IN ({listed}), false)")
    alive, old = f"p.{quoted(DELETED_AT)} IS NULL", " AND ".join(gone)
    return f"NOT ({alive}) OR ({old})" if marked else f"{alive} AND {old}"
