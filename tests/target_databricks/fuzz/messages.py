"""The messages of a run, as the model understands them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fuzz.cases import FILES, SERIAL, Run
from fuzz.equality import Number, amount, moment, read

Key = tuple[str, ...]


@dataclass(frozen=True)
class Sent:
    """A record that was sent.

    Attributes:
        serial: Its number.
        record: Its members, as `read` gives them.
        keys: Its key properties.
        key: What identifies it; None if there is no key, or none that can be stored.
        version: The version it came with, or None.
        place: Number of its line in the run, from 0.
        properties: Properties of the SCHEMA that it came under.
    """

    serial: int
    record: Mapping[str, Any]
    keys: Sequence[str]
    key: Key | None
    version: int | None
    place: int
    properties: Mapping[str, Any]
    order: Any = None


@dataclass
class Stream:
    """What a run has of one stream.

    Attributes:
        keys: Its key properties.
        records: What was sent, in order.
        versions: Place and number of each ACTIVATE_VERSION.
        batches: Whether some came in files.
        odd: Records without a key that could be stored.
        unusable: Whether a SCHEMA cannot become a table: what comes from there on is not loaded.
    """

    name: str
    keys: Sequence[str] = ()
    bookmark: str | None = None
    records: list[Sent] = field(default_factory=list)
    versions: list[tuple[int, int]] = field(default_factory=list)
    batches: bool = False
    odd: list[Sent] = field(default_factory=list)
    unusable: bool = False

    @property
    def last(self) -> int:
        """Place of the last record; -1 if there is none."""
        return max((sent.place for sent in self.records), default=-1)


@dataclass
class Reading:
    """A run as its messages tell it.

    Attributes:
        streams: By name.
        states: Place and value of each STATE.
        schemas: Place and stream of each SCHEMA.
        dies: Why the run must end in an error, or None.
    """

    streams: dict[str, Stream]
    states: list[tuple[int, Any]] = field(default_factory=list)
    schemas: list[tuple[int, str]] = field(default_factory=list)
    dies: str | None = None

    @property
    def syncing(self) -> bool:
        """Whether the tap was in the middle of a stream by its last word."""
        last = self.states[-1][1] if self.states else None
        return isinstance(last, dict) and bool(last.get("currently_syncing"))

    def is_cut(self, stream: Stream) -> bool:
        """Whether nothing says that a stream is complete."""
        begun = min((at for at, name in self.schemas if name == stream.name), default=-1)
        last = max(stream.last, begun)
        return self.syncing or not any(place > last for place, _ in self.states)


def understood(run: Run) -> Reading:
    """Read the messages of a run, up to the first that is none."""
    reading = Reading({})
    schemas: dict[str, Mapping[str, Any]] = {}
    for place, line in enumerate(run.lines):
        if not line.strip():
            continue
        try:
            _take(reading, schemas, run, place, read(line))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            reading.dies = f"line {place + 1} is no message of Singer ({error!r})"
            break
    return reading


def _take(
    reading: Reading,
    schemas: dict[str, Mapping[str, Any]],
    run: Run,
    place: int,
    message: Mapping[str, Any],
) -> None:
    kind = message["type"]
    if kind == "STATE":
        reading.states.append((place, message["value"]))
        return
    name = message["stream"]
    if kind == "SCHEMA":
        properties, keys = message["schema"].get("properties"), message["key_properties"]
        stream = reading.streams.setdefault(name, Stream(name))
        if not isinstance(properties, dict) or not {*keys} < properties.keys():
            stream.unusable = True
            return
        schemas[name] = properties
        reading.schemas.append((place, name))
        stream.keys = keys
        stream.bookmark = next(iter(message.get("bookmark_properties") or ()), None)
        return
    stream = reading.streams[name]
    if kind == "RECORD":
        _take_record(stream, message["record"], message.get("version"), place, schemas[name])
    elif kind == "ACTIVATE_VERSION":
        stream.versions.append((place, int(message["version"])))
    elif kind == "BATCH":
        stream.batches = True
        for uri in message["manifest"]:
            data = run.files[uri.removeprefix(FILES)]
            if message["encoding"]["compression"] == "gzip":
                data = gzip.decompress(data)
            for line in data.splitlines():
                _take_record(stream, read(line), None, place, schemas[name])
    else:
        raise ValueError(kind)


def _take_record(
    stream: Stream,
    record: Mapping[str, Any],
    version: Any,
    place: int,
    properties: Mapping[str, Any],
) -> None:
    key = identity(record, stream.keys, properties)
    number = int(version) if isinstance(version, Number) else None
    order = amount(str(record.get(stream.bookmark))) if stream.bookmark else None
    serial = int(record[SERIAL])
    sent = Sent(serial, record, stream.keys, key, number, place, properties, order)
    (stream.odd if stream.keys and key is None else stream.records).append(sent)


def identity(
    record: Mapping[str, Any], keys: Sequence[str], properties: Mapping[str, Any]
) -> Key | None:
    """What identifies a record: instants and numbers by what they are, other values by their text.

    None where there is no key, or one of its values cannot be stored.
    """
    parts = [_part(record.get(key), properties[key]) for key in keys]
    return tuple(map(str, parts)) if parts and None not in parts else None


def _part(value: Any, schema: Any) -> str | None:
    """The text of a key's value: numbers and instants that are equal have the same."""
    facts = schema if isinstance(schema, Mapping) else {}
    kinds = json.dumps(facts.get("type", ""))
    if isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or any("\ud800" <= c <= "\udfff" for c in value):
        return None
    if facts.get("format") in {"date", "date-time"} and not isinstance(value, Number):
        instant = moment(value)
        return str(instant[0]) if instant else None
    if isinstance(value, Number) or not ("string" in kinds or kinds == '""'):
        number = amount(value)
        if number is None or abs(number.adjusted()) > 30:
            return None
        return str(value) if "string" in kinds else str(number.normalize())
    return str(value)
