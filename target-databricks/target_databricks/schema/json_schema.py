"""From JSON Schema to the types of columns.

| JSON Schema | kind | Delta |
|---|---|---|
| string | TEXT | STRING |
| string, format date-time | TIMESTAMP | TIMESTAMP (microseconds, UTC) |
| string, format date | DATE | DATE |
| integer | INTEGER | BIGINT |
| number with x-scale s, else multipleOf of s decimal places | DECIMAL | DECIMAL(38, s) |
| number or string, format singer.decimal / x-singer.decimal | DECIMAL | DECIMAL |
| number | DOUBLE, DECIMAL or ANY, as `number_type` says | DOUBLE, DECIMAL(38, 10), STRING |
| boolean | BOOLEAN | BOOLEAN |
| object with properties | STRUCT | STRUCT |
| array with typed items | LIST | ARRAY |
| anything else, or several of these at once | ANY | STRING (text as it is, the rest as JSON) |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from typing import Any

from target_databricks.limits import DECIMAL_DIGITS
from target_databricks.schema.naming import FORMER_SPELLINGS, folded, snake_case, unique_names
from target_databricks.schema.types import (
    DEFAULT_SCALE,
    Field,
    Kind,
    Node,
    decimal_node,
    leaf,
    list_node,
    struct_node,
)

Schema = Mapping[str, Any]

WHOLE_DIGITS = 19
"""Digits before the point that a number may have whose schema states no bounds: those of BIGINT."""


@dataclass(frozen=True)
class TypeMapper:
    """Builds nodes from JSON Schema.

    Attributes:
        spell: How a property name becomes a column name.
        numbers: What a number of unstated scale becomes: `double`, `decimal` (DECIMAL(38, 10)), or
            `string` (all its digits).
    """

    spell: Callable[[str], str] = snake_case
    numbers: str = "double"

    def struct(self, schema: Schema, reserved: Iterable[str] = ()) -> Node:
        """The node of an object that states its properties; none gets a reserved name."""
        properties: Mapping[str, Schema] = schema.get("properties", {})
        names = unique_names(properties, self.spell, reserved)
        ours = {folded(name) for name in reserved}
        former = FORMER_SPELLINGS.get(self.spell)
        fields = []
        for source, sub in properties.items():
            name, spelled = names[source], self.spell(source)
            field = Field(source, name, self.node(sub), _description(sub))
            if former is not None and not source.isascii() and former(source) != spelled:
                field = replace(field, former=former(source))
            if name != spelled and folded(spelled) not in ours:
                field = replace(field, plain=spelled)
            fields.append(field)
        return struct_node(fields)

    def node(self, schema: Schema) -> Node:
        """The node of any JSON Schema."""
        variants = _variants(schema if isinstance(schema, Mapping) else {})
        kinds = {kind for variant in variants for kind in _json_types(variant)} - {"null"}
        if kinds == {"integer", "number"}:
            kinds = {"number"}
        if len(kinds) != 1:
            return leaf(Kind.ANY)
        build = _BUILDERS.get(kinds.pop())
        return leaf(Kind.ANY) if build is None else build(self, variants)

    def _string(self, variants: Sequence[Schema]) -> Node:
        formats = {str(variant.get("format")) for variant in variants}
        if formats & _DECIMAL_FORMATS and (exact := _stated_scale(variants)) is not None:
            return exact
        return leaf(next((kind for name, kind in _FORMATS.items() if name in formats), Kind.TEXT))

    def _number(self, variants: Sequence[Schema]) -> Node:
        if (exact := _stated_scale(variants)) is not None:
            return exact
        if self.numbers == "decimal":
            return decimal_node(DECIMAL_DIGITS, DEFAULT_SCALE)
        return leaf(Kind.ANY if self.numbers == "string" else Kind.DOUBLE)

    def _integer(self, variants: Sequence[Schema]) -> Node:
        # Many taps state the bounds of BIGINT itself; only what exceeds them needs more room.
        least = min(_decimal(v.get("minimum")) or 0 for v in variants)
        most = max(_decimal(v.get("maximum")) or 0 for v in variants)
        if least < -(2**63) or most > 2**63 - 1:
            return decimal_node(DECIMAL_DIGITS, 0)
        return leaf(Kind.INTEGER)

    def _boolean(self, variants: Sequence[Schema]) -> Node:  # noqa: ARG002
        return leaf(Kind.BOOLEAN)

    def _object(self, variants: Sequence[Schema]) -> Node:
        properties: dict[str, Schema] = {}
        for variant in variants:
            properties = _merged(properties, variant.get("properties"), "anyOf")
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
"""Formats of text with a type of their own; of several the first, which holds the others, too."""
_DECIMAL_FORMATS = {"singer.decimal", "x-singer.decimal"}


def _variants(schema: Schema) -> list[Schema]:
    """The alternatives of anyOf and oneOf, flattened; allOf counts as one schema."""
    for word in ("anyOf", "oneOf"):
        if options := _schemas(schema.get(word)):
            return [v for option in options for v in _variants(option)]
    if parts := _schemas(schema.get("allOf")):
        merged: dict[str, Any] = {k: v for k, v in schema.items() if k != "allOf"}
        for part in (_variants(part)[0] for part in parts):
            properties = _merged(merged.get("properties"), part.get("properties"), "allOf")
            merged |= {**part, **({"properties": properties} if properties else {})}
        return [merged]
    return [schema]


def _schemas(stated: Any) -> list[Schema]:
    options = stated if isinstance(stated, list) else []
    return [option if isinstance(option, Mapping) else {} for option in options]


def _merged(properties: Any, more: Any, word: str) -> dict[str, Schema]:
    """The properties of two schemas; a property of both is what each says of it, under a word."""
    merged = dict(properties) if isinstance(properties, Mapping) else {}
    for name, schema in more.items() if isinstance(more, Mapping) else ():
        other = merged.get(name, schema)
        merged[name] = schema if other == schema else {word: [other, schema]}
    return merged


def _json_types(schema: Schema) -> list[str]:
    """The JSON types a schema allows; an unstated one is told from what else it says."""
    stated = schema.get("type")
    if isinstance(stated, str):
        return [stated]
    if isinstance(stated, Sequence):
        return [str(kind) for kind in stated]
    if "properties" in schema:
        return ["object"]
    values = schema.get("enum", [schema["const"]] if "const" in schema else [])
    if isinstance(values, list) and values and all(isinstance(v, str) or v is None for v in values):
        return ["string"]
    return ["any", "unknown"]


def _stated_scale(variants: Sequence[Schema]) -> Node | None:
    """The DECIMAL of an amount whose scale a schema states, or None.

    Read from `x-scale`, then `multipleOf`, then `singer.decimal`, so that a tap that moves from one
    to another finds its columns as they are.
    """
    for places_of in (_scale, _places):
        steps = [(places, v) for v in variants if (places := places_of(v)) is not None]
        if steps:
            scale, stated = max(steps, key=lambda step: step[0])
            return _widest_decimal(scale, _whole_digits(stated))
    for variant in variants:
        if str(variant.get("format")) in _DECIMAL_FORMATS:
            return _stated_decimal(variant)
    return None


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
    node = decimal_node(DECIMAL_DIGITS, max(scale, 0) if fits else DEFAULT_SCALE)
    return replace(node, widest=True)


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


def _scale(schema: Schema) -> int | None:
    """Decimal places that `x-scale` states, where they are a number of places."""
    scale = _whole(schema.get("x-scale"))
    return scale if scale is not None and scale >= 0 else None


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
