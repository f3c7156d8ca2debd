"""How a batch gets into the tables of a folder.

A batch is merged by looking first: its keys are looked up in the stream's table, the child rows of
the parents that are new or changed are replaced, and then the parents are written. A crash before
that leaves the parents' old hashes in place; child rows written by then are replaced, not added to.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from target_databricks.lakehouse.merge import (
    Decision,
    aligned,
    decide,
    with_columns_of_the_table,
    without_cleared,
)
from target_databricks.lakehouse.table import LakehouseTable
from target_databricks.loading.backend import WriteResult
from target_databricks.loading.batch import Batch
from target_databricks.schema.evolution import tables_of
from target_databricks.schema.plan import (
    DELETED_AT,
    DUE,
    RECEIVED_AT,
    RECORD_HASH,
    RESCUED_DATA,
    ChildPlan,
    StreamPlan,
)
from target_databricks.schema.sources import properties_of

logger = logging.getLogger("target-databricks")

APPENDED = "target-databricks"
"""Name in the Delta log under which an append records the batch it belongs to."""


class BatchWriter:
    """Writes batches to the tables of one schema.

    Args:
        table: The table of a name.
    """

    def __init__(self, table: Callable[[str], LakehouseTable]) -> None:
        self._at = table
        self._orphans: dict[str, bool] = {}

    def merge(self, batch: Batch, path: Path, *, replayed: bool) -> WriteResult:
        """Merge a batch: look its keys up, then write child rows, then parents."""
        plan = batch.plan
        table = made(self._at(plan.table), plan)
        sent = {name.lower() for name in batch.rows.column_names}
        others = [c for c in (table.schema or pa.schema([])).names if c.lower() not in sent]
        compared = [RECORD_HASH, DELETED_AT, RESCUED_DATA]
        compared += [RECEIVED_AT] if DUE in batch.rows.column_names else []
        compared += [plan.ordering] if plan.ordering else []
        wanted = [c for c in dict.fromkeys([*compared, *batch.last_values]) if table.spelled(c)]
        keys = batch.rows.select(list(plan.keys))
        matches, places = table.find(keys, [*wanted, *others])
        existing = aligned(batch.rows.num_rows, matches, places)
        existing = without_cleared(existing, batch.rows, batch.cleared)
        decision = decide(batch.rows, existing, plan.ordering)
        written = WriteResult(
            inserted=decision.count(decision.new),
            updated=decision.count(decision.changed),
            unchanged=decision.count(decision.unchanged),
            outdated=decision.count(decision.outdated),
            unwritten=pc.or_(decision.unchanged, decision.outdated),
        )
        if written.inserted or written.updated:
            with self.taken_back(plan):
                marks = self._merge_children(batch, decision, _mark(path), replayed=replayed)
                self._merge_parents(batch, decision, existing, others, table, marks)
        return written

    @contextmanager
    def taken_back(self, plan: StreamPlan) -> Iterator[None]:
        """Take back what was written of a batch that is refused half-way."""
        before = [(self._at(name), self._at(name).state) for name in tables_of(plan)]
        try:
            yield
        except Exception:
            for table, state in before:
                if not table.restore(state):
                    logger.warning(
                        "%s holds some rows of a batch that was refused, because another writer "
                        "came in between. They are replaced when the batch is loaded.",
                        table.uri,
                    )
            raise

    def _merge_children(
        self, batch: Batch, decision: Decision, mark: int, *, replayed: bool
    ) -> dict[str, int]:
        """Write the child rows. Returns the marks that say so, for the parents' commit."""
        plan = batch.plan
        marks = {}
        for child in plan.children:
            table = self._at(child.table)
            table.create(plan.child_schema(child), child.description)
            # After a crash even a new parent may already have child rows.
            may_have_rows = replayed or self._has_orphans(plan, child)
            replaced = pc.or_(decision.changed, decision.new) if may_have_rows else decision.changed
            changed = _rows(batch.rows, replaced)
            if changed.num_rows:
                rows = batch.children(child, changed)
                table.replace(changed.select(list(plan.keys)), rows)
            if not may_have_rows:
                added = batch.children(child, _rows(batch.rows, decision.new))
                table.append(added, {APPENDED: mark})
            if (last := table.mark(APPENDED)) is not None:
                marks[f"{APPENDED}/{child.table}"] = last
        return marks

    def _has_orphans(self, plan: StreamPlan, child: ChildPlan) -> bool:
        """Whether a run died after appending child rows, and its spool is gone as well.

        The commit that appends child rows bears a mark, and the one that appends their parents
        repeats it. It is asked once in a run: a tap sends such parents again, sooner or later.
        """
        if child.table not in self._orphans:
            last = self._at(child.table).mark(APPENDED)
            repeated = self._at(plan.table).mark(f"{APPENDED}/{child.table}")
            self._orphans[child.table] = last is not None and last != repeated
        return self._orphans[child.table]

    def _merge_parents(
        self,
        batch: Batch,
        decision: Decision,
        existing: pa.Table,
        others: list[str],
        table: LakehouseTable,
        marks: Mapping[str, int],
    ) -> None:
        plan = batch.plan

        def ready(mask: pa.Array) -> pa.Table:
            rows = batch.parents(_rows(batch.rows, mask))
            there = _rows(existing, mask)
            return with_columns_of_the_table(rows, there, others, batch.last_values, plan.flag)

        table.append(ready(decision.new), marks)
        changed = ready(decision.changed)
        table.replace(changed.select(list(plan.keys)), changed)

    def append(self, batch: Batch, path: Path, *, replayed: bool) -> WriteResult:
        """Append rows that cannot be told apart, exactly once, also after a crash."""
        plan = batch.plan
        table = made(self._at(plan.table), plan)
        with self.taken_back(plan):
            return self._append(batch, table, {APPENDED: _mark(path)}, replayed=replayed)

    def _append(
        self, batch: Batch, table: LakehouseTable, marks: Mapping[str, int], *, replayed: bool
    ) -> WriteResult:
        plan = batch.plan
        for child in plan.children:
            child_table = self._at(child.table)
            child_table.create(plan.child_schema(child), child.description)
            if not (replayed and child_table.mark(APPENDED) == marks[APPENDED]):
                child_table.append(batch.children(child, batch.rows), marks)
        count = 0
        if not (replayed and table.mark(APPENDED) == marks[APPENDED]):
            nothing = aligned(batch.rows.num_rows, None, pa.array([], pa.int32()))
            rows = with_columns_of_the_table(batch.parents(batch.rows), nothing, [], [], plan.flag)
            table.append(rows, marks)
            count = batch.rows.num_rows
        return WriteResult(inserted=count, unchanged=batch.read - count)


def made(table: LakehouseTable, plan: StreamPlan) -> LakehouseTable:
    """The stream's own table, made if it is not there."""
    table.create(plan.table_schema, plan.description, properties_of(plan))
    return table


def _mark(path: Path) -> int:
    """A number for the log, from the name of a staged file."""
    return int(path.stem.rpartition("-")[2][:15], 16)


def _rows(table: pa.Table, mask: pa.Array) -> pa.Table:
    return table.filter(mask)
