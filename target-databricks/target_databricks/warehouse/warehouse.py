"""The SQL warehouse as a backend: batches become files of a volume, and files become rows.

Child rows are merged for those parents that the table does not hold yet, then the parents. A crash
before that leaves the parents' old hashes in place; child rows merged by then are replaced, not
added to. Rows without keys are appended by a statement that first counts what their run has
appended already.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pyarrow as pa

from target_databricks.loading.appending import appends
from target_databricks.loading.backend import Blame, Failure, Retirement, WriteResult
from target_databricks.loading.batch import Batch
from target_databricks.loading.ledger import MELTANO_TEST_STREAM
from target_databricks.schema.evolution import tables_of
from target_databricks.schema.naming import table_name
from target_databricks.schema.nesting import flat, json_columns
from target_databricks.schema.plan import JOB_ID, POSITION, RECORD_HASH, ChildPlan, StreamPlan
from target_databricks.warehouse.client.access import make_access
from target_databricks.warehouse.client.backoff import Backoff
from target_databricks.warehouse.client.connection import Connections, StatementError
from target_databricks.warehouse.client.errors import Kind, classify
from target_databricks.warehouse.client.start import start
from target_databricks.warehouse.constraints import add_foreign_keys
from target_databricks.warehouse.ledger import LedgerTable
from target_databricks.warehouse.sql import ddl, dml
from target_databricks.warehouse.sql import retirement as retirements
from target_databricks.warehouse.sql.clauses import StagedRows
from target_databricks.warehouse.staging.choose import make_staging
from target_databricks.warehouse.tables import Tables, ensure_schema, stated_schema

logger = logging.getLogger("target-databricks")

_BLAME = {
    Kind.ROWS: Blame.ROWS,
    Kind.TABLE: Blame.TABLE,
    Kind.GONE: Blame.TABLE,
    Kind.EXISTS: Blame.TABLE,
    Kind.INTERNAL: Blame.TABLE,
    Kind.DENIED: Blame.MOMENT,
}
"""What is at fault in an answer that is final. All others mean that nothing can be loaded."""
HURRY = 10.0
"""Seconds for the ledger of a run that has failed already, perhaps because nothing answers."""


class SqlWarehouse:
    """Tables of a Unity Catalog schema.

    Args:
        config: The target's settings.
        job_id: The run.
        plugin_version: Version of this package, for the query tags.
        backoff: How long to wait for the warehouse, and for one statement.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        *,
        job_id: str,
        plugin_version: str,
        backoff: Backoff | None = None,
    ) -> None:
        self.attempts = 200
        self.parallelism = max(1, int(config["parallel_streams"]))
        backoff = backoff or Backoff(float(config["warehouse_timeout"]))
        access = make_access(config)
        tags = {"job": job_id, "plugin": f"target-databricks {plugin_version}"}
        self._start: Callable[[], None] = lambda: start(access, backoff)
        self._connections = Connections(access, tags, backoff, self._start)
        self._schema = stated_schema(config, self._connections, self._start)
        self.schema = str(self._schema)
        self._tables = Tables(self._connections, self._schema, config)
        self.staging = make_staging(config, access, self._connections, self._schema, job_id)
        self._ledger = LedgerTable(self._connections, self._tables, self.staging, job_id)
        self._job_id = job_id
        self._load_method = str(config["load_method"])
        self._hard_delete = bool(config["hard_delete"])
        self._nested = str(config["nested"])
        self._constraints = bool(config["table_constraints"])
        self._made_schema = False
        self._hurried = False
        self._appended: dict[str, int] = {}
        """Rows that each table has of this run, where that is known."""
        self._changing: set[str] = set()
        """Tables whose last batch changed something."""

    # Life cycle

    def open(self) -> None:
        """Start the warehouse, and make the schema and the place where batches are staged."""
        self._start()
        self._made_schema = ensure_schema(self._connections, self._schema)
        self.staging.open()

    def hurry(self) -> None:
        """Wait no longer than a moment for whatever comes now."""
        self._hurried = True
        self._connections.backoff = replace(self._connections.backoff, seconds=HURRY)

    def finish(self, plans: Collection[StreamPlan], merged: Iterable[StreamPlan]) -> None:
        """Add foreign keys; leave nothing of `meltano config test` behind."""
        if self._constraints:
            add_foreign_keys(self._connections, self._tables, merged)
        self.staging.close()
        if MELTANO_TEST_STREAM not in {plan.stream for plan in plans}:
            return
        table = self._tables.name(table_name(MELTANO_TEST_STREAM))
        self._connections.run(f"DROP TABLE IF EXISTS {table}")
        if len(plans) == 1:
            self.staging.drop()
            if self._made_schema:
                self._connections.run(f"DROP SCHEMA IF EXISTS {self._schema.sql} RESTRICT")

    def release(self) -> None:
        """Finish removing files, and close the connections."""
        try:
            self.staging.close()
        finally:
            self._connections.close()

    # Tables

    def location(self, table: str) -> str:
        """A table's full name."""
        return f"{self.schema}.{table}"

    def columns(self, table: str) -> pa.Schema | None:
        """The columns of a table, or None if there is none."""
        return self._tables.columns(table)

    def forget(self, table: str) -> None:
        """Look at a table again the next time."""
        self._tables.forget(table)

    def shaped(self, plan: StreamPlan) -> StreamPlan:
        """The plan with nested values as the setting `nested` has them."""
        return plan if self._nested == "struct" else flat(plan)

    def widen(self, table: str, types: Mapping[str, pa.DataType]) -> bool:
        """Change column types in place. Returns whether the table allowed it."""
        allowed = self._tables.widen(table, types)
        if allowed:
            logger.info("%s.%s: widened %s", self.schema, table, ", ".join(types))
        return allowed

    def properties(self, table: str) -> Mapping[str, str]:
        """The properties of a table; none if there is no table."""
        return self._tables.properties(table)

    def set_property(self, plan: StreamPlan, name: str, value: str) -> None:
        """Set a property of the stream's own table."""
        self._run(ddl.set_properties(self._tables.name(plan.table), {name: value}), plan)

    def hashes(self, table: str, jobs: Collection[str]) -> list[str]:
        """Hashes of the rows that a table has of some runs."""
        if not (self._tables.spelled(table, JOB_ID) and self._tables.spelled(table, RECORD_HASH)):
            return []
        statement = dml.hashes_of_runs(self._tables.name(table), jobs)
        hashes: list[str] = self._connections.run(statement).column(0).to_pylist()
        return hashes

    # Writing

    def prepare(self, plan: StreamPlan) -> None:
        """Make the tables of a stream, or add what they lack."""
        self._ready(plan)
        for child in plan.children:
            self._ready_child(plan, child)

    def marks(self, plan: StreamPlan) -> dict[str, int]:
        """Rows that each table of a stream has of this run."""
        return {name: self._rows_so_far(name) for name in tables_of(plan)}

    def merge(self, batch: Batch, path: str, *, replayed: bool) -> WriteResult:
        """Merge a staged batch: child rows first, then parents, whose hash is the commit mark."""
        plan, total, staged = batch.plan, batch.rows.num_rows, self.staging.read(path, batch)
        columns = self._ready(plan)
        children = {child.table: self._ready_child(plan, child) for child in plan.children}
        if self._are_new(plan) and self._fill(plan, staged, columns, children):
            return WriteResult(inserted=total)
        table = self._tables.name(plan.table)
        # One question spares a MERGE for each table. After a batch that had changes the next one
        # probably has some too.
        if plan.children and plan.table not in self._changing:
            question = dml.changes(table, columns, plan, staged, replayed=replayed)
            if not self._rows(question, plan).num_rows:
                return WriteResult(unchanged=total)
        with self._taken_back() as changed:
            for child in plan.children:
                name, own = self._tables.name(child.table), children[child.table]
                statement = dml.merge_children(
                    name, own, table, columns, plan, child, staged, replayed=replayed
                )
                changed[child.table] = dml.affected(self._run(statement, plan))
            last = batch.last_values
            text = dml.merge(table, columns, plan, staged, replayed=replayed, last=last)
            row = self._run(text, plan)
        inserted, updated = dml.affected(row, "inserted"), dml.affected(row, "updated")
        (self._changing.add if inserted or updated else self._changing.discard)(plan.table)
        return WriteResult(inserted, updated, unchanged=max(0, total - inserted - updated))

    def append(self, batch: Batch, path: str, *, replayed: bool) -> WriteResult:  # noqa: ARG002
        """Append a staged batch, unless the rows of its run show that this was done already."""
        plan, staged = batch.plan, self.staging.read(path, batch)
        job_id = str(batch.rows.column(JOB_ID)[0]) if batch.rows.num_rows else self._job_id
        columns = self._ready(plan)

        def missing(table: str) -> str:
            return dml.not_appended(self._tables.name(table), job_id, batch.marks.get(table, 0))

        added = 0
        with self._taken_back() as changed:
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
                changed[child.table] = dml.affected(self._run(statement, plan))
            if batch.rows.num_rows:
                statement = dml.append(
                    self._tables.name(plan.table), columns, plan, staged, missing(plan.table)
                )
                added = dml.affected(self._run(statement, plan))
                self._note(plan.table, job_id, added)
            for table, count in changed.items():
                self._note(table, job_id, count)
        return WriteResult(inserted=added, unchanged=batch.read - added)

    def retire(self, plan: StreamPlan, retirement: Retirement) -> int:
        """Mark or delete what is gone: parents, then what belongs to marked ones."""
        look, hard, seen = self._tables.columns, self._hard_delete, []
        names = [self._tables.name(n) for n in tables_of(plan) if look(n) is not None]
        if not retirement.appended:
            seen = self.staging.keys_of_version(plan.table, retirement.version, plan.keys)
        columns = look(plan.table) or pa.schema([])
        texts = retirements.statements(names, columns, plan, retirement, seen, hard=hard)
        counts = [dml.affected(self._run(text, plan)) for text in texts]
        return counts[-1 if hard else 0]  # the last of several deletes parents

    def overwrite(self, plan: StreamPlan, gathered: StreamPlan) -> None:
        """Put rows in the place of all that a stream's tables have: children, then parents."""
        for name, new in reversed([*zip(tables_of(plan), tables_of(gathered), strict=True)]):
            names = (self._tables.name(name), self._tables.name(new))
            if (columns := self._tables.columns(name)) is not None:
                self._run(dml.overwrite(*names, columns, self._tables.columns(new)), plan)
            self.drop(new)

    def drop(self, table: str) -> None:
        """Drop a table that may not be there."""
        if self._tables.columns(table) is not None:
            self._connections.run(f"DROP TABLE IF EXISTS {self._tables.name(table)}")
            self._tables.forget(table)

    def purge(self, plan: StreamPlan) -> None:
        """Delete the rows that are marked, and their child rows, with `hard_delete`."""
        names = [self._tables.name(name) for name in tables_of(plan)]
        for text in retirements.purge_all(names, plan) if self._hard_delete else ():
            self._run(text, plan)

    def write_ledger(self, rows: pa.Table) -> None:
        """Append rows to the ledger; of a run that has failed, if that is possible at all."""
        self._ledger.write(rows, hurried=self._hurried)

    def defer_ledger(self, rows: pa.Table) -> None:
        """Keep rows of the ledger until others are written."""
        self._ledger.defer(rows, hurried=self._hurried)

    def failure(self, error: BaseException) -> Failure:
        """Understand an error of writing."""
        if not isinstance(error, StatementError):
            problem = classify(error)
            return Failure(problem.reason, problem.sentence)
        problem = error.problem
        # What no rule tells may lie with the rows; the others of their batch will show.
        unclear = problem.kind is Kind.FINAL and not problem.advice
        blame = Blame.ROWS if unclear else _BLAME.get(problem.kind, Blame.PLACE)
        stale = problem.kind is Kind.GONE
        return Failure(problem.reason, problem.sentence, blame=blame, stale=stale)

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
                changed[child.table] = dml.affected(self._run(statement, plan))
            name = self._tables.name(plan.table)
            row = self._run(dml.append(name, columns, plan, staged, dml.empty(name)), plan)
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
                        self.location(table),
                        error.problem.reason,
                    )
                self._tables.forget(table)
            raise

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

    def _run(self, statement: str, plan: StreamPlan) -> Mapping[str, Any]:
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
        return json_columns(fields) if self._nested == "variant" else frozenset()
