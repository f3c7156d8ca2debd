"""Types as people who read messages know them: by their names in SQL."""

from __future__ import annotations

import pyarrow as pa

_NAMES = {
    pa.int64(): "BIGINT",
    pa.int32(): "INT",
    pa.int16(): "SMALLINT",
    pa.int8(): "TINYINT",
    pa.float64(): "DOUBLE",
    pa.float32(): "FLOAT",
    pa.bool_(): "BOOLEAN",
    pa.date32(): "DATE",
    pa.string(): "STRING",
    pa.large_string(): "STRING",
    pa.binary(): "BINARY",
}


def type_name(kind: pa.DataType) -> str:
    """The name of a column's type; of nested ones only what they are."""
    if pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP" if kind.tz else "TIMESTAMP_NTZ"
    if pa.types.is_struct(kind):
        return "STRUCT"
    return "ARRAY" if pa.types.is_list(kind) else _NAMES.get(kind, str(kind))
