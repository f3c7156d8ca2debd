"""JSON Schemas of properties, with every word that JSON Schema has, used as taps use it and not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

Schema = Any
"""A JSON Schema: a mapping, True or False."""

NAMES = (
    "amount", "Total", "total ", "TOTAL", "updatedAt", "UpdatedDateUTC", "TenantIDs", "a.b", "a b",
    "a[0]", "select", "Größe", "客户", "订单", "имя", "é", "e\u0301", "$", "%", "_", "x" * 120,
    "y" * 300, "is_deleted", "isDeleted", "IsDeleted", "_sdc_source_file", "_sdc_lsn", "_sdc_extra",
    "_rescued_data", "`tick`", 'quo"te', "it's", "back\\slash", "tab\tname", "line\nbreak", "a=b",
    "comma,semi;", "(paren)", "{brace}", "element", "item", "key", "id", "ID", "Id", "id_1",
    "İstanbul", "ǅ", "ﬀ", "\U0001f4b8", "a\u200bb", "${user}", "type", "record", "version",
    "2nd", "null", "true", "__proto__", "line_items", "lineItems", "_sdc_position",
)  # fmt: skip
"""Names of properties, many of which want one column."""

_FORMATS = (
    "date-time", "date", "time", "duration", "email", "idn-email", "hostname", "ipv4", "ipv6",
    "uri", "uri-reference", "iri", "uuid", "json-pointer", "regex", "singer.decimal",
    "no-such-format",
)  # fmt: skip
_STEPS = (1, 0.01, 0.0001, 0.25, 0.5, 0.05, 1e-10, 1e-38, 1e-40, 3, 10, 0.1**3)


def properties(chance: Random, count: int, depth: int = 2) -> dict[str, Schema]:
    """Properties of hostile names."""
    return {name: schema(chance, depth) for name in chance.sample(NAMES, count)}


def schema(chance: Random, depth: int = 2) -> Schema:
    """A schema of any kind, nested not deeper than `depth`."""
    makers = _LEAVES if depth == 0 else _ALL
    made = chance.choices([m for m, _ in makers], [w for _, w in makers])[0](chance, depth)
    if isinstance(made, dict) and chance.random() < 0.3:
        for name, value in chance.sample(sorted(_MORE.items()), chance.randint(1, 3)):
            made.setdefault(name, value)
    return made


def _typed(chance: Random, kind: str, **more: Any) -> dict[str, Any]:
    spelled: Any = chance.choice([kind, [kind], ["null", kind], [kind, "null"]])
    return {"type": spelled, **more}


def _string(chance: Random, depth: int) -> Schema:
    return _typed(chance, "string")


def _formatted(chance: Random, depth: int) -> Schema:
    return _typed(chance, "string", format=chance.choice([*_FORMATS, "date-time", "date"]))


def _decimal(chance: Random, depth: int) -> Schema:
    facts: dict[str, Any] = {"precision": chance.choice([1, 9, 18, 38, 39, 50])}
    facts["scale"] = chance.choice([0, 2, 4, 10, 38, -2])
    for name in list(facts):
        if chance.random() < 0.2:
            del facts[name]
    if chance.random() < 0.3:
        return _typed(chance, "string", format="x-singer.decimal", **{"x-singer.decimal": facts})
    return _typed(chance, "string", format="singer.decimal", **facts)


def _integer(chance: Random, depth: int) -> Schema:
    bounds = chance.choice(
        [
            {},
            {},
            {"minimum": 0},
            {"minimum": -(2**63), "maximum": 2**63 - 1},
            {"maximum": 2**64},
            {"exclusiveMinimum": 0, "multipleOf": 5},
        ]
    )
    return _typed(chance, "integer", **bounds)


def _number(chance: Random, depth: int) -> Schema:
    more = chance.choice(
        [
            {},
            {"multipleOf": chance.choice(_STEPS)},
            {"x-scale": chance.choice([0, 2, 4, 10])},
            {"minimum": -1e10, "maximum": 1e10, "multipleOf": 1e-25},
            {"exclusiveMaximum": 100},
        ]
    )
    return _typed(chance, "number", **more)


def _boolean(chance: Random, depth: int) -> Schema:
    return _typed(chance, "boolean")


def _several(chance: Random, depth: int) -> Schema:
    kinds = ["string", "integer", "number", "boolean", "object", "array", "null"]
    return {"type": chance.sample(kinds, chance.randint(2, 4))}


def _open(chance: Random, depth: int) -> Schema:
    return chance.choice([{}, True, {"type": "object"}, {"type": "array"}, {"type": "null"}, False])


def _values(chance: Random, depth: int) -> Schema:
    return chance.choice(
        [
            {"enum": ["a", "b", None]},
            {"enum": [1, 2.5]},
            {"const": "always"},
            {"const": 1},
            {"type": "string", "enum": ["x", "y"], "default": "x"},
            {"type": ["integer", "null"], "enum": [1, 2, None]},
        ]
    )


def _object(chance: Random, depth: int) -> Schema:
    made = _typed(chance, "object", properties=properties(chance, chance.randint(1, 4), depth - 1))
    words = {
        "additionalProperties": chance.choice([True, False, {"type": "string"}]),
        "patternProperties": {"^x": {"type": "integer"}},
        "propertyNames": {"pattern": "^[a-z]"},
        "required": ["amount"],
        "minProperties": 1,
        "maxProperties": 2,
        "dependentRequired": {"amount": ["Total"]},
        "dependentSchemas": {"amount": {"required": ["Total"]}},
        "dependencies": {"amount": ["Total"]},
        "unevaluatedProperties": False,
    }
    made |= dict(chance.sample(sorted(words.items()), chance.choice([0, 0, 1, 3])))
    if chance.random() < 0.1:
        del made["type"]
    return made


def _array(chance: Random, depth: int) -> Schema:
    inner = schema(chance, depth - 1)
    made = _typed(chance, "array", items=inner)
    words: dict[str, Any] = {
        "minItems": 1,
        "maxItems": 2,
        "uniqueItems": True,
        "contains": {"type": "integer"},
        "minContains": 1,
        "prefixItems": [{"type": "string"}],
        "additionalItems": False,
        "unevaluatedItems": False,
    }
    made |= dict(chance.sample(sorted(words.items()), chance.choice([0, 0, 1, 2])))
    if chance.random() < 0.05:
        made["items"] = [{"type": "string"}, {"type": "integer"}]
    return made


def lines(chance: Random, stream: str) -> Schema:
    """An array of objects, as child tables are made of."""
    names = chance.sample(NAMES, chance.randint(1, 3))
    members = {name: schema(chance, chance.choice([0, 0, 1])) for name in names}
    members |= {"n": {"type": "integer"}} if chance.random() < 0.5 else {}
    items = {"type": chance.choice(["object", ["object", "null"]]), "properties": members}
    made = _typed(chance, "array", items=items)
    if chance.random() < 0.6:
        stated = {"name": f"lines of {stream}", "key": ["n"]}
        hint: Any = chance.choice([True, {}, {"key": ["n"]}, stated])
        made["x-child-table"] = hint
    return made


def _combined(chance: Random, depth: int) -> Schema:
    word = chance.choice(["anyOf", "oneOf", "allOf"])
    parts = [schema(chance, depth - 1) for _ in range(chance.randint(1, 3))]
    if word == "allOf":
        parts = [p for p in parts if isinstance(p, dict)] or [{}]
    elif chance.random() < 0.5:
        parts.append({"type": "null"})
    return {word: parts}


def _referring(chance: Random, depth: int) -> Schema:
    return chance.choice(
        [
            {"$ref": "#/definitions/thing"},
            {"$ref": "#/$defs/thing"},
            {"$dynamicRef": "#thing"},
            {"not": {"type": "string"}},
            {"if": {"type": "string"}, "then": {"maxLength": 3}, "else": {"type": "integer"}},
        ]
    )


_LEAVES: Sequence[tuple[Callable[[Random, int], Schema], int]] = (
    (_string, 5),
    (_formatted, 5),
    (_decimal, 3),
    (_integer, 5),
    (_number, 6),
    (_boolean, 2),
    (_several, 2),
    (_open, 2),
    (_values, 1),
    (_referring, 1),
)
_ALL = (*_LEAVES, (_object, 5), (_array, 5), (_combined, 3))

_MORE: Mapping[str, Any] = {
    "title": "A title",
    "description": "It's “quoted”, `ticked`, ${user} and\nbroken -- /* */ ; DROP",
    "default": None,
    "examples": [1, "x"],
    "pattern": "^[A-Z]+$",
    "minLength": 2,
    "maxLength": 3,
    "contentEncoding": "base64",
    "contentMediaType": "application/json",
    "contentSchema": {"type": "object"},
    "readOnly": True,
    "writeOnly": False,
    "deprecated": True,
    "$comment": "of nobody's business",
    "$id": "https://example.com/thing",
    "$anchor": "thing",
    "$vocabulary": {},
    "x-references": {"stream": "others", "properties": ["id"]},
    "x-unknown": {"type": "integer"},
    "selected": True,
    "inclusion": "available",
}

DEFINITIONS: Mapping[str, Any] = {
    "definitions": {"thing": {"type": "integer"}},
    "$defs": {"thing": {"type": "string"}},
}
