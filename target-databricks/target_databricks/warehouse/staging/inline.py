"""Staging without a volume: the rows stand in the statement, as one JSON text.

For workspaces where nobody may have a volume, and only when the user asks for it: statements are
megabytes long, nothing survives a crash (the tap sends the rows again), and two runs that load
one stream at once are not kept apart.

Source: Databricks SQL language reference, `from_json` and `inline`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from target_databricks.limits import STATEMENT_BYTES
from target_databricks.loading.batch import Batch
from target_databricks.warehouse.sql.clauses import StagedRows
from target_databricks.warehouse.sql.columns import sql_type
from target_databricks.warehouse.sql.names import literal
from target_databricks.warehouse.staging.protocol import WarehouseStaging

MOST_BYTES = STATEMENT_BYTES // 4
"""Bytes of Arrow data in one statement, of which JSON makes more."""


class InlineStaging(WarehouseStaging):
    """Batches that are staged nowhere."""

    place = "the statement itself"
    keeps = False

    def __init__(self) -> None:
        self._keys: dict[tuple[str, int], list[pa.Table]] = {}
        self._stateful: set[str] = set()

    def pieces(self, batch: Batch) -> Iterator[Batch]:
        """Pieces small enough for a statement."""
        rows = batch.rows
        count = max(1, math.ceil(rows.nbytes / MOST_BYTES))
        length = max(1, math.ceil(rows.num_rows / count))
        for start in range(0, max(1, rows.num_rows), length):
            piece = rows.slice(start, length)
            read = batch.read - rows.num_rows + piece.num_rows if start == 0 else piece.num_rows
            yield replace(batch, rows=piece, read=read)

    def stage(self, batch: Batch) -> str:
        """Nothing is written; the name is for the ledger."""
        return f"{batch.plan.table}-{batch.digest}"

    def retention(self, path: str) -> str:  # noqa: ARG002
        """What becomes of a batch that could not be loaded."""
        return "It is not kept anywhere; the tap sends its rows again in the next run."

    def read(self, path: str, batch: Batch) -> StagedRows:  # noqa: ARG002
        """The rows as a query."""
        return StagedRows(rows_as_query(batch.rows), as_text(batch.rows.schema))

    def note_state(self, table: str) -> None:
        """Note that a state covered rows appended to a table, for this run."""
        self._stateful.add(table)

    def stateful(self, table: str) -> bool:
        """Whether a state covered rows appended to a table in this run."""
        return table in self._stateful

    def note_keys(self, table: str, version: int, digest: str, keys: pa.Table) -> None:  # noqa: ARG002
        """Note keys that came with a version, for this run."""
        self._keys = {k: v for k, v in self._keys.items() if k[0] != table or k[1] >= version}
        self._keys.setdefault((table, version), []).append(keys)

    def keys_of_version(self, table: str, version: int, keys: Sequence[str]) -> list[str]:
        """Keys that came with a version or a later one in this run, as queries."""
        notes = [
            n for (t, v), some in self._keys.items() if t == table and v >= version for n in some
        ]
        return [rows_as_query(note) for note in notes if note.column_names == list(keys)]

    def forget_keys(self, table: str) -> None:
        """Drop the notes on a table's versions."""
        self._keys = {k: v for k, v in self._keys.items() if k[0] != table}


def rows_as_query(rows: pa.Table) -> str:
    """Rows as a query in parentheses; every value but truth values and numbers of rows is text."""
    kind = pa.list_(pa.struct(list(as_text(rows.schema))))
    text = json.dumps([_plain(row) for row in rows.to_pylist()], separators=(",", ":"))
    # `${…}` would be taken for a variable before the statement is parsed.
    text = text.replace("$", "\\u0024")
    return f"(SELECT inline(from_json({literal(text)}, {literal(sql_type(kind))})))"


def as_text(schema: pa.Schema) -> pa.Schema:
    """The columns as they travel."""
    return pa.schema([pa.field(c.name, _as_text(c.type)) for c in schema])


def _as_text(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(f.name, _as_text(f.type)) for f in kind])
    if pa.types.is_list(kind):
        return pa.list_(pa.field("element", _as_text(kind.value_type)))
    plain = pa.types.is_boolean(kind) or pa.types.is_integer(kind)
    return kind if plain else pa.string()


def _plain(value: Any) -> Any:
    """A value as JSON has it: exact, because it is text where JSON's numbers are not."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, (float, Decimal)):
        return str(value)
    return value
