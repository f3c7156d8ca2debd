"""Writing the rows of a stream's tables in a warehouse: the statements of a batch, in their order.

Child rows are merged for those parents that the table does not hold yet, then the parents. A crash
before that leaves the parents' old hashes in place; child rows merged by then are replaced, not
added to. Rows without keys are appended by a statement that first counts what their run has
appended already.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import pyarrow as pa

from target_databricks.limits import LONGEST_STATEMENT
from target_databricks.loading.appending import appends
from target_databricks.loading.backend import Retirement, WriteResult
from target_databricks.loading.batch import Batch, RunId
from target_databricks.loading.retirement import NOTHING, Step, purge_steps, retirement_steps
from target_databricks.schema.evolution import tables_of
from target_databricks.schema.nesting import json_columns
from target_databricks.schema.plan import (
    JOB_ID,
    POSITION,
    SYNC_STARTED_AT,
    ChildPlan,
    Reference,
    StreamPlan,
)
from target_databricks.schema.sources import properties_of
from target_databricks.warehouse.client.connection import Connections, StatementError
from target_databricks.warehouse.constraints import references_of
from target_databricks.warehouse.fence import Fence
from target_databricks.warehouse.history import ChildStatement, HistoryWriter
from target_databricks.warehouse.sql import dml
from target_databricks.warehouse.sql import retirement as retirements
from target_databricks.warehouse.sql.bounds import bounds_of
from target_databricks.warehouse.sql.clauses import StagedRows
from target_databricks.warehouse.staging.protocol import WarehouseStaging
from target_databricks.warehouse.tables import Tables

logger = logging.getLogger("target-databricks")

KEYS = "_sdc_keys_"
"""What the name of a table begins with that has keys for one statement."""


class Writer:
    """Changes rows; the methods are those of `Backend`.

    Args:
        connections: Run statements.
        tables: The schema's tables.
        staging: Where batches are read.
        config: The target's settings.
        run: The run.

    Attributes:
        history: Changes those of tables that have every version.
    """

    def __init__(
        self,
        connections: Connections,
        tables: Tables,
        staging: WarehouseStaging,
        config: Mapping[str, Any],
        run: RunId,
    ) -> None:
        self._connections = connections
        self._tables = tables
        self._staging = staging
        self._fence = Fence(connections, staging)
        self.history = HistoryWriter(connections, tables, self._fence, self._run, self._taken_back)
        self._own = run
        self._uncertain = False
        self._load_method = str(config["load_method"])
        self._hard_delete = bool(config["hard_delete"])
        self._nested = str(config["nested"])
        self._appended: dict[tuple[str, RunId], int] = {}
        """Rows that each table has of a run, where that is known."""
        self._plans: dict[str, StreamPlan] = {}
        self._making = threading.RLock()
        self._under_way: set[str] = set()
        """Tables that are made, or about to be."""
        self._changing: set[str] = set()
        """Tables whose last batch changed something."""

    def is_ready(self, plan: StreamPlan) -> bool:
        """Whether the tables of a stream are there, by the last look, and lack no column."""
        has = self._tables.has
        children = (has(child.table, plan.child_schema(child)) for child in plan.children)
        return has(plan.table, plan.table_schema) and all(children)

    def prepare(self, plan: StreamPlan) -> None:
        """Make the tables of a stream, or add what they lack."""
        self._ready(plan)
        for child in plan.children:
            self._ready_child(plan, child)

    def marks(self, batch: Batch) -> dict[str, int]:
        """Rows that each table of a stream has of the batch's run; of no rows, nothing."""
        if not batch.rows.num_rows:
            return {}
        return {name: self._rows_so_far(name, batch.run) for name in tables_of(batch.plan)}

    def merge(self, batch: Batch, paths: Sequence[str], *, replayed: bool) -> WriteResult:
        """Merge a staged batch: child rows first, then parents, whose hash is the commit mark."""
        plan, total = batch.plan, batch.rows.num_rows
        columns = self._ready(plan)
        children = {child.table: self._ready_child(plan, child) for child in plan.children}
        staged = self._read(batch, paths, replayed=replayed)
        table = self._tables.name(plan.table)
        bounds = bounds_of(batch.rows, columns, plan.keys)

        def merge_children(statement: ChildStatement, changed: dict[str, int]) -> None:
            for child in plan.children:
                name, own = self._tables.name(child.table), children[child.table]
                text = statement(
                    *(name, own, table, columns, plan, child, staged),
                    bounds=bounds_of(batch.rows, own, plan.keys),
                    parent_bounds=bounds,
                )
                changed[child.table] = dml.affected(self._run(text, plan, name, paths))

        if plan.history:
            return self.history.merge(batch, paths, staged, columns, bounds, merge_children)
        if self._are_new(plan) and self._fill(plan, staged, paths, columns, children):
            return WriteResult(inserted=total)
        # One question spares a MERGE for each table. After a batch that had changes the next one
        # probably has some too.
        if plan.children and plan.table not in self._changing:
            question = dml.changes(table, columns, plan, staged, replayed=replayed, bounds=bounds)
            if not self._connections.run(question, {"stream": plan.stream}).num_rows:
                return WriteResult(unchanged=total)
        with self._taken_back() as changed:
            merge_children(partial(dml.merge_children, replayed=replayed), changed)
            last = batch.last_values
            text = dml.merge(
                table,
                columns,
                plan,
                staged,
                replayed=replayed,
                last=last,
                cleared=batch.cleared,
                bounds=bounds,
            )
            row = self._run(text, plan, table, paths)
        inserted, updated = dml.affected(row, "inserted"), dml.affected(row, "updated")
        (self._changing.add if inserted or updated else self._changing.discard)(plan.table)
        return WriteResult(inserted, updated, unchanged=max(0, total - inserted - updated))

    def append(self, batch: Batch, paths: Sequence[str], *, replayed: bool) -> WriteResult:
        """Append a staged batch, unless the rows of its run show that this was done already."""
        if not batch.rows.num_rows:
            return WriteResult(unchanged=batch.read)
        plan, run = batch.plan, batch.run
        columns = self._ready(plan)
        staged = self._read(batch, paths, replayed=replayed)

        def missing(table: str) -> str:
            name, before = self._tables.name(table), batch.marks.get(table, 0)
            return dml.not_appended(name, self._bounded(table, run), before)

        added = 0
        with self._taken_back() as changed:
            for child in plan.children:
                own, name = self._ready_child(plan, child), self._tables.name(child.table)
                statement = dml.append_children(
                    name, own, plan, child, staged, missing(child.table)
                )
                changed[child.table] = dml.affected(self._run(statement, plan, name, paths))
            name = self._tables.name(plan.table)
            statement = dml.append(name, columns, plan, staged, missing(plan.table))
            added = dml.affected(self._run(statement, plan, name, paths))
            self._note(plan.table, run, added)
            for table, count in changed.items():
                self._note(table, run, count)
        return WriteResult(inserted=added, unchanged=batch.read - added)

    def retire(self, plan: StreamPlan, retirement: Retirement) -> int:
        """Mark or delete what is gone: parents, then what belongs to marked ones."""
        seen: list[str] = []
        if not retirement.appended:
            seen = self._staging.keys_of_version(plan.table, retirement.version, plan.keys)
        steps = retirement_steps(plan, appended=retirement.appended, hard=self._hard_delete)
        with self._short(seen, plan) as few:
            if plan.history:
                return self.history.retire(plan, retirement, few)
            return self._take_out(steps, plan, retirement, few)

    @contextmanager
    def _short(self, seen: Sequence[str], plan: StreamPlan) -> Iterator[Sequence[str]]:
        """Keys to select from in one statement; what would make it too long is in a table."""
        if sum(map(len, seen)) <= LONGEST_STATEMENT:
            yield seen
            return
        # A name that is never used again: a copy of a statement that comes late finds it taken.
        table = self._tables.name(f"{KEYS}{uuid.uuid4().hex}")
        try:
            for statement in dml.keys_table(table, seen, plan.keys):
                self._connections.make(statement)
            yield [table]
        finally:
            self._connections.run(f"DROP TABLE IF EXISTS {table}")

    def purge(self, plan: StreamPlan) -> None:
        """Delete the rows that are marked, and their child rows, with `hard_delete`."""
        if self._hard_delete:
            self._take_out(purge_steps(plan), plan)

    def _take_out(
        self,
        steps: Iterable[Step],
        plan: StreamPlan,
        retirement: Retirement = NOTHING,
        seen: Sequence[str] = (),
    ) -> int:
        """Do the steps of a retirement. Returns how many rows of the stream's own table it took."""
        columns, count = self._tables.columns(plan.table) or pa.schema([]), 0
        for step in steps:
            if self._tables.columns(step.table) is not None:
                name = self._tables.name
                text = retirements.statement(step, name, plan, columns, retirement, seen)
                taken = dml.affected(self._run(text, plan, name(step.table)))
                count += taken if step.counts else 0
        return count

    def overwrite(self, plan: StreamPlan, gathered: StreamPlan) -> None:
        """Put rows in the place of all that a stream's tables have: children, then parents."""
        for name, new in reversed([*zip(tables_of(plan), tables_of(gathered), strict=True)]):
            names = (self._tables.name(name), self._tables.name(new))
            if (columns := self._tables.columns(name)) is not None:
                text = dml.overwrite(*names, columns, self._tables.columns(new))
                self._run(text, plan, names[0])
            self.drop(new)

    def drop(self, table: str) -> None:
        """Drop a table that may not be there."""
        if self._tables.columns(table) is not None:
            self._connections.run(f"DROP TABLE IF EXISTS {self._tables.name(table)}")
            self._tables.forget(table)

    # Statements

    def _are_new(self, plan: StreamPlan) -> bool:
        new = self._tables.new
        all_new = new.issuperset(tables_of(plan))
        new.difference_update(tables_of(plan))
        return all_new

    def _fill(
        self,
        plan: StreamPlan,
        staged: StagedRows,
        paths: Sequence[str],
        columns: pa.Schema,
        children: Mapping[str, pa.Schema],
    ) -> bool:
        """Insert the first rows of new tables, which is quicker than to merge them.

        Returns:
            Whether the stream's own table was still empty, and so took its rows.
        """
        with self._taken_back() as changed:
            for child in plan.children:
                name = self._tables.name(child.table)
                statement = dml.append_children(
                    name, children[child.table], plan, child, staged, dml.empty(name)
                )
                changed[child.table] = dml.affected(self._run(statement, plan, name, paths))
            name = self._tables.name(plan.table)
            statement = dml.append(name, columns, plan, staged, dml.empty(name))
            row = self._run(statement, plan, name, paths)
        return dml.affected(row) > 0

    @contextmanager
    def _taken_back(self) -> Iterator[dict[str, int]]:
        """Take child rows back where their parents are refused; takes rows changed by table."""
        changed: dict[str, int] = {}
        try:
            yield changed
        except Exception:
            for table in (name for name, count in changed.items() if count):
                try:
                    name = self._tables.name(table)
                    last = self._connections.run(f"DESCRIBE HISTORY {name} LIMIT 1").column(0)
                    before = int(last[0].as_py()) - 1
                    self._connections.run(f"RESTORE TABLE {name} TO VERSION AS OF {before}")
                except StatementError as error:
                    logger.warning(
                        "%s holds child rows whose parents were refused (%s). They are replaced "
                        "when their parents are loaded.",
                        f"{self._tables.schema}.{table}",
                        error.problem.reason,
                    )
                self._tables.forget(table)
            raise

    def _rows_so_far(self, table: str, run: RunId) -> int:
        if (table, run) not in self._appended:
            count = 0
            # Of this run a table has what was appended here, unless its rows do not tell it from
            # another of the same job id.
            if self._tables.spelled(table, JOB_ID) and (
                self._bounded(table, run)[1] is None or self._uncertain or run != self._own
            ):
                name = self._tables.name(table)
                rows = self._connections.run(dml.rows_of_run(name, self._bounded(table, run)))
                count = int(rows.column(0)[0].as_py())
            self._appended[table, run] = count
        return self._appended[table, run]

    def _bounded(self, table: str, run: RunId) -> RunId:
        """The run as far as a table can tell it."""
        return run if self._tables.spelled(table, SYNC_STARTED_AT) else (run[0], None)

    def _note(self, table: str, run: RunId, added: int) -> None:
        if (table, run) not in self._appended:
            return
        if added:
            self._appended[table, run] += added
        else:
            # Perhaps they went in at an attempt whose answer was lost; only the table knows.
            self._uncertain = True
            del self._appended[table, run]

    def _read(self, batch: Batch, paths: Sequence[str], *, replayed: bool) -> StagedRows:
        """A staged batch; the last statement of the run that left it may be at work still."""
        if replayed:
            names = [n for n in tables_of(batch.plan) if n not in self._tables.new]
            self._fence.put(map(self._tables.name, names), paths)
        return self._staging.read(paths, batch)

    def _run(
        self, statement: str, plan: StreamPlan, table: str, paths: Sequence[str] = ()
    ) -> Mapping[str, Any]:
        """Run a statement that changes rows of a table. Returns its one row of numbers."""
        rows = self._fence.run(statement, table, {"stream": plan.stream}, paths)
        return rows.to_pylist()[0] if rows.num_rows else {}

    def expect(self, plan: StreamPlan) -> None:
        """Take note of a stream whose tables others may point at."""
        self._plans[plan.table] = plan

    def _ready(self, plan: StreamPlan) -> pa.Schema:
        with self._parents_first(plan.table, plan.references):
            return self._tables.ready(
                plan.table,
                plan.table_schema,
                plan.description,
                keys=plan.identity,
                primary=not appends(plan, self._load_method),
                hints=plan.hints,
                variants=self._variants(plan.fields),
                properties=properties_of(plan),
                references=plan.references,
            )

    def _ready_child(self, plan: StreamPlan, child: ChildPlan) -> pa.Schema:
        with self._parents_first(child.table, child.references):
            return self._tables.ready(
                child.table,
                plan.child_schema(child),
                child.description,
                # Always there and always unique, whatever the tap says of its own keys.
                keys=(*plan.identity, POSITION),
                primary=self._load_method != "append-only",
                hints=child.hints,
                variants=self._variants(child.row.fields),
                references=references_of(plan, child),
            )

    @contextmanager
    def _parents_first(self, table: str, references: Sequence[Reference]) -> Iterator[None]:
        """Make what a new table points at before it, so that CREATE can have its foreign keys."""
        if self._tables.columns(table) is not None:
            yield
            return
        with self._making:
            self._under_way.add(table)
            for reference in references:
                other = self._plans.get(reference.table)
                if other and other.table not in self._under_way:
                    self._ready(other)
            yield

    def _variants(self, fields: Any) -> frozenset[str]:
        return json_columns(fields) if self._nested == "variant" else frozenset()
