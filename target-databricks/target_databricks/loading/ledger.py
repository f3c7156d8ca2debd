"""`_sdc_loads`: what every load did, as a table beside the others.

A batch that changed something has a row of its own, and so has one that failed or of which rows
were passed over. A stream of which a run changed nothing has one row for the run, so that the table
tells how fresh every stream is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import pyarrow as pa

from target_databricks.loading.batch import LoadResult, combined
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
    ("rows_set_aside", pa.int64(), lambda r: r.set_aside, "Rows their table refuses, kept aside"),
    ("rows_dropped", pa.int64(), lambda r: r.dropped, "Rows passed over, as somebody decided"),
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
        write: Appends rows of `SCHEMA` to the table, which may not be there yet.
        defer: Does so too, or keeps them for the next `write` of this or a later run.
        job_id: The run.
    """

    def __init__(
        self, write: Callable[[pa.Table], None], defer: Callable[[pa.Table], None], job_id: str
    ) -> None:
        self._write = write
        self._defer = defer
        self._job_id = job_id
        self._lock = threading.Lock()
        self._pending: list[LoadResult] = []
        self._noted: set[str] = set()
        """Streams that have a row."""
        self._unchanged: dict[str, LoadResult] = {}
        """What the loads of a stream did together that changed nothing."""
        self._flushed_at = datetime.now(UTC)

    def add(self, result: LoadResult) -> None:
        """Note a load."""
        stream = result.stream
        if stream == MELTANO_TEST_STREAM:
            return
        with self._lock:
            if result.written or result.error or result.set_aside or result.dropped:
                self._pending.append(result)
                self._noted.add(stream)
            else:
                earlier = self._unchanged.get(stream)
                self._unchanged[stream] = combined([earlier, result] if earlier else [result])
            due = (datetime.now(UTC) - self._flushed_at).total_seconds() > FLUSH_SECONDS
        if due:
            self.flush()

    def flush(self) -> None:
        """Write what waits of loads that changed something, or failed."""
        with self._lock:
            self._flushed_at = datetime.now(UTC)
            rows, self._pending = self._pending, []
        if rows:
            self._write(self._table(rows))

    def close(self, complete: Mapping[str, str]) -> None:
        """Write what waits, and a row for each stream that has none yet.

        Args:
            complete: Streams that were received to their end, and their tables.
        """
        now = datetime.now(UTC)
        empty = {s: LoadResult(s, t, "", 0, now, now) for s, t in complete.items()}
        rest = [
            result
            for stream, result in {**empty, **self._unchanged}.items()
            if stream not in self._noted and stream != MELTANO_TEST_STREAM
        ]
        if self._noted:
            # The place is at work for this run anyway.
            self._pending.extend(rest)
            self.flush()
        elif rest:
            self._defer(self._table(rest))

    def _table(self, results: Sequence[LoadResult]) -> pa.Table:
        columns = [pa.array([self._job_id] * len(results), pa.string())]
        columns += [pa.array([value(r) for r in results], t) for _, t, value, _ in _COLUMNS]
        return pa.Table.from_arrays(columns, schema=SCHEMA)
