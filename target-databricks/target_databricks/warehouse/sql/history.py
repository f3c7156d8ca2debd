"""The statements of tables that have every version of a row, by `loading/history.py`. Pure.

In all of them `batch` is what came, and `final` what must change in the table for it: versions with
their intervals, and `__void` ones that must go. The rule is done in one pass over the events of
each key, in the order of time:

| CTE | has |
|---|---|
| `entries` | what came, and what the table has of its keys |
| `instants` | one row for each instant of a key; `__fresh` if the version that came counts |
| `events` | the same, with what ended a version at the instant at which it did |
| `spans` | each with what was before it and what comes next |

| statement | does |
|---|---|
| `changes` | tells whether there is anything to write |
| `merge_children` | child rows of new versions, and the intervals of the others |
| `merge_left_out` | the intervals of child rows that have no new ones |
| `merge` | new versions, and the intervals of the others; the commit mark of the batch |
| `retire`, `retire_children` | end what holds now of rows that are gone |
"""

# ruff: noqa: S608 - names are quoted and values are literals, both in names.py

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import pyarrow as pa

from target_databricks.loading.backend import Retirement
from target_databricks.loading.retirement import is_gone
from target_databricks.schema.plan import (
    AT,
    DELETED_AT,
    HISTORY,
    IS_CURRENT,
    RECORD_HASH,
    SEQUENCE,
    VALID_FROM,
    VALID_TO,
    ChildPlan,
    StreamPlan,
)
from target_databricks.schema.types import TIMESTAMP
from target_databricks.warehouse.sql.bounds import NO_BOUNDS, Bounds, of_alias
from target_databricks.warehouse.sql.clauses import (
    StagedRows,
    child_rows,
    common_columns,
    listed,
    same_key,
    soft_delete_flag,
)
from target_databricks.warehouse.sql.columns import fitted, plain_value
from target_databricks.warehouse.sql.names import quoted
from target_databricks.warehouse.sql.retirement import Spelling

_COMPUTED = (RECORD_HASH, SEQUENCE, DELETED_AT, *HISTORY)
_NEWS = f"NOT (t.{quoted(VALID_TO)} <=> s.__to AND t.{quoted(DELETED_AT)} <=> s.__deleted)"


def merge(
    table: str,
    columns: pa.Schema,
    plan: StreamPlan,
    staged: StagedRows,
    bounds: Bounds = NO_BOUNDS,
) -> str:
    """MERGE the versions of a batch into the stream's own table.

    Args:
        table: The table, in SQL.
        columns: Its columns as they are now.
        plan: The stream; its names are spelled as the table spells them.
        staged: The batch.
        bounds: What its keys are within.
    """
    written = [
        c for c in common_columns(columns, plan, staged) if c.name not in {*plan.keys, *_COMPUTED}
    ]
    values = [
        f"{fitted(f's.{quoted(c.name)}', staged.schema.field(c.name).type, c)} AS {quoted(c.name)}"
        for c in written
    ]
    flag = soft_delete_flag(columns, plan)
    names = [quoted(n) for n in (*plan.keys, *(c.name for c in written))]
    given = [f"s.{name}" for name in names]
    facts = {
        RECORD_HASH: "s.__hash",
        SEQUENCE: "s.__seq",
        DELETED_AT: "s.__deleted",
        VALID_FROM: "s.__at",
        VALID_TO: "s.__to",
        IS_CURRENT: "s.__to IS NULL",
    }
    names += [quoted(name) for name in facts] + ([quoted(flag)] if flag else [])
    given += [*facts.values()] + (["false"] if flag else [])
    pairs = zip(names, given, strict=True)
    everything = [f"{name} = {value}" for name, value in pairs if name != quoted(flag or "")]
    # The row becomes another version's: nothing of the one at its instant stays in it.
    own = {c.lower() for c in (*plan.keys, *_COMPUTED, flag or "", *(c.name for c in written))}
    everything += [f"{quoted(c)} = NULL" for c in columns.names if c.lower() not in own]
    spans = [f"{quoted(n)} = {facts[n]}" for n in (SEQUENCE, DELETED_AT, VALID_TO, IS_CURRENT)]
    rest = "".join(f", b.{quoted(c.name)}" for c in written)
    return "\n".join(
        [
            f"MERGE INTO {table} AS t",
            "USING (",
            _final(table, columns, plan, staged, values, bounds),
            f"SELECT f.*{rest}",
            f"FROM final AS f LEFT JOIN batch AS b ON {same_key('f', 'b', plan.keys)}",
            "  AND f.__at = b.__at AND (b.__deleted IS NULL) = (f.__hash IS NOT NULL)",
            ") AS s",
            f"ON {same_key('t', 's', plan.keys)}{of_alias('t', bounds)}",
            f"  AND t.{quoted(VALID_FROM)} = s.__at",
            "WHEN MATCHED AND s.__void THEN DELETE",
            f"WHEN MATCHED AND s.__fresh THEN\n  UPDATE SET {listed(everything)}",
            f"WHEN MATCHED AND {_NEWS} THEN\n  UPDATE SET {listed(spans)}",
            f"WHEN NOT MATCHED AND NOT s.__void THEN\n  INSERT ({', '.join(names)})",
            f"  VALUES ({', '.join(given)})",
        ]
    )


