"""Activating a version of a whole table: what is gone, and what only looks as if it were.

A row that came again unchanged is not written, so it bears the run and the version of before. Its
key is noted: for this run in a local file, and where it came with a version also where batches are
staged, for the run that resumes a reading which was cut short.
"""

from __future__ import annotations

import hashlib
import itertools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.feather as pf

from target_databricks.loading.appending import AppendMemory
from target_databricks.loading.backend import Backend, Retirement, WriteResult
from target_databricks.loading.batch import Batch, content_digest
from target_databricks.schema.plan import DELETED_AT, JOB_ID, TABLE_VERSION, StreamPlan
from target_databricks.schema.sources import with_former_children

ACTIVATED = "targetDatabricks.activatedVersion"
"""Table property: the version last activated, which every living row counts as. A warehouse keeps
it in a table instead (`warehouse/versions.py`)."""


class Arrivals:
    """Keys of rows that came in this run and were found as they are, in files of the run's own."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="target-databricks-")
        self._numbers = itertools.count()
        self._files: dict[str, list[Path]] = {}

    def add(self, table: str, keys: pa.Table) -> None:
        """Note keys; for several tables at once, if need be."""
        path = Path(self._folder.name) / str(next(self._numbers))
        pf.write_feather(keys, path, compression="uncompressed")
        self._files.setdefault(table, []).append(path)

    def keys(self, table: str, columns: Sequence[str]) -> pa.Table | None:
        """The keys noted for a table, or None."""
        notes = [pf.read_table(path) for path in self._files.get(table, ())]
        fitting = [note for note in notes if note.column_names == list(columns)]
        return pa.concat_tables(fitting) if fitting else None

    def close(self) -> None:
        """Remove the files."""
        self._folder.cleanup()


class Activation:
    """Retires rows of the tables of one schema.

    Args:
        backend: The place.
        memory: Appended rows that earlier runs have in the tables already.
        job_id: The run.
        started_at: When it began, in milliseconds since 1970.
    """

    def __init__(
        self, backend: Backend, memory: AppendMemory[Any], job_id: str, started_at: int
    ) -> None:
        self._backend = backend
        self._staging = backend.staging
        self._memory = memory
        self._job_id = job_id
        self._started_at = started_at
        self._arrivals = Arrivals()
        self._versions: dict[str, int | None] = {}

    def note_unwritten(self, batch: Batch, written: WriteResult, *, replayed: bool) -> None:
        """Note the keys of a batch that were not written, as their rows were as they are.

        Args:
            batch: The batch.
            written: What was written of it.
            replayed: Whether an earlier run received it, so that it did not come in this one.
        """
        rows = batch.rows
        if written.unwritten is not None:
            rows = rows.filter(written.unwritten)
        self.note_keys(batch.plan, rows, replayed=replayed)

    def note_keys(self, plan: StreamPlan, rows: pa.Table, *, replayed: bool = False) -> None:
        """Note the keys of rows that came, now or, `replayed`, earlier, and are not written."""
        if not plan.sdk_metadata:
            return
        keys = list(plan.keys)
        if not replayed:
            self._arrivals.add(plan.table, rows.select(keys))
        versions = rows.column(TABLE_VERSION)
        if versions.null_count == len(versions):
            return
        last = self._last(plan.table)
        for version in pc.unique(versions).drop_null().to_pylist():
            if version != last:
                some = rows.filter(pc.equal(versions, version))
                digest = content_digest(plan.stream, some)
                self._staging.note_keys(plan.table, version, digest, some.select(keys))

    def activate(self, plan: StreamPlan, version: int, *, appended: bool) -> int:
        """Retire what neither came in this run nor is of a version that is not older.

        Nothing is done when this version or a later one is the truth already.

        Args:
            plan: The stream.
            version: The version.
            appended: Whether its rows are appended.

        Returns:
            How many rows were retired, in the stream's own table.
        """
        self._backend.prepare(plan)
        columns = {column.name.lower() for column in self._backend.columns(plan.table) or ()}
        if not columns >= {DELETED_AT, TABLE_VERSION, JOB_ID}:
            return 0
        last = self._last(plan.table)
        if last is not None and last >= version:
            return 0
        if (keys := self._arrivals.keys(plan.table, plan.keys)) is not None:
            digest = hashlib.sha256(self._job_id.encode()).hexdigest()[:32]
            self._staging.note_keys(plan.table, version, digest, keys)
        retirement = Retirement(
            version,
            self._job_id,
            self._started_at,
            appended=appended,
            repeats=self._memory.repeated(plan.stream) if appended else frozenset(),
        )
        plan = with_former_children(plan, self._backend.properties(plan.table))
        count = self._backend.retire(plan, retirement)
        self._backend.set_version(plan, version)
        self._versions[plan.table] = version
        self._staging.forget_keys(plan.table)
        return count

    def close(self) -> None:
        """Forget what came in this run."""
        self._arrivals.close()

    def _last(self, table: str) -> int | None:
        """The version last activated, or None."""
        if table not in self._versions:
            self._versions[table] = self._backend.version(table)
        return self._versions[table]
