"""What a person sees of a load: how far it is, and at the end a table of what is new."""

from __future__ import annotations

import json
import time
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
_RARE: Mapping[str, Callable[[LoadResult], int]] = {
    "set aside": lambda r: r.set_aside,
    "passed over": lambda r: r.dropped,
}
"""Columns that the table has where there is something in them."""

_MOST = 15
"""Rows of the table, so that all of it fits on a screen."""
_FIRST, _LATER = 5.0, 60.0
"""Seconds before anything is said of a load that goes on, and between two lines of a long one."""


class Report:
    """Adds up what batches did.

    Args:
        schema: Name of the schema, shown before table names.
        clock: Seconds, of any beginning.
    """

    def __init__(self, schema: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._schema = schema
        self._clock = clock
        self._began: float | None = None
        self._said = 0.0
        self._results: dict[str, LoadResult] = {}

    def add(self, result: LoadResult) -> None:
        """Count one batch."""
        earlier = self._results.get(result.table)
        self._results[result.table] = combined([earlier, result] if earlier else [result])

    def progress(self) -> str:
        """How far the load is, where it is time to say so: every five seconds, later less often."""
        now = self._clock()
        if self._began is None:
            # What came before is the start of everything, and the tap's first call.
            self._began = self._said = now
        seconds = now - self._began
        if now - self._said < min(max(_FIRST, seconds / 12), _LATER):
            return ""
        self._said = now
        total = combined([*self._results.values()])
        return (
            f"{seconds:,.0f} s: {total.read:,} rows loaded, {total.read / seconds:,.0f} a second; "
            f"{total.written:,} of them new or changed, in {_tables(len(self._results))}"
        )

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

    def summary(self) -> str:
        """The table with a title, or the sentence in its place."""
        table = self.table()
        return f"Loaded:\n{table}" if "\n" in table else table

    def table(self) -> str:
        """A row for each table with news and a sum; a sentence when there are none."""
        if not self._results:
            return f"{self._schema}: no rows came."
        total = combined([*self._results.values()])
        news = {name: result for name, result in self._results.items() if _is_news(result)}
        where = f"{self._schema}: {total.read:,} rows for {_tables(len(self._results))}"
        if not news:
            return f"{where}, nothing new."
        largest = sorted(news, key=lambda name: -news[name].written)
        named = largest if len(largest) <= _MOST else largest[: _MOST - 1]
        rows = {name: result for name, result in news.items() if name in named}
        if others := [result for name, result in news.items() if name not in named]:
            rows[f"{len(others):,} more"] = combined(others)
        if still := [result for name, result in self._results.items() if name not in news]:
            rows[f"{len(still):,} without news"] = combined(still)
        rows["total"] = total
        columns = {**_COLUMNS, **{name: count for name, count in _RARE.items() if count(total)}}
        lines = [
            (name, *(count(result) for count in columns.values())) for name, result in rows.items()
        ]
        return "\n".join(_aligned([(f"{self._schema} table", *columns), *lines]))


def _tables(count: int) -> str:
    return f"{count:,} table{'s' * (count != 1)}"


def _is_news(result: LoadResult) -> bool:
    """Whether a load has changed a table, or not taken a row as it came."""
    return bool(result.written or result.set_aside or result.dropped)


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
