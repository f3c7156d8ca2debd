"""The clauses that the statements of `dml.py` are made of. Pure text, as they are."""

# ruff: noqa: S608 - names are quoted and values are literals, both in names.py

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from target_databricks.schema.plan import (
    DELETED_AT,
    DUE,
    JOB_ID,
    POSITION,
    RECEIVED_AT,
    RECORD_HASH,
    RESCUED_DATA,
    SEQUENCE,
    ChildPlan,
    StreamPlan,
)
from target_databricks.warehouse.sql.bounds import Bounds, of_alias
from target_databricks.warehouse.sql.columns import column_type, fitted, is_variant
from target_databricks.warehouse.sql.names import quoted


@dataclass(frozen=True)
class StagedRows:
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


def parquet_files(paths: Sequence[str]) -> str:
    """Staged files of the same columns as something to select from."""
    if len(paths) == 1:
        return parquet_file(paths[0])
    files = "\n      UNION ALL ".join(f"SELECT * FROM {parquet_file(path)}" for path in paths)
    return f"({files})"


@dataclass(frozen=True)
class ChildRows:
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


def child_rows(
    columns: pa.Schema,
    plan: StreamPlan,
    child: ChildPlan,
    staged: StagedRows,
    *,
    parsed: bool = True,
) -> ChildRows:
    """How the rows of a child table are read out of a batch.

    Args:
        columns: Columns of the child's table.
        plan: The stream.
        child: Which of its child tables.
        staged: The batch.
        parsed: Whether JSON text becomes VARIANT here, or stays text.
    """
    array = staged.schema.field(child.column)
    members = {f.name.lower(): f for f in array.type.value_type}
    keys = {key.lower(): key for key in plan.keys}
    keys |= {each.name.lower(): each.column for each in child.parents}
    written, values = [], []
    for column in columns:
        name = column.name.lower()
        if name in keys:
            key = keys[name]
            value = fitted(f"b.{quoted(key)}", staged.schema.field(key).type, column)
        elif name in members:
            member = members[name]
            value = f"e.__row.{quoted(member.name)}"
            if parsed or not is_variant(column):
                value = fitted(value, member.type, column)
        elif name == POSITION:
            value = f"CAST(e.__place AS {column_type(column)})"
        elif name == JOB_ID:
            value = f"b.{quoted(JOB_ID)}"
        elif name == DELETED_AT:
            value = _moment(staged.schema.field(DELETED_AT))
        else:
            continue
        written.append(column)
        values.append(f"{value} AS {quoted(column.name)}")
    compared = [c.name for c in staged.schema if c.name in compared_columns(plan)]
    parents = (each.column for each in child.parents)
    needed = [*plan.keys, *parents, child.column, JOB_ID, DELETED_AT, *compared]
    wanted = dict.fromkeys(needed)
    # A null element is no row.
    exploded = (
        f"JOIN LATERAL (SELECT pos AS __place, col AS __row FROM "
        f"posexplode(b.{quoted(child.column)})) AS e ON e.__row IS NOT NULL"
    )
    return ChildRows(written, values, exploded, [staged.schema.field(n) for n in wanted])


def _moment(deleted: pa.Field) -> str:
    """When a parent was deleted; now, where the tap states that as something else than a time."""
    column = f"b.{quoted(deleted.name)}"
    if pa.types.is_timestamp(deleted.type):
        return column
    return f"IF({column} IS NULL, CAST(NULL AS TIMESTAMP), current_timestamp())"


def compared_columns(plan: StreamPlan) -> tuple[str, ...]:
    """The columns that tell whether a row is current."""
    bookmark = (plan.ordering,) if plan.ordering else ()
    sequence = (SEQUENCE,) if plan.sdk_metadata else ()
    return (RECORD_HASH, DELETED_AT, RESCUED_DATA, DUE, *sequence, *bookmark)


def common_columns(columns: pa.Schema, plan: StreamPlan, staged: StagedRows) -> list[pa.Field]:
    """The table's columns that the batch has values for, under the batch's names."""
    cut = {child.column for child in plan.children}
    sent = {c.name.lower(): c.name for c in staged.schema if c.name not in cut}
    return [c.with_name(sent[c.name.lower()]) for c in columns if c.name.lower() in sent]


