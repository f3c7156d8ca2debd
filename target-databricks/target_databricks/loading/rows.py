"""Operations on Arrow rows: one row per key, and small batches gathered into larger ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

_SEPARATOR = "\x1f"
_ESCAPES = (("\x1e", "\x1e0"), (_SEPARATOR, "\x1e1"))
"""What makes a joined key unmistakable, should some id contain the separator itself."""
_ROW = "__row"


def last_versions(table: pa.Table, keys: Sequence[str], bookmark: str | None) -> pa.Table:
    """Keep the last version of each key.

    The last is the one with the highest bookmark; among equals, and where there is no bookmark,
    the one that came last. The order of the rows that stay is the order they came in.
    """
    if table.num_rows < 2 or not keys:
        return table
    identity = key_column(table, keys)
    if pc.count_distinct(identity).as_py() == table.num_rows:
        return table
    columns = {"key": identity, _ROW: pa.array(range(table.num_rows), pa.int64())}
    order = [(_ROW, "ascending")]
    if bookmark is not None:
        columns["bookmark"] = table.column(bookmark)
        order.insert(0, ("bookmark", "ascending"))
    ranked = pa.table(columns).sort_by(order) if bookmark else pa.table(columns)
    if bookmark is not None and ranked.column("bookmark").null_count:
        # A version without a bookmark cannot be compared: then arrival decides.
        ranked = ranked.sort_by([(_ROW, "ascending")])
    last = (
        ranked.select(["key", _ROW]).group_by("key", use_threads=False).aggregate([(_ROW, "last")])
    )
    return table.take(last.column(f"{_ROW}_last").sort())


def key_column(table: pa.Table | pa.RecordBatch, keys: Sequence[str]) -> pa.ChunkedArray | pa.Array:
    """One text per row that stands for its whole key."""
    parts = [_as_text(table.column(k)) for k in keys]
    if len(parts) == 1:
        return parts[0]
    for old, new in _ESCAPES:
        parts = [pc.replace_substring(part, old, new) for part in parts]
    return pc.binary_join_element_wise(*parts, _SEPARATOR)


def _as_text(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    return column if pa.types.is_string(column.type) else column.cast(pa.string())


def in_chunks(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Gather small record batches into tables of about `rows` rows."""
    waiting: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        waiting.append(batch)
        count += batch.num_rows
        if count >= rows:
            yield pa.Table.from_batches(waiting)
            waiting, count = [], 0
    if waiting:
        yield pa.Table.from_batches(waiting)
