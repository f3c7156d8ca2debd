"""The lakehouse folder as a destination: batches become commits of Delta tables.

One batch is applied in this order, and any of it can be done again:

1. stage it in the spool,
2. look up its keys in the stream's table,
3. replace the child rows of the parents that are new or changed,
4. write the parents (their hash is the commit mark: from here on the batch counts as applied),
5. take it out of the spool.

A crash before 4 leaves the batch staged and its parents' old hashes in place, so that the next
run does steps 2 to 5 again; child rows written in 3 are then replaced, not added to.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import pyarrow as pa
import pyarrow.compute as pc
from platformdirs import user_cache_path

from target_databricks.errors import ConfigurationError, LoadError
from target_databricks.lakehouse import versions
from target_databricks.lakehouse.lock import SchemaLock
from target_databricks.lakehouse.merge import Decision, aligned, decide, with_kept_columns
from target_databricks.lakehouse.predicates import one_of
from target_databricks.lakehouse.spool import Spool
from target_databricks.lakehouse.table import LakehouseTable
from target_databricks.loading.appending import Unconfirmed
from target_databricks.loading.batch import Batch, LoadResult
from target_databricks.loading.ledger import DESCRIPTION, MELTANO_TEST_STREAM, SCHEMA, Ledger
from target_databricks.loading.ledger import TABLE as LEDGER
from target_databricks.schema.evolution import reconcile, tables_of
from target_databricks.schema.naming import table_name
from target_databricks.schema.plan import DELETED_AT, JOB_ID, RECORD_HASH, ChildPlan, StreamPlan

logger = logging.getLogger("target-databricks")

APPENDED = "target-databricks"
"""Name in the Delta log under which an append records the batch it belongs to."""
SPOOL = "_spool"
"""Folder inside a schema's folder; the underscore hides it from readers of tables."""


@dataclass
class _Counts:
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    outdated: int = 0
    deleted: int = 0