def soft_delete_flag(columns: pa.Schema, plan: StreamPlan) -> str | None:
    """The users' soft-delete flag as the table spells it, or None."""
    flag = plan.flag
    if flag is None:
        return None
    return next((n for n in columns.names if n.lower() == flag.lower()), None)


def select(staged: StagedRows, columns: Iterable[pa.Field], *, typed: bool = True) -> str:
    """Read columns out of what is staged, cast to the table's types unless not `typed`."""
    values = []
    for column in columns:
        name = quoted(column.name)
        value = f"s.{name}"
        if typed:
            value = f"{fitted(value, staged.schema.field(column.name).type, column)} AS {name}"
        values.append(value)
    return f"    SELECT {listed(values, 6)}\n    FROM {staged.source} AS s"


def with_changed(
    parent: str,
    columns: pa.Schema,
    plan: StreamPlan,
    staged: StagedRows,
    read: Iterable[pa.Field],
    *,
    replayed: bool,
    bounds: Bounds,
) -> str:
    """The clause that calls `changed` what of a batch is not current, with the columns `read`."""
    current = is_current(columns, plan, staged, replayed=replayed, ours="p", theirs="b")
    return "\n".join(
        [
            f"WITH batch AS (\n{select(staged, read, typed=False)}\n),",
            "changed AS (",
            f"  SELECT b.* FROM batch AS b LEFT ANTI JOIN {parent} AS p",
            f"  ON {same_key('p', 'b', plan.keys)}{of_alias('p', bounds)} AND ({current})",
            ")",
        ]
    )


def is_current(
    columns: pa.Schema,
    plan: StreamPlan,
    staged: StagedRows,
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

    # A row that was gone and now comes again is alive again, whatever its bookmark.
    stays = ""
    if both(DELETED_AT):
        gone, sent = column(ours, DELETED_AT), column(theirs, DELETED_AT)
        stays = f" AND ({gone} IS NULL OR {sent} IS NOT NULL)"
    if not both(RECORD_HASH):
        same = "false"
    else:
        same = f"{column(ours, RECORD_HASH)} <=> {column(theirs, RECORD_HASH)}{stays}"
        if DUE in staged.schema.names:
            due = f"CAST({column(theirs, DUE)} AS TIMESTAMP)"
            written = f"{column(ours, RECEIVED_AT)} >= {due}" if RECEIVED_AT in has else "false"
            # A row that is older than a column lacks what its record has for it.
            same = f"{same} AND ({due} IS NULL OR coalesce({written}, false))"
        if both(RESCUED_DATA):
            before, now = column(ours, RESCUED_DATA), column(theirs, RESCUED_DATA)
            lost = f"size(array_except(json_object_keys({before}), {_paths(now)}))"
            fewer = f"coalesce({lost}, 0) > 0"
            # What was rescued and is not any more has a column now.
            same = f"{same} AND ({before} IS NULL OR {before} <=> {now} OR NOT {fewer})"
    conditions = [same]
    if plan.ordering and both(plan.ordering):
        older = _less(column(theirs, plan.ordering), column(ours, plan.ordering))
        conditions.append(f"{older}{stays}")
    if replayed and plan.sdk_metadata and both(SEQUENCE):
        conditions.append(_less(column(theirs, SEQUENCE), column(ours, SEQUENCE)))
    return " OR ".join(f"({c})" if " OR " in c or " AND " in c else c for c in conditions)


def _paths(rescued: str) -> str:
    return f"coalesce(json_object_keys({rescued}), array())"


def _less(a: str, b: str) -> str:
    return f"coalesce({a} < {b}, false)"


def same_key(a: str, b: str, keys: Iterable[str]) -> str:
    """Whether the rows of two aliases have the same key."""
    return " AND ".join(f"{a}.{quoted(k)} = {b}.{quoted(k)}" for k in keys)


def listed(items: Iterable[str], indent: int = 4) -> str:
    """One item a line."""
    return (",\n" + " " * indent).join(items)
