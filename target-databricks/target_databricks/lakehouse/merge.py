"""Deciding what a batch means for a table: which rows are new, changed, unchanged, outdated.

Pure: from the incoming rows and what the look-up found to the rows to write.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from target_databricks.schema.plan import (
    CLEARED,
    DELETED_AT,
    DUE,
    RECEIVED_AT,
    RECORD_HASH,
    RESCUED_DATA,
)


@dataclass(frozen=True)
class Decision:
    """Masks over the incoming rows; every row is in exactly one of them."""

    new: pa.Array
    changed: pa.Array
    unchanged: pa.Array
    outdated: pa.Array

    def count(self, mask: pa.Array) -> int:
        """Rows in a mask."""
        return int(pc.sum(mask).as_py() or 0)


def decide(rows: pa.Table, existing: pa.Table, bookmark: str | None) -> Decision:
    """Compare incoming rows with the rows the table has for the same keys.

    Args:
        rows: Incoming rows; `_sdc_record_hash`, and the bookmark where there is one.
        existing: As many rows, in the same order, as `aligned` gives them: `__found` and those
            of hash, deletion time, time of receipt, rescued data and bookmark that the table has.
        bookmark: Column that orders versions, or None.
    """
    found = existing.column("__found").combine_chunks()
    same = back = older = _false(found)
    if RECORD_HASH in existing.column_names:
        equal = pc.equal(rows.column(RECORD_HASH), existing.column(RECORD_HASH))
        same = _both(found, equal)
    if DELETED_AT in existing.column_names:
        # A row that was gone and now comes again is alive again, whatever its bookmark.
        gone = existing.column(DELETED_AT).is_valid()
        back = _both(gone, rows.column(DELETED_AT).is_null())
        same = _both(same, pc.invert(back))
    same = _both(same, pc.invert(_lacking(rows, existing, same)))
    if bookmark is not None and bookmark in existing.column_names:
        less = pc.less(rows.column(bookmark), existing.column(bookmark))
        older = _both(_both(found, less), pc.invert(pc.or_(same, back)))
    return Decision(
        new=pc.invert(found),
        changed=_both(found, pc.invert(pc.or_(same, older))),
        unchanged=same,
        outdated=older,
    )


def _lacking(rows: pa.Table, existing: pa.Table, same: pa.Array) -> pa.Array:
    """Which rows of the table lack what their records have now that there is a place for it.

    Either a place was added since they were written, or the table rescued what is not rescued now.
    """
    lacking = _false(same)
    if DUE in rows.column_names:
        due = rows.column(DUE).combine_chunks()
        if RECEIVED_AT in existing.column_names:
            written = existing.column(RECEIVED_AT).cast(due.type)
            late = pc.invert(pc.fill_null(pc.greater_equal(written, due), fill_value=False))
            lacking = _both(due.is_valid(), late)
        else:
            lacking = due.is_valid()
    if RESCUED_DATA in existing.column_names:
        before, now = existing.column(RESCUED_DATA), rows.column(RESCUED_DATA)
        differ = pc.invert(pc.fill_null(pc.equal(before, now), fill_value=False))
        doubt = _both(_both(same, before.is_valid()), differ)
        if pc.any(doubt).as_py():
            fewer = [
                d and bool(_paths(a) - _paths(b))
                for d, a, b in zip(
                    doubt.to_pylist(), before.to_pylist(), now.to_pylist(), strict=True
                )
            ]
            lacking = pc.or_(lacking, pa.array(fewer, pa.bool_()))
    return lacking


def _paths(rescued: str | None) -> set[str]:
    """The paths of what was rescued; none of a text that is no JSON."""
    try:
        return set(orjson.loads(rescued or "{}"))
    except orjson.JSONDecodeError:
        return set()


def aligned(count: int, found: pa.Table | None, places: pa.Array) -> pa.Table:
    """Lay what the look-up found next to the incoming rows, nulls where it found nothing.

    Args:
        count: Incoming rows.
        found: Looked-up rows, or None.
        places: For each of them, the incoming row it belongs to.
    """
    if found is None:
        return pa.table({"__found": pa.repeat(pa.scalar(value=False), count)})
    # The first of several rows with one key speaks for all: they are replaced together.
    where = pc.index_in(pa.array(range(count), places.type), value_set=places)
    columns = {name: found.column(name).take(where) for name in found.column_names}
    return pa.table({**columns, "__found": where.is_valid()})


def with_columns_of_the_table(
    rows: pa.Table,
    existing: pa.Table,
    others: Collection[str],
    last: Collection[str],
    flag: str | None,
) -> pa.Table:
    """Give rows the values that belong to the table and not to the tap.

    Args:
        rows: Rows to write.
        existing: What the table has for them, from `aligned`, filtered alike.
        others: Columns of the table that the tap does not send.
        last: Columns of which a row that is declared gone has the last value, if it states none:
            a deletion may name the key alone.
        flag: The users' soft-delete flag: false for a new row, untouched for an old one.
    """
    rows = _with_last_values(rows, existing, last)
    columns = dict(zip(rows.column_names, rows.columns, strict=True))
    fields = {c.name: c for c in rows.schema}
    for column, values in zip(existing.schema, existing.columns, strict=True):
        if column.name in others and column.name not in columns:
            columns[column.name], fields[column.name] = values, column
    rows = pa.Table.from_arrays([*columns.values()], schema=pa.schema([*fields.values()]))
    if flag is None:
        return rows
    no = pa.scalar(value=False)
    place = next((i for i, n in enumerate(rows.column_names) if n.lower() == flag.lower()), None)
    if place is None:
        return rows.append_column(flag, pa.repeat(no, rows.num_rows))
    # A null set by a user is a user's choice; a new row has no old value.
    values = pc.if_else(existing.column("__found"), rows.column(place), no)
    return rows.set_column(place, rows.schema.field(place), values)


def without_cleared(existing: pa.Table, rows: pa.Table, columns: Collection[str]) -> pa.Table:
    """What the table has for incoming rows, but for columns that they must not keep a value in."""
    for name in columns:
        if name in existing.column_names:
            place, values = existing.column_names.index(name), existing.column(name)
            clear = [name in (names or ()) for names in rows.column(CLEARED).to_pylist()]
            nothing = pa.scalar(None, values.type)
            values = pc.if_else(pa.array(clear, pa.bool_()), nothing, values)
            existing = existing.set_column(place, existing.schema.field(place), values)
    return existing


def _with_last_values(rows: pa.Table, existing: pa.Table, columns: Collection[str]) -> pa.Table:
    if not columns:
        return rows
    gone = rows.column(DELETED_AT).is_valid()
    for name in columns:
        if name in existing.column_names and name in rows.column_names:
            place, field = rows.column_names.index(name), rows.schema.field(name)
            left_out = pc.and_(gone, rows.column(name).is_null())
            last = existing.column(name).cast(field.type)
            rows = rows.set_column(place, field, pc.if_else(left_out, last, rows.column(name)))
    return rows


def _both(a: pa.Array, b: pa.Array) -> pa.Array:
    """True where both are; a comparison with null is no."""
    b = pc.fill_null(b, fill_value=False)
    result = pc.and_(a, b)
    return result.combine_chunks() if isinstance(result, pa.ChunkedArray) else result


def _false(like: pa.Array) -> pa.Array:
    return pa.repeat(pa.scalar(value=False), len(like))
