"""The statements that load rows, as text. Pure: names, types and plans in, SQL out.

In all of them `t` is the table and `s` what is staged. A row of the batch is **held** by the table
when the table's row with its key has the same hash, or is of a later version. Rows that are held
are not written; everything else follows from that one condition:

| statement | does |
|---|---|
| `changes` | tells whether there is a row that is not held |
| `merge_children` | rows of parents that are not held: out with the old, in with the new |
| `merge` | parents that are not held: update or insert; the commit mark of the batch |
| `append` | rows without keys that the run has not appended yet; the first rows of a new table |
| `retire` | rows that a version of the whole table did not bring again |

Each is safe to send again: what it did the first time it finds done the second time.
"""

# ruff: noqa: S608 - names are quoted and values are literals, both in names.py

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from target_databricks.schema.plan import (
    DELETED_AT,
    JOB_ID,
    POSITION,
    RECORD_HASH,
    TABLE_VERSION,
    ChildPlan,
    StreamPlan,
)
from target_databricks.warehouse.sql.columns import column_type, fitted
from target_databricks.warehouse.sql.names import literal, quoted

SEQUENCE = "_sdc_sequence"
"""When a record was received: tells an old batch that is replayed from what came after it."""


@dataclass(frozen=True)
class Staged:
    """Rows to be read by a statement.

    Attributes:
        source: SQL that can stand after FROM.
        schema: Its columns.
    """

    source: str
    schema: pa.Schema


def parquet_file(path: str) -> str:
    """A staged file as something to select from."""
    return f"parquet.{quoted(path)}"


# Loading


def merge(
    table: str,
    columns: pa.Schema,
    plan: StreamPlan,
    staged: Staged,
    *,
    replayed: bool = False,
) -> str:
    """MERGE the batch into the stream's own table.

    Args:
        table: The table, in SQL.
        columns: Its columns as they are now.
        plan: The stream; its names are spelled as the table spells them.
        staged: The batch.
        replayed: Whether an earlier run staged it, so that newer rows may be in already.
    """
    written = _written(columns, plan, staged)
    flag = _flag(columns, plan)
    inserted = [quoted(c.name) for c in written] + ([quoted(flag)] if flag else [])
    values = [f"s.{quoted(c.name)}" for c in written] + (["false"] if flag else [])
    updates = [f"{quoted(c.name)} = s.{quoted(c.name)}" for c in written]
    return "\n".join(
        [
            f"MERGE INTO {table} AS t",
            f"USING (\n{_select(staged, written)}\n) AS s",
            f"ON {_same_key('t', 's', plan.keys)}",
            f"WHEN MATCHED AND NOT ({_held(columns, plan, staged, replayed=replayed)}) THEN",
            f"  UPDATE SET {_listed(updates)}",
            f"WHEN NOT MATCHED THEN\n  INSERT ({', '.join(inserted)})",
            f"  VALUES ({', '.join(values)})",
        ]
    )


def merge_children(
    table: str,
    columns: pa.Schema,
    parent: str,
    parent_columns: pa.Schema,
    plan: StreamPlan,
    child: ChildPlan,
    staged: Staged,
    *,
    replayed: bool = False,
) -> str:
    """MERGE the rows of a child table, in place of all that the batch's parents had.

    A parent brings one row that is `gone`, which takes its old rows out, and its new rows, which
    match nothing and go in.

    Args:
        table: The child's table, in SQL.
        columns: Its columns as they are now.
        parent: The stream's own table, in SQL, not yet written.
        parent_columns: Its columns.
        plan: The stream.
        child: Which of its child tables.
        staged: The batch.
        replayed: As in `merge`.
    """
    rows = _child_rows(columns, plan, child, staged)
    nothing = [
        f"b.{quoted(c.name)} AS {quoted(c.name)}"
        if c.name in plan.keys
        else f"CAST(NULL AS {column_type(c)}) AS {quoted(c.name)}"
        for c in rows.columns
    ]
    names = ", ".join(quoted(c.name) for c in rows.columns)
    values = ", ".join(f"s.{quoted(c.name)}" for c in rows.columns)
    return "\n".join(
        [
            f"MERGE INTO {table} AS t",
            "USING (",
            _with_changed(parent, parent_columns, plan, staged, rows.read, replayed=replayed),
            f"SELECT true AS __gone, {', '.join(nothing)} FROM changed AS b",
            "UNION ALL",
            f"SELECT false AS __gone, {', '.join(rows.values)} FROM changed AS b",
            rows.exploded,
            ") AS s",
            f"ON s.__gone AND {_same_key('t', 's', plan.keys)}",
            "WHEN MATCHED THEN DELETE",
            f"WHEN NOT MATCHED AND NOT s.__gone THEN\n  INSERT ({names})\n  VALUES ({values})",
        ]
    )


