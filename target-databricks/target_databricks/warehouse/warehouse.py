"""The SQL warehouse as a destination: batches become files of a volume, and files become rows.

One batch is applied in this order, and any of it can be done again:

1. upload it to the staging volume,
2. MERGE the child rows of those parents that the table does not hold yet,
3. MERGE the parents (their hash is the commit mark: from here on the batch counts as applied),
4. remove the file.

A crash before 3 leaves the file and the parents' old hashes, so that the next run does 2 to 4
again; child rows merged in 2 are then replaced, not added to. Rows without keys are appended by a
statement that first counts what this run has appended already.

Other runs may load the same schema meanwhile, each statement being a transaction of its own. A
file that a second run finds while the first still works on it is applied by both, to the same
effect as by one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from target_databricks.appending import Unconfirmed
from target_databricks.batch import Batch, LoadResult
from target_databricks.errors import ConfigurationError, LoadError
from target_databricks.evolution import reconcile, tables_of
from target_databricks.ledger import DESCRIPTION, MELTANO_TEST_STREAM, SCHEMA, Ledger
from target_databricks.ledger import TABLE as LEDGER
from target_databricks.naming import table_name
from target_databricks.plan import (
    DELETED_AT,
    JOB_ID,
    POSITION,
    TABLE_VERSION,
    ChildPlan,
    StreamPlan,
)
from target_databricks.warehouse import sql
from target_databricks.warehouse.access import make_access
from target_databricks.warehouse.connection import Connections, StatementError
from target_databricks.warehouse.constraints import add_foreign_keys
from target_databricks.warehouse.errors import Kind, classify
from target_databricks.warehouse.names import Schema, Volume
from target_databricks.warehouse.nesting import flat, json_columns
from target_databricks.warehouse.patience import Patience
from target_databricks.warehouse.tables import Tables
from target_databricks.warehouse.values import ledger_rows
from target_databricks.warehouse.volume import StagingVolume
from target_databricks.warehouse.wake import wake

logger = logging.getLogger("target-databricks")

REMEMBERED_VERSION = "targetDatabricks.activatedVersion"
"""Table property: the version last activated, which every living row counts as."""


@dataclass
class _Counts:
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0


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
        self._volume = StagingVolume(
            access.client, self._connections, self._staging(config), self._schema
        )
        self._append_only = config["load_method"] == "append-only"
        self._hard_delete = bool(config["hard_delete"])
        self._nested = str(config["nested"])
        self._constraints = bool(config["table_constraints"])
        self._job_id = job_id
        self._ledger = Ledger(self._write_loads, job_id)
        self._unconfirmed = Unconfirmed[str](self._volume)
        self._plans: dict[str, StreamPlan] = {}
        self._appended: dict[str, int] = {}
        self._made_schema = False
        self._lock = threading.Lock()

    # Life cycle

    def open(self) -> list[LoadResult]:
        """Wake the warehouse and apply what earlier runs left staged."""
        self._wake()
        self._ensure_schema()
        self._volume.open()
        try:
            return self._replay()
        except BaseException:
            self._connections.close()
            raise

    def close(self, *, failed: bool) -> None:
        """Write the ledger, add foreign keys, forget what need not be remembered."""
        try:
            self._ledger.flush()
            if not failed:
                self._unconfirmed.finish()
                if self._constraints and not self._append_only:
                    add_foreign_keys(self._connections, self._tables, self._plans.values())
            self._volume.close()
            if not failed:
                self._tidy()
        finally:
            self._connections.close()

    def confirm(self, covered: Mapping[str, int]) -> None:
        """Forget appended batches that will not be sent again."""
        self._unconfirmed.confirm(covered)

    # Loading

    def reconcile(self, plan: StreamPlan) -> StreamPlan:
        """Widen columns that the tap has outgrown; bend the plan where they cannot."""
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
        self._plans[plan.stream] = found.plan
        return found.plan

    def apply(self, batch: Batch) -> LoadResult:
        """Stage a batch and merge it, or append what of it is not in the table already."""
        plan = batch.plan
        if self._appends(plan):
            # The same rows may come twice and be meant: two batches of them are two files.
            fresh = self._unconfirmed.fresh(batch)
            marks = {name: self._rows_so_far(name) for name in tables_of(plan)}
            batch = replace(fresh, salt=f"{self._job_id}:{batch.through}", marks=marks)
        try:
            path = self._volume.stage(batch)
        except Exception as error:
            raise LoadError(
                f"Batch of stream '{plan.stream}' could not be uploaded to "
                f"{self._volume.folder}: {classify(error).sentence} The tap sends its rows again "
                "in the next run."
            ) from error
        return self._apply(batch, path)

    def replace(self, plan: StreamPlan) -> int:
        """Empty the stream's tables."""
        removed = 0
        for name in [*(child.table for child in plan.children), plan.table]:
            if self._tables.columns(name) is not None:
                self._connections.run(f"DELETE FROM {self._tables.name(name)}")  # noqa: S608
                removed += 1
        return removed

    def activate_version(self, plan: StreamPlan, version: int) -> LoadResult:
        """Retire the rows that did not come with the version."""
        started = _now()
        count = self._retire(plan, version)
        if count:
            logger.info("%s.%s: %d rows are gone at the source", self._schema, plan.table, count)
        result = LoadResult(plan.stream, plan.table, "", 0, started, _now(), deleted=count)
        self._ledger.add(result)
        return result

    def _retire(self, plan: StreamPlan, version: int) -> int:
        has = self._tables.spelled
        if not plan.keys or not has(plan.table, DELETED_AT) or not has(plan.table, TABLE_VERSION):
            return 0
        if self._remembered_version(plan.table) == version:
            return 0
        seen = self._volume.seen(plan.table, version, plan.keys)
        parent = self._tables.name(plan.table)
        count = 0
        for name in [*(child.table for child in plan.children), plan.table]:
            if self._tables.columns(name) is None:
                continue
            statement = sql.retire(
                self._tables.name(name), parent, plan, version, seen, delete=self._hard_delete
            )
            count = _affected(self._run(statement, plan))
        properties = {REMEMBERED_VERSION: str(version)}
        self._connections.run(sql.set_properties(parent, properties))
        self._volume.forget_seen(plan.table)
        return count

    def _remembered_version(self, table: str) -> int | None:
        if self._tables.columns(table) is None:
            return None
        rows = self._connections.run(f"SHOW TBLPROPERTIES {self._tables.name(table)}").to_pylist()
        stored = [r["value"] for r in rows if r["key"] == REMEMBERED_VERSION]
        return int(stored[0]) if stored else None

    def _replay(self) -> list[LoadResult]:
        results = []
        for path, batch in self._volume.staged():
            logger.info("Applying %s, which an earlier run left staged.", path)
            plan = self.reconcile(batch.plan)
            results.append(self._apply(replace(batch, plan=plan), path, replayed=True))
        self._plans.clear()
        return results

    def _apply(self, batch: Batch, path: str, *, replayed: bool = False) -> LoadResult:
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
        work = self._append if self._appends(plan) else self._merge
        try:
            try:
                counts = work(batch, path, replayed)
            except StatementError as error:
                if error.problem.kind is not Kind.GONE:
                    raise
                # Somebody dropped a table or changed a column since we looked.
                for name in tables_of(plan):
                    self._tables.forget(name)
                counts = work(batch, path, replayed)
        except Exception as error:
            problem = error.problem if isinstance(error, StatementError) else classify(error)
            failed = f"{type(error).__name__}: {problem.reason}"
            self._ledger.add(replace(base, finished_at=_now(), error=failed))
            raise LoadError(
                f"Batch of stream '{plan.stream}' could not be written to "
                f"{self._schema}.{plan.table}: {problem.sentence} It stays staged as {path}; the "
                "next run applies it first."
            ) from error
        result = replace(base, finished_at=_now(), **vars(counts))
        self._ledger.add(result)
        return result

    def _merge(self, batch: Batch, path: str, replayed: bool) -> _Counts:
        plan, staged = batch.plan, self._volume.read(path, batch)
        columns = self._ready(plan)
        for child in plan.children:
            child_columns = self._ready_child(plan, child)
            self._run(
                sql.merge_children(
                    self._tables.name(child.table),
                    child_columns,
                    self._tables.name(plan.table),
                    columns,
                    plan,
                    child,
                    staged,
                    replayed=replayed,
                ),
                plan,
            )
        statement = sql.merge(
            self._tables.name(plan.table), columns, plan, staged, replayed=replayed
        )
        row = self._run(statement, plan)
        inserted = _number(row, "num_inserted_rows")
        updated = _number(row, "num_updated_rows")
        counts = _Counts(inserted, updated, max(0, batch.rows.num_rows - inserted - updated))
        if counts.unchanged:
            self._note_unwritten(batch)
        self._volume.done(path)
        return counts

    def _append(self, batch: Batch, path: str, replayed: bool) -> _Counts:
        plan, staged = batch.plan, self._volume.read(path, batch)
        job_id = str(batch.rows.column(JOB_ID)[0]) if batch.rows.num_rows else self._job_id
        columns = self._ready(plan)
        for child in plan.children:
            child_columns = self._ready_child(plan, child)
            statement = sql.append_children(
                self._tables.name(child.table),
                child_columns,
                plan,
                child,
                staged,
                job_id,
                batch.marks.get(child.table, 0),
            )
            self._count_appended(child.table, job_id, _affected(self._run(statement, plan)))
        before = batch.marks.get(plan.table, 0)
        name = self._tables.name(plan.table)
        added = 0
        if batch.rows.num_rows:
            statement = sql.append(name, columns, plan, staged, job_id, before)
            added = _affected(self._run(statement, plan))
        self._count_appended(plan.table, job_id, added)
        if replayed:
            self._unconfirmed.recall(batch, path)
        else:
            self._unconfirmed.appended(batch, path)
        return _Counts(inserted=added, unchanged=batch.read - added)

    def _rows_so_far(self, table: str) -> int:
        """Rows this run has appended to a table."""
        if table not in self._appended:
            count = 0
            if self._tables.spelled(table, JOB_ID):
                rows = self._connections.run(
                    sql.rows_of_run(self._tables.name(table), self._job_id)
                )
                count = int(rows.column(0)[0].as_py())
            self._appended[table] = count
        return self._appended[table]

    def _count_appended(self, table: str, job_id: str, added: int) -> None:
        if job_id == self._job_id and table in self._appended:
            self._appended[table] += added

    def _note_unwritten(self, batch: Batch) -> None:
        """Note the keys that came with a version and are perhaps not written."""
        plan = batch.plan
        if not plan.sdk_metadata:
            return
        versions = batch.rows.column(TABLE_VERSION)
        if versions.null_count == len(versions):
            return
        remembered = self._remembered_version(plan.table)
        for version in pc.unique(versions).drop_null().to_pylist():
            if version != remembered:
                rows = batch.rows.filter(pc.equal(versions, version)).select(list(plan.keys))
                self._volume.see(plan.table, version, batch.digest, rows)

    # Places

    def _appends(self, plan: StreamPlan) -> bool:
        return self._append_only or not plan.keys

    def _ready(self, plan: StreamPlan) -> pa.Schema:
        return self._tables.ready(
            plan.table,
            plan.table_schema,
            plan.description,
            keys=plan.keys,
            primary=not self._appends(plan),
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
            primary=not self._append_only,
            variants=self._variants(child.row.fields),
        )

    def _variants(self, fields: Any) -> frozenset[str]:
        return json_columns(fields) if self._nested == "variant" else frozenset()

    def _run(self, statement: str, plan: StreamPlan) -> Mapping[str, Any]:
        """Run a statement that changes rows. Returns its one row of numbers."""
        rows = self._connections.run(statement, {"stream": plan.stream})
        return rows.to_pylist()[0] if rows.num_rows else {}

    def _write_loads(self, rows: pa.Table) -> None:
        self._tables.ready(LEDGER, SCHEMA, DESCRIPTION)
        self._connections.run(ledger_rows(self._tables.name(LEDGER), rows))

    def _ensure_schema(self) -> None:
        try:
            self._connections.run(f"DESCRIBE SCHEMA {self._schema.sql}")
        except StatementError as error:
            if "SCHEMA_NOT_FOUND" not in error.problem.reason:
                raise ConfigurationError(
                    f"The schema {self._schema} cannot be reached: {error.problem.sentence}"
                ) from error
            self._create_schema()

    def _create_schema(self) -> None:
        try:
            self._connections.run(f"CREATE SCHEMA IF NOT EXISTS {self._schema.sql}")
        except StatementError as error:
            raise ConfigurationError(
                f"The schema {self._schema} does not exist and cannot be created: "
                f"{error.problem.sentence} Create it, or let it be created: GRANT CREATE SCHEMA "
                f"ON CATALOG {self._schema.catalog} TO `<user>`."
            ) from error
        self._made_schema = True
        logger.info("Created the schema %s.", self._schema)

    def _staging(self, config: Mapping[str, Any]) -> Volume:
        text = str(config["staging_volume"])
        try:
            return Volume.parse(text, self._schema)
        except ValueError as error:
            raise ConfigurationError(
                f"The setting 'staging_volume' is '{text}'; it must be a volume's name, or "
                "schema.volume, or catalog.schema.volume."
            ) from error

    def _tidy(self) -> None:
        """Leave nothing of `meltano config test` behind."""
        if MELTANO_TEST_STREAM not in {p.stream for p in self._plans.values()}:
            return
        table = table_name(MELTANO_TEST_STREAM)
        self._connections.run(f"DROP TABLE IF EXISTS {self._tables.name(table)}")
        if self._volume.created and len(self._plans) == 1:
            self._connections.run(f"DROP VOLUME IF EXISTS {self._volume.volume.sql}")
        if self._made_schema and len(self._plans) == 1:
            self._connections.run(f"DROP SCHEMA IF EXISTS {self._schema.sql} RESTRICT")


def _affected(row: Mapping[str, Any]) -> int:
    return _number(row, "num_affected_rows")


def _number(row: Mapping[str, Any], name: str) -> int:
    return int(row.get(name) or 0)


def _now() -> datetime:
    return datetime.now(timezone.utc)
