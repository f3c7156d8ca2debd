"""A tap that emits Singer messages as nasty as they may be while they are still valid.

Run as `python hostile_tap.py SEED ROWS`. Each record of a keyed stream carries `n`, its place in
the order of sending, so that whoever reads the tables can tell which version is the last.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from typing import Any

NAMES = ["Total", "total ", "TOTAL", "a.b", "a b", "select", "Größe", "$", "x" * 120, "ID s"]
SCHEMAS: list[Any] = [
    {"type": "string"},
    {"type": ["null", "integer"]},
    {"type": "number", "multipleOf": 0.01},
    {"type": ["number", "string", "null"]},
    {"type": "boolean"},
    {"type": "string", "format": "date-time"},
    {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
    {"type": "object", "properties": {"in": {"type": "integer"}, "IN": {"type": "string"}}},
    {"type": "array", "items": {"type": "object", "properties": {"deep": {"type": "integer"}}}},
    {"oneOf": [{"type": "integer"}, {"type": "object"}]},
    {},
    True,
]
VALUES: list[str] = [
    "null", "0", "-0.0", "1e2", "12.50", "0.001", "1e400", "99999999999999999999999", "NaN",
    "true", '""', '"x"', '"12"', '"\\ud800"', '"\\u0000"', '"2024-02-30T00:00:00Z"',
    '"2024-02-29T10:00:00.123456789+05:30"', '"2024-02-29"', "[]", "[1, null, [2]]", "{}",
    '{"in": 1}', '{"in": "one", "IN": "two", "out": {"of": "schema"}}',
    '[{"deep": 1}, {"deep": "x"}]', '{"a": 1, "a": 2}',
    '"' + "long " * 2000 + '"', '"\u2028\u00e9\U0001f4b8"',
]  # fmt: skip


def messages(seed: int, rows: int) -> Iterator[str]:
    """Lines of three streams, interleaved."""
    chance = random.Random(seed)
    streams = {name: new_schema(chance) for name in ("keyed", "Keyed-Two", "log")}
    if chance.random() < 0.5:
        yield json.dumps({"type": "STATE", "value": {}})
    told: set[str] = set()
    for n in range(rows):
        stream = chance.choice(list(streams))
        if chance.random() < 0.03:
            streams[stream] = new_schema(chance)
            told.discard(stream)
        if stream not in told or chance.random() < 0.1:
            yield schema_line(stream, streams[stream])
            told.add(stream)
        yield record_line(chance, stream, streams[stream], n)
        if chance.random() < 0.1:
            yield json.dumps({"value": {"n": n}, "type": "STATE"}, indent=None)
        if chance.random() < 0.05:
            yield chance.choice(["", "   ", "\t"])
    for stream in told:
        yield json.dumps({"type": "ACTIVATE_VERSION", "version": 1, "stream": stream})
    yield json.dumps({"type": "STATE", "value": {"n": rows}})


def new_schema(chance: random.Random) -> dict[str, Any]:
    chosen = chance.sample(NAMES, chance.randint(1, len(NAMES)))
    return {"id": {"type": "integer"}, "n": {"type": "integer"}} | {
        name: chance.choice(SCHEMAS) for name in chosen
    }


def schema_line(stream: str, properties: dict[str, Any]) -> str:
    keys = [] if stream == "log" else ["id"]
    schema = {"properties": properties, "additionalProperties": False, "required": ["never"]}
    message = {"stream": stream, "key_properties": keys, "schema": schema, "type": "SCHEMA"}
    return json.dumps(message)


def record_line(chance: random.Random, stream: str, properties: dict[str, Any], n: int) -> str:
    names = [name for name in [*NAMES, "unknown"] if name in properties or chance.random() < 0.1]
    members = [("id", str(chance.randint(0, 30))), ("n", str(n))]
    members += [(name, chance.choice(VALUES)) for name in names if chance.random() < 0.8]
    chance.shuffle(members)
    record = ", ".join(f"{json.dumps(name)}: {value}" for name, value in members)
    parts = ['"type": "RECORD"', f'"stream": {json.dumps(stream)}', f'"record": {{{record}}}']
    parts.append(chance.choice(['"version": 1', '"version": 1, "time_extracted": "soon"']))
    if chance.random() < 0.3:
        chance.shuffle(parts)
    return chance.choice(["", "  "]) + "{" + ", ".join(parts) + "}"


if __name__ == "__main__":
    for line in messages(int(sys.argv[1]), int(sys.argv[2])):
        sys.stdout.buffer.write(line.encode("utf-8") + b"\n")
