"""The SQL warehouse as a destination: batches become files of a volume, and files become rows.

One batch is applied in this order, and any of it can be done again:

1. upload it to the staging volume,
2. MERGE the child rows of those parents that the table does not hold yet,
3. MERGE the parents (their hash is the commit mark: from here on the batch counts as applied),
4. remove the file.

A crash before 3 leaves the file and the parents' old hashes, so that the next run does 2 to 4
again; child rows merged in 2 are then replaced, not added to. Rows without keys are appended by a
statement that first counts what this run has appended already.

Other runs may load the same schema meanwhile: a batch holds a lease on its stream's tables, from
before it is staged until it is applied, and what is staged for a table is looked at under its lease
only. A run that begins leaves tables alone that another is loading, and looks at them when it has
rows for them. Only a run that has applied a file removes it, so that one which is missing is done.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa

from target_databricks.errors import BusyError, LoadError
from target_databricks.loading.appending import Unconfirmed
from target_databricks.loading.batch import Batch, LoadResult, combined
from target_databricks.loading.ledger import DESCRIPTION, MELTANO_TEST_STREAM, SCHEMA, Ledger
from target_databricks.loading.ledger import TABLE as LEDGER
from target_databricks.schema.evolution import reconcile, tables_of
from target_databricks.schema.naming import table_name
from target_databricks.schema.nesting import flat
from target_databricks.schema.plan import StreamPlan
from target_databricks.warehouse.client.access import make_access
from target_databricks.warehouse.client.backoff import Patience
from target_databricks.warehouse.client.connection import Connections, StatementError
from target_databricks.warehouse.client.errors import Kind, classify
from target_databricks.warehouse.client.start import wake
from target_databricks.warehouse.constraints import add_foreign_keys
from target_databricks.warehouse.loading import Counts, Loading
from target_databricks.warehouse.sql.names import Schema
from target_databricks.warehouse.staging.choose import ensure_schema, make_staging
from target_databricks.warehouse.tables import Tables
from target_databricks.warehouse.values import ledger_rows
from target_databricks.warehouse.versions import Versions

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
        patience: How long to wait for the warehouse, and for one statement.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        *,
        job_id: str,
        plugin_version: str,
        patience: Patience | None = None,
    ) -> None:
        self.parallelism = max(1, int(config["parallel_streams"]))
        self._schema = Schema(str(config["catalog"]), table_name(config["default_target_schema"]))
        patience = patience or Patience(float(config["warehouse_timeout"]))
        access = make_access(config)
        tags = {"job": job_id, "plugin": f"target-databricks {plugin_version}"}
        self._wake: Callable[[], None] = lambda: wake(access, patience)
        self._connections = Connections(access, tags, patience, self._wake)
        self._tables = Tables(self._connections, self._schema, config)
        self._staging = make_staging(config, access, self._connections, self._schema, job_id)
        self._loading = Loading(self._connections, self._tables, config, job_id)
        self._versions = Versions(
            self._tables, self._staging, self._loading.run, hard_delete=bool(config["hard_delete"])
        )
        self._nested = str(config["nested"])
        self._constraints = bool(config["table_constraints"])
        self._job_id = job_id
        self._ledger = Ledger(self._write_loads, job_id)
        self._unconfirmed = Unconfirmed[str](self._staging, self._loading.rows_of_runs)
        self.failed: dict[str, LoadError] = {}
        self._plans: dict[str, StreamPlan] = {}
        self._made_schema = False
        self._loaded: set[str] = set()
        self._unseen: set[str] = set()
        """Tables that another run was loading when this one began: perhaps it left something."""

    # Life cycle

    def open(self) -> list[LoadResult]:
        """Wake the warehouse and apply what earlier runs left staged."""
        self._wake()
        self._made_schema = ensure_schema(self._connections, self._schema)
        self._staging.open()
        try:
            return self._replay()
        except BaseException:
            self._connections.close()
            raise

    def close(self, *, failed: bool) -> None:
        """Write the ledger, add foreign keys, forget what need not be remembered."""
        try:
            if failed:
                self._flush_in_a_hurry()
            else:
                self._ledger.flush()
                self._unconfirmed.finish()
                if self._constraints:
                    plans = [self._plans[stream] for stream in sorted(self._loaded)]
                    loaded = [plan for plan in plans if not self._loading.appends(plan)]
                    add_foreign_keys(self._connections, self._tables, loaded)
            self._staging.close()
            if not failed:
                self._tidy()
        finally:
            self._connections.close()

    def _flush_in_a_hurry(self) -> None:
        """Write what the ledger holds of a failed run, if that is possible at all."""
        self._connections.patience = replace(self._connections.patience, seconds=HURRY)
        try:
            self._ledger.flush()
        except StatementError as error:
            logger.warning("%s.%s lacks this run: %s", self._schema, LEDGER, error.problem.sentence)

    def confirm(self, covered: Mapping[str, int]) -> None:
        """Forget appended batches that will not be sent again."""
        self._unconfirmed.confirm(covered)

    # Loading

    def reconcile(self, plan: StreamPlan) -> StreamPlan:
        """Widen columns that the tap has outgrown; bend the plan where they cannot."""
        self._plans[plan.stream] = found = self._reconciled(plan)
        return found

    def _reconciled(self, plan: StreamPlan) -> StreamPlan:
        if self._nested != "struct":
            plan = flat(plan)
        existing = {name: self._tables.columns(name) for name in tables_of(plan)}
        found = reconcile(plan, existing)
        refused = False
        for name, types in found.widen.items():
            if self._tables.widen(name, types):
                logger.info("%s.%s: widened %s", self._schema, name, ", ".join(types))
            else:
                refused = True
        if refused:
            existing = {name: self._tables.columns(name) for name in tables_of(plan)}
            found = reconcile(plan, existing, widenings=())
        return found.plan

    def apply(self, batch: Batch) -> LoadResult:
        """Stage a batch and merge it, or append what of it is not in the table already."""
        pieces = list(self._staging.pieces(batch))
        if len(pieces) == 1:
            return self._apply(batch)
        return combined([self._apply(piece) for piece in pieces])

    def replace(self, plan: StreamPlan) -> int:
        """Empty the stream's tables."""
        removed = 0
        with self._held(plan.table):
            for name in [*(child.table for child in plan.children), plan.table]:
                if self._tables.columns(name) is not None:
                    self._connections.run(f"DELETE FROM {self._tables.name(name)}")  # noqa: S608
                    removed += 1
        return removed

    def activate_version(self, plan: StreamPlan, version: int) -> LoadResult:
        """Retire the rows that did not come with the version."""
        started = _now()
        with self._held(plan.table):
            count = self._versions.activate(plan, version)
        if count:
            logger.info("%s.%s: %d rows are gone at the source", self._schema, plan.table, count)
        result = LoadResult(plan.stream, plan.table, "", 0, started, _now(), deleted=count)
        self._ledger.add(result)
        return result

    def _replay(self) -> list[LoadResult]:
        return [r for table in self._staging.waiting() for r in self._replay_unless_held(table)]

    def _replay_unless_held(self, table: str) -> list[LoadResult]:
        try:
            with self._staging.held(table, wait=False):
                return self._replay_table(table)
        except BusyError:
            logger.info("Another run is loading %s; what it has staged is left to it.", table)
            self._unseen.add(table)
            return []

    def _replay_table(self, table: str) -> list[LoadResult]:
        """Apply what earlier runs left staged for a table; its lease must be held."""
        results = []
        for path, batch in self._staging.staged(table):
            stream = batch.plan.stream
            if stream in self.failed:
                continue  # What is older comes first, or not at all.
            logger.info("Applying %s, which an earlier run left staged.", path)
            try:
                results.append(self._load(batch, path, replayed=True))
            except LoadError as error:
                if not _of_the_batch(error):
                    raise
                self.failed[stream] = error
        return results

    @contextmanager
    def _held(self, table: str) -> Iterator[None]:
        """Keep other runs from a stream's tables, and first apply what one of them has left."""
        with self._staging.held(table):
            if table in self._unseen:
                before = set(self.failed)
                self._replay_table(table)
                self._unseen.discard(table)
                if failed := self.failed.keys() - before:
                    raise self.failed[failed.pop()]
            yield

    def _apply(self, batch: Batch) -> LoadResult:
        plan = batch.plan
        with self._held(plan.table):
            if self._loading.appends(plan):
                # The same rows may come twice and be meant: two batches of them are two files.
                fresh = self._unconfirmed.fresh(batch)
                marks = self._loading.marks(plan)
                batch = replace(fresh, salt=f"{self._job_id}:{batch.through}", marks=marks)
            try:
                path = self._staging.stage(batch)
            except Exception as error:
                raise LoadError(
                    f"Batch of stream '{plan.stream}' could not be uploaded to "
                    f"{self._staging.place}: {classify(error).sentence} The tap sends its rows "
                    "again in the next run."
                ) from error
            return self._load(batch, path)

    def _load(self, batch: Batch, path: str, *, replayed: bool = False) -> LoadResult:
        """Get a staged batch into its tables and note what that did."""
        plan = batch.plan
        started = _now()
        base = LoadResult(
            stream=plan.stream,
            table=plan.table,
            file=path.rpartition("/")[2],
            read=batch.read,
            started_at=started,
            finished_at=started,
            rescued=batch.rescued,
        )
        try:
            if replayed:
                batch = replace(batch, plan=self._reconciled(plan))
            counts = self._settled(batch, path, replayed=replayed)
        except Exception as error:
            problem = error.problem if isinstance(error, StatementError) else classify(error)
            failed = f"{type(error).__name__}: {problem.reason}"
            self._ledger.add(replace(base, finished_at=_now(), error=failed))
            raise LoadError(
                f"Batch of stream '{plan.stream}' could not be written to "
                f"{self._schema}.{plan.table}: {problem.sentence} {self._staging.left(path)}"
            ) from error
        result = replace(base, finished_at=_now(), **vars(counts))
        self._ledger.add(result)
        if result.written and not replayed:
            self._loaded.add(plan.stream)
        return result

    def _settled(self, batch: Batch, path: str, *, replayed: bool) -> Counts:
        """Get a staged batch into its tables, also where somebody came in between."""
        try:
            return self._put(batch, path, replayed=replayed)
        except StatementError as error:
            if self._staging.gone(path):
                if replayed:
                    return Counts(unchanged=batch.read)
                # A run that took our lease for lost has applied it. Staged again, the batch finds
                # that out by itself, and were the file lost otherwise, no row would be.
                path = self._staging.stage(batch)
                return self._put(batch, path, replayed=False, late=True)
            if error.problem.kind is not Kind.GONE:
                raise
            # Somebody dropped a table or changed a column since we looked.
            for name in tables_of(batch.plan):
                self._tables.forget(name)
            return self._put(batch, path, replayed=replayed)

    def _put(self, batch: Batch, path: str, *, replayed: bool, late: bool = False) -> Counts:
        """Get a staged batch into its tables; its file is kept for as long as it may be needed.

        Args:
            batch: The batch.
            path: Where it is staged.
            replayed: Whether an earlier run staged it.
            late: Whether newer rows of another run may be in already, as with a replayed one.
        """
        staged = self._staging.read(path, batch)
        if not self._loading.appends(batch.plan):
            counts = self._loading.merge(batch, staged, replayed=replayed or late)
            if counts.unchanged:
                self._versions.note_unwritten(batch)
            self._staging.done(path)
            return counts
        counts = self._loading.append(batch, staged)
        remember = self._unconfirmed.recall if replayed else self._unconfirmed.appended
        remember(batch, path)
        return counts

    def _write_loads(self, rows: pa.Table) -> None:
        statement = ledger_rows(self._tables.name(LEDGER), rows)
        try:
            self._connections.run(statement)
        except StatementError as error:
            if error.problem.kind is not Kind.GONE:
                raise
            self._tables.ready(LEDGER, SCHEMA, DESCRIPTION)
            self._connections.run(statement)

    def _tidy(self) -> None:
        """Leave nothing of `meltano config test` behind."""
        if MELTANO_TEST_STREAM not in {p.stream for p in self._plans.values()}:
            return
        table = table_name(MELTANO_TEST_STREAM)
        self._connections.run(f"DROP TABLE IF EXISTS {self._tables.name(table)}")
        if len(self._plans) == 1:
            self._staging.drop()
            if self._made_schema:
                self._connections.run(f"DROP SCHEMA IF EXISTS {self._schema.sql} RESTRICT")


def _of_the_batch(error: LoadError) -> bool:
    """Whether an error comes from what was to be loaded, and not from a place out of reach."""
    cause = error.__cause__
    return not isinstance(cause, StatementError) or cause.problem.kind in _OF_THE_BATCH


def _now() -> datetime:
    return datetime.now(timezone.utc)
