"""Columns whose property the SCHEMA leaves out, though its records still have it.

What a record has there goes to `_rescued_data`, and what the column held before is not what was
sent: in these rows it becomes null. A row without the property keeps what it has, as it keeps the
values of columns that users have added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import orjson
import pyarrow as pa

from target_databricks.loading.batch import Batch
from target_databricks.schema.naming import COLUMN_NAMES, folded, suffixed
from target_databricks.schema.plan import CLEARED, RECORD_HASH, RESCUED_DATA
from target_databricks.schema.sources import Owners


def with_cleared(batch: Batch, table: pa.Schema | None, owners: Owners) -> Batch:
    """The batch, its rows saying which columns of the table they must not keep a value in.

    Args:
        batch: Rows to merge.
        table: Columns of the stream's own table, or None.
        owners: Whose they are.
    """
    columns = _left_out(batch, table)
    rescued = batch.rows.column(RESCUED_DATA)
    if not columns or rescued.null_count == len(rescued):
        return batch
    cleared = [
        None if text is None else _columns_of(orjson.loads(text), columns, owners) or None
        for text in rescued.to_pylist()
    ]
    if not any(cleared):
        return batch
    names = pa.array(cleared, pa.list_(pa.field("element", pa.string())))
    return replace(batch, rows=batch.rows.append_column(CLEARED, names))


def _left_out(batch: Batch, table: pa.Schema | None) -> Mapping[str, bool]:
    """Columns of a table that a batch does not have; whether they are certainly none of users."""
    sent = {name.lower() for name in batch.rows.column_names} | {(batch.plan.flag or "").lower()}
    names = [] if table is None else table.names
    first = [name.lower() for name in names].index(RECORD_HASH) if RECORD_HASH in names else 0
    return {name: place < first for place, name in enumerate(names) if name.lower() not in sent}


def _columns_of(
    rescued: Mapping[str, object], columns: Mapping[str, bool], owners: Owners
) -> list[str]:
    """The columns that were made for members of a record that were rescued."""
    wanted = {folded(name): name for name in columns}
    found = {
        wanted[name]: None
        for member in rescued
        for spell in COLUMN_NAMES.values()
        for name in map(folded, (spell(member), suffixed(spell(member), member)))
        if name in wanted
        and (owners.rank(name, member) or (columns[wanted[name]] and owners.unknown))
    }
    return list(found)
