"""The life of a batch, wherever its rows go.

One batch is applied in this order, and any of it can be done again:

1. take the lease of its stream's tables,
2. stage it,
3. write its child rows, then their parents (their hash is the commit mark: from here on the batch
   counts as applied), or append its rows unless they are in the table already,
4. note what it did in the ledger, and which rows came with a version without being written,
5. forget the staged file; of an appended batch when a state has covered it.

A run that dies before 5 leaves the batch staged, and the next run does 3 to 5 again before anything
else. Other runs may load the same schema meanwhile: what is staged for a table is looked at under
its lease only, and a table that another run is loading is left to it, until there are rows for it.
Only a run that has applied a file removes it, so that one which is missing is done.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

import pyarrow.compute as pc

from target_databricks.errors import BusyError, LoadError
from target_databricks.loading.appending import AppendMemory, appends
from target_databricks.loading.backend import Backend, WriteResult
from target_databricks.loading.batch import Batch, LoadResult, combined
from target_databricks.loading.ledger import Ledger
from target_databricks.schema.evolution import reconcile, tables_of
from target_databricks.schema.plan import DELETED_AT, TABLE_VERSION, StreamPlan

logger = logging.getLogger("target-databricks")

ACTIVATED = "targetDatabricks.activatedVersion"
"""Table property: the version last activated, which every living row counts as."""


class Load:
    """What a run does to the tables of one schema.

    `apply`, `replace` and `activate_version` are called from up to `parallelism` threads at once,
    for one stream never from two and always in the order its rows came. `reconcile` is called while
    nothing of its stream is under way, `confirm` at any time by one thread, the rest while nothing
    else is.

    Args:
        backend: The place.
        load_method: The setting of that name.
        job_id: The run.

    Attributes:
        failed: Streams that are not loaded in this run, since an earlier run left what does not go
            in. An older batch must not come after a newer one, so the stream waits for somebody to
            look.
        parallelism: How many streams it can load at once, from 1.
    """

    def __init__(self, backend: Backend, *, load_method: str, job_id: str) -> None:
        self._backend = backend
        self._staging = backend.staging
        self._load_method = load_method
        self._job_id = job_id
        self._ledger = Ledger(backend.write_ledger, job_id)
        self._memory = AppendMemory[Any](backend.staging, backend.hashes)
        self._plans: dict[str, StreamPlan] = {}
        self._loaded: set[str] = set()
        self._versions: dict[str, int | None] = {}
        self._busy: set[str] = set()
        """Tables that another run was loading when this one began: perhaps it left something."""
        self.failed: dict[str, LoadError] = {}
        self.parallelism = backend.parallelism

    # Life cycle

    def open(self) -> list[LoadResult]:
        """Get ready: reach the place and apply what earlier runs left staged.

        A batch that cannot be applied is in nobody's way but its own stream's: see `failed`.

        Returns:
            What the replayed batches did.

        Raises:
            ConfigurationError: The place cannot be reached as configured.
            BusyError: Another run holds it.
        """
        self._backend.open()
        try:
            self._memory.load()
            return [
                r
                for table in self._staging.staged_tables()
                for r in self._replay_unless_busy(table)
            ]
        except BaseException:
            self._backend.release()
            raise

    def close(self, *, failed: bool) -> None:
        """Write the ledger, forget what need not be remembered, tidy up, let others in."""
        try:
            if failed:
                self._backend.hurry()
            self._ledger.flush()
            if not failed:
                self._memory.finish()
                loaded = [self._plans[stream] for stream in sorted(self._loaded)]
                merged = [plan for plan in loaded if not self._appends(plan)]
                self._backend.finish(self._plans.values(), merged)
        finally:
            self._backend.release()

    def confirm(self, covered: Mapping[str, int]) -> None:
        """A state went out: these many records of each stream will not be sent again."""
        self._memory.confirm(covered)

    # Loading

    def reconcile(self, plan: StreamPlan) -> StreamPlan:
        """Bring a plan and the tables it already has together: widen the table, or bend the plan.

        Called before the first batch of each SCHEMA; creates nothing.
        """
        self._plans[plan.stream] = reconciled = self._reconciled(plan)
        return reconciled

    def _reconciled(self, plan: StreamPlan) -> StreamPlan:
        plan = self._backend.shaped(plan)
        result = reconcile(plan, {name: self._backend.columns(name) for name in tables_of(plan)})
        widened = [self._backend.widen(name, types) for name, types in result.widen.items()]
        if not all(widened):
            existing = {name: self._backend.columns(name) for name in tables_of(plan)}
            result = reconcile(plan, existing, widenings=())
        return result.plan

    def apply(self, batch: Batch) -> LoadResult:
        """Stage a batch, then make its tables hold it. All of it, or none and it stays staged.

        Raises:
            LoadError: It could not be applied; the message says what to do.
        """
        return combined([self._apply(piece) for piece in self._staging.pieces(batch)])

    def replace(self, plan: StreamPlan) -> None:
        """Empty a stream's tables, for `load_method: overwrite`."""
        with self._lease(plan.table):
            for name in [*tables_of(plan)[1:], plan.table]:
                self._backend.empty(name)

    def activate_version(self, plan: StreamPlan, version: int) -> LoadResult:
        """Retire the rows that were not sent with a version.

        Args:
            plan: The stream.
            version: The version that is now the whole truth, unless a later one is already.
        """
        started = _now()
        with self._lease(plan.table):
            count = self._activate(plan, version)
        if count:
            schema = self._backend.schema
            logger.info("%s.%s: %d rows are gone at the source", schema, plan.table, count)
        result = LoadResult(plan.stream, plan.table, "", 0, started, _now(), deleted=count)
        self._ledger.add(result)
        return result

    # Earlier and other runs

    def _replay_unless_busy(self, table: str) -> list[LoadResult]:
        try:
            with self._staging.lease(table, wait=False):
                return self._replay(table)
        except BusyError:
            logger.info("Another run is loading %s; what it has staged is left to it.", table)
            self._busy.add(table)
            return []

    def _replay(self, table: str) -> list[LoadResult]:
        """Apply what earlier runs left staged for a table, under its lease."""
        results = []
        for path, batch in self._staging.staged_batches(table):
            stream = batch.plan.stream
            if stream in self.failed:
                continue  # What is older comes first, or not at all.
            title = self._staging.title(path)
            logger.info("Applying %s, which an earlier run left staged.", title)
            try:
                results.append(self._load(batch, path, replayed=True))
            except LoadError as error:
                if not self._backend.failure(error.__cause__ or error).of_batch:
                    raise
                self.failed[stream] = error
        return results

    @contextmanager
    def _lease(self, table: str) -> Iterator[None]:
        """Keep other runs from a stream's tables, and first apply what one of them has left."""
        with self._staging.lease(table):
            if table in self._busy:
                before = set(self.failed)
                self._replay(table)
                self._busy.discard(table)
                if failed := self.failed.keys() - before:
                    raise self.failed[failed.pop()]
            yield

    # One batch

    def _appends(self, plan: StreamPlan) -> bool:
        return appends(plan, self._load_method)

    def _apply(self, batch: Batch) -> LoadResult:
        plan = batch.plan
        with self._lease(plan.table):
            if self._appends(plan):
                # The same rows may come twice and be meant: two batches of them are two files.
                salt = f"{self._job_id}:{batch.through}"
                fresh = self._memory.fresh(batch)
                batch = replace(fresh, salt=salt, marks=self._backend.marks(plan))
            return self._load(batch, self._staging.stage(batch))

    def _load(self, batch: Batch, path: Any, *, replayed: bool = False) -> LoadResult:
        """Get a staged batch into its tables and note what that did."""
        plan = batch.plan
        started = _now()
        base = LoadResult(
            stream=plan.stream,
            table=plan.table,
            file=PurePath(path).name,
            read=batch.read,
            started_at=started,
            finished_at=started,
            rescued=batch.rescued,
        )
        try:
            if replayed:
                batch = replace(batch, plan=self._reconciled(plan))
            written = self._write_through(batch, path, replayed=replayed)
        except Exception as error:
            failure = self._backend.failure(error)
            message = f"{type(error).__name__}: {failure.reason}"
            self._ledger.add(replace(base, finished_at=_now(), error=message))
            raise LoadError(
                f"Batch of stream '{plan.stream}' could not be written to "
                f"{self._backend.location(plan.table)}: {failure.sentence} "
                f"{self._staging.retention(path)}"
            ) from error
        result = replace(
            base,
            finished_at=_now(),
            inserted=written.inserted,
            updated=written.updated,
            unchanged=written.unchanged,
            outdated=written.outdated,
        )
        self._ledger.add(result)
        if result.written and not replayed:
            self._loaded.add(plan.stream)
        return result

    def _write_through(self, batch: Batch, path: Any, *, replayed: bool) -> WriteResult:
        """Get a staged batch into its tables, also where somebody came in between."""
        try:
            return self._write(batch, path, replayed=replayed)
        except Exception as error:
            if self._staging.is_gone(path):
                if replayed:
                    return WriteResult(unchanged=batch.read)
                # A run that took our lease for lost has applied it. Staged again, the batch finds
                # that out by itself, and were the file lost otherwise, no row would be.
                return self._write(batch, self._staging.stage(batch), replayed=False, late=True)
            if not self._backend.failure(error).stale:
                raise
            for name in tables_of(batch.plan):
                self._backend.forget(name)
            return self._write(batch, path, replayed=replayed)

    def _write(self, batch: Batch, path: Any, *, replayed: bool, late: bool = False) -> WriteResult:
        """Get a staged batch into its tables; its file is kept for as long as it may be needed.

        Args:
            batch: The batch.
            path: Where it is staged.
            replayed: Whether an earlier run staged it.
            late: Whether newer rows of another run may be in already, as with a replayed one.
        """
        if not self._appends(batch.plan):
            written = self._backend.merge(batch, path, replayed=replayed or late)
            if written.unchanged or written.outdated:
                self._note_unwritten(batch, written)
            self._staging.done(path)
            return written
        written = self._backend.append(batch, path, replayed=replayed)
        remember = self._memory.recall if replayed else self._memory.appended
        remember(batch, self._staging.keep(path))
        return written

    # Versions of whole tables

    def _activate(self, plan: StreamPlan, version: int) -> int:
        """Retire what did not come with a version that is newer than the last. Returns how many.

        Rows of a later version stay, and so does everything when a later one is the truth already.
        """
        columns = {column.name.lower() for column in self._backend.columns(plan.table) or ()}
        if not columns >= {DELETED_AT, TABLE_VERSION}:
            return 0
        last = self._last_activated(plan.table)
        if last is not None and last >= version:
            return 0
        count = self._backend.retire(plan, version)
        self._backend.set_property(plan, ACTIVATED, str(version))
        self._versions[plan.table] = version
        self._staging.forget_keys(plan.table)
        return count

    def _note_unwritten(self, batch: Batch, written: WriteResult) -> None:
        """Note the keys that came with a version and were not written, as they were as they are.

        Their rows bear the old version until the version is activated, by this run or, when the tap
        was cut short and resumes with the same version, a later one.
        """
        plan = batch.plan
        if not plan.sdk_metadata:
            return
        versions = batch.rows.column(TABLE_VERSION)
        if versions.null_count == len(versions):
            return
        rows = batch.rows.select([*plan.keys, TABLE_VERSION])
        if written.unwritten is not None:
            rows = rows.filter(written.unwritten)
        last = self._last_activated(plan.table)
        for version in pc.unique(rows.column(TABLE_VERSION)).drop_null().to_pylist():
            if version != last:
                keys = rows.filter(pc.equal(rows.column(TABLE_VERSION), version))
                self._staging.note_keys(
                    plan.table, version, batch.digest, keys.select(list(plan.keys))
                )

    def _last_activated(self, table: str) -> int | None:
        if table not in self._versions:
            stored = self._backend.properties(table).get(ACTIVATED)
            self._versions[table] = int(stored) if stored else None
        return self._versions[table]


def _now() -> datetime:
    return datetime.now(UTC)
