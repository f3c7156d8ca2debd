"""Columns in SQL: types from Arrow, what a table lacks, and how a staged value fits a column.

Pure. An Arrow field that stands for a VARIANT column is a string whose metadata says so, because
JSON text is how such a value travels.

Source: Databricks SQL language reference, Data types; ALTER TABLE; Delta Lake, Type widening.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

import pyarrow as pa

from target_databricks.schema.types import TIMESTAMP, comment
from target_databricks.warehouse.sql.names import literal, quoted

COLLATION = b"collation"
"""Metadata of a column that compares text in another way than byte by byte."""
_SQL_NAME = b"Spark:DataType:SqlName"
"""Where a warehouse's Arrow results name the SQL type of a column."""

_LEAVES: Mapping[pa.DataType, str] = {
    pa.string(): "STRING",
    pa.bool_(): "BOOLEAN",
    pa.int8(): "TINYINT",
    pa.int16(): "SMALLINT",
    pa.int32(): "INT",
    pa.int64(): "BIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.date32(): "DATE",
    pa.binary(): "BINARY",
}


def is_variant(column: pa.Field) -> bool:
    """Whether a column is a VARIANT."""
    return (column.metadata or {}).get(_SQL_NAME) == b"VARIANT"


def as_variant(column: pa.Field) -> pa.Field:
    """The same column as a VARIANT."""
    return column.with_type(pa.string()).with_metadata(
        {**(column.metadata or {}), _SQL_NAME: b"VARIANT"}
    )


def sql_type(kind: pa.DataType) -> str:
    """An Arrow type as SQL spells it.

    Raises:
        ValueError: Delta has no such type.
    """
    if pa.types.is_struct(kind):
        members = (f"{quoted(f.name)}: {sql_type(f.type)}{_comment(f)}" for f in kind)
        return f"STRUCT<{', '.join(members)}>"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"ARRAY<{sql_type(kind.value_type)}>"
    if pa.types.is_map(kind):
        return f"MAP<{sql_type(kind.key_type)}, {sql_type(kind.item_type)}>"
    if pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP" if kind.tz else "TIMESTAMP_NTZ"
    try:
        return _LEAVES[kind]
    except KeyError:
        raise ValueError(f"Delta has no type for {kind}") from None


def column_type(column: pa.Field) -> str:
    """A column's type as SQL spells it."""
    return "VARIANT" if is_variant(column) else sql_type(column.type)


def definition(column: pa.Field, *, required: bool = False, comments: bool = True) -> str:
    """A column as CREATE TABLE and ADD COLUMNS want it."""
    plain = column if comments else column.with_type(without_comments(column.type))
    text = f"{quoted(column.name)} {column_type(plain)}{' NOT NULL' if required else ''}"
    return text + (_comment(column) if comments else "")


def _comment(column: pa.Field) -> str:
    text = comment(column)
    return f" COMMENT {literal(text)}" if text else ""


def without_comments(kind: pa.DataType) -> pa.DataType:
    """The type, its members' comments removed."""
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(f.name, without_comments(f.type)) for f in kind])
    if pa.types.is_list(kind):
        return pa.list_(pa.field("element", without_comments(kind.value_type)))
    return kind


def as_read(schema: pa.Schema) -> pa.Schema:
    """Columns of a query's result in the types the rest of the target uses.

    A session's time zone and the long forms of text and lists are the connector's business.
    """
    return pa.schema([c.with_type(_plain(c.type)) for c in schema])


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(kind):
        return TIMESTAMP if kind.tz else pa.timestamp("us")
    if pa.types.is_large_string(kind):
        return pa.string()
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(f.name, _plain(f.type), metadata=f.metadata) for f in kind])
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(pa.field("element", _plain(kind.value_type)))
    return kind


def clusterable(column: pa.Field) -> bool:
    """Whether a table can be clustered by a column: its statistics must have an order.

    Source: Databricks, Liquid clustering, data types of clustering keys.
    """
    kind = column.type
    unordered = pa.types.is_nested(kind) or pa.types.is_boolean(kind) or pa.types.is_binary(kind)
    return not (unordered or is_variant(column))


def in_front(columns: pa.Schema, names: Iterable[str]) -> pa.Schema:
    """The columns, some of them first; a new table has statistics of its first columns alone."""
    first = [columns.field(name) for name in dict.fromkeys(names) if name in columns.names]
    return pa.schema([*first, *(c for c in columns if c not in first)])


