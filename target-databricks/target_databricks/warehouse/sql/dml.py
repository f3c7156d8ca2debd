"""The statements that load rows, as text. Pure: names, types and plans in, SQL out.

In all of them `t` is the table and `s` what is staged. A row of the table is
**current** when it has the same hash as the row of the batch with its key, or is of a later
version. Rows that are current are not written; everything else follows from that one condition:

| statement | does |
|---|---|
| `changes` | tells whether there is a row that is not current |
| `merge_children` | rows of parents that are not current: out with the old, in with the new |
| `merge` | parents that are not current: update or insert; the commit mark of the batch |
| `append` | rows without keys that the run has not appended yet; the first rows of a new table |

Each is safe to send again: what it did the first time it finds done the second time.
"""

# ruff: noqa: S608 - names are quoted and values are literals, both in names.py

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pyarrow as pa

from target_databricks.loading.batch import RunId
from target_databricks.schema.plan import (
    CLEARED,
    DELETED_AT,
    DUE,
    JOB_ID,
    RECORD_HASH,
    SYNC_STARTED_AT,
    ChildPlan,
    StreamPlan,
)
from target_databricks.warehouse.sql.bounds import NO_BOUNDS, Bounds, of_alias
from target_databricks.warehouse.sql.clauses import (
    StagedRows,
    child_rows,
    common_columns,
    compared_columns,
    is_current,
    listed,
    same_key,
    select,
    soft_delete_flag,
    with_changed,
)
from target_databricks.warehouse.sql.columns import (
    fitted,
    is_variant,
    plain_value,
    sql_type,
)
from target_databricks.warehouse.sql.names import literal, quoted


