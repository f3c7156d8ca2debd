"""Tables of a folder that have every version of a row, by the rule of `loading/history.py`.

What the table has of the keys of a batch is read, and written anew where an interval differs: child
rows first, which bear the interval of their version, then the versions, whose being there is the
commit mark. Child rows that were written by a run which died before that are replaced.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from target_databricks.lakehouse.shapes import conformed, union
from target_databricks.lakehouse.table import REWRITTEN_ROWS, LakehouseTable
from target_databricks.lakehouse.writing import BatchWriter, made
from target_databricks.loading.backend import WriteResult
from target_databricks.loading.batch import Batch
from target_databricks.loading.history import (
    Conversion,
    Interval,
    Version,
    has_columns,
    intervals,
)
from target_databricks.loading.overwriting import ASIDE
from target_databricks.loading.rows import in_chunks, key_column
from target_databricks.schema.plan import (
    AT,
    DELETED_AT,
    IS_CURRENT,
    RECEIVED_AT,
    RECORD_HASH,
    SEQUENCE,
    VALID_FROM,
    VALID_TO,
    ChildPlan,
    StreamPlan,
)
from target_databricks.schema.sources import children_in
from target_databricks.schema.types import TIMESTAMP

Spans = Sequence[tuple[int, Interval]]
"""Intervals, each with the number of its key."""


class HistoryWriter:
    """Writes batches to tables that have every version.

    Args:
        table: The table of a name.
        writer: Writes other batches.
    """

    def __init__(self, table: Callable[[str], LakehouseTable], writer: BatchWriter) -> None:
        self._at = table
        self._writer = writer

    def merge(self, batch: Batch) -> WriteResult:
        """Give each version of a batch its place among those of its key."""
        plan, rows = batch.plan, batch.rows.combine_chunks()
        table = made(self._at(plan.table), plan)
        table.evolve(plan.table_schema)
        keys, owners = _distinct(rows, plan.keys)
        old, places = _there(table, keys)
        stored, came = _stored(old, places), _came(rows, owners)
        new: list[tuple[int, Interval]] = []
        for key, versions in came.items():
            before = stored.get(key, [])
            after = intervals((version for version, _ in before), versions)
            if [(i.version, i.to) for i in after] != before:
                new += [(key, interval) for interval in after]
        changed = list(dict.fromkeys(key for key, _ in new))
        fresh = [i for _, i in new if not i.version.stored]
        if changed:
            with self._writer.taken_back(plan):
                some = keys.take(pa.array(changed, pa.int64()))
                for child in plan.children:
                    self._replace_children(batch, child, rows, some, new)
                for left_out in self._left_out(plan):
                    self._write_anew(left_out, some, new)
                there = [i for _, i in new if i.version.stored]
                kept = _with_intervals(_taken(old, there), there)
                added = _with_intervals(batch.parents(_taken(rows, fresh)), fresh)
                if plan.flag:
                    no = pa.repeat(pa.scalar(value=False), added.num_rows)
                    added = added.append_column(plan.flag, no)
                table.replace(some, _together(table, kept, added))
        return WriteResult(len(fresh), 0, unchanged=max(0, rows.num_rows - len(fresh)))

    def _replace_children(
        self, batch: Batch, child: ChildPlan, rows: pa.Table, keys: pa.Table, new: Spans
    ) -> None:
        """Write the child rows of some keys anew, with the intervals of their versions."""
        table, schema = self._at(child.table), batch.plan.child_schema(child)
        table.create(schema, child.description)
        table.evolve(schema)
        fresh = [i for _, i in new if not (i.version.stored or i.version.digest is None)]
        added = batch.children(child, _with_intervals(_taken(rows, fresh), fresh))
        self._write_anew(table, keys, new, added)

    def _left_out(self, plan: StreamPlan) -> Iterator[LakehouseTable]:
        """Child tables of earlier SCHEMAs, with the history of their rows."""
        own = {child.table for child in plan.children}
        for name in children_in(self._at(plan.table).properties):
            if name not in own and has_columns(self._at(name).schema):
                yield self._at(name)

    def _write_anew(
        self, table: LakehouseTable, keys: pa.Table, new: Spans, added: pa.Table | None = None
    ) -> None:
        """Write the child rows of some keys anew: those of versions that stay, and others.

        Args:
            table: The child table.
            keys: The keys.
            new: The intervals of their versions.
            added: Rows of the versions that are not stored yet; None where the array is left out,
                so that a version which takes the place of another has the child rows of that one.
        """
        old, places = _there(table, keys)
        numbers = list(dict.fromkeys(key for key, _ in new))
        spans: dict[tuple[int, int | None], Interval] = {
            (key, i.version.at): i
            for key, i in new
            if i.version.stored or (added is None and i.version.digest is not None)
        }
        own = [
            spans.get((numbers[place], at))
            for place, at in zip(places, _micros(old, VALID_FROM), strict=True)
        ]
        kept = [row for row, interval in enumerate(own) if interval is not None]
        rows = _with_intervals(
            old.take(pa.array(kept, pa.int64())), [i for i in own if i is not None]
        )
        table.replace(keys, rows if added is None else _together(table, rows, added))

    def retire(self, plan: StreamPlan, seen: pa.Table | None, gone: str) -> int:
        """End the intervals of what is gone: versions, then child rows of ended versions.

        Args:
            plan: The stream.
            seen: Keys that came although their rows were not written, or None.
            gone: The condition that a row which holds now is gone.

        Returns:
            How many rows of the stream's own table.
        """
        table = self._at(plan.table)
        keys = table.collected(table.others(seen, plan.keys, gone), plan.keys)
        if keys.num_rows:
            rows, _ = _there(table, keys)
            now = pa.scalar(dt.datetime.now(dt.UTC), TIMESTAMP)
            current = pc.fill_null(rows.column(IS_CURRENT), fill_value=False)
            late = pc.greater(rows.column(VALID_FROM), now)
            end = pc.if_else(late, rows.column(VALID_FROM), now)
            columns = {
                VALID_TO: pc.if_else(current, end, rows.column(VALID_TO)),
                DELETED_AT: pc.if_else(current, now, rows.column(DELETED_AT)),
                IS_CURRENT: pa.repeat(pa.scalar(value=False), rows.num_rows),
                SEQUENCE: pc.if_else(current, pa.scalar(None, pa.int64()), rows.column(SEQUENCE)),
            }
            table.replace(keys, _with(rows, columns))
        for child in plan.children:
            self._end_children(plan, self._at(child.table))
        return int(keys.num_rows)

    def _end_children(self, plan: StreamPlan, table: LakehouseTable) -> None:
        """End the child rows that hold of versions that a deletion has ended."""
        if table.delta is None:
            return
        parents, match = self._at(plan.table), [*plan.keys, VALID_FROM]
        facts = [*match, VALID_TO, DELETED_AT]
        ended = parents.collected(parents.others(None, facts, f"{DELETED_AT} IS NOT NULL"), facts)
        if not ended.num_rows:
            return
        some = table.collected(table.among(ended.select(match), match, IS_CURRENT), match)
        if not some.num_rows:
            return
        keys, _ = _distinct(some, plan.keys)
        rows, _ = _there(table, keys)
        ends = dict(
            zip(
                _identities(ended, match),
                zip(*(ended.column(name).to_pylist() for name in facts[-2:]), strict=True),
                strict=True,
            )
        )
        before = zip(
            rows.column(VALID_TO).to_pylist(), rows.column(DELETED_AT).to_pylist(), strict=True
        )
        now = [
            ends.get(identity, there)
            for identity, there in zip(_identities(rows, match), before, strict=True)
        ]
        columns = {
            VALID_TO: pa.array([to for to, _ in now], TIMESTAMP),
            DELETED_AT: pa.array([deleted for _, deleted in now], TIMESTAMP),
            IS_CURRENT: pa.array([to is None for to, _ in now], pa.bool_()),
        }
        table.replace(keys, _with(rows, columns))


def convert(at: Callable[[str], LakehouseTable], conversion: Conversion) -> None:
    """Give the rows of a table and of its child tables their intervals.

    A table gathers its rows anew, and takes them over in one commit.
    """
    table, keys = at(conversion.table), list(conversion.keys)
    spans: dict[str, tuple[int | None, int | None]] = {}
    for rows in _chunks(table):
        kept = _converted(rows, conversion)
        values = zip(_micros(kept, VALID_FROM), _micros(kept, VALID_TO), strict=True)
        spans |= dict(zip(_identities(kept, keys), values, strict=True))

    def of_parents(rows: pa.Table) -> pa.Table:
        own = [spans.get(key, (0, 0)) for key in _identities(rows, keys)]
        columns = {
            VALID_FROM: pa.array([since for since, _ in own], pa.int64()).cast(TIMESTAMP),
            VALID_TO: pa.array([to for _, to in own], pa.int64()).cast(TIMESTAMP),
            IS_CURRENT: pa.array([to is None for _, to in own], pa.bool_()),
        }
        return _with(rows, columns)

    for child in conversion.children:
        _rewrite(at(child), at(f"{ASIDE}{child}"), of_parents)
    _rewrite(table, at(f"{ASIDE}{conversion.table}"), lambda rows: _converted(rows, conversion))


def _rewrite(
    table: LakehouseTable, gathering: LakehouseTable, change: Callable[[pa.Table], pa.Table]
) -> None:
    gathering.remove(None)
    for rows in _chunks(table):
        changed = change(rows)
        gathering.create(changed.schema, None)
        gathering.append(changed)
    # In one commit, because the columns tell that a table has the history of its rows.
    if gathering.delta is not None:
        table.overwrite(gathering)
    else:
        table.evolve(change((table.schema or pa.schema([])).empty_table()).schema)


def _chunks(table: LakehouseTable) -> Iterator[pa.Table]:
    schema = table.schema or pa.schema([])
    for chunk in in_chunks(table.others(None, schema.names), REWRITTEN_ROWS):
        yield chunk.cast(schema)


def _converted(rows: pa.Table, conversion: Conversion) -> pa.Table:
    """Rows as the versions that hold since then, or held until they were deleted."""
    received, deleted = rows.column(RECEIVED_AT).cast(TIMESTAMP), rows.column(DELETED_AT)
    since = received
    if conversion.since:
        since = pc.coalesce(rows.column(conversion.since).cast(TIMESTAMP), received)
    since = pc.coalesce(since, pa.scalar(0, pa.int64()).cast(TIMESTAMP))
    gone = deleted.is_valid()
    end = pc.if_else(pc.fill_null(pc.greater(since, deleted), False), since, deleted)
    columns = {
        VALID_FROM: since,
        VALID_TO: pc.if_else(gone, end, pa.scalar(None, TIMESTAMP)),
        IS_CURRENT: pc.invert(gone),
        SEQUENCE: pc.if_else(gone, pa.scalar(None, pa.int64()), rows.column(SEQUENCE)),
    }
    return _with(rows, columns)


def _there(table: LakehouseTable, keys: pa.Table) -> tuple[pa.Table, list[int]]:
    """All rows that a table has of some keys, and the number of each one's key."""
    schema = table.schema or pa.schema([])
    rows, places = table.find(keys, schema.names)
    if rows is None:
        return schema.empty_table(), []
    return rows.cast(schema).combine_chunks(), places.to_pylist()


