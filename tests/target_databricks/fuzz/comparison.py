"""The tables as they are, against what the model expects of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from fuzz.cases import SERIAL
from fuzz.equality import Rescued, brief, faults, fits, strict
from fuzz.messages import Sent
from fuzz.model import Row, Table
from fuzz.names import assigned, candidates, may_be

METADATA = {
    "_sdc_record_hash", "_sdc_job_id", "_sdc_extracted_at", "_sdc_received_at", "_sdc_batched_at",
    "_sdc_sequence", "_sdc_table_version", "_sdc_sync_started_at", "_sdc_deleted_at",
    "_rescued_data",
}  # fmt: skip
MARK = "the child row's mark is not its parent's"
CHILD_METADATA = {"_sdc_position", "_sdc_job_id", "_sdc_deleted_at"}


class Place(Protocol):
    """Where the target loads into: see `conftest.Place`."""

    def tables(self) -> set[str]: ...

    def arrow(self, table: str) -> pa.Table: ...


@dataclass
class Rows:
    """A table, read.

    Attributes:
        kinds: Its columns' types.
        rows: Its rows.
        flag: The users' flag, which nobody sent.
    """

    kinds: Mapping[str, pa.DataType]
    rows: Sequence[Mapping[str, Any]]

    @classmethod
    def of(cls, table: pa.Table) -> Rows:
        return cls({f.name: f.type for f in table.schema}, table.to_pylist())


def compare(
    place: Place,
    tables: Mapping[str, Table],
    settings: Sequence[Mapping[str, Any]],
    *,
    torn: bool = False,
) -> Iterator[str]:
    """What of a place is not as expected.

    Args:
        place: The place.
        tables: What is expected, by stream.
        settings: Those of all runs so far.
        torn: Whether the last run was killed, perhaps between child rows and their parents, which
            the next one makes good.
    """
    there = place.tables()
    owners = assigned({stream: candidates(stream, there) for stream in tables})
    for stream, table in tables.items():
        if stream not in owners:
            if _must_exist(table):
                yield f"stream {stream!r}: there is no table"
            continue
        rows = Rows.of(place.arrow(owners[stream]))
        flag = settings[-1].get("soft_delete_column", "is_deleted")
        others = there - set(owners.values())
        named = _child_names(settings)
        children = _Children(place, stream, others, named, torn=torn)
        for fault in _faults(rows, table, children, flag):
            yield f"table {owners[stream]!r}: {fault}"


def _must_exist(table: Table) -> bool:
    if not table.keyed:
        return any(count.least for count in table.counts.values())
    return all(any(None not in row.serials for row in world.values()) for world in table.worlds)


def _child_names(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    rules = [each.get("child_tables") or {} for each in settings]
    return [name for rule in rules for name in rule.values() if isinstance(name, str)]


class _Children:
    """Child tables of a stream, read when they are asked for."""

    def __init__(
        self,
        place: Place,
        stream: str,
        others: Collection[str],
        named: Collection[str],
        *,
        torn: bool,
    ) -> None:
        self.torn = torn
        self._place = place
        self._stream = stream
        self._others = others
        self._named = named
        self._read: dict[str, Rows] = {}

    def of(self, member: str) -> list[Rows]:
        """The tables that may hold the elements of a member."""
        wanted = [f"{self._stream} {member}", f"lines of {self._stream}", *self._named]
        names = [t for t in self._others if any(may_be(t, name) for name in wanted)]
        for name in names:
            if name not in self._read:
                self._read[name] = Rows.of(self._place.arrow(name))
        return [self._read[name] for name in names]


def _faults(rows: Rows, table: Table, children: _Children, flag: str) -> Iterator[str]:
    by_serial: dict[Any, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows.rows:
        by_serial[row.get(SERIAL)].append(row)
    for serial in by_serial.keys() - table.sent.keys():
        yield f"record {serial} was never sent: {brief(by_serial[serial])}"
    if table.keyed:
        yield from min(
            (list(_faults_of_world(world, table, by_serial)) for world in table.worlds), key=len
        )
    else:
        yield from _faults_of_counts(table, by_serial)
    for serial, found in by_serial.items():
        if sent := table.sent.get(serial):
            for row in found:
                for fault in _faults_of_row(rows, row, sent, table, children, flag):
                    yield f"record {serial}: {fault}"


def _faults_of_world(
    world: Mapping[Any, Row], table: Table, found: Mapping[Any, Sequence[Mapping[str, Any]]]
) -> Iterator[str]:
    expected = set()
    for key, row in world.items():
        there = [serial for serial in row.serials if serial in found]
        expected |= set(there)
        if len(there) > 1 or any(len(found[serial]) > 1 for serial in there):
            yield f"key {brief(key)} has several rows: {there}"
        elif not there and None not in row.serials:
            yield f"key {brief(key)}: the row of record {sorted(row.serials)} is lost"  # type: ignore[type-var]
        elif there:
            alive = found[there[0]][0].get("_sdc_deleted_at") is None
            if alive not in row.alive:
                word = "alive" if alive else "retired"
                yield f"key {brief(key)}: the row of record {there[0]} is {word}"
    for serial in found.keys() & table.sent.keys() - expected:
        if table.sent[serial].key is not None:
            yield f"record {serial} of key {brief(table.sent[serial].key)} should not be there"


def _faults_of_counts(
    table: Table, found: Mapping[Any, Sequence[Mapping[str, Any]]]
) -> Iterator[str]:
    for serial, expected in table.counts.items():
        rows = found.get(serial, ())
        marked = sum(row.get("_sdc_deleted_at") is not None for row in rows)
        alive = len(rows) - marked
        if alive < expected.least or len(rows) > expected.most:
            yield (
                f"record {serial} is there {alive} times alive and {marked} times marked, "
                f"not {expected.least} to {expected.most} times"
            )
        elif marked > expected.marked:
            yield f"record {serial} is retired"


def _faults_of_row(
    table: Rows, row: Mapping[str, Any], sent: Sent, expected: Table, children: _Children, flag: str
) -> Iterator[str]:
    try:
        rescued = Rescued(strict(row.get("_rescued_data") or "{}"))
    except ValueError as error:
        yield f"_rescued_data is no JSON ({error}): {brief(row['_rescued_data'])}"
        return
    own = {c: v for c, v in row.items() if c not in METADATA}
    members = {
        k: v
        for k, v in sent.record.items()
        if v is not None and k not in METADATA - {"_rescued_data"}
    }
    options = {
        name: [
            column
            for column in _candidates(name, own, flag)
            if own[column] is not None
            and not any(faults(value, own[column], name, Rescued(rescued.values)))
        ]
        for name, value in members.items()
        if not Rescued(rescued.values).has(name, value)
    }
    places = assigned(options)
    for name, value in members.items():
        if name in places:
            if name not in sent.properties:
                # An earlier SCHEMA had it: the column is kept, and what is unknown now is rescued.
                _ = rescued.has(name, value), list(faults(value, own[places[name]], name, rescued))
                continue
            yield from faults(value, own[places[name]], name, rescued)
            continue
        if rescued.has(name, value):
            if _needlessly(table, name, value, sent, expected):
                yield f"{name}: {brief(value)} is rescued though its column holds such values"
            continue
        tables = children.of(name)
        if tables and children.torn:
            rescued.used |= {path for path in rescued.values if path.startswith(f"{name}[")}
            continue
        elements = [
            list(_faults_of_elements(t, row, name, value, sent, rescued, expected.keyed))
            for t in tables
        ]
        if len(tables) > 1:
            # The setting gave the array another table; nothing knows of the one it had.
            elements = [[fault for fault in some if MARK not in fault] for some in elements]
        if elements and isinstance(value, list):
            yield from min(elements, key=len)
            continue
        seen = {c: own[c] for c in candidates(name, own)}
        if len(seen) == 1 and isinstance(value, (dict, list)) and None not in seen.values():
            yield from faults(value, next(iter(seen.values())), name, rescued)
        else:
            yield f"{name}: {brief(value)} is neither in {brief(seen)} nor rescued"
    yield from _faults_of_the_rest(own, set(places.values()), sent, expected, flag, rescued)
    for path in rescued.values.keys() - rescued.used:
        yield f"{path}: {brief(rescued.values[path])} was never sent, but is rescued"


def _candidates(name: str, own: Mapping[str, Any], flag: str) -> list[str]:
    """The columns that may be a property's, the users' flag last: it looks like a false one."""
    return sorted(candidates(name, own), key=lambda column: column.lower() == flag)


def _needlessly(table: Rows, name: str, value: Any, sent: Sent, expected: Table) -> bool:
    if sent.serial not in expected.latest or name not in sent.properties:
        return False
    if not expected.keyed and expected.counts[sent.serial].most > 1:
        # What is appended stays as it was: this may be the row of an earlier SCHEMA.
        return False
    columns = candidates(name, table.kinds)
    rivals = [p for p in {*sent.record, *sent.properties} if columns and may_be(columns[0], p)]
    return len(columns) == 1 and rivals == [name] and fits(value, table.kinds[columns[0]])


def _faults_of_the_rest(
    own: Mapping[str, Any],
    used: Collection[str],
    sent: Sent,
    expected: Table,
    flag: str,
    rescued: Rescued,
) -> Iterator[str]:
    """Cells that the record does not explain: an earlier record of the key may."""
    for column in own.keys() - used:
        cell = own[column]
        if cell is None or (flag and may_be(column, flag) and cell is False):
            continue
        earlier = (s for s in expected.sent.values() if s.key == sent.key and s.key is not None)
        if _is_stale(column, sent, expected, rescued):
            yield f"{column}: {brief(cell)} is not what was sent, which is rescued"
        elif not any(
            not any(faults(s.record[name], cell, name, _Anything({})))
            for s in earlier
            for name in candidates_of(column, s.record)
            if s is not sent or name not in s.properties or name not in rescued.used
        ):
            yield f"{column}: {brief(cell)} was never sent"


def _is_stale(column: str, sent: Sent, expected: Table, rescued: Rescued) -> bool:
    """Whether what a record has for a column is rescued, as its SCHEMA leaves the column out."""
    names = {n for s in expected.sent.values() for n in candidates_of(column, s.record)}
    names |= {n for s in expected.sent.values() for n in candidates_of(column, s.properties)}
    return expected.keyed and any(
        names == {name} and name in rescued.used and name not in sent.properties for name in names
    )


class _Anything(Rescued):
    """Rescued data of which nothing is known: any value may have been."""

    def has(self, path: str, sent: Any) -> bool:
        return True


def candidates_of(column: str, names: Collection[str]) -> list[str]:
    """The properties that a column may be of."""
    return [name for name in names if may_be(column, name)]


def _faults_of_elements(
    table: Rows,
    parent: Mapping[str, Any],
    member: str,
    value: Any,
    sent: Sent,
    rescued: Rescued,
    keyed: bool,
) -> Iterator[str]:
    """What is wrong with the child rows of an array."""
    shared = [c for c in table.kinds if c in parent and c not in METADATA and parent[c] is not None]
    keys = shared[: len(sent.keys)]
    rows = [r for r in table.rows if all(r[k] == parent[k] for k in keys)]
    if not keyed:
        # Of records that are appended the child rows of one key stand side by side.
        rows = [
            r for r in rows if not any(_faults_of_element(r, keys, parent, member, value, rescued))
        ]
    positions = Counter(row["_sdc_position"] for row in rows)
    if keyed and (twice := [p for p, count in positions.items() if count > 1]):
        yield f"{member}: several child rows at {twice}"
    by_position = {row["_sdc_position"]: row for row in rows}
    for i, element in enumerate(value if isinstance(value, list) else []):
        path = f"{member}[{i}]"
        row = by_position.pop(i, None)
        if element is None and row is None:
            continue
        if row is None:
            if not rescued.has(path, element):
                yield f"{path}: {brief(element)} has no child row"
            continue
        yield from _faults_of_element(row, keys, parent, member, value, rescued)
    for position in by_position:
        yield f"{member}: there is a child row at {position} that was never sent"


def _faults_of_element(
    row: Mapping[str, Any],
    keys: Collection[str],
    parent: Mapping[str, Any],
    member: str,
    value: Sequence[Any],
    rescued: Rescued,
) -> Iterator[str]:
    """What is wrong with the child row of one element."""
    position = row["_sdc_position"]
    if not isinstance(position, int) or position >= len(value):
        yield f"{member}: there is a child row at {position}"
        return
    element, path = value[position], f"{member}[{position}]"
    if (row["_sdc_deleted_at"] is None) != (parent.get("_sdc_deleted_at") is None):
        yield f"{path}: {MARK}"
    if not isinstance(element, dict):
        if element is not None and not rescued.has(path, element):
            yield f"{path}: {brief(element)} is neither a child row nor rescued"
        element = {}
    own = {k: v for k, v in row.items() if k not in CHILD_METADATA and k not in keys}
    renamed = {k.removeprefix(f"{_prefix(k, member)}__"): v for k, v in own.items()}
    yield from faults(element, renamed, path, rescued)


def _prefix(column: str, member: str) -> str:
    """What stands before two underscores in a column, if it is the array's name."""
    head = column.partition("__")[0]
    return head if head and may_be(head, member) else "\0"
