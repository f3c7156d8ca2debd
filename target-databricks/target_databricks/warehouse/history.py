"""Tables of a warehouse that have every version of a row, by the rule of `loading/history.py`.

Child rows are merged first, which bear the interval of their version, then the versions, whose
being there is the commit mark. Each statement finds what it has done before, so that it can be sent
again; who sends it is `Writer`, or, to convert a table, the fence itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Protocol

import pyarrow as pa

from target_databricks.loading.backend import Retirement, WriteResult
from target_databricks.loading.batch import Batch
from target_databricks.loading.history import CONVERTING, Conversion, has_columns
from target_databricks.schema.plan import StreamPlan
from target_databricks.schema.sources import children_in
from target_databricks.warehouse.client.connection import Connections
from target_databricks.warehouse.fence import Fence
from target_databricks.warehouse.sql import dml, history
from target_databricks.warehouse.sql.bounds import Bounds
from target_databricks.warehouse.sql.clauses import StagedRows
from target_databricks.warehouse.sql.conversion import conversion as statements
from target_databricks.warehouse.tables import Tables

ChildStatement = Callable[..., str]
"""Gives the text that merges child rows: `dml.merge_children`, or `history.merge_children`."""


class Run(Protocol):
    """Runs a statement that changes rows of a table; see `Writer`."""

    def __call__(
        self, statement: str, plan: StreamPlan, table: str, paths: Sequence[str] = ()
    ) -> Mapping[str, Any]:
        """Returns its one row of numbers."""


class HistoryWriter:
    """Changes versions of rows.

    Args:
        connections: Run statements that only ask.
        tables: The schema's tables.
        fence: Keeps late copies of a statement out.
        run: Runs the statements of a stream behind that fence.
        taken_back: Takes child rows back where their parents are refused.
    """

    def __init__(
        self,
        connections: Connections,
        tables: Tables,
        fence: Fence,
        run: Run,
        taken_back: Callable[[], AbstractContextManager[dict[str, int]]],
    ) -> None:
        self._connections = connections
        self._tables = tables
        self._fence = fence
        self._run = run
        self._taken_back = taken_back

    def merge(
        self,
        batch: Batch,
        paths: Sequence[str],
        staged: StagedRows,
        columns: pa.Schema,
        bounds: Bounds,
        merge_children: Callable[[ChildStatement, dict[str, int]], None],
    ) -> WriteResult:
        """Give each version of a batch its place among those of its key.

        Args:
            batch: The batch; it may be in several files, where no instant of a key is twice.
            paths: These files.
            staged: The same to select from.
            columns: Columns of the stream's own table.
            bounds: Of the batch's keys in that table.
            merge_children: Merges child rows by a statement, and notes how many of each table
                changed.
        """
        plan, table = batch.plan, self._tables.name(batch.plan.table)
        question = history.changes(table, columns, plan, staged, bounds)
        if not self._connections.run(question, {"stream": plan.stream}).num_rows:
            return WriteResult(unchanged=batch.rows.num_rows)
        with self._taken_back() as changed:
            merge_children(history.merge_children, changed)
            for child_table in self._left_out(plan):
                name = self._tables.name(child_table)
                text = history.merge_left_out(name, table, columns, plan, staged, bounds)
                changed[child_table] = dml.affected(self._run(text, plan, name, paths))
            text = history.merge(table, columns, plan, staged, bounds)
            inserted = dml.affected(self._run(text, plan, table, paths), "inserted")
        return WriteResult(inserted, unchanged=max(0, batch.rows.num_rows - inserted))

    def _left_out(self, plan: StreamPlan) -> Iterator[str]:
        """Child tables of earlier SCHEMAs, with the history of their rows."""
        own = {child.table for child in plan.children}
        for name in children_in(self._tables.properties(plan.table)):
            if name not in own and has_columns(self._tables.columns(name)):
                yield name

    def retire(self, plan: StreamPlan, retirement: Retirement, seen: Sequence[str]) -> int:
        """End what holds now of rows that are gone: versions, then their child rows.

        Args:
            plan: The stream, with child tables that its SCHEMA has left out.
            retirement: Which rows are gone.
            seen: Keys that came although their rows were not written, as SQL to select from.
        """
        table, columns = self._tables.name(plan.table), self._tables.columns(plan.table)
        if columns is None:
            return 0
        text = history.retire(table, columns, plan, retirement, seen, datetime.now(UTC))
        count = dml.affected(self._run(text, plan, table))
        for child in plan.children:
            if self._tables.columns(child.table) is not None:
                name = self._tables.name(child.table)
                self._run(history.retire_children(name, table, plan), plan, name)
        return count

    def convert(self, conversion: Conversion) -> None:
        """Make what a table has the first versions of its rows, child tables first."""
        names = (*conversion.children, conversion.table)
        for name in names:
            self._tables.forget(name)
        # A table that has the columns but not yet the intervals is not to be loaded.
        self._tables.set_properties(conversion.table, {CONVERTING: "true"}, {})
        for table, text in statements(conversion, self._tables.name, self._tables.columns):
            self._fence.run(text, table, {})
        self._tables.set_properties(conversion.table, {CONVERTING: "false"}, {})
        for name in names:
            self._tables.forget(name)