def _distinct(rows: pa.Table, keys: Sequence[str]) -> tuple[pa.Table, list[int]]:
    """The keys of rows, each once, and the number of each row's key."""
    numbers: dict[str, int] = {}
    owners = [numbers.setdefault(text, len(numbers)) for text in _identities(rows, keys)]
    first = {number: row for row, number in reversed([*enumerate(owners)])}
    places = pa.array([first[number] for number in range(len(numbers))], pa.int64())
    return rows.select(list(keys)).take(places), owners


def _identities(rows: pa.Table, columns: Sequence[str]) -> list[str]:
    identities: list[str] = key_column(rows, columns).to_pylist()
    return identities


def _stored(old: pa.Table, places: Sequence[int]) -> Mapping[int, list[tuple[Version, int | None]]]:
    """What a table has, as the rule wants it, by the number of the key, in order of time."""
    stored = defaultdict(list)
    columns = [
        _micros(old, VALID_FROM),
        _micros(old, VALID_TO),
        _micros(old, DELETED_AT),
        old.column(SEQUENCE).to_pylist(),
        old.column(RECORD_HASH).to_pylist(),
    ]
    for row, (at, to, deleted, sequence, digest) in enumerate(zip(*columns, strict=True)):
        end = to if deleted is not None else None
        retired = end is not None and sequence is None
        version = Version(at, sequence or 0, digest, row, True, end, deleted, retired)
        stored[places[row]].append((version, to))
    for versions in stored.values():
        versions.sort(key=lambda pair: (pair[0].at, pair[0].digest is not None))
    return stored


