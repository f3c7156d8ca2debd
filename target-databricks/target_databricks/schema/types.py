"""From JSON Schema to Arrow: one tree of `Node` per stream says how each value travels.

A node knows two Arrow types. `wire` is what pyarrow's JSON reader is told to expect, under the
tap's own property names; `arrow` is what the table holds, under column names. For most kinds the
two differ only in names, which is why a whole block of lines can be read without making a Python
object per record.

| JSON Schema | kind | Delta |
|---|---|---|
| string | TEXT | STRING |
| string, format date-time | TIMESTAMP | TIMESTAMP (microseconds, UTC) |
| string, format date | DATE | DATE |
| string, format singer.decimal / x-singer.decimal | DECIMAL | DECIMAL |
| integer | INTEGER | BIGINT |
| number with multipleOf of s decimal places | DECIMAL | DECIMAL(38, s) |
| number | DOUBLE, or DECIMAL with `number_type: decimal` | DOUBLE or DECIMAL(38, 10) |
| boolean | BOOLEAN | BOOLEAN |
| object with properties | STRUCT | STRUCT |
| array with typed items | LIST | ARRAY |
| anything else, or several of these at once | ANY | STRING (text as it is, the rest as JSON) |
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa

from target_databricks.limits import DECIMAL_DIGITS
from target_databricks.schema.naming import snake_case, unique_names

Schema = Mapping[str, Any]

TIMESTAMP = pa.timestamp("us", tz="UTC")
DEFAULT_SCALE = 10
"""Decimal places of a number whose schema does not say; wide enough for Xero's exchange rates."""
WHOLE_DIGITS = 19
"""Digits before the point that a number may have whose schema states no bounds: those of BIGINT."""


class Kind(enum.Enum):
    """What a value is, whatever it is called."""

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


@dataclass(frozen=True)
class Node:
    """How one place of a record is read and stored.

    Attributes:
        kind: What the value is.
        arrow: Type in the table, with column names inside structs.
        wire: Type in the JSON text, with the tap's property names inside structs.
        fields: Members of a STRUCT, in column order.
        item: Element of a LIST.
    """

    kind: Kind
    arrow: pa.DataType
    wire: pa.DataType
    fields: tuple[Field, ...] = ()
    item: Node | None = None

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
    """One member of a struct: where it comes from, what it is called, how it travels."""

    source: str
    name: str
    node: Node
    description: str | None = None


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


@dataclass(frozen=True)
class TypeMapper:
    """Builds nodes from JSON Schema.

    Attributes:
        spell: How a property name becomes a column name.
        decimal_numbers: Whether a number of unstated precision becomes DECIMAL(38, 10)
            instead of DOUBLE.
    """

    spell: Callable[[str], str] = snake_case
    decimal_numbers: bool = False

    def struct(self, schema: Schema, reserved: Iterable[str] = ()) -> Node:
        """The node of an object that states its properties; none gets a reserved name."""
        properties: Mapping[str, Schema] = schema.get("properties", {})
        names = unique_names(properties, self.spell, reserved)
        return struct_node(
            [
                Field(source, names[source], self.node(sub), _description(sub))
                for source, sub in properties.items()
            ]
        )

    def node(self, schema: Schema) -> Node:
        """The node of any JSON Schema."""
        variants = _variants(schema if isinstance(schema, Mapping) else {})
        kinds = {kind for variant in variants for kind in _json_types(variant)} - {"null"}
        if kinds == {"integer", "number"}:
            kinds = {"number"}
        if len(kinds) != 1:
            return leaf(Kind.ANY)
        build = _BUILDERS[kinds.pop()]
        return build(self, variants)

    def _string(self, variants: Sequence[Schema]) -> Node:
        for variant in variants:
            if variant.get("format") in {"singer.decimal", "x-singer.decimal"}:
                return _stated_decimal(variant)
            if (kind := _FORMATS.get(variant.get("format", ""))) is not None:
                return leaf(kind)
        return leaf(Kind.TEXT)

    def _number(self, variants: Sequence[Schema]) -> Node:
        steps = [(places, v) for v in variants if (places := _places(v)) is not None]
        if steps:
            scale, stated = max(steps, key=lambda step: step[0])
            return _widest_decimal(scale, _whole_digits(stated))
        if self.decimal_numbers:
            return decimal_node(DECIMAL_DIGITS, DEFAULT_SCALE)
        return leaf(Kind.DOUBLE)

    def _integer(self, variants: Sequence[Schema]) -> Node:
        # Many taps state the bounds of BIGINT itself; only what exceeds them needs more room.
        least = min((v.get("minimum") or 0 for v in variants), default=0)
        most = max((v.get("maximum") or 0 for v in variants), default=0)
        if least < -(2**63) or most > 2**63 - 1:
            return decimal_node(DECIMAL_DIGITS, 0)
        return leaf(Kind.INTEGER)

    def _boolean(self, variants: Sequence[Schema]) -> Node:  # noqa: ARG002
        return leaf(Kind.BOOLEAN)

    def _object(self, variants: Sequence[Schema]) -> Node:
        properties: dict[str, Schema] = {}
        for variant in variants:
            properties.update(variant.get("properties") or {})
        # Delta has no struct without members, and an open object has no stated ones.
        return self.struct({"properties": properties}) if properties else leaf(Kind.ANY)

    def _array(self, variants: Sequence[Schema]) -> Node:
        items = [v["items"] for v in variants if isinstance(v.get("items"), Mapping)]
        if not items or not items[0]:
            return leaf(Kind.ANY)
        return list_node(self.node(items[0] if len(items) == 1 else {"anyOf": items}))