def changes(
    table: str, columns: pa.Schema, plan: StreamPlan, staged: Staged, *, replayed: bool = False
) -> str:
    """SELECT one row if the batch has any that the stream's own table does not hold, else none.

    Arguments as in `merge`.
    """
    read = [c for c in staged.schema if c.name in {*plan.keys, *_compared(plan)}]
    return "\n".join(
        [
            _with_changed(table, columns, plan, staged, read, replayed=replayed),
            "SELECT true AS changes FROM changed LIMIT 1",
        ]
    )


def append(table: str, columns: pa.Schema, plan: StreamPlan, staged: Staged, condition: str) -> str:
    """INSERT the batch into the stream's own table, once.

    Args:
        table: The table, in SQL.
        columns: Its columns as they are now.
        plan: The stream.
        staged: The batch.
        condition: What holds only until the rows are in: `not_appended` or `empty`.
    """
    written = _written(columns, plan, staged)
    flag = _flag(columns, plan)
    names = [quoted(c.name) for c in written] + ([quoted(flag)] if flag else [])
    values = [
        f"{fitted(f's.{quoted(c.name)}', staged.schema.field(c.name).type, c)} AS {quoted(c.name)}"
        for c in written
    ] + ([f"false AS {quoted(flag)}"] if flag else [])
    return "\n".join(
        [
            f"INSERT INTO {table} ({', '.join(names)})",
            f"SELECT {_listed(values)}",
            f"FROM {staged.source} AS s",
            f"WHERE {condition}",
        ]
    )


def append_children(
    table: str,
    columns: pa.Schema,
    plan: StreamPlan,
    child: ChildPlan,
    staged: Staged,
    condition: str,
) -> str:
    """INSERT the batch's rows of a child table, once; arguments as in `append`."""
    rows = _child_rows(columns, plan, child, staged)
    return "\n".join(
        [
            f"INSERT INTO {table} ({', '.join(quoted(c.name) for c in rows.columns)})",
            f"SELECT {_listed(rows.values)}",
            f"FROM (\n{_select(staged, rows.read, typed=False)}\n) AS b",
            rows.exploded,
            f"WHERE {condition}",
        ]
    )


def not_appended(table: str, job_id: str, before: int) -> str:
    """Whether a batch is not in a table yet, by the rows of its run.

    Args:
        table: The table, in SQL.
        job_id: The run that staged the batch.
        before: Rows of that run in the table when the batch was staged.
    """
    return f"({rows_of_run(table, job_id)}) <= {before}"


def empty(table: str) -> str:
    """Whether a table has no rows."""
    return f"NOT EXISTS (SELECT 1 FROM {table})"


def hashes_of_runs(table: str, jobs: Collection[str]) -> str:
    """The hashes of the rows that some runs wrote to a table."""
    listed = ", ".join(literal(job) for job in sorted(jobs))
    return f"SELECT {quoted(RECORD_HASH)} FROM {table} WHERE {quoted(JOB_ID)} IN ({listed})"


