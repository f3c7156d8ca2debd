"""What statements answer, whoever answers them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from pyspark.sql.types import StructType


@dataclass(frozen=True)
class ResultSet:
    """What a statement answers.

    Attributes:
        table: the rows.
        schema: the same columns as Spark names their types.
        modified_rows: rows inserted, updated and deleted; None when it changes none.
        staging: the one row tells the client to move a file itself.
    """

    table: pa.Table
    schema: StructType
    modified_rows: int | None = None
    staging: bool = False


# Spark's simple name of a type to Arrow's, for rows made by the sandbox.
_ARROW = {
    "string": pa.string(),
    "bigint": pa.int64(),
    "int": pa.int32(),
    "smallint": pa.int16(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", "Etc/UTC"),
}


def result_set(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]] = (),
    *,
    modified_rows: int | None = None,
    staging: bool = False,
) -> ResultSet:
    """Rows made by the sandbox.

    Args:
        columns: `name` for text, or `name:type` with a key of the types above.
        rows: values in the order of the columns.
        modified_rows: rows inserted, updated and deleted; None when it changes none.
        staging: the one row tells the client to move a file itself.
    """
    from pyspark.sql.types import StructType

    typed = [column.partition(":") for column in columns]
    schema = StructType()
    for name, _, kind in typed:
        schema.add(name, _simple_types()[kind or "string"])
    arrow = pa.schema([(name, _ARROW[kind or "string"]) for name, _, kind in typed])
    values = list(rows)
    table = pa.Table.from_arrays(
        [pa.array([row[i] for row in values], field.type) for i, field in enumerate(arrow)],
        schema=arrow,
    )
    return ResultSet(table, schema, modified_rows, staging)


def empty() -> ResultSet:
    """The answer of a command that has no rows."""
    return result_set([])


def _simple_types() -> dict[str, Any]:
    from pyspark.sql import types

    return {
        "string": types.StringType(),
        "bigint": types.LongType(),
        "int": types.IntegerType(),
        "smallint": types.ShortType(),
        "boolean": types.BooleanType(),
        "timestamp": types.TimestampType(),
    }
