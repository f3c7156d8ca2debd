"""What a person sees of a load: a line per batch, and a table at the end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

import pyarrow as pa

from target_databricks.loading.batch import LoadResult, combined
from target_databricks.schema.plan import RESCUED_DATA

_COLUMNS: Mapping[str, Callable[[LoadResult], int]] = {
    "read": lambda r: r.read,
    "new": lambda r: r.inserted,
    "changed": lambda r: r.updated,
    "unchanged": lambda r: r.unchanged + r.outdated,
    "deleted": lambda r: r.deleted,
    "rescued": lambda r: r.rescued,
}


class Report:
    """Adds up what batches did.

    Args:
        schema: Name of the schema, shown before table names.
    """

    def __init__(self, schema: str) -> None:
        self._schema = schema
        self._results: dict[str, LoadResult] = {}

    def add(self, result: LoadResult) -> None:
        """Count one batch."""
        earlier = self._results.get(result.table)
        self._results[result.table] = combined([earlier, result] if earlier else [result])

    def line(self, result: LoadResult) -> str:
        """One batch in one line."""
        done = [
            f"{count:,} {word}"
            for count, word in (
                (result.inserted, "new"),
                (result.updated, "changed"),
                (result.unchanged, "unchanged"),
                (result.outdated, "older than the table"),
                (result.deleted, "deleted"),
                (result.rescued, "with rescued data"),
                (result.set_aside, "set aside"),
                (result.dropped, "dropped earlier and passed over"),
            )
            if count
        ]
        seconds = (result.finished_at - result.started_at).total_seconds()
        return (
            f"{self._schema}.{result.table}: {result.read:,} read, "
            f"{', '.join(done) or 'nothing to do'} ({seconds:.1f} s)"
        )

    def table(self) -> str:
        """A row per table and a sum, or an empty text when nothing came."""
        if not self._results:
            return ""
        total = ("total", combined([*self._results.values()]))
        rows = [
            (name, *(count(result) for count in _COLUMNS.values()))
            for name, result in [*self._results.items(), total]
        ]
        return "\n".join(_aligned([(f"{self._schema} table", *_COLUMNS), *rows]))


def rescued_paths(blocks: Iterable[pa.RecordBatch], most: int = 3) -> list[str]:
    """Paths under which values were rescued, of the first row of each block that has some.

    Args:
        blocks: Rows with `_rescued_data`.
        most: How many are enough.
    """
    paths: dict[str, None] = {}
    for block in blocks:
        texts = block.column(RESCUED_DATA).drop_null()
        if len(texts):
            with suppress(RecursionError):  # A value is nested too deeply to be read back.
                paths |= dict.fromkeys(json.loads(texts[0].as_py()))
        if len(paths) >= most:
            break
    return [*paths][:most]


def _aligned(rows: Sequence[Sequence[object]]) -> Iterable[str]:
    texts = [[f"{v:,}" if isinstance(v, int) else str(v) for v in row] for row in rows]
    widths = [max(len(row[i]) for row in texts) for i in range(len(texts[0]))]
    for row in texts:
        first, *rest = (
            text.rjust(width) if i else text.ljust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join([first, *rest])