def rows_of_run(table: str, job_id: str) -> str:
    """Count the rows a run wrote to a table."""
    return f"SELECT count(*) FROM {table} WHERE {quoted(JOB_ID)} = {literal(job_id)}"


def retire(
    table: str,
    parent: str,
    plan: StreamPlan,
    version: int,
    seen: Sequence[str],
    *,
    delete: bool,
) -> str:
    """Retire the rows of a table whose parents are older than a version and did not come with it.

    Args:
        table: The stream's own table or one of its child tables, in SQL.
        parent: The stream's own table, in SQL.
        plan: The stream.
        version: The version that is now the whole truth.
        seen: Keys that came with it although their rows were not written, as SQL to select from.
        delete: Delete the rows instead of marking them.
    """
    keys = ", ".join(f"p.{quoted(k)}" for k in plan.keys)
    alive = f"p.{quoted(DELETED_AT)} IS NULL"
    gone = [
        f"SELECT DISTINCT {keys} FROM {parent} AS p",
        f"WHERE {alive} AND coalesce(p.{quoted(TABLE_VERSION)} < {int(version)}, true)",
    ]
    if seen:
        names = ", ".join(quoted(k) for k in plan.keys)
        files = " UNION ALL ".join(f"SELECT {names} FROM {source}" for source in seen)
        # A row that came with the version is left out whether or not it was written.
        gone[0] = f"SELECT DISTINCT {keys} FROM {parent} AS p LEFT ANTI JOIN ({files}) AS k"
        gone[0] += f" ON {_same_key('p', 'k', plan.keys)}"
    action = "DELETE" if delete else f"UPDATE SET {quoted(DELETED_AT)} = current_timestamp()"
    condition = "" if delete else f" AND t.{quoted(DELETED_AT)} IS NULL"
    return "\n".join(
        [
            f"MERGE INTO {table} AS t",
            f"USING ({' '.join(gone)}) AS s",
            f"ON {_same_key('t', 's', plan.keys)}",
            f"WHEN MATCHED{condition} THEN {action}",
        ]
    )


def affected(row: Mapping[str, object], kind: str = "affected") -> int:
    """Rows a statement changed, from its one row of numbers.

    Args:
        row: The row.
        kind: "affected", "inserted", "updated" or "deleted".
    """
    return int(str(row.get(f"num_{kind}_rows") or 0))


# Parts


@dataclass(frozen=True)
class _ChildRows:
    """How child rows are read out of a batch `b`.

    Attributes:
        columns: Columns of the child's table that are written.
        values: What goes into them.
        exploded: The clause that makes a row of each element, after FROM.
        read: Columns of the batch that are needed.
    """

    columns: list[pa.Field]
    values: list[str]
    exploded: str
    read: list[pa.Field]


def _child_rows(
    columns: pa.Schema, plan: StreamPlan, child: ChildPlan, staged: Staged
) -> _ChildRows:
    array = staged.schema.field(child.column)
    members = {f.name.lower(): f for f in array.type.value_type}
    keys = {key.lower(): key for key in plan.keys}
    written, values = [], []
    for column in columns:
        name = column.name.lower()
        if name in keys:
            key = keys[name]
            value = fitted(f"b.{quoted(key)}", staged.schema.field(key).type, column)
        elif name in members:
            member = members[name]
            value = fitted(f"e.__row.{quoted(member.name)}", member.type, column)
        elif name == POSITION:
            value = f"CAST(e.__place AS {column_type(column)})"
        elif name == JOB_ID:
            value = f"b.{quoted(JOB_ID)}"
        else:
            continue
        written.append(column)
        values.append(f"{value} AS {quoted(column.name)}")
    compared = [c.name for c in staged.schema if c.name in _compared(plan)]
    wanted = dict.fromkeys([*plan.keys, child.column, JOB_ID, *compared])
    # A null element is no row.
    exploded = (
        f"JOIN LATERAL (SELECT pos AS __place, col AS __row FROM "
        f"posexplode(b.{quoted(child.column)})) AS e ON e.__row IS NOT NULL"
    )
    return _ChildRows(written, values, exploded, [staged.schema.field(n) for n in wanted])


