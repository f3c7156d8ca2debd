"""From JSON Schema to Arrow: one tree of `Node` per stream says how each value travels.

A node knows two Arrow types. `wire` is what pyarrow's JSON reader is told to expect, under the
tap's own property names; `arrow` is what the table holds, under column names. For most kinds the
two differ only in names, which is why a whole block of lines can be read without making a Python
object per record.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from target_databricks.limits import DECIMAL_DIGITS

TIMESTAMP = pa.timestamp("us", tz="UTC")
DEFAULT_SCALE = 10
"""Decimal places of a number whose schema does not say; wide enough for Xero's exchange rates."""


class Kind(enum.Enum):
    """What a value is, whatever it is called; FOREIGN is a column type that nothing sent fits."""

    TEXT = "text"
    ANY = "any"
    TIMESTAMP = "timestamp"
    DATE = "date"
    DECIMAL = "decimal"
    DOUBLE = "double"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    STRUCT = "struct"
    LIST = "list"
    FOREIGN = "foreign"


@dataclass(frozen=True)
class Node:
    """How one place of a record is read and stored.

    Attributes:
        kind: What the value is.
        arrow: Type in the table, with column names inside structs.
        wire: Type in the JSON text, with the tap's property names inside structs.
        fields: Members of a STRUCT, in column order.
        item: Element of a LIST.
        widest: Whether a DECIMAL has all digits there are because the schema states none.
    """

    kind: Kind
    arrow: pa.DataType
    wire: pa.DataType
    fields: tuple[Field, ...] = ()
    item: Node | None = None
    widest: bool = False

    @property
    def has_any(self) -> bool:
        """Whether some value below must be turned into text before Arrow can read it."""
        if self.kind is Kind.ANY:
            return True
        if self.item is not None:
            return self.item.has_any
        return any(field.node.has_any for field in self.fields)


@dataclass(frozen=True)
class Field:
    """One member of a struct: where it comes from, what it is called, how it travels.

    Attributes:
        former: What an earlier version called it, where that is another name.
        plain: What it would be called if no other property wanted that name.
    """

    source: str
    name: str
    node: Node
    description: str | None = None
    former: str | None = None
    plain: str | None = None


_LEAVES: Mapping[Kind, tuple[pa.DataType, pa.DataType]] = {
    Kind.TEXT: (pa.string(), pa.string()),
    Kind.ANY: (pa.string(), pa.string()),
    Kind.TIMESTAMP: (TIMESTAMP, TIMESTAMP),
    # The JSON reader knows no dates; a timestamp at midnight becomes one exactly.
    Kind.DATE: (pa.date32(), pa.timestamp("us")),
    Kind.DOUBLE: (pa.float64(), pa.float64()),
    Kind.INTEGER: (pa.int64(), pa.int64()),
    Kind.BOOLEAN: (pa.bool_(), pa.bool_()),
}


def leaf(kind: Kind) -> Node:
    """A node without members; not for DECIMAL, STRUCT and LIST."""
    arrow, wire = _LEAVES[kind]
    return Node(kind, arrow, wire)


def decimal_node(precision: int, scale: int) -> Node:
    """A DECIMAL(precision, scale), read from the digits of the JSON text.

    pyarrow's JSON reader compares the digits of the text with the precision, then shifts them to
    the scale without another look, and what no longer fits into 128 bits becomes another number.
    So it is told a precision that leaves room for the shift, or 256 bits; the cast to the column's
    own type then refuses what is too large for it. Without a shift there is nothing to mend.
    """
    arrow = pa.decimal128(precision, scale)
    room = DECIMAL_DIGITS - scale
    narrow = scale <= room and (room != precision or scale == 0)
    wire = pa.decimal128(room, scale) if narrow else pa.decimal256(DECIMAL_DIGITS, scale)
    return Node(Kind.DECIMAL, arrow, wire)


def struct_node(fields: Sequence[Field]) -> Node:
    """A STRUCT of the given members."""
    return Node(
        Kind.STRUCT,
        pa.struct([commented(pa.field(f.name, f.node.arrow), f.description) for f in fields]),
        pa.struct([pa.field(f.source, f.node.wire) for f in fields]),
        tuple(fields),
    )


def list_node(item: Node) -> Node:
    """An ARRAY of one kind of element."""
    # Delta calls the element "element"; using the same name spares a cast at every write.
    return Node(
        Kind.LIST,
        pa.list_(pa.field("element", item.arrow)),
        pa.list_(pa.field("item", item.wire)),
        item=item,
    )


def node_of_arrow(kind: pa.DataType) -> Node:
    """The node that reads into an existing column of the given type.

    Member names double as source names, because the table no longer knows the tap's spelling.
    """
    if pa.types.is_struct(kind):
        return struct_of_columns(kind)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return list_node(node_of_arrow(kind.value_type))
    if pa.types.is_decimal(kind):
        return decimal_node(kind.precision, kind.scale)
    for predicate, match in _PREDICATES:
        if predicate(kind):
            return Node(match, kind, _LEAVES[match][1])
    return Node(Kind.FOREIGN, kind, pa.null())


def struct_of_columns(columns: Iterable[pa.Field]) -> Node:
    """The struct that reads into existing columns."""
    return struct_node([Field(c.name, c.name, node_of_arrow(c.type), comment(c)) for c in columns])


def commented(column: pa.Field, text: str | None) -> pa.Field:
    """The column with a comment, where Delta keeps one: in the field's metadata."""
    return column.with_metadata({"comment": text}) if text else column


def comment(column: pa.Field) -> str | None:
    """The comment of a column, if it has one."""
    stored = (column.metadata or {}).get(b"comment")
    return stored.decode() if stored else None


_PREDICATES: Sequence[tuple[Callable[[pa.DataType], bool], Kind]] = (
    (pa.types.is_timestamp, Kind.TIMESTAMP),
    (pa.types.is_date, Kind.DATE),
    (pa.types.is_boolean, Kind.BOOLEAN),
    (pa.types.is_integer, Kind.INTEGER),
    (pa.types.is_floating, Kind.DOUBLE),
    (pa.types.is_string, Kind.ANY),
)