def changes(
    table: str,
    columns: pa.Schema,
    plan: StreamPlan,
    staged: StagedRows,
    bounds: Bounds = NO_BOUNDS,
) -> str:
    """SELECT a row if a batch changes anything in the stream's own table; arguments as `merge`."""
    final = _final(table, columns, plan, staged, (), bounds)
    return f"{final}\nSELECT true AS changes FROM final LIMIT 1"


def merge_children(
    table: str,
    columns: pa.Schema,
    parent: str,
    parent_columns: pa.Schema,
    plan: StreamPlan,
    child: ChildPlan,
    staged: StagedRows,
    *,
    bounds: Bounds = NO_BOUNDS,
    parent_bounds: Bounds = NO_BOUNDS,
) -> str:
    """MERGE the child rows of a batch's versions, and the intervals of those that are there.

    Args:
        table: The child's table, in SQL.
        columns: Its columns as they are now.
        parent: The stream's own table, in SQL, not yet written.
        parent_columns: Its columns.
        plan: The stream.
        child: Which of its child tables.
        staged: The batch.
        bounds: What its keys are within, in the child's table.
        parent_bounds: The same in the stream's own table.
    """
    rows = child_rows(columns, plan, child, staged)
    pairs = [
        (c.name, value)
        for c, value in zip(rows.columns, rows.values, strict=True)
        if c.name not in {DELETED_AT, *plan.keys}
    ]
    raw = [c.name for c in rows.read if c.name not in {*plan.keys, *_COMPUTED, AT}]
    read = [f"s.{quoted(name)} AS {quoted(name)}" for name in dict.fromkeys(raw)]
    names = [quoted(name) for name, _ in pairs]
    facts = {DELETED_AT: "__deleted", VALID_FROM: "__at", VALID_TO: "__to"}
    given = [f"s.{name}" for name in [*map(quoted, plan.keys), *names]]
    inserted = [*map(quoted, plan.keys), *names, *map(quoted, facts), quoted(IS_CURRENT)]
    given += [f"s.{fact}" for fact in facts.values()] + ["s.__to IS NULL"]
    own = "".join(f", {value}" for _, value in pairs)
    spans = [f"{quoted(n)} = s.{facts[n]}" for n in (DELETED_AT, VALID_TO)]
    spans.append(f"{quoted(IS_CURRENT)} = s.__to IS NULL")
    # No set operator takes a VARIANT: what there was is met by an element in front of the others.
    elements = f"concat(array(NULL), coalesce(b.{quoted(child.column)}, array()))"
    return "\n".join(
        [
            f"MERGE INTO {table} AS t",
            "USING (",
            _final(parent, parent_columns, plan, staged, read, parent_bounds),
            f"SELECT f.*, e.__place < 0 AS __parent{own}",
            f"FROM final AS f LEFT JOIN batch AS b ON {same_key('f', 'b', plan.keys)}",
            "  AND f.__at = b.__at AND b.__deleted IS NULL AND f.__fresh",
            "JOIN LATERAL (",
            f"  SELECT pos - 1 AS __place, col AS __row FROM posexplode({elements})",
            ") AS e ON e.__place < 0 OR e.__row IS NOT NULL",
            ") AS s",
            f"ON s.__parent AND {same_key('t', 's', plan.keys)}{of_alias('t', bounds)}",
            f"  AND t.{quoted(VALID_FROM)} = s.__at",
            "WHEN MATCHED AND (s.__fresh OR s.__void) THEN DELETE",
            f"WHEN MATCHED AND {_NEWS} THEN\n  UPDATE SET {listed(spans)}",
            f"WHEN NOT MATCHED AND NOT s.__parent THEN\n  INSERT ({', '.join(inserted)})",
            f"  VALUES ({', '.join(given)})",
        ]
    )


