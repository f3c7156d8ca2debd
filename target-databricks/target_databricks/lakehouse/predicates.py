"""SQL predicates for delta-rs: pure text, from keys to conditions."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa


def quoted(name: str) -> str:
    """A column name as DataFusion wants it, case and all."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: Any) -> str:
    """A key's value as SQL."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return f"arrow_cast('{value.isoformat()}', 'Timestamp(Microsecond, Some(\"UTC\"))')"
    if isinstance(value, dt.date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, decimal.Decimal):
        digits = len(value.as_tuple().digits)
        scale = max(0, -int(value.as_tuple().exponent))
        return f"arrow_cast('{value}', 'Decimal128({max(digits, scale, 1)}, {scale})')"
    return repr(value)


def one_of(keys: pa.Table) -> str:
    """A condition that holds for the rows with these keys and for no others.

    All but the last column are grouped, so that a key of tenant and id becomes one list of ids
    per tenant instead of one comparison per row.

    Args:
        keys: Key columns, in key order; no nulls.
    """
    *leading, last = keys.column_names
    if not leading:
        return _in(last, keys.column(last).to_pylist())
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for *head, tail in zip(*(keys.column(n).to_pylist() for n in keys.column_names), strict=True):
        groups.setdefault(tuple(head), []).append(tail)
    return " OR ".join(
        "(" + " AND ".join([*_equal(leading, head), _in(last, tails)]) + ")"
        for head, tails in groups.items()
    )


def _equal(columns: Sequence[str], values: Iterable[Any]) -> list[str]:
    return [f"{quoted(c)} = {literal(v)}" for c, v in zip(columns, values, strict=True)]


def _in(column: str, values: Iterable[Any]) -> str:
    return f"{quoted(column)} IN ({', '.join(map(literal, dict.fromkeys(values)))})"