def _came(rows: pa.Table, owners: Sequence[int]) -> Mapping[int, list[Version]]:
    """What came, as the rule wants it, by the number of the key."""
    came = defaultdict(list)
    deleted = rows.column(DELETED_AT)
    if deleted.type != TIMESTAMP:
        at = rows.column(AT)
        deleted = pc.if_else(deleted.is_valid(), at, pa.scalar(None, TIMESTAMP))
    columns = [
        _micros(rows, AT),
        deleted.cast(pa.int64()).to_pylist(),
        rows.column(SEQUENCE).to_pylist(),
        rows.column(RECORD_HASH).to_pylist(),
    ]
    for row, (at, gone, sequence, digest) in enumerate(zip(*columns, strict=True)):
        version = Version(at, sequence or 0, digest, row)
        if gone is not None:
            version = Version(at, sequence or 0, None, row, end=at, deleted_at=gone)
        came[owners[row]].append(version)
    return came


def _micros(rows: pa.Table, column: str) -> list[int | None]:
    times: list[int | None] = rows.column(column).cast(pa.int64()).to_pylist()
    return times


def _taken(rows: pa.Table, spans: Sequence[Interval]) -> pa.Table:
    return rows.take(pa.array([span.version.place for span in spans], pa.int64()))


def _with_intervals(rows: pa.Table, spans: Sequence[Interval]) -> pa.Table:
    """The rows with their intervals, and what else their versions know better."""
    columns = {
        VALID_FROM: pa.array([i.version.at for i in spans], pa.int64()).cast(TIMESTAMP),
        VALID_TO: pa.array([i.to for i in spans], pa.int64()).cast(TIMESTAMP),
        IS_CURRENT: pa.array([i.to is None for i in spans], pa.bool_()),
        DELETED_AT: pa.array([i.version.deleted_at for i in spans], pa.int64()).cast(TIMESTAMP),
    }
    if SEQUENCE in rows.column_names:
        sequences = [None if i.version.retired else i.version.sequence for i in spans]
        columns[SEQUENCE] = pa.array(sequences, pa.int64())
        columns[RECORD_HASH] = pa.array([i.version.digest for i in spans], pa.string())
    return _with(rows, columns)


def _with(rows: pa.Table, columns: Mapping[str, pa.Array]) -> pa.Table:
    for name, values in columns.items():
        place = rows.schema.get_field_index(name)
        if place < 0:
            rows = rows.append_column(name, values)
        else:
            rows = rows.set_column(place, rows.schema.field(place).with_type(values.type), values)
    return rows


def _together(table: LakehouseTable, old: pa.Table, new: pa.Table) -> pa.Table:
    """Rows that the table has and rows that it is given, in its own columns and what these add."""
    new = table.fitted(new)
    schema = pa.schema(union(old.schema, new.schema))
    return pa.concat_tables([conformed(old, schema), conformed(new, schema)])
