"""Columns of a table as a JSON Schema. Pure.

| Delta | JSON Schema |
|---|---|
| TINYINT … BIGINT | integer |
| DECIMAL(p, s) | number with `x-scale` s, or string with format singer.decimal |
| FLOAT, DOUBLE | number |
| STRING, VARIANT (as JSON text), intervals | string |
| BINARY | string, base64 |
| BOOLEAN | boolean |
| DATE | string, format date |
| TIMESTAMP, TIMESTAMP_NTZ | string, format date-time, in UTC; the latter as if it were UTC |
| STRUCT, MAP with keys of text | object |
| ARRAY | array |
| MAP with other keys | array of objects with key and value |

Source: Delta transaction log protocol, Primitive types; JSON Schema, draft 7, contentEncoding.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pyarrow as pa

KEY, VALUE = "key", "value"
ANNOTATIONS = ("x-scale", "contentEncoding", "precision", "scale")
"""Keywords that the SDK's catalog and selection do not keep."""


def stream_schema(
    columns: pa.Schema, keys: Collection[str], *, decimals: str = "number"
) -> dict[str, Any]:
    """The JSON Schema of a table's rows.

    Args:
        columns: The columns; comments become descriptions.
        keys: Columns that are never null.
        decimals: `number` or `string`.
    """
    properties = {c.name: _property(c, c.name not in keys, decimals) for c in columns}
    return {"type": "object", "properties": properties}


def _property(column: pa.Field, nullable: bool, decimals: str) -> dict[str, Any]:
    kind, more = _kind(column.type, decimals)
    out = {"type": [kind, "null"] if nullable else [kind], **more}
    if text := (column.metadata or {}).get(b"comment"):
        out["description"] = text.decode()
    return out


def _kind(kind: pa.DataType, decimals: str) -> tuple[str, dict[str, Any]]:
    """The JSON type of values, and what else is to say of them."""
    is_a = pa.types
    if is_a.is_boolean(kind):
        return "boolean", {}
    if is_a.is_integer(kind):
        return "integer", {}
    if is_a.is_decimal(kind):
        if decimals == "string":
            exact = {"precision": kind.precision, "scale": kind.scale}
            return "string", {"format": "singer.decimal", **exact, "x-scale": kind.scale}
        return "number", {"x-scale": kind.scale}
    if is_a.is_floating(kind):
        return "number", {}
    if is_a.is_date(kind):
        return "string", {"format": "date"}
    if is_a.is_timestamp(kind):
        return "string", {"format": "date-time"}
    if is_binary(kind):
        return "string", {"contentEncoding": "base64"}
    if is_a.is_struct(kind):
        return "object", {"properties": {f.name: _property(f, True, decimals) for f in kind}}
    if is_list(kind):
        return "array", {"items": _item(kind.value_type, decimals)}
    if is_a.is_map(kind):
        value = _item(kind.item_type, decimals)
        if is_text(kind.key_type):
            return "object", {"additionalProperties": value}
        entry = {KEY: _item(kind.key_type, decimals), VALUE: value}
        return "array", {"items": {"type": ["object"], "properties": entry}}
    return "string", {}


def _item(kind: pa.DataType, decimals: str) -> dict[str, Any]:
    return _property(pa.field(VALUE, kind), True, decimals)


def annotated(schema: Mapping[str, Any], source: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a schema with the annotations that it lost on its way through the SDK.

    Args:
        schema: The copy; properties may be missing or new.
        source: The schema that it was copied from.
    """
    out = {**{name: source[name] for name in ANNOTATIONS if name in source}, **schema}
    for part in ("properties", "items", "additionalProperties"):
        ours, theirs = out.get(part), source.get(part)
        if not isinstance(ours, Mapping) or not isinstance(theirs, Mapping):
            continue
        if part == "properties":
            out[part] = {
                name: annotated(each, theirs[name]) if name in theirs else each
                for name, each in ours.items()
            }
        else:
            out[part] = annotated(ours, theirs)
    return out


def is_text(kind: pa.DataType) -> bool:
    """Whether values are text, in any of Arrow's forms."""
    is_a = pa.types
    return bool(is_a.is_string(kind) or is_a.is_large_string(kind) or is_a.is_string_view(kind))


def is_binary(kind: pa.DataType) -> bool:
    """Whether values are bytes, in any of Arrow's forms."""
    is_a = pa.types
    return bool(
        is_a.is_binary(kind)
        or is_a.is_large_binary(kind)
        or is_a.is_binary_view(kind)
        or is_a.is_fixed_size_binary(kind)
    )


def is_list(kind: pa.DataType) -> bool:
    """Whether values are lists, in any of Arrow's forms."""
    is_a = pa.types
    return bool(
        is_a.is_list(kind)
        or is_a.is_large_list(kind)
        or is_a.is_fixed_size_list(kind)
        or is_a.is_list_view(kind)
        or is_a.is_large_list_view(kind)
    )