def merge_left_out(
    table: str,
    parent: str,
    parent_columns: pa.Schema,
    plan: StreamPlan,
    staged: StagedRows,
    parent_bounds: Bounds = NO_BOUNDS,
) -> str:
    """MERGE the intervals of child rows whose array is left out; arguments as `merge_children`."""
    facts = {DELETED_AT: "s.__deleted", VALID_TO: "s.__to", IS_CURRENT: "s.__to IS NULL"}
    return "\n".join(
        [
            f"MERGE INTO {table} AS t",
            "USING (",
            _final(parent, parent_columns, plan, staged, (), parent_bounds),
            "SELECT * FROM final",
            ") AS s",
            f"ON {same_key('t', 's', plan.keys)} AND t.{quoted(VALID_FROM)} = s.__at",
            "WHEN MATCHED AND s.__void THEN DELETE",
            f"WHEN MATCHED AND {_NEWS} THEN",
            f"  UPDATE SET {listed(f'{quoted(n)} = {value}' for n, value in facts.items())}",
        ]
    )


def retire(
    table: str,
    columns: pa.Schema,
    plan: StreamPlan,
    retirement: Retirement,
    seen: Sequence[str],
    moment: datetime,
) -> str:
    """End what holds now of the rows of a stream's own table that are gone.

    Args:
        table: The table, in SQL.
        columns: Its columns as they are now.
        plan: The stream.
        retirement: Which rows are gone.
        seen: Keys that came although their rows were not written, as SQL to select from.
        moment: Now, by the clock that records are received by.
    """
    now = plain_value(moment, TIMESTAMP)
    gone = is_gone(retirement, columns.names, Spelling, marked=False)
    source = f"SELECT DISTINCT {_keys('p', plan)} FROM {table} AS p"
    if seen:
        keys = ", ".join(map(quoted, plan.keys))
        files = " UNION ALL ".join(f"SELECT {keys} FROM {each}" for each in seen)
        source += f" LEFT ANTI JOIN ({files}) AS k ON {same_key('p', 'k', plan.keys)}"
    ends = [
        f"{quoted(DELETED_AT)} = {now}",
        f"{quoted(VALID_TO)} = greatest(t.{quoted(VALID_FROM)}, {now})",
        f"{quoted(IS_CURRENT)} = false",
        f"{quoted(SEQUENCE)} = NULL",
    ]
    return "\n".join(
        [
            f"MERGE INTO {table} AS t",
            f"USING ({source} WHERE {gone} AND p.{quoted(IS_CURRENT)}) AS s",
            f"ON {same_key('t', 's', plan.keys)} AND t.{quoted(IS_CURRENT)}",
            f"WHEN MATCHED THEN\n  UPDATE SET {listed(ends)}",
        ]
    )


def retire_children(table: str, parent: str, plan: StreamPlan) -> str:
    """End the child rows that hold of versions that a deletion has ended; tables in SQL."""
    facts = ", ".join(f"p.{quoted(n)}" for n in (*plan.keys, VALID_FROM, VALID_TO, DELETED_AT))
    ends = [f"{quoted(n)} = s.{quoted(n)}" for n in (VALID_TO, DELETED_AT)]
    return "\n".join(
        [
            f"MERGE INTO {table} AS t",
            f"USING (SELECT {facts} FROM {parent} AS p",
            f"WHERE p.{quoted(DELETED_AT)} IS NOT NULL) AS s",
            f"ON {same_key('t', 's', (*plan.keys, VALID_FROM))}",
            f"WHEN MATCHED AND t.{quoted(IS_CURRENT)} THEN",
            f"  UPDATE SET {listed([*ends, f'{quoted(IS_CURRENT)} = false'])}",
        ]
    )


def _keys(alias: str, plan: StreamPlan) -> str:
    return ", ".join(f"{alias}.{quoted(key)}" for key in plan.keys)


