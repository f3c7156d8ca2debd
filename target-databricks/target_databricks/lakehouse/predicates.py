"""SQL predicates for delta-rs: pure text, from keys to conditions."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from target_databricks.lakehouse.files import is_long_decimal


def quoted(name: str) -> str:
    """A column name as DataFusion wants it, case and all."""
    return '"' + name.replace('"', '""') + '"'


def compared(column: pa.Field) -> str:
    """A column as it is compared: a long DECIMAL as text, for no statistics are true of it."""
    name = quoted(column.name)
    return f"arrow_cast({name}, 'Utf8')" if is_long_decimal(column.type) else name


def literal(value: Any, kind: pa.DataType) -> str:
    """A key's value as SQL.

    Args:
        value: The value, as pyarrow gives it.
        kind: Type of its column; files are skipped by comparing with bounds of just that type.
    """
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return f"arrow_cast('{value.isoformat()}', 'Timestamp(Microsecond, Some(\"UTC\"))')"
    if isinstance(value, dt.date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, decimal.Decimal) and is_long_decimal(kind):
        return f"'{value:f}'"
    if isinstance(value, decimal.Decimal):
        return f"arrow_cast('{value}', 'Decimal128({kind.precision}, {kind.scale})')"
    return repr(value)


def one_of(keys: pa.Table) -> str:
    """A condition that holds for the rows with these keys and for no others.

    All but the last column are grouped, so that a key of tenant and id becomes one list of ids
    per tenant instead of one comparison per row.

    Args:
        keys: Key columns, in key order; no nulls.
    """
    *leading, last = keys.schema
    if not leading:
        return _in(last, keys.column(last.name).to_pylist())
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for *head, tail in zip(*(c.to_pylist() for c in keys.columns), strict=True):
        groups.setdefault(tuple(head), []).append(tail)
    return " OR ".join(
        "(" + " AND ".join([*_equal(leading, head), _in(last, tails)]) + ")"
        for head, tails in groups.items()
    )


def _equal(columns: Sequence[pa.Field], values: Iterable[Any]) -> list[str]:
    return [f"{compared(c)} = {literal(v, c.type)}" for c, v in zip(columns, values, strict=True)]


def _in(column: pa.Field, values: Iterable[Any]) -> str:
    literals = (literal(v, column.type) for v in dict.fromkeys(values))
    return f"{compared(column)} IN ({', '.join(literals)})"
