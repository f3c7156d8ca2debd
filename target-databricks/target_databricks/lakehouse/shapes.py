"""Shapes of Arrow rows on their way from and to Delta tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa


def plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with DataFusion's string views as plain strings, at every depth.

    Keys are compared in plain strings, and pyarrow takes no rows from a view inside a struct.
    """
    schema = pa.schema([c.with_type(_without_views(c.type)) for c in batch.schema])
    return batch if schema.equals(batch.schema) else batch.cast(schema)


def _without_views(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_binary_view(kind):
        return pa.binary()
    if pa.types.is_struct(kind):
        return pa.struct([c.with_type(_without_views(c.type)) for c in kind])
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_without_views(kind.value_type)))
    if pa.types.is_map(kind):
        return pa.map_(_without_views(kind.key_type), _without_views(kind.item_type))
    return kind


def union(existing: Iterable[pa.Field], rows: Iterable[pa.Field]) -> list[pa.Field]:
    """The table's columns, then those that the rows bring; likewise inside structs and lists."""
    new = {c.name: c for c in rows}
    columns = [
        c.with_type(union_type(c.type, new.pop(c.name).type)) if c.name in new else c
        for c in existing
    ]
    return [*columns, *new.values()]


def union_type(existing: pa.DataType, new: pa.DataType) -> pa.DataType:
    """The table's type, with the members of structs that the rows bring, at every depth."""
    if pa.types.is_struct(existing) and pa.types.is_struct(new):
        return pa.struct(union(existing, new))
    if pa.types.is_list(existing) and pa.types.is_list(new):
        element = existing.value_field
        return pa.list_(element.with_type(union_type(element.type, new.value_type)))
    return existing


def conformed(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """The rows with the columns of a schema, nulls where they have none."""
    columns = dict(zip(rows.column_names, rows.columns, strict=True))
    arrays = [
        columns[c.name].cast(c.type) if c.name in columns else pa.nulls(rows.num_rows, c.type)
        for c in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def whole(rows: pa.Table | pa.RecordBatchReader) -> pa.Table | pa.RecordBatchReader:
    """The rows, no array of structs in structs a slice of a longer one.

    arrow-rs 59 aborts the process at such a slice, and chunks that do not end together are slices.
    """
    nested = [i for i, c in enumerate(rows.schema) if _has_structs_in_structs(c.type)]
    if not nested:
        return rows

    def copied(batch: pa.RecordBatch) -> pa.RecordBatch:
        for place in nested:
            column = batch.column(place)
            if column.offset:
                column = column.take(pa.array(range(len(column))))
                batch = batch.set_column(place, batch.schema.field(place), column)
        return batch

    if isinstance(rows, pa.Table):
        return pa.Table.from_batches(map(copied, rows.to_batches()), schema=rows.schema)
    return pa.RecordBatchReader.from_batches(rows.schema, map(copied, rows))


def _has_structs_in_structs(kind: pa.DataType) -> bool:
    if pa.types.is_list(kind):
        return _has_structs_in_structs(kind.value_type)
    return pa.types.is_struct(kind) and any(
        pa.types.is_struct(c.type) or _has_structs_in_structs(c.type) for c in kind
    )


def read_ahead(read: Callable[[], Iterator[pa.Table]]) -> Iterator[pa.Table]:
    """Iterate over what another thread reads, one item ahead.

    delta-rs refuses to start a read from inside a write, and rewriting a table is just that: its
    own rows streamed through a change.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as reader:
        items = reader.submit(read).result()
        following = reader.submit(next, items, None)
        while (item := following.result()) is not None:
            following = reader.submit(next, items, None)
            yield item