def _final(
    table: str,
    columns: pa.Schema,
    plan: StreamPlan,
    staged: StagedRows,
    read: Iterable[str],
    bounds: Bounds,
) -> str:
    """The CTEs up to `final`."""
    spelled = {c.name.lower(): c for c in columns}
    keys = []
    for key in plan.keys:
        value = fitted(f"s.{quoted(key)}", staged.schema.field(key).type, spelled[key.lower()])
        keys.append(f"{value} AS {quoted(key)}")
    instant = f"CAST(s.{quoted(AT)} AS TIMESTAMP)"
    deleted = f"s.{quoted(DELETED_AT)}"
    timed = pa.types.is_timestamp(staged.schema.field(DELETED_AT).type)
    stated = f"CAST({deleted} AS TIMESTAMP)" if timed else f"IF({deleted} IS NULL, NULL, {instant})"
    facts = [
        f"{instant} AS __at",
        f"CAST(s.{quoted(SEQUENCE)} AS BIGINT) AS __seq",
        f"s.{quoted(RECORD_HASH)} AS __hash",
        f"{stated} AS __deleted",
    ]
    own = ", ".join(map(quoted, plan.keys))
    by = f"PARTITION BY {own} ORDER BY __at"
    return f"""WITH batch AS (
    SELECT {listed([*keys, *facts, *read], 6)}
    FROM {staged.source} AS s
),
entries AS (
  SELECT {own}, __at, __seq, IF(__deleted IS NULL, __hash, NULL) AS __hash, __deleted,
    CAST(NULL AS TIMESTAMP) AS __to, false AS __stored
  FROM batch
  UNION ALL SELECT {_keys("o", plan)}, o.{quoted(VALID_FROM)}, o.{quoted(SEQUENCE)},
    o.{quoted(RECORD_HASH)}, o.{quoted(DELETED_AT)}, o.{quoted(VALID_TO)}, true
  FROM {table} AS o
  LEFT SEMI JOIN batch AS b ON {same_key("o", "b", plan.keys)}{of_alias("o", bounds)}
),
pairs AS (
  SELECT {own}, __at, max(__stored) AS __stored,
    max(IF(__stored, __hash, NULL)) AS __old_hash, max(IF(__stored, __seq, NULL)) AS __old_seq,
    max(IF(__stored, __to, NULL)) AS __old_to, max(IF(__stored, __deleted, NULL)) AS __old_deleted,
    max(IF(__stored, NULL, __hash)) AS __new_hash, max(IF(__stored, NULL, __deleted)) AS __deleted,
    max(IF(NOT __stored AND __hash IS NOT NULL, __seq, NULL)) AS __new_seq
  FROM entries GROUP BY {own}, __at
),
instants AS (
  SELECT *, __new_hash IS NOT NULL AND (__old_hash IS NULL
      OR __old_hash <> __new_hash AND __new_seq >= coalesce(__old_seq, 0)) AS __fresh,
    explode(IF(__old_hash IS NULL OR __old_deleted IS NULL, array(false), array(false, true)))
      AS __ends
  FROM pairs
),
facts AS (
  SELECT {own}, IF(__ends, __old_to, __at) AS __at, max(NOT __ends AND __stored) AS __stored,
    max(IF(__ends, NULL, __old_to)) AS __old_to,
    max(IF(__ends, NULL, __old_deleted)) AS __old_deleted,
    max(NOT __ends AND __fresh) AS __fresh,
    max(IF(__ends, NULL, IF(__fresh, __new_hash, __old_hash))) AS __hash,
    max(IF(__ends, NULL, IF(__fresh, __new_seq, coalesce(__old_seq, __new_seq, 0)))) AS __seq,
    max(IF(__ends, NULL, __new_seq)) AS __came,
    coalesce(
      max(IF(__ends, NULL, __deleted)),
      max(IF(NOT __ends AND __old_hash IS NULL, __old_deleted, NULL)),
      max(IF(__ends, __old_deleted, NULL))
    ) AS __deleted,
    max(__ends AND __old_seq IS NULL) AND max(IF(__ends, NULL, __deleted)) IS NULL AS __retired
  FROM instants GROUP BY {own}, IF(__ends, __old_to, __at)
),
heard AS (
  SELECT *, __retired AND coalesce(
      1000 * max(__came) OVER ({by}) > unix_micros(__deleted), false) AS __revoked
  FROM facts
),
events AS (
  SELECT * EXCEPT (__deleted), IF(__revoked, NULL, __deleted) AS __deleted
  FROM heard WHERE __hash IS NOT NULL OR NOT __revoked
),
chained AS (
  SELECT *, lag(IF(__deleted IS NULL, __hash, NULL)) OVER ({by}) AS __before FROM events
),
begun AS (
  SELECT *, __hash IS NOT NULL AND NOT (__hash <=> __before) AS __begins FROM chained
),
spans AS (
  SELECT *, first_value(IF(__begins OR __deleted IS NOT NULL, named_struct('at', __at,
      'deleted', IF(__begins, NULL, __deleted), 'retired', NOT __begins AND __retired), NULL))
    IGNORE NULLS OVER ({by} ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS __next
  FROM begun
),
versions AS (
  SELECT *, __begins AND __deleted IS NULL AS __open,
    __begins OR (__deleted IS NOT NULL AND __before IS NULL) AS __is
  FROM spans
),
final AS (
  SELECT {own}, __at, NOT __is AS __void, __begins AND __fresh AS __fresh,
    IF(__begins, __hash, NULL) AS __hash,
    IF(__open, __next.at, __at) AS __to,
    IF(__open, __next.deleted, __deleted) AS __deleted,
    IF(__begins AND IF(__open, __next.retired, __retired), NULL, coalesce(__seq, 0)) AS __seq
  FROM versions
  WHERE IF(__is, __begins AND __fresh OR NOT __stored
    OR NOT (__old_to <=> IF(__open, __next.at, __at))
    OR NOT (__old_deleted <=> IF(__open, __next.deleted, __deleted)), __stored)
)"""
