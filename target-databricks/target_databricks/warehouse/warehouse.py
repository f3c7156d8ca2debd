"""The SQL warehouse as a backend: batches become files of a volume, and files become rows.

Child rows are merged for those parents that the table does not hold yet, then the parents. A crash
before that leaves the parents' old hashes in place; child rows merged by then are replaced, not
added to. Rows without keys are appended by a statement that first counts what their run has
appended already.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa

from target_databricks.loading.backend import Failure, Written
from target_databricks.loading.batch import Batch
from target_databricks.loading.ledger import DESCRIPTION, MELTANO_TEST_STREAM, SCHEMA
from target_databricks.loading.ledger import TABLE as LEDGER
from target_databricks.schema.naming import table_name
from target_databricks.schema.nesting import flat
from target_databricks.schema.plan import StreamPlan
from target_databricks.warehouse.client.access import make_access
from target_databricks.warehouse.client.backoff import Backoff
from target_databricks.warehouse.client.connection import Connections, StatementError
from target_databricks.warehouse.client.errors import Kind, classify
from target_databricks.warehouse.client.start import start
from target_databricks.warehouse.constraints import add_foreign_keys
from target_databricks.warehouse.sql import ddl
from target_databricks.warehouse.sql.dml import ledger_rows
from target_databricks.warehouse.sql.names import Schema
from target_databricks.warehouse.staging.choose import make_staging
from target_databricks.warehouse.tables import Tables, ensure_schema
from target_databricks.warehouse.writer import Writer

logger = logging.getLogger("target-databricks")

_OF_THE_BATCH = frozenset({Kind.FINAL, Kind.GONE, Kind.EXISTS, Kind.INTERNAL})
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
        self.parallelism = max(1, int(config["parallel_streams"]))
        self._schema = Schema(str(config["catalog"]), table_name(config["default_target_schema"]))
        self.schema = str(self._schema)
        backoff = backoff or Backoff(float(config["warehouse_timeout"]))
        access = make_access(config)
        tags = {"job": job_id, "plugin": f"target-databricks {plugin_version}"}
        self._start: Callable[[], None] = lambda: start(access, backoff)
        self._connections = Connections(access, tags, backoff, self._start)
        self._tables = Tables(self._connections, self._schema, config)
        self.staging = make_staging(config, access, self._connections, self._schema, job_id)
        self._writer = Writer(self._connections, self._tables, self.staging, config, job_id)
        self._nested = str(config["nested"])
        self._constraints = bool(config["table_constraints"])
        self._made_schema = False
        self._hurried = False

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
        self._writer.run(ddl.set_properties(self._tables.name(plan.table), {name: value}), plan)

    def hashes(self, table: str, jobs: Collection[str]) -> Iterable[str]:
        """Hashes of the rows that a table has of some runs."""
        return self._writer.hashes(table, jobs)

    # Writing

    def marks(self, plan: StreamPlan) -> Mapping[str, int]:
        """Rows that each table of a stream has of this run."""
        return self._writer.marks(plan)

    def merge(self, batch: Batch, path: str, *, replayed: bool) -> Written:
        """Merge a staged batch."""
        return self._writer.merge(batch, self.staging.read(path, batch), replayed=replayed)

    def append(self, batch: Batch, path: str, *, replayed: bool) -> Written:  # noqa: ARG002
        """Append a staged batch; whether it was replayed, its run's rows in the table tell."""
        return self._writer.append(batch, self.staging.read(path, batch))

    def empty(self, table: str) -> None:
        """Delete the rows of a table that may not be there."""
        if self._tables.columns(table) is not None:
            self._connections.run(f"DELETE FROM {self._tables.name(table)}")  # noqa: S608

    def retire(self, plan: StreamPlan, version: int) -> int:
        """Retire the rows that are older than a version and did not come with it."""
        return self._writer.retire(plan, version)

    def write_ledger(self, rows: pa.Table) -> None:
        """Append rows to the ledger; of a run that has failed, if that is possible at all."""
        try:
            self._write_ledger(ledger_rows(self._tables.name(LEDGER), rows))
        except StatementError as error:
            if not self._hurried:
                raise
            logger.warning("%s.%s lacks this run: %s", self.schema, LEDGER, error.problem.sentence)

    def _write_ledger(self, statement: str) -> None:
        try:
            self._connections.run(statement)
        except StatementError as error:
            if error.problem.kind is not Kind.GONE:
                raise
            self._tables.ready(LEDGER, SCHEMA, DESCRIPTION)
            self._connections.run(statement)

    def failure(self, error: BaseException) -> Failure:
        """Understand an error of writing."""
        if not isinstance(error, StatementError):
            problem = classify(error)
            return Failure(problem.reason, problem.sentence)
        kind = error.problem.kind
        return Failure(
            error.problem.reason,
            error.problem.sentence,
            of_batch=kind in _OF_THE_BATCH,
            stale=kind is Kind.GONE,
        )
