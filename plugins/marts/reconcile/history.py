"""The tables of a reconciliation where the marts are DuckDB's and the lakehouse is a folder.

With the marts on a warehouse another class with these methods takes the place of `Folder`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
from deltalake import write_deltalake

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconcile.judgement import Row

NAME = "xero_reconciliation"

_AMOUNT = pa.decimal128(38, 4)
_INSTANT = pa.timestamp("us", "UTC")

SCHEMA = pa.schema(
    [
        ("run_id", pa.string()),
        ("checked_at", _INSTANT),
        ("tenant_id", pa.string()),
        ("organisation", pa.string()),
        ("check_name", pa.string()),
        ("basis", pa.string()),
        ("period_end", pa.date32()),
        ("subject", pa.string()),
        ("subject_name", pa.string()),
        ("lakehouse", _AMOUNT),
        ("xero", _AMOUNT),
        ("difference", _AMOUNT),
        ("status", pa.string()),
        ("explanation", pa.string()),
        ("documents", pa.string()),
        ("locked", pa.bool_()),
        ("lock_date", pa.date32()),
        ("first_agreed", _INSTANT),
        ("read_at", _INSTANT),
    ]
)
"""Columns of `xero_reconciliation`; `models/sources.yml` has them too."""


@dataclass(frozen=True)
class Folder:
    """Marts in DuckDB's file, history in the lakehouse folder.

    Attributes:
        database: DuckDB's file.
        lakehouse: The `lakehouse_path` of target-databricks.
        schema: Its `default_target_schema`.
    """

    database: str
    lakehouse: str
    schema: str

    def checks(self) -> list[Row]:
        """Rows of `marts.reconciliation`."""
        return self._rows("SELECT * FROM marts.reconciliation")

    def organisations(self) -> dict[str, str]:
        """Names of organisations by tenant id."""
        rows = self._rows("SELECT tenant_id, name FROM marts.dim_organisation")
        return {row["tenant_id"]: row["name"] for row in rows}

    def append(self, rows: Sequence[Row]) -> None:
        """Add rows to `xero_reconciliation`; nothing of it is ever changed."""
        columns = [[row.get(name) for row in rows] for name in SCHEMA.names]
        arrays = [
            pa.array(values, kind) for values, kind in zip(columns, SCHEMA.types, strict=True)
        ]
        path = f"{self.lakehouse.rstrip('/')}/{self.schema}/{NAME}"
        write_deltalake(path, pa.table(arrays, schema=SCHEMA), mode="append")

    def _rows(self, query: str) -> list[dict[str, Any]]:
        with duckdb.connect(self.database, read_only=True) as connection:
            return list(connection.sql(query).to_arrow_table().to_pylist())
