"""Set operations on Arrow rows: one row per key, and finding rows by key.

Keys may have several columns. Comparing them one by one would mean a loop, so a composite key is
looked up by its most telling column first and compared whole only where that one matches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

_SEPARATOR = "\x1f"  # unit separator: no id contains one
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
    return pc.binary_join_element_wise(*parts, _SEPARATOR)


def _as_text(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    return column if pa.types.is_string(column.type) else column.cast(pa.string())


class KeyIndex:
    """The keys of a batch, to be found in a stream of rows.

    Args:
        table: The batch; its keys are unique.
        keys: Key columns.
    """

    def __init__(self, table: pa.Table, keys: Sequence[str]) -> None:
        self._keys = list(keys)
        distinct = {k: pc.count_distinct(table.column(k)).as_py() for k in keys}
        self._telling = max(self._keys, key=lambda k: distinct[k])
        self._values = _combined(_as_text(table.column(self._telling)).unique())
        self._whole = _combined(key_column(table, keys))

    def find(self, rows: pa.Table) -> tuple[pa.Table, pa.Array]:
        """Rows whose key is in the batch, and the place in the batch of each."""
        likely = pc.is_in(_as_text(rows.column(self._telling)), value_set=self._values)
        rows = rows.filter(likely)
        places = _combined(pc.index_in(key_column(rows, self._keys), value_set=self._whole))
        if places.null_count:
            rows, places = rows.filter(places.is_valid()), places.drop_null()
        return rows, places

    def without(self, rows: pa.Table) -> pa.Table:
        """Rows whose key is not in the batch."""
        likely = pc.is_in(_as_text(rows.column(self._telling)), value_set=self._values)
        if not pc.any(likely).as_py():
            return rows
        found = pc.is_in(key_column(rows, self._keys), value_set=self._whole)
        return rows.filter(pc.invert(found))


def _combined(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    if isinstance(column, pa.Array):
        return column
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


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
