"""Which value fits a column that is there, and which columns may change their type for others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from target_databricks.limits import DECIMAL_DIGITS
from target_databricks.schema.sources import Owners, path_of
from target_databricks.schema.spelling import under_existing_names
from target_databricks.schema.types import (
    DEFAULT_SCALE,
    Field,
    Kind,
    Node,
    leaf,
    list_node,
    node_of_arrow,
    struct_node,
)

Rule = Callable[[pa.DataType, Node], "pa.DataType | None"]
"""From a column's type and what the tap sends to the type it must widen to, or None."""


@dataclass(frozen=True)
class Fit:
    """Fits nodes to existing columns.

    Attributes:
        rules: How columns may change type.
        owners: Whose the columns are.
    """

    rules: Sequence[Rule]
    owners: Owners

    def node(
        self, node: Node, column: pa.DataType, path: str
    ) -> tuple[Node, pa.DataType | None, bool]:
        """Fit one node to one existing column.

        Returns:
            The node to read with; the type the column must widen to, or None; and whether some
            values may not fit.
        """
        if node.kind is Kind.STRUCT and pa.types.is_struct(column):
            return self._struct(node, column, path)
        if node.item is not None and (pa.types.is_list(column) or pa.types.is_large_list(column)):
            item, wider, note = self.node(node.item, column.value_type, path)
            return list_node(item), None if wider is None else pa.list_(wider), note
        if node.arrow.equals(column):
            return node, None, False
        if pa.types.is_string(column) or pa.types.is_large_string(column):
            return leaf(Kind.ANY), None, False
        for rule in self.rules:
            if (wider_type := rule(column, node)) is not None:
                return node_of_arrow(wider_type), wider_type, False
        fitting = node_of_arrow(column)
        return fitting, None, (fitting.kind, node.kind) not in _ALWAYS_FIT

    def members(
        self,
        members: Sequence[Field],
        existing: Iterable[pa.Field],
        path: str,
        keys: Collection[str] = (),
    ) -> tuple[list[Field], dict[str, pa.DataType], list[tuple[Field, pa.Field]]]:
        """Fit members to the columns of a table, or to the members of a column, that are there.

        Returns:
            The members to read with, under the names that are there; the types that columns must
            widen to, by name; and the members of which some values may not fit, with their columns.
        """
        columns = {column.name: column for column in existing}
        fields: list[Field] = []
        widened: dict[str, pa.DataType] = {}
        doubtful: list[tuple[Field, pa.Field]] = []
        for member in under_existing_names(members, columns, self.owners, path, keys):
            column = columns.get(member.name)
            if column is None:
                fields.append(member)
                continue
            place = path_of(path, column.name)
            node, wider, note = self.node(member.node, column.type, place)
            fields.append(replace(member, name=column.name, node=node))
            if wider is not None:
                widened[column.name] = wider
            if note:
                doubtful.append((member, column))
        return fields, widened, doubtful

    def _struct(
        self, node: Node, column: pa.DataType, path: str
    ) -> tuple[Node, pa.DataType | None, bool]:
        fields, widened, doubtful = self.members(node.fields, column, path)
        types = {f.name: f.type for f in column} | widened
        wide = pa.struct([pa.field(n, t) for n, t in types.items()]) if widened else None
        return struct_node(fields), wide, bool(doubtful)


def _integer_to_long(column: pa.DataType, node: Node) -> pa.DataType | None:
    narrow = pa.types.is_integer(column) and not pa.types.is_int64(column)
    return pa.int64() if narrow and node.kind is Kind.INTEGER else None


def _integer_to_decimal(column: pa.DataType, node: Node) -> pa.DataType | None:
    if not pa.types.is_integer(column):
        return None
    if node.kind is Kind.DECIMAL:
        return node.arrow
    # Delta widens BIGINT to DECIMAL but never to DOUBLE, which would lose digits.
    return pa.decimal128(DECIMAL_DIGITS, DEFAULT_SCALE) if node.kind is Kind.DOUBLE else None


def _wider_decimal(column: pa.DataType, node: Node) -> pa.DataType | None:
    if not pa.types.is_decimal(column) or node.kind is not Kind.DECIMAL:
        return None
    if node.widest and node.arrow.scale <= column.scale:
        return None  # The schema says how many places it needs, and has them.
    scale = max(column.scale, node.arrow.scale)
    digits = max(column.precision - column.scale, node.arrow.precision - node.arrow.scale)
    precision = min(DECIMAL_DIGITS, digits + scale)
    grows = precision - column.precision >= scale - column.scale
    wider = pa.decimal128(precision, scale)
    return wider if grows and not wider.equals(column) else None


def _float_to_double(column: pa.DataType, node: Node) -> pa.DataType | None:
    narrow = pa.types.is_floating(column) and not pa.types.is_float64(column)
    return pa.float64() if narrow and node.kind in {Kind.DOUBLE, Kind.INTEGER} else None


# Source: Delta Lake, Type widening.
WIDENINGS: Sequence[Rule] = (
    _integer_to_long,
    _integer_to_decimal,
    _wider_decimal,
    _float_to_double,
)

_ALWAYS_FIT = {
    # (what the column takes, what the tap sends)
    (Kind.DECIMAL, Kind.INTEGER),
    (Kind.DOUBLE, Kind.INTEGER),
    (Kind.TIMESTAMP, Kind.TIMESTAMP),
    (Kind.TIMESTAMP, Kind.DATE),
}
