"""From the columns that Arrow's JSON reader gives to those that a table holds."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from target_databricks.reading.values import DoesNotFitError
from target_databricks.schema.types import Kind, Node

FIRST_MOMENT, LAST_MOMENT = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The years 1 to 9999 in microseconds since 1970."""
EXACT_IN_A_FLOAT = 10**15
"""Unscaled decimals from here on may share a float with a neighbour (15 digits are safe)."""


def finish(array: pa.Array, node: Node) -> pa.Array:
    """Turn what the JSON reader gave into what the table holds: names, dates, narrow numbers.

    Raises:
        DoesNotFitError: A calendar date came with a time of day, an instant is not of our years, or
            a FLOAT would print as another number.
    """
    if node.kind is Kind.STRUCT:
        members = [finish(a, f.node) for a, f in zip(array.flatten(), node.fields, strict=True)]
        mask = array.is_null() if array.null_count else None
        if not members:
            return array.cast(node.arrow)
        return pa.StructArray.from_arrays(members, fields=list(node.arrow), mask=mask)
    if node.item is not None:
        values = finish(array.values, node.item)
        mask = array.is_null() if array.null_count else None
        return pa.ListArray.from_arrays(array.offsets, values, type=node.arrow, mask=mask)
    if node.kind in {Kind.TIMESTAMP, Kind.DATE}:
        _check_years(array)
    if node.kind is Kind.DATE:
        dates = array.cast(node.arrow, safe=False)
        if not dates.cast(array.type).equals(array):
            raise DoesNotFitError
        return dates
    if array.type.equals(node.arrow):
        return array
    if node.kind is Kind.FOREIGN:
        return pa.nulls(len(array), node.arrow)
    narrow = array.cast(node.arrow)
    if pa.types.is_float32(node.arrow) and not _spelled_alike(narrow, array):
        raise DoesNotFitError
    return narrow


def _check_years(moments: pa.Array) -> None:
    """Refuse instants outside the years 1 to 9999: Arrow reads them, Python and SQL do not."""
    ends = pc.min_max(moments.view(pa.int64())).as_py()
    if ends["min"] is not None and not FIRST_MOMENT <= ends["min"] <= ends["max"] <= LAST_MOMENT:
        raise DoesNotFitError


def _spelled_alike(narrow: pa.Array, wide: pa.Array) -> bool:
    """Whether floats of 32 bits print as the decimals that those of 64 bits were read from."""
    return bool(narrow.cast(pa.string()).cast(pa.float64()).equals(wide))


def has_long_decimals(array: pa.Array, node: Node) -> bool:
    """Whether some decimal below has more digits than a float can tell apart."""
    if node.kind is Kind.STRUCT:
        children = zip(array.flatten(), node.fields, strict=True)
        return any(has_long_decimals(a, f.node) for a, f in children)
    if node.item is not None:
        return has_long_decimals(array.flatten(), node.item)
    if node.kind is not Kind.DECIMAL or array.null_count == len(array):
        return False
    ends = pc.min_max(array).as_py()
    limit = EXACT_IN_A_FLOAT // 10**node.arrow.scale
    return bool(ends["min"] < -limit or ends["max"] > limit)


def one_chunk(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """A column in one piece."""
    if isinstance(column, pa.Array):
        return column
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