def _compared(plan: StreamPlan) -> tuple[str, ...]:
    bookmark = (plan.ordering,) if plan.ordering else ()
    sequence = (SEQUENCE,) if plan.sdk_metadata else ()
    return (RECORD_HASH, DELETED_AT, *sequence, *bookmark)


def _written(columns: pa.Schema, plan: StreamPlan, staged: Staged) -> list[pa.Field]:
    """The table's columns that the batch has values for, under the batch's names."""
    cut = {child.column for child in plan.children}
    sent = {c.name.lower(): c.name for c in staged.schema if c.name not in cut}
    return [c.with_name(sent[c.name.lower()]) for c in columns if c.name.lower() in sent]


def _flag(columns: pa.Schema, plan: StreamPlan) -> str | None:
    if plan.soft_delete is None:
        return None
    return next((n for n in columns.names if n.lower() == plan.soft_delete.lower()), None)


def _select(staged: Staged, columns: Iterable[pa.Field], *, typed: bool = True) -> str:
    """Read columns out of what is staged, cast to the table's types unless not `typed`."""
    values = []
    for column in columns:
        name = quoted(column.name)
        value = f"s.{name}"
        if typed:
            value = f"{fitted(value, staged.schema.field(column.name).type, column)} AS {name}"
        values.append(value)
    return f"    SELECT {_listed(values, 6)}\n    FROM {staged.source} AS s"


def _with_changed(
    parent: str,
    columns: pa.Schema,
    plan: StreamPlan,
    staged: Staged,
    read: Iterable[pa.Field],
    *,
    replayed: bool,
) -> str:
    """The clause that calls `changed` what of a batch is not held, with the columns `read`."""
    held = _held(columns, plan, staged, replayed=replayed, ours="p", theirs="b")
    return "\n".join(
        [
            f"WITH batch AS (\n{_select(staged, read, typed=False)}\n),",
            "changed AS (",
            f"  SELECT b.* FROM batch AS b LEFT ANTI JOIN {parent} AS p",
            f"  ON {_same_key('p', 'b', plan.keys)} AND ({held})",
            ")",
        ]
    )


def _held(
    columns: pa.Schema,
    plan: StreamPlan,
    staged: Staged,
    *,
    replayed: bool,
    ours: str = "t",
    theirs: str = "s",
) -> str:
    """Whether the table's row is the batch's row already, or a later version of it."""
    has = {name.lower() for name in columns.names}

    def both(name: str) -> bool:
        return name.lower() in has and name in staged.schema.names

    def column(side: str, name: str) -> str:
        return f"{side}.{quoted(name)}"

    if not both(RECORD_HASH):
        same = "false"
    else:
        same = f"{column(ours, RECORD_HASH)} <=> {column(theirs, RECORD_HASH)}"
        if both(DELETED_AT):
            # A row the tap had declared gone and now sends again is alive again.
            back = f"{column(ours, DELETED_AT)} IS NULL OR {column(theirs, DELETED_AT)} IS NOT NULL"
            same = f"{same} AND ({back})"
    conditions = [same]
    if plan.ordering and both(plan.ordering):
        conditions.append(_less(column(theirs, plan.ordering), column(ours, plan.ordering)))
    if replayed and plan.sdk_metadata and both(SEQUENCE):
        conditions.append(_less(column(theirs, SEQUENCE), column(ours, SEQUENCE)))
    return " OR ".join(f"({c})" if " OR " in c or " AND " in c else c for c in conditions)


def _less(a: str, b: str) -> str:
    return f"coalesce({a} < {b}, false)"


def _same_key(a: str, b: str, keys: Iterable[str]) -> str:
    return " AND ".join(f"{a}.{quoted(k)} = {b}.{quoted(k)}" for k in keys)


def _listed(items: Iterable[str], indent: int = 4) -> str:
    return (",\n" + " " * indent).join(items)
