"""What a person sees of a load: a line per batch, and a table at the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from target_databricks.loading.batch import LoadResult

_COLUMNS = ("read", "new", "changed", "unchanged", "deleted", "rescued")


@dataclass
class Totals:
    """Rows of one table over a whole run."""

    table: str
    read: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    rescued: int = 0

    def add(self, result: LoadResult) -> None:
        """Count one batch."""
        self.read += result.read
        self.new += result.inserted
        self.changed += result.updated
        self.unchanged += result.unchanged + result.outdated
        self.deleted += result.deleted
        self.rescued += result.rescued


class Report:
    """Adds up what batches did.

    Args:
        schema: Name of the schema, shown before table names.
    """

    def __init__(self, schema: str) -> None:
        self._schema = schema
        self._totals: dict[str, Totals] = {}

    def add(self, result: LoadResult) -> None:
        """Count one batch."""
        self._totals.setdefault(result.table, Totals(result.table)).add(result)

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
            )
            if count
        ]
        seconds = (result.finished_at - result.started_at).total_seconds()
        return (
            f"{self._schema}.{result.table}: {result.read:,} read, "
            f"{', '.join(done) or 'nothing to do'} ({seconds:.1f} s)"
        )

    def table(self) -> str:
        """The bill: a row per table and a sum, or an empty text when nothing came."""
        if not self._totals:
            return ""
        rows = [(t.table, *(getattr(t, c) for c in _COLUMNS)) for t in self._totals.values()]
        sums = ("total", *(sum(getattr(t, c) for t in self._totals.values()) for c in _COLUMNS))
        return "\n".join(_aligned([(f"{self._schema} table", *_COLUMNS), *rows, sums]))


def _aligned(rows: Sequence[Sequence[object]]) -> Iterable[str]:
    texts = [[f"{v:,}" if isinstance(v, int) else str(v) for v in row] for row in rows]
    widths = [max(len(row[i]) for row in texts) for i in range(len(texts[0]))]
    for row in texts:
        first, *rest = (
            text.rjust(width) if i else text.ljust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join([first, *rest])
