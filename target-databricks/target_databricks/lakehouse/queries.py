"""Queries over a Delta table, and over keys beside it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder, write_deltalake

from target_databricks.lakehouse.predicates import quoted
from target_databricks.lakehouse.shapes import plain

PLACE = "_sdc_place"
"""Column of the keys that numbers them, from 0."""


def answers(delta: DeltaTable, query: str, keys: pa.Table | None) -> Iterator[pa.RecordBatch]:
    """Run a query over the table `t` and, if given, the keys `k`; text as plain strings."""
    with tempfile.TemporaryDirectory(prefix="target-databricks-") as folder:
        builder = QueryBuilder().register("t", delta)
        if keys is not None:
            # A query can name Delta tables only; the keys become one for as long as it runs.
            places = pa.array(range(keys.num_rows), pa.int64())
            write_deltalake(folder, keys.append_column(PLACE, places), mode="overwrite")
            builder = builder.register("k", DeltaTable(folder))
        for batch in pa.RecordBatchReader.from_stream(builder.execute(query)):
            yield plain(batch)


def same_key(keys: pa.Table) -> str:
    """The condition that joins `t` and `k`."""
    return " AND ".join(f"t.{quoted(c)} = k.{quoted(c)}" for c in keys.column_names)
