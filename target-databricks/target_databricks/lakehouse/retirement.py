"""Taking out of the tables of a folder what is gone, by the steps of `loading/retirement.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pyarrow as pa

from target_databricks.lakehouse.predicates import literal, one_of, quoted
from target_databricks.lakehouse.table import MOST_REPLACED_BY_PREDICATE, LakehouseTable
from target_databricks.loading.backend import Retirement
from target_databricks.loading.retirement import (
    NOTHING,
    Rows,
    Step,
    is_alive,
    is_gone,
    is_marked,
)
from target_databricks.schema.plan import DELETED_AT, JOB_ID


@dataclass(frozen=True)
class Spelling:
    """Conditions as DataFusion has them, on a table's columns in its own spelling."""

    table: LakehouseTable

    def column(self, name: str) -> str:
        """A column."""
        return quoted(self.table.spelled(name) or name)

    def text(self, value: str) -> str:
        """A text."""
        return literal(value, pa.string())


def take_out(
    steps: Iterable[Step],
    at: Callable[[str], LakehouseTable],
    parents: LakehouseTable,
    retirement: Retirement = NOTHING,
    seen: pa.Table | None = None,
) -> int:
    """Do steps.

    Args:
        steps: The steps.
        at: The table of a name.
        parents: The stream's own table.
        retirement: Which rows are gone, where a step asks for that.
        seen: Keys that came although their rows were not written, or None.

    Returns:
        How many rows were retired, in the stream's own table.
    """
    count, spelling = 0, Spelling(parents)
    for step in steps:
        table, taken = at(step.table), 0
        if step.rows is Rows.MARKED:
            taken = table.remove(is_marked(spelling))
        elif step.rows is Rows.OF_MARKED:
            _take_out_children(parents, table, step)
        else:
            columns = (table.schema or pa.schema([])).names
            gone = is_gone(retirement, columns, spelling, marked=step.delete)
            if retirement.appended:
                taken = table.remove(gone) if step.delete else table.stamp(DELETED_AT, gone)
            else:
                keys = table.collected(table.others(seen, step.match, gone), step.match)
                taken = keys.num_rows
                _take_out_keys(table, keys, delete=step.delete)
        count += taken if step.counts else 0
    return count


def _take_out_children(parents: LakehouseTable, table: LakehouseTable, step: Step) -> None:
    """Mark or delete the child rows of parents that are marked."""
    if table.delta is None:
        return
    match, spelling = list(step.match), Spelling(parents)
    keys = parents.collected(parents.others(None, match, is_marked(spelling)), match)
    if JOB_ID in match and keys.num_rows:
        living = parents.collected(parents.among(keys, match, is_alive(spelling)), match)
        keys = keys.join(living, match, join_type="left anti")
    if keys.num_rows:
        where = "true" if step.delete else is_alive(Spelling(table))
        there = table.collected(table.among(keys, match, where), match)
        _take_out_keys(table, there, delete=step.delete)


def _take_out_keys(table: LakehouseTable, keys: pa.Table, *, delete: bool) -> None:
    """Delete the rows with these keys, or mark them."""
    if delete:
        table.replace(keys, keys.slice(0, 0))
        return
    if any(pa.types.is_nested(kind) for kind in keys.schema.types):
        table.stamp_keys(DELETED_AT, keys)
        return
    for start in range(0, keys.num_rows, MOST_REPLACED_BY_PREDICATE):
        some = keys.slice(start, MOST_REPLACED_BY_PREDICATE)
        table.stamp(DELETED_AT, one_of(some))
