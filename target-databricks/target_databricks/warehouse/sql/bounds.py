"""What of a table a batch can meet, as a condition on its key columns: most files need no reading.

A MERGE reads every file that may have a key of the batch. Delta knows the least and the greatest
value of a column in each file, and leaves out a file when a condition on the table alone shows that
it has none; the keys of the batch, which are on the other side of a join, show nothing to it. So
each key column is bounded: by its values where they are few, which is what keeps organisations
apart, by the least and the greatest where they are many. Keys that grow with time are pruned well
whether files are by key or by time, random ones by the other columns only.

A bound that is wrong would make an old row look new. Only types whose order is the same
everywhere are bounded, only where the column has the type of what is staged, and text only of
characters that every collation orders alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from target_databricks.warehouse.sql.columns import COLLATION, plain_value
from target_databricks.warehouse.sql.names import literal, quoted

FEW = 16
"""Values of a column that are named one by one."""
_PLAIN = ("^[0-9a-z-]{1,100}$", "^[0-9A-Z-]{1,100}$")

Bounds = Mapping[str, str]
"""What holds for key columns, by column: what comes after its name."""
NO_BOUNDS: Bounds = {}


def of_alias(alias: str, bounds: Bounds) -> str:
    """Bounds as what can stand behind a condition, for a table of an alias."""
    return "".join(f" AND {alias}.{quoted(key)} {text}" for key, text in bounds.items())


def bounds_of(rows: pa.Table, columns: pa.Schema, keys: Sequence[str]) -> Bounds:
    """The bounds of a batch.

    Args:
        rows: The batch.
        columns: Columns of the table that it goes into.
        keys: The key columns, as the table spells them.
    """
    bounds = {}
    for key in keys:
        place = columns.get_field_index(key)
        if place < 0 or not rows.num_rows:
            continue
        column, values = columns.field(place), rows.column(key)
        if column.type != values.type or COLLATION in (column.metadata or {}):
            continue
        if (text := _bound(values)) is not None:
            bounds[key] = text
    return bounds


def _bound(values: pa.ChunkedArray) -> str | None:
    kind = values.type
    text = pa.types.is_string(kind)
    if values.null_count or not (text or _is_ordered(kind)):
        return None
    if text and not _all_plain(values):
        return None
    distinct = values.unique()
    if len(distinct) <= FEW:
        some = sorted(distinct.to_pylist())
        listed = ", ".join(_sql(value, kind) for value in some)
        return f"IN ({listed})" if len(some) > 1 else f"= {listed}"
    ends = pc.min_max(distinct)
    low, high = (_sql(ends[end].as_py(), kind) for end in ("min", "max"))
    return f"BETWEEN {low} AND {high}"


def _sql(value: Any, kind: pa.DataType) -> str:
    return literal(value) if isinstance(value, (str, int)) else plain_value(value, kind)


def _is_ordered(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def _all_plain(values: pa.ChunkedArray) -> bool:
    """Whether all are of digits, hyphens, and letters of one case."""
    return any(pc.all(pc.match_substring_regex(values, p)).as_py() for p in _PLAIN)
