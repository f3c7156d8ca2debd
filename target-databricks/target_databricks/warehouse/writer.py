"""Getting a staged batch into its tables: which statements, in which order.

Everything here may be done twice, and is, after a crash or a lost answer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pyarrow as pa

from target_databricks.loading.appending import appends
from target_databricks.loading.backend import Written
from target_databricks.loading.batch import Batch
from target_databricks.schema.evolution import tables_of
from target_databricks.schema.nesting import json_columns
from target_databricks.schema.plan import JOB_ID, POSITION, RECORD_HASH, ChildPlan, StreamPlan
from target_databricks.warehouse.client.connection import Connections
from target_databricks.warehouse.sql import dml
from target_databricks.warehouse.sql.clauses import Staged
from target_databricks.warehouse.staging.protocol import WarehouseStaging
from target_databricks.warehouse.tables import Tables


class Writer:
    """Writes staged batches to their tables.

    Args:
        connections: To the warehouse.
        tables: The schema's tables.
        staging: Where keys are noted that came with a version.
        config: The target's settings.
        job_id: The run.
    """

    def __init__(
        self,
        connections: Connections,
        tables: Tables,
        staging: WarehouseStaging,
        config: Mapping[str, Any],
        job_id: str,
    ) -> None:
        self._connections = connections
        self._tables = tables
        self._staging = staging
        self._load_method = str(config["load_method"])
        self._hard_delete = bool(config["hard_delete"])
        self._variant = config["nested"] == "variant"
        self._job_id = job_id
        self._appended: dict[str, int] = {}
        self._changing: set[str] = set()

    def merge(self, batch: Batch, staged: Staged, *, replayed: bool) -> Written:
        """Merge a batch: child rows first, then parents, whose hash is the commit mark."""
        plan, total = batch.plan, batch.rows.num_rows
        columns = self._ready(plan)
        children = {child.table: self._ready_child(plan, child) for child in plan.children}
        if self._unfilled(plan) and self._fill(plan, staged, columns, children):
            return Written(inserted=total)
        table = self._tables.name(plan.table)
        # One question spares a MERGE for each table. After a batch that had changes the next one
        # probably has some too.
        if plan.children and plan.table not in self._changing:
            question = dml.changes(table, columns, plan, staged, replayed=replayed)
            if not self._rows(question, plan).num_rows:
                return Written(unchanged=total)
        for child in plan.children:
            statement = dml.merge_children(
                self._tables.name(child.table),
                children[child.table],
                table,
                columns,
                plan,
                child,
                staged,
                replayed=replayed,
            )
            self.run(statement, plan)
        row = self.run(dml.merge(table, columns, plan, staged, replayed=replayed), plan)
        inserted, updated = dml.affected(row, "inserted"), dml.affected(row, "updated")
        note = self._changing.add if inserted or updated else self._changing.discard
        note(plan.table)
        return Written(inserted, updated, unchanged=max(0, total - inserted - updated))

    def _unfilled(self, plan: StreamPlan) -> bool:
        new = self._tables.unfilled
        found = new.issuperset(tables_of(plan))
        new.difference_update(tables_of(plan))
        return found

    def _fill(
        self,
        plan: StreamPlan,
        staged: Staged,
        columns: pa.Schema,
        children: Mapping[str, pa.Schema],
    ) -> bool:
        """Insert the first rows of new tables, which is quicker than to merge them.

        Returns:
            Whether the stream's own table was still empty, and so took its rows.
        """
        for child in plan.children:
            name = self._tables.name(child.table)
            statement = dml.append_children(
                name, children[child.table], plan, child, staged, dml.empty(name)
            )
            self.run(statement, plan)
        name = self._tables.name(plan.table)
        row = self.run(dml.append(name, columns, plan, staged, dml.empty(name)), plan)
        return dml.affected(row) > 0

    def append(self, batch: Batch, staged: Staged) -> Written:
        """Append a batch, unless the rows of its run show that this was done already."""
        plan = batch.plan
        job_id = str(batch.rows.column(JOB_ID)[0]) if batch.rows.num_rows else self._job_id
        columns = self._ready(plan)

        def missing(table: str) -> str:
            return dml.not_appended(self._tables.name(table), job_id, batch.marks.get(table, 0))

        for child in plan.children:
            child_columns = self._ready_child(plan, child)
            statement = dml.append_children(
                self._tables.name(child.table),
                child_columns,
                plan,
                child,
                staged,
                missing(child.table),
            )
            self._note(child.table, job_id, dml.affected(self.run(statement, plan)))
        added = 0
        if batch.rows.num_rows:
            statement = dml.append(
                self._tables.name(plan.table), columns, plan, staged, missing(plan.table)
            )
            added = dml.affected(self.run(statement, plan))
            self._note(plan.table, job_id, added)
        return Written(inserted=added, unchanged=batch.read - added)

    def retire(self, plan: StreamPlan, version: int) -> int:
        """Retire rows that a version did not bring again. Returns how many, of the parents."""
        seen = self._staging.seen(plan.table, version, plan.keys)
        parent = self._tables.name(plan.table)
        count = 0
        for name in [*tables_of(plan)[1:], plan.table]:
            if self._tables.columns(name) is None:
                continue
            statement = dml.retire(
                self._tables.name(name), parent, plan, version, seen, delete=self._hard_delete
            )
            count = dml.affected(self.run(statement, plan))
        return count

    def marks(self, plan: StreamPlan) -> dict[str, int]:
        """Rows that each table of a stream has of this run."""
        return {name: self._rows_so_far(name) for name in tables_of(plan)}

    def hashes(self, table: str, jobs: Collection[str]) -> list[str]:
        """Hashes of the rows that a table has of some runs."""
        if not (self._tables.spelled(table, JOB_ID) and self._tables.spelled(table, RECORD_HASH)):
            return []
        statement = dml.hashes_of_runs(self._tables.name(table), jobs)
        hashes: list[str] = self._connections.run(statement).column(0).to_pylist()
        return hashes

    def _rows_so_far(self, table: str) -> int:
        if table not in self._appended:
            count = 0
            if self._tables.spelled(table, JOB_ID):
                rows = self._connections.run(
                    dml.rows_of_run(self._tables.name(table), self._job_id)
                )
                count = int(rows.column(0)[0].as_py())
            self._appended[table] = count
        return self._appended[table]

    def _note(self, table: str, job_id: str, added: int) -> None:
        if job_id != self._job_id or table not in self._appended:
            return
        if added:
            self._appended[table] += added
        else:
            # Perhaps they went in at an attempt whose answer was lost; only the table knows.
            del self._appended[table]

    def run(self, statement: str, plan: StreamPlan) -> Mapping[str, Any]:
        """Run a statement that changes rows. Returns its one row of numbers."""
        rows = self._rows(statement, plan)
        return rows.to_pylist()[0] if rows.num_rows else {}

    def _rows(self, statement: str, plan: StreamPlan) -> pa.Table:
        return self._connections.run(statement, {"stream": plan.stream})

    def _ready(self, plan: StreamPlan) -> pa.Schema:
        return self._tables.ready(
            plan.table,
            plan.table_schema,
            plan.description,
            keys=plan.keys,
            primary=not appends(plan, self._load_method),
            hints=plan.hints,
            variants=self._variants(plan.fields),
        )

    def _ready_child(self, plan: StreamPlan, child: ChildPlan) -> pa.Schema:
        return self._tables.ready(
            child.table,
            plan.child_schema(child),
            child.description,
            # Always there and always unique, whatever the tap says of its own keys.
            keys=(*plan.keys, POSITION),
            primary=self._load_method != "append-only",
            variants=self._variants(child.row.fields),
        )

    def _variants(self, fields: Any) -> frozenset[str]:
        return json_columns(fields) if self._variant else frozenset()
