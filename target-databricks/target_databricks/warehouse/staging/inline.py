"""Staging without a volume: the rows stand in the statement, as one JSON text.

For workspaces where nobody may have a volume, and only when the user asks for it: statements are
megabytes long, nothing survives a crash (the tap sends the rows again), and two runs that load
one stream at once are not kept apart.

Source: Databricks SQL language reference, `from_json` and `inline`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from target_databricks.limits import LONGEST_STATEMENT
from target_databricks.loading.batch import Batch
from target_databricks.warehouse.sql.clauses import StagedRows
from target_databricks.warehouse.sql.columns import sql_type
from target_databricks.warehouse.sql.names import literal
from target_databricks.warehouse.staging.protocol import WarehouseStaging

MOST_BYTES = LONGEST_STATEMENT - (1 << 20)
"""Bytes of rows, as they stand in a statement; the rest of it is names."""


class InlineStaging(WarehouseStaging):
    """Batches that are staged nowhere."""

    place = "the statement itself"
    keeps = False

    def __init__(self) -> None:
        self._keys: dict[tuple[str, int], list[pa.Table]] = {}
        self._stateful: set[str] = set()

    def pieces(self, batch: Batch) -> Iterator[Batch]:
        """Pieces small enough for a statement."""
        superseded = batch.read - batch.rows.num_rows
        for piece in _pieces(batch.rows):
            yield replace(batch, rows=piece, read=superseded + piece.num_rows)
            superseded = 0

    def stage(self, batch: Batch) -> str:
        """Nothing is written; the name is for the ledger."""
        return f"{batch.plan.table}-{batch.digest}"

    def retention(self, path: str) -> str:  # noqa: ARG002
        """What becomes of a batch that could not be loaded."""
        return "It is not kept anywhere; the tap sends its rows again in the next run."

    def read(self, paths: Sequence[str], batch: Batch) -> StagedRows:  # noqa: ARG002
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
        fitting = [note for note in notes if note.column_names == list(keys)]
        return [rows_as_query(p) for p in _pieces(pa.concat_tables(fitting))] if fitting else []

    def forget_keys(self, table: str) -> None:
        """Drop the notes on a table's versions."""
        self._keys = {k: v for k, v in self._keys.items() if k[0] != table}


def rows_as_query(rows: pa.Table) -> str:
    """Rows as a query in parentheses; every value but truth values and numbers of rows is text."""
    kind = pa.list_(pa.struct(list(as_text(rows.schema))))
    text = f"[{','.join(map(_row_text, rows.to_pylist()))}]"
    return f"(SELECT inline(from_json({literal(text)}, {literal(sql_type(kind))})))"


def _row_text(row: dict[str, Any]) -> str:
    text = json.dumps(_plain(row), separators=(",", ":"))
    # `${…}` would be taken for a variable before the statement is parsed.
    return text.replace("$", "\\u0024")


def _pieces(rows: pa.Table) -> Iterator[pa.Table]:
    """Rows cut by the length of their text; one at least, and a row at least in each but that."""
    start, size = 0, 0
    for number, row in enumerate(rows.to_pylist()):
        # JSON has ASCII only, so that a character is a byte.
        length = len(literal(_row_text(row)))
        if number > start and size + length > MOST_BYTES:
            yield rows.slice(start, number - start)
            start, size = number, 0
        size += length
    yield rows.slice(start)


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
