"""The `nested` setting: structs and arrays as they are, as JSON text, or as VARIANT.

With `json` and `variant` a nested value travels as JSON text; the two differ in what its column is.
Rows of child tables are rows either way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from target_databricks.schema.plan import StreamPlan, with_root
from target_databricks.schema.types import Field, Kind, leaf, list_node, struct_node

_NESTED = (Kind.STRUCT, Kind.LIST)


def flat(plan: StreamPlan) -> StreamPlan:
    """The plan with JSON text in the place of structs and arrays."""
    rows = {child.column for child in plan.children}
    fields = []
    for member in plan.fields:
        if member.name in rows and member.node.item is not None:
            element = struct_node([_flat(inner) for inner in member.node.item.fields])
            fields.append(replace(member, node=list_node(element)))
        else:
            fields.append(_flat(member))
    return with_root(plan, struct_node(fields), plan.reconciled)


def _flat(member: Field) -> Field:
    return replace(member, node=leaf(Kind.ANY)) if member.node.kind in _NESTED else member


def json_columns(fields: Iterable[Field]) -> frozenset[str]:
    """Columns that hold JSON text."""
    return frozenset(f.name for f in fields if f.node.kind is Kind.ANY)
