"""Cases: the input of a few runs after one another, made from a seed.

A record carries its number in `SERIAL`, by which its row is told from others. Everything else about
it may be anything. What a run must do is not noted here: the model reads it from the lines.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from fuzz import shapes, values
from fuzz.names import letters

SERIAL = "serial"
FILES = "file:///files-of-the-case/"
"""Stands, in BATCH messages, for the folder that a trial puts their files into."""

STREAMS = (
    "orders", "Orders-Two", "public.items", "Größe", "客户", "订单", "a b", "a/b", "../up",
    "select", "_private", "s" * 120, "it's", 'quo"te', "$", "${user}", "İ", "table", "2024",
    "back\\slash", "Ж", "line\nbreak", "_SDC_x", "CamelCaseURLs",
)  # fmt: skip
RESERVED = ("_spool", "_sdc_loads", "_delta_log", "/spool")
BAD_LINES = (
    b"not JSON", b"{", b"[]", b'"text"', b"{}", b'{"type": "NOPE"}', b'{"type": "RECORD"}',
    b'{"type": "RECORD", "stream": "nobody", "record": {}}', b'{"type": "STATE"}',
    b'{"type": "SCHEMA", "stream": "nobody", "schema": {}, "key_properties": []}',
    b'{"type": "SCHEMA", "stream": "nobody", "schema": {"properties": 5}, "key_properties": []}',
    b'{"type": "ACTIVATE_VERSION", "stream": "nobody", "version": 1}', b"\xff\xfe",
)  # fmt: skip


@dataclass
class Run:
    """What one run of the target gets.

    Attributes:
        lines: Its input.
        settings: Its settings, but for the place.
        files: Files that BATCH messages name, by their names.
        killed: At which instant the process dies (an index, and the how manieth call), or None.
    """

    lines: list[bytes]
    settings: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    killed: tuple[int, int] | None = None

    @property
    def streams(self) -> int:
        """How many streams it has."""
        schemas = (json.loads(x) for x in self.lines if b'"SCHEMA"' in x)
        return len({str(m.get("stream")) for m in schemas if isinstance(m, dict)})


@dataclass
class Case:
    """Runs after one another into one place.

    Attributes:
        seed: What it was made from.
        runs: The runs.
        again: Whether the last one is to come a second time, and write nothing.
    """

    seed: int
    runs: list[Run]
    again: bool = False

    @property
    def streams(self) -> int:
        """Streams of all runs; one that comes again counts again."""
        return sum(run.streams for run in self.runs)


@dataclass
class _Stream:
    name: str
    keys: Mapping[str, tuple[Any, tuple[str, ...]]]
    properties: dict[str, Any]
    bookmark: str | None
    versions: str
    version: int = 1
    batches: bool = False
    records: list[str] = field(default_factory=list)

    def schema_line(self, chance: Random) -> bytes:
        members = {"serial": {"type": "integer"}, **{k: s for k, (s, _) in self.keys.items()}}
        members |= self.properties
        names = list(members)
        if chance.random() < 0.3:
            chance.shuffle(names)
        schema: dict[str, Any] = {"type": "object", "properties": {n: members[n] for n in names}}
        if chance.random() < 0.3:
            schema |= chance.choice(
                [
                    shapes.DEFINITIONS,
                    {"additionalProperties": False, "required": ["never"]},
                    {"description": "What it's ${user} -- for\n`them`", "$schema": "draft-07"},
                    {"x-databricks-cluster-by": [*self.keys, "nobody"]},
                    {"x-databricks-properties": {"a.b": "it's", "c": 1}},
                ]
            )
        message = {"type": "SCHEMA", "stream": self.name, "schema": schema}
        message["key_properties"] = list(self.keys)
        if self.bookmark:
            message["bookmark_properties"] = [self.bookmark]
        return json.dumps(message).encode()

    def record(self, chance: Random, serial: int) -> str:
        """JSON of a record: a new one, or now and then one that was sent before."""
        if self.records and chance.random() < 0.3:
            return chance.choice(self.records)
        members = {name: chance.choice(pool) for name, (_, pool) in self.keys.items()}
        members[SERIAL] = str(serial)
        wild = chance.choice([0, 0, 0.1, 0.3])
        for name, schema in self.properties.items():
            if name not in members and chance.random() < 0.85:
                members[name] = values.text(chance, schema, wild)
        if self.bookmark and self.bookmark in self.properties:
            members[self.bookmark] = str(chance.randint(0, 9))
        if chance.random() < 0.06:
            unknown = chance.choice([n for n in shapes.NAMES if n not in members])
            members[unknown] = chance.choice(values.WILD)
        if chance.random() < 0.02:
            members["_sdc_deleted_at"] = '"2024-01-01T00:00:00Z"'
        made = values.joined(chance, members)
        self.records.append(made)
        return made

    def evolve(self, chance: Random) -> None:
        for name in list(self.properties):
            if name != self.bookmark and chance.random() < 0.2:
                del self.properties[name]
        for name, schema in shapes.properties(chance, chance.randint(0, 3)).items():
            if name != self.bookmark and name not in self.keys:
                self.properties[name] = schema


def make_case(seed: int) -> Case:
    """The case of a seed; the same whenever it is made."""
    chance = Random(seed)
    names = chance.sample(STREAMS, chance.choice([1, 1, 2, 3]))
    if chance.random() < 0.01:
        names.append(chance.choice(RESERVED))
    streams = [_stream(chance, name) for name in names]
    settings = _settings(chance, names)
    serials = iter(range(1, 1 << 60))
    runs = []
    # Two streams of one table are noticed when they meet; of different runs nobody can tell.
    meet = len({letters(name) for name in names}) < len(names)
    for number in range(1 if meet else chance.choice([1, 2, 2, 3])):
        here = dict(settings)
        if here.get("load_method", "upsert") == "upsert" and chance.random() < 0.12:
            here["load_method"] = "overwrite"
        if number and chance.random() < 0.05:
            here |= _settings(chance, names, "column_names", "number_type", "child_tables")
        runs.append(_run(chance, streams, here, number, serials))
    more = Random(f"more of {seed}")
    return Case(seed, _mapped(more, names, runs), again=more.random() < 0.3)


def _mapped(chance: Random, streams: list[str], runs: list[Run]) -> list[Run]:
    """Now and then the runs with a map for a stream that changes nothing, but looks inside."""
    if chance.random() > 0.1:
        return runs
    maps = {chance.choice(streams): {}}
    return [replace(run, settings={**run.settings, "stream_maps": maps}) for run in runs]


def _stream(chance: Random, name: str) -> _Stream:
    count = chance.choice([0, 1, 1, 1, 2])
    names = chance.sample(["ID", "code", "_sdc_source_lineno", "Key Of", "größe"], count)
    keys = {name: chance.choice(values.KEYS) for name in names}
    properties = shapes.properties(chance, chance.choice([0, 1, 2, 3, 5, 8]))
    if chance.random() < 0.01:
        properties |= {f"column {i}": shapes.schema(chance, 0) for i in range(400)}
    if chance.random() < 0.4:
        properties["lines"] = shapes.lines(chance, name)
    bookmark = "modified" if chance.random() < 0.15 else None
    if bookmark:
        properties[bookmark] = {"type": "integer"}
    properties = {n: s for n, s in properties.items() if n not in keys}
    versions = chance.choice(["none", "none", "after", "before", "both", "anywhere", "half"])
    batches = chance.random() < 0.05
    return _Stream(name, keys, properties, bookmark, versions, batches=batches)


def _settings(chance: Random, streams: list[str], *only: str) -> dict[str, Any]:
    """Settings, often those that are not the default."""
    choices: dict[str, tuple[float, list[Any]]] = {
        "load_method": (0.12, ["append-only"]),
        "hard_delete": (0.3, [True]),
        "column_names": (0.3, ["keep"]),
        "number_type": (0.3, ["decimal"]),
        "add_record_metadata": (0.1, [False]),
        "batch_size_rows": (0.15, [1, 3, 7]),
        "soft_delete_column": (0.2, ["", "flag", "amount"]),
        "child_tables": (
            0.3,
            [
                {"*": True},
                {"*.lines": False},
                {"*.lines": True},
                {f"{streams[0]}.lines": "of one array"},
            ],
        ),
        "nested": (0.3, ["json", "struct"]),
        "compact_after_files": (0.2, [0, 2]),
        "validate_records": (0.02, [True]),
        "process_activate_version_messages": (0.05, [False]),
    }
    return {
        name: chance.choice(pool)
        for name, (share, pool) in choices.items()
        if (not only or name in only) and chance.random() < share
    }


def _run(
    chance: Random,
    streams: list[_Stream],
    settings: Mapping[str, Any],
    number: int,
    serials: Iterator[int],
) -> Run:
    files: dict[str, bytes] = {}
    parts = []
    for stream in streams:
        if number and chance.random() < 0.15:
            continue
        if number and chance.random() < 0.35:
            stream.evolve(chance)
        stream.version = max(1, stream.version + chance.choice([1, 1, 1, 1, 0, -1]))
        parts.append(list(_part(chance, stream, serials, files)))
    lines = _woven(chance, parts)
    lines = list(_with_states(chance, lines, [s.name for s in streams]))
    if chance.random() < 0.06:
        lines.insert(chance.randint(0, len(lines)), chance.choice(BAD_LINES))
    elif chance.random() < 0.06:
        lines = lines[: chance.randint(0, len(lines))]
    killed = (chance.randint(0, 15), chance.choice([1, 1, 2])) if chance.random() < 0.06 else None
    return Run(lines, settings, files, killed)


def _part(
    chance: Random, stream: _Stream, serials: Iterator[int], files: dict[str, bytes]
) -> Iterator[bytes]:
    """What a tap sends of one stream."""
    activate = json.dumps(
        {"type": "ACTIVATE_VERSION", "stream": stream.name, "version": stream.version}
    ).encode()
    yield stream.schema_line(chance)
    if stream.versions in {"before", "both"}:
        yield activate
    for _ in range(chance.choice([0, 1, 2, 4, 8])):
        if chance.random() < 0.03:
            stream.evolve(chance)
            yield stream.schema_line(chance)
        elif chance.random() < 0.03:
            yield stream.schema_line(chance)
        if chance.random() < 0.004 and stream.keys:
            record = _without_key(chance, stream, next(serials))
        else:
            record = stream.record(chance, next(serials))
        if stream.batches and chance.random() < 0.5:
            yield _batch(chance, stream.name, [record], files)
        else:
            yield _record_line(chance, stream, record)
        if stream.versions == "anywhere" and chance.random() < 0.3:
            yield activate
    if stream.versions in {"after", "both"}:
        yield activate


def _without_key(chance: Random, stream: _Stream, serial: int) -> str:
    """A record with a key that no column can hold."""
    unusable = chance.choice(["null", "NaN", "[1]", '"\\ud800"', "1e400"])
    return values.joined(chance, {SERIAL: str(serial), next(iter(stream.keys)): unusable})


def _record_line(chance: Random, stream: _Stream, record: str) -> bytes:
    parts = ['"type": "RECORD"', f'"stream": {json.dumps(stream.name)}', f'"record": {record}']
    if stream.versions != "none" and (stream.versions != "half" or chance.random() < 0.5):
        parts.append(f'"version": {stream.version}')
    if chance.random() < 0.3:
        moment = chance.choice(['"2024-01-01T00:00:00.000Z"', '"soon"', "null", "5"])
        parts.append(f'"time_extracted": {moment}')
    if chance.random() < 0.2:
        chance.shuffle(parts)
    text = "{" + ", ".join(parts) + "}"
    return (chance.choice(["", "", "", "  "]) + text).encode("utf-8", "surrogatepass")


def _batch(chance: Random, stream: str, records: list[str], files: dict[str, bytes]) -> bytes:
    compression = chance.choice(["gzip", "none"])
    data = "".join(f"{record}\n" for record in records).encode("utf-8", "surrogatepass")
    name = f"{len(files)}.jsonl"
    files[name] = gzip.compress(data, mtime=0) if compression == "gzip" else data
    encoding = {"format": "jsonl", "compression": compression}
    message = {"type": "BATCH", "stream": stream, "encoding": encoding, "manifest": [FILES + name]}
    return json.dumps(message).encode()


def _woven(chance: Random, parts: list[list[bytes]]) -> list[bytes]:
    """The messages of all streams: one stream after the other, or in turns."""
    if chance.random() < 0.6:
        return [line for part in parts for line in part]
    waiting = [part[::-1] for part in parts if part]
    out = []
    while waiting:
        part = chance.choice(waiting)
        out.append(part.pop())
        waiting = [part for part in waiting if part]
    return out


def _with_states(chance: Random, lines: list[bytes], streams: list[str]) -> Iterator[bytes]:
    """The messages with states between them, and blank lines, and most often one at the end."""
    form = chance.choice(["plain", "bookmarks", "syncing"])
    often = chance.choice([0, 0.1, 0.4])
    marks: dict[str, Any] = {}
    for place, line in enumerate(lines):
        yield line
        marks[chance.choice(streams)] = {"at": place}
        if chance.random() < often:
            yield _state(form, marks, place)
        if chance.random() < 0.02:
            yield chance.choice([b"", b"   ", b"\t"])
    if chance.random() < 0.9:
        yield _state("plain" if form == "plain" else "bookmarks", marks, len(lines))


def _state(form: str, marks: Mapping[str, Any], place: int) -> bytes:
    value: dict[str, Any] = {"at": place} if form == "plain" else {"bookmarks": dict(marks)}
    if form == "syncing":
        value["currently_syncing"] = next(iter(marks))
    return json.dumps({"type": "STATE", "value": value}).encode()
