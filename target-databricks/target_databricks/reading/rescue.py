"""The rescue path: records that Arrow's reader refused, one value at a time.

Whatever fits its column goes there; whatever does not (an unknown member, a value of another
type, more digits than the column has) goes to `_rescued_data` as JSON, under the path it had. No
value is dropped and no record stops a run. About a hundred times slower than the block reader,
and only used for the blocks that need it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

import orjson

from target_databricks.reading.json_text import can_be_stored, dumps, strict
from target_databricks.reading.numbers import survives_orjson
from target_databricks.reading.values import CONVERT, DoesNotFitError
from target_databricks.schema.plan import DELETED_AT
from target_databricks.schema.types import Field, Kind, Node, leaf

Rescued = dict[str, Any]
MOMENT = leaf(Kind.TIMESTAMP)
"""What the times are that come with a record."""


def fit_record(
    record: Mapping[str, Any], root: Node, reserved: Collection[str] = frozenset()
) -> tuple[dict[str, Any], str | None]:
    """Sort a record's values into its columns.

    Args:
        record: The record.
        root: Its columns.
        reserved: Members that the target writes itself, and that are not even rescued.

    Returns:
        The row (column name to a Python value of the column's Arrow type, with a deletion that the
        schema does not mention) and the rescued rest as JSON, or None when everything fitted.
    """
    rescued: Rescued = {}
    own = {name: value for name, value in record.items() if name not in reserved}
    row = _members(own, root, "", rescued)
    if own.get(DELETED_AT) is not None and all(f.source != DELETED_AT for f in root.fields):
        # A deletion counts even if the schema does not mention that records may report one.
        row[DELETED_AT] = fit(MOMENT, own[DELETED_AT], DELETED_AT, rescued)
    return row, strict(rescued) if rescued else None


def fit(node: Node, value: Any, path: str, rescued: Rescued) -> Any:
    """Convert one value for its column, or put it aside under `path` and return None."""
    if value is None:
        return None
    if node.kind is Kind.STRUCT and isinstance(value, Mapping):
        return _members(value, node, f"{path}.", rescued)
    if node.item is not None and isinstance(value, list):
        item = node.item
        return [fit(item, v, f"{path}[{i}]", rescued) for i, v in enumerate(value)]
    try:
        if node.kind in _TEXTS:
            return _text(value)
        return CONVERT[node.kind](node, value)
    except (ValueError, ArithmeticError):
        put(rescued, path, value)
        return None


def _members(value: Mapping[str, Any], node: Node, prefix: str, rescued: Rescued) -> dict[str, Any]:
    fields: dict[str, Field] = {f.source: f for f in node.fields}
    row = {}
    for source, member in value.items():
        field = fields.get(source)
        if field is not None:
            row[field.name] = fit(field.node, member, prefix + source, rescued)
        elif member is not None and (prefix or source != DELETED_AT):
            put(rescued, prefix + source, member)
    return row


def put(rescued: Rescued, path: str, value: Any) -> None:
    """Put a value aside. `{"a.b": 1, "a": {"b": 2}}` has two of one path: the second is `a.b#2`."""
    place, number = path, 2
    while place in rescued:
        place, number = f"{path}#{number}", number + 1
    rescued[place] = value


def _text(value: Any) -> str:
    return _sound(value) if isinstance(value, str) else _open_text(value)


def _open_text(value: Any) -> str:
    """JSON as orjson writes it on the fast path, but for numbers that only exact digits tell."""
    if isinstance(value, float):  # only NaN and the infinities are read as floats
        return dumps(value)
    exact = _for_orjson(value)
    try:
        return orjson.dumps(exact).decode()
    except orjson.JSONEncodeError:  # deeper than it writes, so the fast path had none either
        return dumps(value)


def _for_orjson(value: Any) -> Any:
    if isinstance(value, dict):
        return {_sound(name): _for_orjson(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_for_orjson(item) for item in value]
    if isinstance(value, str):
        return _sound(value)
    if isinstance(value, float):
        raise DoesNotFitError  # not JSON, so not in the middle of it
    if isinstance(value, Decimal) and survives_orjson(value):
        return orjson.loads(str(value))
    if isinstance(value, Decimal) or (isinstance(value, int) and not survives_orjson(value)):
        return orjson.Fragment(str(value).encode())
    return value


def _sound(text: str) -> str:
    if not can_be_stored(text):
        raise DoesNotFitError
    return text


_TEXTS = frozenset({Kind.TEXT, Kind.ANY})
