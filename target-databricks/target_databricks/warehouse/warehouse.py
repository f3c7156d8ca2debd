"""The SQL warehouse as a backend: batches become files of a volume, and files become rows.

How is in `writer.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from target_databricks.errors import ConfigurationError
from target_databricks.loading.backend import Blame, Failure, Retirement, WriteResult
from target_databricks.loading.batch import Batch
from target_databricks.loading.history import Conversion
from target_databricks.loading.ledger import MELTANO_TEST_STREAM
from target_databricks.schema.naming import table_name
from target_databricks.schema.nesting import flat
from target_databricks.schema.plan import JOB_ID, RECORD_HASH, StreamPlan
from target_databricks.warehouse.catalog import Catalog
from target_databricks.warehouse.client.access import make_access
from target_databricks.warehouse.client.backoff import Backoff
from target_databricks.warehouse.client.connection import (
    Connections,
    StatementError,
    session_settings,
)
from target_databricks.warehouse.client.errors import classify, required_column
from target_databricks.warehouse.client.rules import Kind
from target_databricks.warehouse.client.start import check, start
from target_databricks.warehouse.constraints import add_foreign_keys
from target_databricks.warehouse.ledger import LedgerTable
from target_databricks.warehouse.schemas import ensure_schema, stated_schema
from target_databricks.warehouse.sql import dml
from target_databricks.warehouse.staging.choose import make_staging
from target_databricks.warehouse.tables import Tables
from target_databricks.warehouse.versions import Versions
from target_databricks.warehouse.writer import Writer

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
        started_at: When the run began, in milliseconds since 1970.
        backoff: How long to wait for the warehouse, and for one statement.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        *,
        job_id: str,
        plugin_version: str,
        started_at: int | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self.attempts = 200
        self.parallelism = max(1, int(config["parallel_streams"]))
        self.merge_every = 0.0 if config["staging"] == "inline" else float(config["merge_every"])
        backoff = backoff or Backoff(float(config["warehouse_timeout"]))
        access = make_access(config)
        tags = {"job": job_id, "plugin": f"target-databricks {plugin_version}"}
        self._access = access
        self._connections = Connections(
            access, tags, backoff, lambda: start(access, backoff), session_settings(config)
        )
        self._schema = stated_schema(config, access.client)
        self.schema = str(self._schema)
        self._catalog = Catalog(access.client, self._schema)
        self._tables = Tables(self._connections, self._catalog, config)
        self.staging = make_staging(config, access, self._connections, self._schema, job_id)
        run = (job_id, started_at)
        self._writer = Writer(self._connections, self._tables, self.staging, config, run)
        self._versions = Versions(self._connections, self._tables, job_id)
        self._ledger = LedgerTable(self._connections, self._tables, self.staging, job_id)
        self._nested = str(config["nested"])
        self._location = config.get("managed_location")
        self._constraints = bool(config["table_constraints"])
        self._made_schema = False
        self._hurried = False

    # Life cycle

    def open(self) -> None:
        """See that the warehouse is there, and make the schema and the staging, if need be.

        Where all is there, the warehouse sleeps on: the first statement wakes it.
        """
        check(self._access, self._connections.backoff)
        self._made_schema = ensure_schema(self._connections, self._catalog, self._location)
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

    def set_properties(self, plan: StreamPlan, properties: Mapping[str, str]) -> None:
        """Set properties of the stream's own table, those that it has not got."""
        stored = self._tables.properties(plan.table)
        new = {name: value for name, value in properties.items() if stored.get(name) != value}
        if new:
            # It fails whoever else writes to the table, and ends streaming reads.
            self._tables.set_properties(plan.table, new, {"stream": plan.stream})

    def version(self, table: str) -> int | None:
        """The version of a stream's own table that was activated last, or None."""
        return self._versions.get(table)

    def set_version(self, plan: StreamPlan, version: int) -> None:
        """Note that a version is the whole truth of the stream's own table."""
        self._versions.set(plan.table, version)

    def hashes(self, table: str, jobs: Collection[str]) -> list[str]:
        """Hashes of the rows that a table has of some runs."""
        if not (self._tables.spelled(table, JOB_ID) and self._tables.spelled(table, RECORD_HASH)):
            return []
        statement = dml.hashes_of_runs(self._tables.name(table), jobs)
        hashes: list[str] = self._connections.run(statement).column(0).to_pylist()
        return hashes

    # Writing

    def expect(self, plan: StreamPlan) -> None:
        """Take note of a stream that will be loaded."""
        self._writer.expect(plan)

    def is_ready(self, plan: StreamPlan) -> bool:
        """Whether the tables of a stream are there, by the last look, and lack no column."""
        return self._writer.is_ready(plan)

    def prepare(self, plan: StreamPlan) -> None:
        """Make the tables of a stream, or add what they lack."""
        self._writer.prepare(plan)

    def marks(self, batch: Batch) -> dict[str, int]:
        """Rows that each table of a stream has of this run."""
        return self._writer.marks(batch)

    def merge(self, batch: Batch, paths: Sequence[str], *, replayed: bool) -> WriteResult:
        """Merge a staged batch: child rows first, then parents, whose hash is the commit mark."""
        return self._writer.merge(batch, paths, replayed=replayed)

    def append(self, batch: Batch, paths: Sequence[str], *, replayed: bool) -> WriteResult:
        """Append a staged batch, unless the rows of its run show that this was done already."""
        return self._writer.append(batch, paths, replayed=replayed)

    def retire(self, plan: StreamPlan, retirement: Retirement) -> int:
        """Mark or delete what is gone: parents, then what belongs to marked ones."""
        return self._writer.retire(plan, retirement)

    def overwrite(self, plan: StreamPlan, gathered: StreamPlan) -> None:
        """Put rows in the place of all that a stream's tables have: children, then parents."""
        self._writer.overwrite(plan, gathered)

    def drop(self, table: str) -> None:
        """Drop a table that may not be there."""
        self._writer.drop(table)

    def purge(self, plan: StreamPlan) -> None:
        """Delete the rows that are marked, and their child rows, with `hard_delete`."""
        self._writer.purge(plan)

    def convert(self, conversion: Conversion) -> None:
        """Make what a table has the first versions of its rows, child tables first."""
        self._writer.history.convert(conversion)

    def write_ledger(self, rows: pa.Table) -> None:
        """Append rows to the ledger; of a run that has failed, if that is possible at all."""
        self._ledger.write(rows, hurried=self._hurried)

    def defer_ledger(self, rows: pa.Table) -> None:
        """Keep rows of the ledger until others are written."""
        self._ledger.defer(rows, hurried=self._hurried)

    def failure(self, error: BaseException) -> Failure:
        """Understand an error of writing; see `Backend.failure`."""
        if isinstance(error, ConfigurationError):
            raise error
        if not isinstance(error, StatementError):
            problem = classify(error)
            return Failure(problem.reason, problem.sentence)
        problem = error.problem
        if problem.kind is Kind.SETTING:
            raise ConfigurationError(problem.sentence) from error
        # What no rule tells may lie with the rows; the others of their batch will show.
        unclear = problem.kind is Kind.FINAL and not problem.advice
        blame = Blame.ROWS if unclear else _BLAME.get(problem.kind, Blame.PLACE)
        stale = problem.kind is Kind.GONE
        return Failure(problem.reason, problem.sentence, blame=blame, stale=stale)

    def required(self, table: str, failure: Failure) -> list[str]:
        """The column of a table that is NOT NULL by what a failure says."""
        named = required_column(failure.reason) or ""
        spelled = self._tables.spelled(table, named)
        return [spelled] if spelled else []