def missing(existing: pa.Schema, target: pa.Schema) -> list[tuple[str, pa.Field]]:
    """Columns and nested fields that a table lacks.

    Returns:
        Where each goes, as SQL names the place (`a`, `a`.`b`, `a`.`element`.`b`), and what it is.
    """
    return list(_missing("", existing, target))


def _missing(
    place: str, existing: Iterable[pa.Field], target: Iterable[pa.Field]
) -> Iterator[tuple[str, pa.Field]]:
    columns = {c.name.lower(): c for c in existing}
    for column in target:
        match = columns.get(column.name.lower())
        if match is None:
            yield place + quoted(column.name), column
        else:
            yield from _missing_inside(place + quoted(match.name), match.type, column.type)


def _missing_inside(
    place: str, existing: pa.DataType, target: pa.DataType
) -> Iterator[tuple[str, pa.Field]]:
    if pa.types.is_struct(existing) and pa.types.is_struct(target):
        yield from _missing(f"{place}.", existing, target)
    elif pa.types.is_list(existing) and pa.types.is_list(target):
        yield from _missing_inside(
            f"{place}.{quoted('element')}", existing.value_type, target.value_type
        )


def widened(column: pa.Field, kind: pa.DataType) -> list[tuple[str, pa.DataType]]:
    """The leaves of a column that differ from a type, with their places and new types."""
    return list(_widened(quoted(column.name), column.type, kind))


def _widened(place: str, old: pa.DataType, new: pa.DataType) -> Iterator[tuple[str, pa.DataType]]:
    if pa.types.is_struct(old) and pa.types.is_struct(new):
        types = {f.name.lower(): f.type for f in new}
        for member in old:
            if member.name.lower() in types:
                inside = f"{place}.{quoted(member.name)}"
                yield from _widened(inside, member.type, types[member.name.lower()])
    elif pa.types.is_list(old) and pa.types.is_list(new):
        yield from _widened(f"{place}.{quoted('element')}", old.value_type, new.value_type)
    elif not old.equals(new):
        yield place, new


def fitted(value: str, staged: pa.DataType, column: pa.Field) -> str:
    """SQL that turns a staged value into a column's, by explicit casts.

    Args:
        value: SQL that reads the staged value.
        staged: Its type in the staged file.
        column: The column; its nested fields may come in another order and be more.
    """
    if is_variant(column):
        # Text that is no JSON is a value, too.
        return f"coalesce(try_parse_json({value}), CAST({value} AS VARIANT))"
    return _fitted(value, staged, column.type, 0)


def _fitted(value: str, staged: pa.DataType, kind: pa.DataType, depth: int) -> str:
    target = sql_type(without_comments(kind))
    if _same_shape(staged, kind):
        return f"CAST({value} AS {target})"
    if pa.types.is_struct(staged) and pa.types.is_struct(kind):
        sent = {f.name.lower(): f for f in staged}
        members = []
        for member in kind:
            match = sent.get(member.name.lower())
            inner = (
                f"CAST(NULL AS {sql_type(without_comments(member.type))})"
                if match is None
                else _fitted(f"{value}.{quoted(match.name)}", match.type, member.type, depth)
            )
            members.append(f"{literal(member.name)}, {inner}")
        built = f"named_struct({', '.join(members)})"
        return f"CAST(IF({value} IS NULL, NULL, {built}) AS {target})"
    if pa.types.is_list(staged) and pa.types.is_list(kind):
        item = f"e{depth}"
        inner = _fitted(item, staged.value_type, kind.value_type, depth + 1)
        return f"CAST(transform({value}, {item} -> {inner}) AS {target})"
    return f"CAST({value} AS {target})"


def _same_shape(a: pa.DataType, b: pa.DataType) -> bool:
    """Whether a cast by position does the right thing: the same members in the same order."""
    if pa.types.is_struct(a) and pa.types.is_struct(b):
        return [f.name.lower() for f in a] == [f.name.lower() for f in b] and all(
            _same_shape(x.type, y.type) for x, y in zip(a, b, strict=True)
        )
    if pa.types.is_list(a) and pa.types.is_list(b):
        return _same_shape(a.value_type, b.value_type)
    return not (pa.types.is_nested(a) or pa.types.is_nested(b))


def plain_value(value: Any, kind: pa.DataType) -> str:
    """A text, whole number, date or time as SQL of a type."""
    text = value.isoformat() if isinstance(value, date) else value
    return f"CAST({literal(text)} AS {sql_type(kind)})"
