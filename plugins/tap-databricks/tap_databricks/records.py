"""Rows in Arrow as records in JSON's types. Pure.

Exact: decimals stay decimals, which are printed with all their digits. What JSON cannot say (NaN
and the infinities) becomes null and is counted.
"""

from __future__ import annotations

import base64
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from tap_databricks.schema import KEY, VALUE, is_binary, is_list, is_text

Convert = Callable[[Any], Any]


class Records:
    """Makes records of the batches of one stream.

    Args:
        columns: Names of columns, in the order that records have.
        decimals: `number` or `string`.

    Attributes:
        unsayable: By column, values that became null because JSON has none for them.
    """

    def __init__(self, columns: Sequence[str], decimals: str = "number") -> None:
        self._columns = columns
        self._decimals = decimals
        self.unsayable: Counter[str] = Counter()

    def of(self, batch: pa.RecordBatch | pa.Table) -> Iterator[dict[str, Any]]:
        """Records of a batch; a column that it lacks is null."""
        names = set(batch.schema.names)
        values = [
            self._values(name, batch.column(name)) if name in names else [None] * batch.num_rows
            for name in self._columns
        ]
        for row in zip(*values, strict=True):
            yield dict(zip(self._columns, row, strict=True))

    def _values(self, name: str, column: Any) -> list[Any]:
        kind = column.type
        if pa.types.is_timestamp(kind) and kind.unit == "ns":
            # Python's instants have microseconds, as Delta's do.
            column = column.cast(pa.timestamp("us", kind.tz), safe=False)
        convert = self._converter(name, kind)
        values: list[Any] = column.to_pylist()
        if convert is None:
            return values
        return [None if value is None else convert(value) for value in values]

    def _converter(self, name: str, kind: pa.DataType) -> Convert | None:
        """What makes JSON's of a value that is not null; None where it is that already."""
        is_a = pa.types
        if is_a.is_decimal(kind):
            return _digits if self._decimals == "string" else None
        if is_a.is_floating(kind):
            return lambda value: self._finite(name, value)
        if is_a.is_timestamp(kind):
            return instant
        if is_a.is_date(kind):
            return lambda value: value.isoformat()
        if is_binary(kind):
            return lambda value: base64.b64encode(value).decode()
        if is_a.is_struct(kind):
            return self._members(name, kind)
        if is_list(kind):
            item = self._always(name, kind.value_type)
            return lambda values: [item(value) for value in values]
        if is_a.is_map(kind):
            return self._entries(name, kind)
        if is_a.is_boolean(kind) or is_a.is_integer(kind) or is_a.is_null(kind) or is_text(kind):
            return None
        return str

    def _always(self, name: str, kind: pa.DataType) -> Convert:
        convert = self._converter(name, kind)
        if convert is None:
            return lambda value: value
        return lambda value: None if value is None else convert(value)

    def _members(self, name: str, kind: pa.DataType) -> Convert:
        members = [(f.name, self._always(name, f.type)) for f in kind]
        return lambda value: {member: convert(value[member]) for member, convert in members}

    def _entries(self, name: str, kind: pa.DataType) -> Convert:
        key, value = self._always(name, kind.key_type), self._always(name, kind.item_type)
        if is_text(kind.key_type):
            return lambda entries: {key(k): value(v) for k, v in _pairs(entries)}
        return lambda entries: [{KEY: key(k), VALUE: value(v)} for k, v in _pairs(entries)]

    def _finite(self, name: str, value: float) -> float | None:
        if math.isfinite(value):
            return value
        self.unsayable[name] += 1
        return None


def instant(value: datetime) -> str:
    """An instant as text, to the microsecond; without a time zone it is taken for UTC's."""
    moment = value if value.tzinfo else value.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _digits(value: Any) -> str:
    return format(value, "f")


def _pairs(entries: Any) -> Any:
    return entries.items() if isinstance(entries, dict) else entries