class LakehouseFolder:
    """Delta tables at `<lakehouse_path>/<schema>/<table>`.

    Args:
        config: The target's settings.
        job_id: The run.
    """

    # Everything happens in this one process; a second thread would only wait for the first.
    parallelism = 1

    def __init__(self, config: Mapping[str, Any], *, job_id: str) -> None:
        self._schema = table_name(str(config["default_target_schema"]))
        root = str(config["lakehouse_path"]).rstrip("/")
        self._local = _local_path(root)
        self._uri = f"{self._local or root}/{self._schema}"
        self._options: Mapping[str, str] | None = config.get("storage_options")
        self._append_only = config["load_method"] == "append-only"
        self._hard_delete = bool(config["hard_delete"])
        self._compact_after = int(config["compact_after_files"])
        spool = self._spool_folder(config.get("spool_path"))
        self._job_id = job_id
        self._spool = Spool(spool)
        self._lock = SchemaLock(
            spool, job_id=job_id, patience=float(config["lock_timeout"]), logger=logger
        )
        self._loads = self._table(LEDGER)
        self._ledger = Ledger(self._write_loads, job_id)
        self._tables: dict[str, LakehouseTable] = {}
        self._unconfirmed = Unconfirmed[Path](self._spool, self._rows_of_runs)
        self.failed: dict[str, LoadError] = {}
        self._orphaned: dict[str, bool] = {}
        self._recovering = False

    # Life cycle

    def open(self) -> list[LoadResult]:
        """Lock the schema and apply what earlier runs left staged."""
        self._check_reachable()
        self._lock.acquire()
        try:
            self._unconfirmed.load()
            return self._replay()
        except BaseException:
            self._lock.release()
            raise

    def close(self, *, failed: bool) -> None:
        """Write the ledger, compact what collected many small files, unlock."""
        try:
            self._ledger.flush()
            if not failed:
                self._unconfirmed.finish()
                self._spool.clear()
                self._tidy()
        finally:
            self._lock.release()

    def confirm(self, covered: Mapping[str, int]) -> None:
        """Forget appended batches that will not be sent again."""
        self._unconfirmed.confirm(covered)

    # Loading

    def reconcile(self, plan: StreamPlan) -> StreamPlan:
        """Widen columns that the tap has outgrown; bend the plan where they cannot."""
        found = reconcile(plan, {name: self._at(name).schema for name in tables_of(plan)})
        for name, types in found.widen.items():
            logger.info("%s.%s: widening %s", self._schema, name, _spelled(types))
            self._at(name).widen(types)
        return found.plan

    def apply(self, batch: Batch) -> LoadResult:
        """Stage a batch and merge it, or append what of it is not in the table already."""
        if self._appends(batch.plan):
            # The same rows may come twice and be meant: two batches of them are two files.
            batch = replace(self._unconfirmed.fresh(batch), salt=f"{self._job_id}:{batch.through}")
        path = self._spool.stage(batch)
        return self._apply(batch, path)

    def replace(self, plan: StreamPlan) -> int:
        """Empty the stream's tables."""
        for child in plan.children:
            self._at(child.table).remove(None)
        return self._at(plan.table).remove(None)

    def activate_version(self, plan: StreamPlan, version: int) -> LoadResult:
        """Retire the rows that did not come with the version, if it is newer than the last."""
        started = _now()
        table = self._at(plan.table)
        newer = versions.is_newer(table, version)
        gone = versions.retired(self._spool, table, plan, version) if newer else None
        count = 0 if gone is None else gone.num_rows
        if gone is not None and count:
            for name, keys in [
                *((child.table, gone) for child in plan.children),
                (plan.table, gone),
            ]:
                if self._hard_delete:
                    self._at(name).replace(keys, keys.slice(0, 0))
                else:
                    self._at(name).update(keys, DELETED_AT, "now()")
            logger.info("%s.%s: %d rows are gone at the source", self._schema, plan.table, count)
        if newer:
            versions.remember_version(table, version)
        self._spool.forget_seen(plan.table)
        result = LoadResult(plan.stream, plan.table, "", 0, started, _now(), deleted=count)
        self._ledger.add(result)
        return result

    def _replay(self) -> list[LoadResult]:
        results = []
        self._recovering = True
        for path, batch in self._spool.staged():
            stream = batch.plan.stream
            if stream in self.failed:
                continue  # What is older comes first, or not at all.
            logger.info("Applying %s, which an earlier run left staged.", path.name)
            try:
                results.append(self._apply(batch, path))
            except LoadError as error:
                self.failed[stream] = error
        self._recovering = False
        for path in self._spool.set_aside():
            logger.warning(
                "%s could not be read and was set aside; the tap sends its rows again. Delete the "
                "file when you no longer need it.",
                path,
            )
        return results

    def _apply(self, batch: Batch, path: Path) -> LoadResult:
        started = _now()
        base = LoadResult(
            stream=batch.plan.stream,
            table=batch.plan.table,
            file=path.name,
            read=batch.read,
            started_at=started,
            finished_at=started,
            rescued=batch.rescued,
        )
        try:
            if self._recovering:
                batch = replace(batch, plan=self.reconcile(batch.plan))
            if self._appends(batch.plan):
                counts = self._append_once(batch, path)
            else:
                counts = self._merge(batch, path)
                self._spool.done(path)
        except Exception as error:
            # What follows the first line is delta-rs' own stack, of use to nobody here.
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            result = replace(base, finished_at=_now(), error=f"{type(error).__name__}: {reason}")
            self._ledger.add(result)
            raise LoadError(
                f"Batch of stream '{batch.plan.stream}' could not be written to "
                f"{self._uri}/{batch.plan.table}: {reason}. It stays staged as {path}; the next "
                "run applies it first."
            ) from error
        result = replace(base, finished_at=_now(), **vars(counts))
        self._ledger.add(result)
        return result

    def _merge(self, batch: Batch, path: Path) -> _Counts:
        plan = batch.plan
        table = self._ready(plan)
        sent = {name.lower() for name in batch.rows.column_names}
        kept = [c for c in (table.schema or pa.schema([])).names if c.lower() not in sent]
        compared = (RECORD_HASH, DELETED_AT, *([plan.ordering] if plan.ordering else []))
        wanted = [c for c in compared if table.spelled(c)]
        keys = batch.rows.select(list(plan.keys))
        found, places = table.find(keys, [*wanted, *kept])
        existing = aligned(batch.rows.num_rows, found, places)
        decision = decide(batch.rows, existing, plan.ordering)
        counts = _Counts(
            inserted=decision.count(decision.new),
            updated=decision.count(decision.changed),
            unchanged=decision.count(decision.unchanged),
            outdated=decision.count(decision.outdated),
        )
        if counts.inserted or counts.updated:
            marks = self._merge_children(batch, decision, _mark(path))
            self._merge_parents(batch, decision, existing, kept, table, marks)
        versions.note_unwritten(self._spool, table, batch, decision)
        return counts

    def _merge_children(self, batch: Batch, decision: Decision, mark: int) -> dict[str, int]:
        """Write the child rows. Returns the marks that say so, for the parents' commit."""
        plan = batch.plan
        marks = {}
        for child in plan.children:
            table = self._at(child.table)
            table.create(plan.child_schema(child), child.description)
            # After a crash even a new parent may already have child rows.
            doubtful = self._recovering or self._has_orphans(plan, child)
            replaced = pc.or_(decision.changed, decision.new) if doubtful else decision.changed
            changed = _rows(batch.rows, replaced)
            if changed.num_rows:
                rows = batch.children(child, changed)
                table.replace(changed.select(list(plan.keys)), rows)
            if not doubtful:
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
        if child.table not in self._orphaned:
            last = self._at(child.table).mark(APPENDED)
            repeated = self._at(plan.table).mark(f"{APPENDED}/{child.table}")
            self._orphaned[child.table] = last is not None and last != repeated
        return self._orphaned[child.table]

    def _merge_parents(
        self,
        batch: Batch,
        decision: Decision,
        existing: pa.Table,
        kept: list[str],
        table: LakehouseTable,
        marks: Mapping[str, int],
    ) -> None:
        plan = batch.plan

        def ready(mask: pa.Array) -> pa.Table:
            rows = batch.parents(_rows(batch.rows, mask))
            return with_kept_columns(rows, _rows(existing, mask), kept, plan.soft_delete)

        table.append(ready(decision.new), marks)
        changed = ready(decision.changed)
        table.replace(changed.select(list(plan.keys)), changed)

    def _appends(self, plan: StreamPlan) -> bool:
        return self._append_only or not plan.keys

    def _append_once(self, batch: Batch, path: Path) -> _Counts:
        """Append rows that cannot be told apart, exactly once, also after a crash."""
        plan = batch.plan
        table = self._ready(plan)
        marks = {APPENDED: _mark(path)}
        for child in plan.children:
            child_table = self._at(child.table)
            child_table.create(plan.child_schema(child), child.description)
            if not (self._recovering and child_table.mark(APPENDED) == marks[APPENDED]):
                child_table.append(batch.children(child, batch.rows), marks)
        count = 0
        if not (self._recovering and table.mark(APPENDED) == marks[APPENDED]):
            nothing = aligned(batch.rows.num_rows, None, pa.array([], pa.int32()))
            rows = with_kept_columns(batch.parents(batch.rows), nothing, [], plan.soft_delete)
            table.append(rows, marks)
            count = batch.rows.num_rows
        kept = self._spool.keep(path)
        if self._recovering:
            self._unconfirmed.recall(batch, kept)
        else:
            self._unconfirmed.appended(batch, kept)
        return _Counts(inserted=count, unchanged=batch.read - count)

    # Places

    def _at(self, name: str) -> LakehouseTable:
        if name not in self._tables:
            self._tables[name] = self._table(name)
        return self._tables[name]

    def _table(self, name: str) -> LakehouseTable:
        return LakehouseTable(f"{self._uri}/{name}", self._options)

    def _rows_of_runs(self, table: str, jobs: Collection[str]) -> Iterator[str]:
        """Hashes of the rows that a table has of some runs."""
        found = self._at(table)
        if found.spelled(RECORD_HASH) and found.spelled(JOB_ID):
            of_runs = one_of(pa.table({JOB_ID: sorted(jobs)}))
            for rows in found.others(None, [RECORD_HASH], of_runs):
                yield from rows.column(0).to_pylist()

    def _ready(self, plan: StreamPlan) -> LakehouseTable:
        table = self._at(plan.table)
        table.create(plan.table_schema, plan.description)
        return table

    def _write_loads(self, rows: pa.Table) -> None:
        self._loads.create(SCHEMA, DESCRIPTION)
        self._loads.append(rows)

    def _tidy(self) -> None:
        for name, table in [*self._tables.items(), (LEDGER, self._loads)]:
            if table.written and table.tidy(self._compact_after):
                logger.info("%s.%s: small files compacted", self._schema, name)
        if self._local is not None and MELTANO_TEST_STREAM in self._tables:
            shutil.rmtree(f"{self._uri}/{MELTANO_TEST_STREAM}", ignore_errors=True)

    def _check_reachable(self) -> None:
        if self._local is None:
            return
        try:
            Path(self._uri).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"The folder of the setting 'lakehouse_path' cannot be used: {error}. Choose "
                "another one or grant write access."
            ) from error

    def _spool_folder(self, setting: str | None) -> Path:
        if setting:
            return Path(setting) / self._schema
        if self._local is not None:
            return Path(self._uri) / SPOOL
        # A local disk, because staging is about surviving a crash of this very machine.
        name = hashlib.sha256(self._uri.encode()).hexdigest()[:16]
        return user_cache_path("target-databricks") / "spool" / name


def _local_path(root: str) -> str | None:
    """The folder a path or file URL names, or None for an object store."""
    parsed = urlparse(root)
    if parsed.scheme == "file":
        return unquote(parsed.path)
    if len(parsed.scheme) <= 1:  # none, or a Windows drive
        return str(Path(root).expanduser().resolve())
    return None


def _mark(path: Path) -> int:
    """A number for the log, from the name of a staged file."""
    return int(path.stem.rpartition("-")[2][:15], 16)


def _rows(table: pa.Table, mask: pa.Array) -> pa.Table:
    return table.filter(mask)


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _spelled(types: Mapping[str, pa.DataType]) -> str:
    return ", ".join(f"{name} to {kind}" for name, kind in types.items())
