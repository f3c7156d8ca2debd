"""Values as JSON text: some that a schema asks for, some that it does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from random import Random

from fuzz.shapes import NAMES, Schema

TEXTS = (
    "", " ", "x", "long " * 400, "\u0000", "\u2028", "é", "e\u0301", "\U0001f4b8", "'", '"', "\\",
    "${user}", "NULL", "null", "true", "12", " 12 ", "1_000", "\uff11\uff12", "0x10", "NaN",
    "Infinity", "-0", "1e5", "12.50", "\x1f", "\x1e0", "\r\n", "\ufeff", "\ufffd", "\u200f", "%s",
    "../..", "abc", "ABC",
)  # fmt: skip
INTEGERS = (
    "0", "-0", "1", "-1", "7", "42", "9007199254740993", "-9223372036854775808",
    "9223372036854775807", "9223372036854775808", "18446744073709551616", "3000000000", "1.0",
    "1e3", "10e-1",
)  # fmt: skip
NUMBERS = (
    *INTEGERS, "0.1", "-0.0", "12.50", "0.001", "0.25", "1.005", "123456.7891", "1e-7", "1E+2",
    "0.1234567890123456789", "99999999999999999999999999.99", "12345678901234567890123456789",
    "1234567", "9999999999", "1e10", "1e22", "1e30", "1e36", "1e38", "4.9e-324",
    "1.7976931348623157e308", "0.30000000000000004", "0.3000000000000000444",
)  # fmt: skip
MOMENTS = (
    "2024-02-29T10:00:00Z", "2024-02-29 10:00:00", "2024-02-29T10:00:00.123456+05:30",
    "2024-02-29T10:00:00.123456789Z", "2024-02-29T10:00:00.120000000Z", "2024-02-29",
    "2024-02-30T00:00:00Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00",
    "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-05:00", "1582-10-10T00:00:00Z",
    "1969-12-31T23:59:59.999999Z", "2024-06-30T23:59:60Z", "2024-06-30T24:00:00Z",
    "2024-01-01T00:00:00+24:00", "2024-01-01T10:00", "20240101T000000Z", "2024-W01-1", "soon",
    "2024-01-01T00:00:00,5Z", "2024-01-01t00:00:00z",
)  # fmt: skip
DATES = ("2024-02-29", "2023-02-29", "0001-01-01", "9999-12-31", "2024-02-29T00:00:00Z",
         "2024-02-29T00:00:00+02:00", "2024-02-29T12:00:00", "1582-10-10", "24-02-29")  # fmt: skip
WILD = (
    "null", "true", "false", "0", "1", "12.50", "1e400", "-1e400", "1e-400", "1e9999999",
    "1e-9999999", "1e99999999",
    "99999999999999999999999", "9" * 50, "0." + "3" * 60, "NaN",
    "Infinity", "-Infinity", '""', '"x"', '"12"', '"\\ud800"', '"a\\udfffb"', "[]", "{}",
    "[1, null, [2, {}]]", '{"in": 1}', '{"a": 1, "a": 2}', '{"a.b": 1, "a": {"b": 2}}',
    '[{"n": 1}, "x", null, 5]', '{"amount": "one", "Total": {"deep": [1.50]}}', '"2024-02-29"',
    '"2024-02-29T10:00:00Z"', '{"": 1}', "9" * 5000, "[" * 70 + "]" * 70,
    '{"a":' * 100 + "1" + "}" * 100, '"' + "s" * 20000 + '"',
)  # fmt: skip
"""Text of values that hardly any schema asks for."""


def text(chance: Random, schema: Schema, wild: float = 0.2) -> str:
    """JSON text of a value for a schema.

    Args:
        chance: Where the choices come from.
        schema: What is asked for.
        wild: How often the value is of any kind instead.
    """
    if chance.random() < wild:
        return chance.choice(WILD)
    if chance.random() < 0.08:
        return "null"
    if not isinstance(schema, Mapping):
        return chance.choice(WILD)
    for word in ("anyOf", "oneOf", "allOf"):
        if schema.get(word):
            return text(chance, chance.choice(schema[word]), wild)
    if "enum" in schema:
        return json.dumps(chance.choice(schema["enum"]))
    kind = schema.get("type", "object" if "properties" in schema else None)
    if isinstance(kind, list):
        kind = chance.choice(kind)
    make = _MAKERS.get(str(kind))
    return make(chance, schema, wild) if make else chance.choice(WILD)


def _string(chance: Random, schema: Schema, wild: float) -> str:
    form = schema.get("format")
    if form in {"singer.decimal", "x-singer.decimal"}:
        return json.dumps(_number_text(chance))
    pool = {"date-time": MOMENTS, "date": DATES}.get(str(form), TEXTS)
    return json.dumps(chance.choice(pool), ensure_ascii=chance.random() < 0.5)


def _number_text(chance: Random) -> str:
    if chance.random() < 0.5:
        return chance.choice(NUMBERS)
    digits = "".join(chance.choices("0123456789", k=chance.randint(1, chance.choice([4, 12, 40]))))
    whole = digits[: chance.randint(0, len(digits))].lstrip("0") or "0"
    rest = digits[len(whole) :]
    return chance.choice(["", "-"]) + whole + (f".{rest}" if rest else "")


def _integer(chance: Random, schema: Schema, wild: float) -> str:
    return chance.choice(INTEGERS) if chance.random() < 0.5 else str(chance.randint(-999, 99999))


def _object(chance: Random, schema: Schema, wild: float) -> str:
    members = {
        name: text(chance, sub, wild / 2)
        for name, sub in (schema.get("properties") or {}).items()
        if chance.random() < 0.8
    }
    if chance.random() < wild:
        members[chance.choice(NAMES)] = chance.choice(WILD)
    return joined(chance, members)


def joined(chance: Random, members: Mapping[str, str]) -> str:
    """The text of an object, its members in any order."""
    parts = [f"{json.dumps(name)}: {value}" for name, value in members.items()]
    chance.shuffle(parts)
    return "{" + ", ".join(parts) + "}"


def _array(chance: Random, schema: Schema, wild: float) -> str:
    items = schema.get("items", {})
    items = items[0] if isinstance(items, list) and items else items
    count = chance.choice([0, 1, 1, 2, 3])
    return "[" + ", ".join(text(chance, items, wild / 2) for _ in range(count)) + "]"


_MAKERS: Mapping[str, Callable[[Random, Schema, float], str]] = {
    "string": _string,
    "number": lambda chance, schema, wild: _number_text(chance),
    "integer": _integer,
    "boolean": lambda chance, schema, wild: chance.choice(["true", "false", "true", "0", "1"]),
    "object": _object,
    "array": _array,
    "null": lambda chance, schema, wild: "null",
}

KEYS: Sequence[tuple[Schema, Sequence[str]]] = (
    ({"type": "integer"}, ("0", "-1", "2", "3", "9223372036854775807", "-9223372036854775808")),
    ({"type": "string"}, ('"a"', '"A"', '""', '"a\\u001fb"', '"\'"', '"\U0001f4b8"', '"é"')),
    ({"type": ["null", "string"]}, ('"a b"', '"a  b"', '"1"', '"01"', '"' + "k" * 300 + '"')),
    ({"type": "number", "multipleOf": 0.01}, ("0", "0.01", "-1.5", "12345678901234567890.12")),
    ({"type": "string", "format": "date"}, ('"2024-02-29"', '"0001-01-01"', '"9999-12-31"')),
    (
        {"type": "string", "format": "date-time"},
        ('"2024-01-01T00:00:00Z"', '"2024-01-01T00:00:00.000001Z"', '"1969-12-31T23:59:59Z"'),
    ),
    ({"type": "boolean"}, ("true", "false")),
    ({"type": ["string", "integer"]}, ('"x"', "5", '"y"')),
    ({"type": "integer", "maximum": 2**70}, ("9223372036854775808", "1", "18446744073709551617")),
)
"""Types of keys, with values of which no two are one key."""
