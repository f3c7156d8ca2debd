"""How data files are written: compressed, in row groups of a size, with statistics that are true.

delta-rs passes the bounds of a DECIMAL through a double, and those of one beyond BIGINT through 64
bits. A reader that skips files by such bounds misses rows, so there are none for decimals of more
digits than a double tells apart. Inside objects it can leave out statistics only for all columns,
so there the others go without them, too.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import ColumnProperties, DeltaTable, WriterProperties

ROW_GROUP = 1 << 16
"""Rows in a Parquet row group: what delta-rs holds in memory per file it writes or reads."""
FILE_BYTES = 64 << 20
"""Bytes of a data file at most; a smaller file is cheaper to replace when one row changes."""
SMALL_FILE = 16 << 20
"""Bytes below which a data file counts as small."""
VACUUM_HOURS = 168
"""Hours that files no longer part of a table stay for readers; Delta's own default."""
EXACT_DIGITS = 15
"""Digits of which a double tells all numbers apart."""

_WITHOUT = ColumnProperties(statistics_enabled="NONE")
_WITH = ColumnProperties(statistics_enabled="CHUNK")


def writer_properties(columns: Iterable[pa.Field]) -> WriterProperties:
    """How files of these columns are written."""
    columns = list(columns)
    long = [c for c in columns if _has_long_decimals(c.type)]
    if not any(pa.types.is_nested(c.type) for c in long):
        return _properties({c.name: _WITHOUT for c in long})
    exact = [c for c in columns if not pa.types.is_nested(c.type) and c not in long]
    return _properties({c.name: _WITH for c in exact}, _WITHOUT)


def compact(delta: DeltaTable, columns: Iterable[pa.Field], least: int) -> bool:
    """Put the small files of a table together if there are so many. Returns whether it did."""
    sizes = pa.table(delta.get_add_actions(flatten=True)).column("size_bytes")
    if (pc.sum(pc.less(sizes, SMALL_FILE)).as_py() or 0) < least:
        return False
    delta.optimize.compact(
        max_concurrent_tasks=1,
        target_size=FILE_BYTES,
        writer_properties=writer_properties(columns),
    )
    delta.vacuum(VACUUM_HOURS, dry_run=False)
    return True


def _properties(
    columns: dict[str, ColumnProperties], default: ColumnProperties | None = None
) -> WriterProperties:
    # Stating properties turns delta-rs' default compression off. Zstandard at its fastest halves
    # the files of Snappy for a tenth more time.
    return WriterProperties(
        max_row_group_size=ROW_GROUP,
        compression="ZSTD",
        compression_level=1,
        column_properties=columns or None,
        default_column_properties=default,
    )


def is_long_decimal(kind: pa.DataType) -> bool:
    """Whether the statistics of a column are not to be relied on."""
    return bool(pa.types.is_decimal(kind) and kind.precision > EXACT_DIGITS)


def _has_long_decimals(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return any(_has_long_decimals(member.type) for member in kind)
    # Of arrays there are no statistics.
    return is_long_decimal(kind)
