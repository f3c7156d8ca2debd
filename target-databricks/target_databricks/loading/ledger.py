"""`_sdc_loads`: what every load did, as a table beside the others.

A load that found everything as it was leaves no row: running again with nothing changed writes
nothing at all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pyarrow as pa

from target_databricks.loading.batch import LoadResult
from target_databricks.schema.types import TIMESTAMP

TABLE = "_sdc_loads"
MELTANO_TEST_STREAM = "meltano_test_stream"
"""Stream that `meltano config test` sends; nobody wants a trace of it."""
FLUSH_SECONDS = 30
"""Rows wait this long for company, so that a run of many small batches stays one commit."""

_COLUMNS: tuple[tuple[str, pa.DataType, Callable[[LoadResult], object], str], ...] = (
    ("stream", pa.string(), lambda r: r.stream, "Stream that was loaded"),
    ("table_name", pa.string(), lambda r: r.table, "Table it was loaded into"),
    ("file", pa.string(), lambda r: r.file, "Staged file, named after its content"),
    ("rows_read", pa.int64(), lambda r: r.read, "Records received"),
    ("rows_inserted", pa.int64(), lambda r: r.inserted, "Rows that were new"),
    ("rows_updated", pa.int64(), lambda r: r.updated, "Rows that had changed"),
    ("rows_unchanged", pa.int64(), lambda r: r.unchanged, "Rows that were as they are"),
    ("rows_outdated", pa.int64(), lambda r: r.outdated, "Records older than the table's row"),
    ("rows_deleted", pa.int64(), lambda r: r.deleted, "Rows retired or removed"),
    ("rows_rescued", pa.int64(), lambda r: r.rescued, "Rows with something in _rescued_data"),
    ("started_at", TIMESTAMP, lambda r: r.started_at, "When applying began"),
    ("finished_at", TIMESTAMP, lambda r: r.finished_at, "When applying ended"),
    ("error", pa.string(), lambda r: r.error, "Why the load failed; null when it did not"),
)
DESCRIPTION = "What every load of target-databricks did"
SCHEMA = pa.schema(
    [
        pa.field("job_id", pa.string(), metadata={"comment": "Run that did the load"}),
        *(pa.field(n, t, metadata={"comment": c}) for n, t, _, c in _COLUMNS),
    ]
)


class Ledger:
    """Collects results and writes them in few commits; safe to use from several threads.

    Args:
        write: Creates the table if need be and appends rows of `SCHEMA`.
        job_id: The run.
    """

    def __init__(self, write: Callable[[pa.Table], None], job_id: str) -> None:
        self._write = write
        self._job_id = job_id
        self._lock = threading.Lock()
        self._pending: list[LoadResult] = []
        self._flushed_at = datetime.now(UTC)

    def add(self, result: LoadResult) -> None:
        """Note a load that changed something, or failed."""
        if (result.written or result.error) and result.stream != MELTANO_TEST_STREAM:
            with self._lock:
                self._pending.append(result)
        if (datetime.now(UTC) - self._flushed_at).total_seconds() > FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        with self._lock:
            self._flushed_at = datetime.now(UTC)
            rows, self._pending = self._pending, []
        if not rows:
            return
        columns = [pa.array([self._job_id] * len(rows), pa.string())]
        columns += [pa.array([value(r) for r in rows], t) for _, t, value, _ in _COLUMNS]
        self._write(pa.Table.from_arrays(columns, schema=SCHEMA))
