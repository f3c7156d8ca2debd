"""What was added to tables that had rows: columns, nested fields, child tables.

A row that was written before may lack what its record has for them, and its hash does not tell,
because the record is the same. So the table notes when each of them was added, and a row that is
older counts as changed if its record has a value there. Pure; paths are column names, joined by
dots, of arrays those of their elements.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from target_databricks.schema.plan import StreamPlan
from target_databricks.schema.types import TIMESTAMP, Field

ADDED = "targetDatabricks.added"
"""Table property: JSON of paths and when they were added, in microseconds since 1970."""
EVERYTHING = "*"
"""A path that stands for all, for tables that were given more than a property can name."""
PROPERTY_LENGTH = 3000
"""Characters of the property at most; the metastores of Databricks take 4,000."""

Additions = Mapping[str, int]


def lacking(plan: StreamPlan, existing: Mapping[str, pa.Schema | None]) -> list[str]:
    """Paths of a plan that its tables are yet to be given; none where there is no table."""
    table = existing[plan.table]
    if table is None:
        return []
    children = {child.column: child for child in plan.children}
    # Of all at once: to look through a table's columns for each of thousands takes half a minute.
    own = [member for member in plan.fields if member.name not in children]
    paths = [*_lacking(own, table, "")]
    for column, child in children.items():
        if (schema := existing[child.table]) is None:
            paths.append(column)
        else:
            paths += _lacking(child.row.fields, schema, f"{column}.")
            names = {name.lower() for name in schema.names}
            paths += [f"{column}.{p.name}" for p in child.parents if p.name.lower() not in names]
    return paths


def _lacking(fields: Iterable[Field], columns: Iterable[pa.Field], prefix: str) -> Iterator[str]:
    types = {column.name.lower(): column.type for column in columns}
    for member in fields:
        kind = types.get(member.name.lower())
        path = f"{prefix}{member.name}"
        if kind is None:
            yield path
            continue
        item = member.node.item or member.node
        inner = kind.value_type if pa.types.is_list(kind) else kind
        if item.fields and pa.types.is_struct(inner):
            yield from _lacking(item.fields, inner, f"{path}.")


def as_text(additions: Additions) -> str:
    """Additions as a table property has them."""
    text = json.dumps(additions, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
    if len(text) > PROPERTY_LENGTH:
        text = json.dumps({EVERYTHING: max(additions.values())})
    return text


def from_text(text: str | None) -> dict[str, int]:
    """Additions that a table property names; none if it is not there, or not ours."""
    try:
        stated = json.loads(text or "{}")
    except ValueError:
        return {}
    items = stated.items() if isinstance(stated, dict) else ()
    return {path: moment for path, moment in items if isinstance(moment, int)}


def due(plan: StreamPlan, rows: pa.Table, additions: Additions) -> pa.Array:
    """When each row must have been written, or later, to hold all that its record has.

    Args:
        plan: The stream.
        rows: Rows of `plan.staged_schema`.
        additions: What was added to its tables, and when.

    Returns:
        TIMESTAMP; null where it does not matter.
    """
    moments = pa.nulls(rows.num_rows, pa.int64())
    for path, moment in sorted(additions.items(), key=lambda item: item[1]):
        has = pa.repeat(pa.scalar(value=path == EVERYTHING), rows.num_rows)
        names = path.split(".")
        for member in plan.fields:
            for rest in _rest(member.name, names):
                column = rows.column(member.name).combine_chunks()
                has = pc.or_(has, _holds(column, rest))
        for child in plan.children:
            for parent in child.parents:
                if path.lower() == f"{child.column}.{parent.name}".lower():
                    lines = _holds(rows.column(child.column).combine_chunks(), [])
                    value = rows.column(parent.column).combine_chunks().is_valid()
                    has = pc.or_(has, pc.and_(lines, value))
        moments = pc.if_else(has, pa.scalar(moment, pa.int64()), moments)
    return moments.cast(TIMESTAMP)


def _rest(member: str, names: Sequence[str]) -> Iterator[Sequence[str]]:
    """What of a path is left below a member; nothing if the path does not lead through it."""
    for count in range(1, len(names) + 1):
        if ".".join(names[:count]).lower() == member.lower():
            yield names[count:]


def _holds(values: pa.Array, names: Sequence[str]) -> pa.Array:
    """Which values have something at a path below them."""
    if pa.types.is_list(values.type):
        if not names:
            return pc.fill_null(pc.greater(pc.list_value_length(values), 0), fill_value=False)
        owners = pc.list_parent_indices(values).filter(_holds(values.flatten(), names))
        places = pa.array(range(len(values)), owners.type)
        return pc.is_in(places, value_set=owners)
    if not names:
        return values.is_valid()
    has = pa.repeat(pa.scalar(value=False), len(values))
    if pa.types.is_struct(values.type):
        for member in values.type:
            for rest in _rest(member.name, names):
                has = pc.or_(has, _holds(pc.struct_field(values, member.name), rest))
    return has