_FIFTEEN_DIGITS = Context(prec=15)
_MOST_DIGITS = 1000
"""Powers of ten beyond which a number in a schema says nothing about a column."""

_BUILDERS: Mapping[str, Callable[[TypeMapper, Sequence[Schema]], Node]] = {
    "string": TypeMapper._string,  # noqa: SLF001
    "number": TypeMapper._number,  # noqa: SLF001
    "integer": TypeMapper._integer,  # noqa: SLF001
    "boolean": TypeMapper._boolean,  # noqa: SLF001
    "object": TypeMapper._object,  # noqa: SLF001
    "array": TypeMapper._array,  # noqa: SLF001
}
_FORMATS = {"date-time": Kind.TIMESTAMP, "date": Kind.DATE}


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
    return leaf(Kind.ANY)


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


def _variants(schema: Schema) -> list[Schema]:
    """The alternatives of anyOf and oneOf, flattened; allOf counts as one schema."""
    for word in ("anyOf", "oneOf"):
        if schema.get(word):
            options = [o if isinstance(o, Mapping) else {} for o in schema[word]]
            return [v for option in options for v in _variants(option)]
    if schema.get("allOf"):
        merged: dict[str, Any] = {k: v for k, v in schema.items() if k != "allOf"}
        for part in schema["allOf"]:
            merged.update(part)
        return [merged]
    return [schema]


def _json_types(schema: Schema) -> list[str]:
    """The JSON types a schema allows; an unstated one is told from what else it says."""
    stated = schema.get("type")
    if isinstance(stated, str):
        return [stated]
    if isinstance(stated, Sequence):
        return list(stated)
    if "properties" in schema:
        return ["object"]
    values = schema.get("enum", [schema["const"]] if "const" in schema else [])
    if values and all(isinstance(v, str) or v is None for v in values):
        return ["string"]
    return ["any", "unknown"]


def _stated_decimal(schema: Schema) -> Node:
    """The DECIMAL that `precision` and `scale` of a singer.decimal state, each of them or neither.

    A scale that is not stated leaves room for all stated digits before the point, and for the usual
    ones after it. Databases may state a negative scale, and one larger than the precision; Delta
    has neither.
    """
    facts = schema.get("x-singer.decimal")
    facts = facts if isinstance(facts, Mapping) else schema
    precision, scale = _whole(facts.get("precision")), _whole(facts.get("scale"))
    if scale is None:
        whole = DECIMAL_DIGITS - DEFAULT_SCALE if precision is None else precision
        scale = min(DEFAULT_SCALE, max(0, DECIMAL_DIGITS - whole))
        return decimal_node(min(max(whole, 0) + scale, DECIMAL_DIGITS) or 1, scale)
    digits = DECIMAL_DIGITS if precision is None else max(precision - min(scale, 0), scale, 1)
    if digits <= DECIMAL_DIGITS and precision is not None:
        return decimal_node(digits, max(scale, 0))
    return _widest_decimal(scale, WHOLE_DIGITS)


def _widest_decimal(scale: int, whole: int) -> Node:
    """The DECIMAL of all digits, with the usual scale where the stated one leaves too few for them.

    Args:
        scale: Digits after the point.
        whole: Digits before it that there must be room for.
    """
    fits = scale + whole <= DECIMAL_DIGITS
    return decimal_node(DECIMAL_DIGITS, max(scale, 0) if fits else DEFAULT_SCALE)


def _whole(value: Any) -> int | None:
    """A count of digits that a schema states, as a number or as text."""
    number = _decimal(value)
    return None if number is None or number != number.to_integral_value() else int(number)


def _decimal(value: Any) -> Decimal | None:
    """A number that a schema states, by its digits."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, str)):
        return None
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        return None
    return number if number.is_finite() and abs(number.adjusted()) < _MOST_DIGITS else None


def _places(schema: Schema) -> int | None:
    """Decimal places of what is a multiple of a step: those of the step itself."""
    step = _decimal(schema.get("multipleOf"))
    if step is None or not 0 < step <= 1:
        return None
    # A step that was computed (0.1 ** 3) has noise in its last digits.
    return max(0, -int(_FIFTEEN_DIGITS.plus(step).normalize().as_tuple().exponent))


def _whole_digits(schema: Schema) -> int:
    """Digits before the point that there must be room for: those of the bounds, if they are few.

    Databases state the power of ten that a number stays below.
    """
    bounds = _decimal(schema.get("minimum")), _decimal(schema.get("maximum"))
    if None in bounds:
        return WHOLE_DIGITS
    digits = [
        bound.adjusted() + (bound.normalize().as_tuple().digits != (1,))
        for bound in bounds
        if bound
    ]
    return min(max([0, *digits]), WHOLE_DIGITS)


def _description(schema: Schema) -> str | None:
    text = schema.get("description") if isinstance(schema, Mapping) else None
    return text if isinstance(text, str) and text else None