def merge(
    table: str,
    columns: pa.Schema,
    plan: StreamPlan,
    staged: StagedRows,
    *,
    replayed: bool = False,
    last: Collection[str] = (),
    cleared: Collection[str] = (),
    bounds: Bounds = NO_BOUNDS,
) -> str:
    """MERGE the batch into the stream's own table.

    Args:
        table: The table, in SQL.
        columns: Its columns as they are now.
        plan: The stream; its names are spelled as the table spells them.
        staged: The batch.
        replayed: Whether an earlier run staged it, so that newer rows may be in already.
        last: Columns of which a row that is declared gone has the last value, if it states none.
        cleared: Columns of the table that some rows must not keep a value in.
        bounds: What holds for the keys of the batch (`bounds.py`).
    """
    written = common_columns(columns, plan, staged)
    flag = soft_delete_flag(columns, plan)
    inserted = [quoted(c.name) for c in written] + ([quoted(flag)] if flag else [])
    values = [f"s.{quoted(c.name)}" for c in written] + (["false"] if flag else [])
    gone = f"s.{quoted(DELETED_AT)} IS NOT NULL"
    updates = [
        f"{quoted(c.name)} = coalesce(s.{quoted(c.name)}, IF({gone}, t.{quoted(c.name)}, NULL))"
        if c.name in last and c.name not in plan.keys
        else f"{quoted(c.name)} = s.{quoted(c.name)}"
        for c in written
    ]
    # What a child table has now, the parent does not have any more.
    cut = {child.column.lower() for child in plan.children}
    updates += [f"{quoted(c.name)} = NULL" for c in columns if c.name.lower() in cut]
    updates += [
        f"{quoted(c)} = IF(array_contains(s.{quoted(CLEARED)}, {literal(c)}), NULL, t.{quoted(c)})"
        for c in cleared
    ]
    read = [*written, *(c for c in staged.schema if c.name in {DUE, CLEARED})]
    return "\n".join(
        [
            f"MERGE INTO {table} AS t",
            f"USING (\n{select(staged, read)}\n) AS s",
            f"ON {same_key('t', 's', plan.keys)}{of_alias('t', bounds)}",
            f"WHEN MATCHED AND NOT ({is_current(columns, plan, staged, replayed=replayed)}) THEN",
            f"  UPDATE SET {listed(updates)}",
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
    staged: StagedRows,
    *,
    replayed: bool = False,
    bounds: Bounds = NO_BOUNDS,
    parent_bounds: Bounds = NO_BOUNDS,
) -> str:
    """MERGE the rows of a child table, in place of all that the batch's parents had.

    A parent brings one row that is `gone`, which takes its old rows out, and its new rows, which
    match nothing and go in. No set operator takes a VARIANT, so it comes through as text.

    Args:
        table: The child's table, in SQL.
        columns: Its columns as they are now.
        parent: The stream's own table, in SQL, not yet written.
        parent_columns: Its columns.
        plan: The stream.
        child: Which of its child tables.
        staged: The batch.
        replayed: As in `merge`.
        bounds: As in `merge`.
        parent_bounds: Likewise, for the stream's own table.
    """
    rows = child_rows(columns, plan, child, staged, parsed=False)
    nothing = [
        f"b.{quoted(c.name)} AS {quoted(c.name)}"
        if c.name in plan.keys
        else f"CAST(NULL AS {sql_type(c.type)}) AS {quoted(c.name)}"
        for c in rows.columns
    ]
    names = ", ".join(quoted(c.name) for c in rows.columns)
    read = {c.name: f"s.{quoted(c.name)}" for c in rows.columns}
    values = ", ".join(
        fitted(read[c.name], c.type, c) if is_variant(c) else read[c.name] for c in rows.columns
    )
    return "\n".join(
        [
            f"MERGE INTO {table} AS t",
            "USING (",
            with_changed(
                parent,
                parent_columns,
                plan,
                staged,
                rows.read,
                replayed=replayed,
                bounds=parent_bounds,
            ),
            f"SELECT true AS __gone, {', '.join(nothing)} FROM changed AS b",
            "UNION ALL",
            f"SELECT false AS __gone, {', '.join(rows.values)} FROM changed AS b",
            rows.exploded,
            ") AS s",
            f"ON s.__gone AND {same_key('t', 's', plan.keys)}{of_alias('t', bounds)}",
            "WHEN MATCHED THEN DELETE",
            f"WHEN NOT MATCHED AND NOT s.__gone THEN\n  INSERT ({names})\n  VALUES ({values})",
        ]
    )


def changes(
    table: str,
    columns: pa.Schema,
    plan: StreamPlan,
    staged: StagedRows,
    *,
    replayed: bool = False,
    bounds: Bounds = NO_BOUNDS,
) -> str:
    """SELECT one row if the batch has any that the stream's own table does not hold, else none.

    Arguments as in `merge`.
    """
    read = [c for c in staged.schema if c.name in {*plan.keys, *compared_columns(plan)}]
    return "\n".join(
        [
            with_changed(table, columns, plan, staged, read, replayed=replayed, bounds=bounds),
            "SELECT true AS changes FROM changed LIMIT 1",
        ]
    )


def append(
    table: str, columns: pa.Schema, plan: StreamPlan, staged: StagedRows, condition: str
) -> str:
    """INSERT the batch into the stream's own table, once.

    Args:
        table: The table, in SQL.
        columns: Its columns as they are now.
        plan: The stream.
        staged: The batch.
        condition: What holds only until the rows are in: `not_appended` or `empty`.
    """
    written = common_columns(columns, plan, staged)
    flag = soft_delete_flag(columns, plan)
    names = [quoted(c.name) for c in written] + ([quoted(flag)] if flag else [])
    values = [
        f"{fitted(f's.{quoted(c.name)}', staged.schema.field(c.name).type, c)} AS {quoted(c.name)}"
        for c in written
    ] + ([f"false AS {quoted(flag)}"] if flag else [])
    return "\n".join(
        [
            f"INSERT INTO {table} ({', '.join(names)})",
            f"SELECT {listed(values)}",
            f"FROM {staged.source} AS s",
            f"WHERE {condition}",
        ]
    )


def append_children(
    table: str,
    columns: pa.Schema,
    plan: StreamPlan,
    child: ChildPlan,
    staged: StagedRows,
    condition: str,
) -> str:
    """INSERT the batch's rows of a child table, once; arguments as in `append`."""
    rows = child_rows(columns, plan, child, staged)
    return "\n".join(
        [
            f"INSERT INTO {table} ({', '.join(quoted(c.name) for c in rows.columns)})",
            f"SELECT {listed(rows.values)}",
            f"FROM (\n{select(staged, rows.read, typed=False)}\n) AS b",
            rows.exploded,
            f"WHERE {condition}",
        ]
    )


def overwrite(table: str, other: str, columns: pa.Schema, rows: pa.Schema | None) -> str:
    """INSERT OVERWRITE: the rows of another table in the place of all rows, in one commit.

    Args:
        table: The table, in SQL.
        other: The other table, in SQL.
        columns: Columns of the table.
        rows: Columns of the other one; None if it is not there, and so has no row.
    """
    if rows is None:
        return f"DELETE FROM {table}"
    sent = {c.name.lower(): c for c in rows}
    written = [c for c in columns if c.name.lower() in sent]
    names = ", ".join(quoted(c.name) for c in written)
    values = []
    for column in written:
        source = sent[column.name.lower()]
        value = quoted(source.name)
        values.append(value if is_variant(source) else fitted(value, source.type, column))
    return f"INSERT OVERWRITE TABLE {table} ({names})\nSELECT {listed(values)}\nFROM {other}"


def not_appended(table: str, run: RunId, before: int) -> str:
    """Whether a batch is not in a table yet, by the rows of its run.

    Args:
        table: The table, in SQL.
        run: The run that staged the batch.
        before: Rows of that run in the table when the batch was staged.
    """
    return f"({rows_of_run(table, run)}) <= {before}"


def empty(table: str) -> str:
    """Whether a table has no rows."""
    return f"NOT EXISTS (SELECT 1 FROM {table})"


def hashes_of_runs(table: str, jobs: Collection[str]) -> str:
    """The hashes of the rows that some runs wrote to a table."""
    listed = ", ".join(literal(job) for job in sorted(jobs))
    return f"SELECT {quoted(RECORD_HASH)} FROM {table} WHERE {quoted(JOB_ID)} IN ({listed})"


def rows_of_run(table: str, run: RunId) -> str:
    """Count the rows a run wrote to a table.

    When the run began prunes all files that are older, which a job id does not once files have been
    compacted.
    """
    job_id, began = run
    count = f"SELECT count(*) FROM {table} WHERE {quoted(JOB_ID)} = {literal(job_id)}"
    return count if began is None else f"{count} AND {quoted(SYNC_STARTED_AT)} = {began}"


def ledger_rows(table: str, rows: pa.Table) -> str:
    """INSERT rows of plain values that the table has none of, by run, stream, file and time.

    Args:
        table: The table, in SQL.
        rows: The rows; text, whole numbers and times.
    """
    names = _names(rows)
    identity = ("job_id", "stream", "file", "started_at")
    same = " AND ".join(f"t.{quoted(c)} <=> n.{quoted(c)}" for c in identity)
    return (
        f"INSERT INTO {table} ({names}) SELECT {names} FROM {_values(rows)} AS n ({names}) "
        f"WHERE NOT EXISTS (SELECT 1 FROM {table} AS t WHERE {same})"
    )


def keys_table(table: str, sources: Sequence[str], keys: Sequence[str]) -> list[str]:
    """Statements that fill a table of its own with keys; a key may be there more than once.

    Args:
        table: The table, in SQL.
        sources: Keys, as SQL that can stand after FROM.
        keys: Their names.
    """
    names = ", ".join(map(quoted, keys))
    first, *others = [f"SELECT {names} FROM {source}" for source in sources]
    return [
        f"CREATE TABLE {table} AS {first}",
        *(f"INSERT INTO {table} ({names}) {other}" for other in others),
    ]


def version_row(table: str, row: pa.Table) -> str:
    """MERGE the one row of a table's version.

    Args:
        table: The table of versions, in SQL.
        row: Its columns; the first two tell of which table.
    """
    names = [quoted(name) for name in row.column_names]
    updates = ", ".join(f"{name} = s.{name}" for name in names[1:])
    return "\n".join(
        [
            f"MERGE INTO {table} AS t",
            f"USING (SELECT * FROM {_values(row)} AS s ({_names(row)})) AS s",
            f"ON t.{names[0]} = s.{names[0]}",
            f"WHEN MATCHED THEN UPDATE SET {updates}",
            f"WHEN NOT MATCHED THEN INSERT ({_names(row)})",
            f"  VALUES ({', '.join(f's.{name}' for name in names)})",
        ]
    )


def versions(table: str) -> str:
    """SELECT the version of each table. A table that is there twice has the later one."""
    return (
        f"SELECT `table_name`, `made`, max(`version`) AS `version` FROM {table} "
        "GROUP BY `table_name`, `made`"
    )


def _names(rows: pa.Table) -> str:
    return ", ".join(quoted(name) for name in rows.column_names)


def _values(rows: pa.Table) -> str:
    return "VALUES " + ", ".join(
        "(" + ", ".join(plain_value(row[c.name], c.type) for c in rows.schema) + ")"
        for row in rows.to_pylist()
    )


def affected(row: Mapping[str, object], kind: str = "affected") -> int:
    """Rows a statement changed, from its one row of numbers.

    Args:
        row: The row.
        kind: "affected", "inserted", "updated" or "deleted".
    """
    return int(str(row.get(f"num_{kind}_rows") or 0))
