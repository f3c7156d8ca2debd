"""The statements that take out of a stream's tables what is gone, by `loading/retirement.py`. Pure.

In all of them `p` is the stream's own table.
"""

# ruff: noqa: S608 - names are quoted and values are literals, both in names.py

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa

from target_databricks.loading.backend import Retirement
from target_databricks.loading.retirement import (
    NOTHING,
    Rows,
    Step,
    is_alive,
    is_gone,
    is_marked,
)
from target_databricks.schema.plan import DELETED_AT, JOB_ID, StreamPlan
from target_databricks.warehouse.sql.clauses import same_key
from target_databricks.warehouse.sql.names import literal, quoted


class Spelling:
    """Conditions as Databricks SQL has them."""

    @staticmethod
    def column(name: str) -> str:
        """A column of the stream's own table."""
        return f"p.{quoted(name)}"

    @staticmethod
    def text(value: str) -> str:
        """A text."""
        return literal(value)


def statement(
    step: Step,
    name: Callable[[str], str],
    plan: StreamPlan,
    columns: pa.Schema,
    retirement: Retirement = NOTHING,
    seen: Sequence[str] = (),
) -> str:
    """The statement of a step.

    Args:
        step: The step.
        name: A table's name in SQL.
        plan: The stream.
        columns: Columns of the stream's own table as they are now.
        retirement: Which rows are gone, where the step asks for that.
        seen: Keys that came although their rows were not written, as SQL to select from.
    """
    parent = name(plan.table)
    if step.rows is Rows.MARKED:
        return f"DELETE FROM {parent} AS p WHERE {is_marked(Spelling)}"
    names = ", ".join(f"p.{quoted(k)}" for k in step.match)
    source = f"SELECT DISTINCT {names} FROM {parent} AS p"
    if step.rows is Rows.OF_MARKED:
        if JOB_ID in step.match:
            alive = f"SELECT * FROM {parent} AS p WHERE {is_alive(Spelling)}"
            source += f" LEFT ANTI JOIN ({alive}) AS k ON {same_key('p', 'k', step.match)}"
        return _taken_out(name(step.table), f"{source} WHERE {is_marked(Spelling)}", step)
    gone = is_gone(retirement, columns.names, Spelling, marked=step.delete)
    if retirement.appended:
        mark = f"UPDATE {parent} AS p SET {quoted(DELETED_AT)} = current_timestamp()"
        return "\n".join([f"DELETE FROM {parent} AS p" if step.delete else mark, f"WHERE {gone}"])
    if seen:
        keys = ", ".join(quoted(k) for k in step.match)
        files = " UNION ALL ".join(f"SELECT {keys} FROM {source}" for source in seen)
        # A row that came is left out whether or not it was written.
        source += f" LEFT ANTI JOIN ({files}) AS k ON {same_key('p', 'k', step.match)}"
    return _taken_out(parent, f"{source} WHERE {gone}", step)


def _taken_out(table: str, keys: str, step: Step) -> str:
    """MERGE keys into a table in order to delete the rows that have them, or to mark them."""
    action = "DELETE" if step.delete else f"UPDATE SET {quoted(DELETED_AT)} = current_timestamp()"
    condition = "" if step.delete else f" AND t.{quoted(DELETED_AT)} IS NULL"
    return "\n".join(
        [
            f"MERGE INTO {table} AS t",
            f"USING ({keys}) AS s",
            f"ON {same_key('t', 's', step.match)}",
            f"WHEN MATCHED{condition} THEN {action}",
        ]
    )
