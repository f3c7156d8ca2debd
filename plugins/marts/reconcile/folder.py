"""The tables of a reconciliation where the marts are DuckDB's and the lakehouse is a folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
from deltalake import write_deltalake

from reconcile.history import COLUMNS, NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconcile.judgement import Row

_TYPES = {
    "string": pa.string(),
    "date": pa.date32(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", "UTC"),
    "decimal(38, 4)": pa.decimal128(38, 4),
}


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
        """Names of organisations by tenant id; none before the marts were built once."""
        try:
            rows = self._rows("SELECT tenant_id, name FROM marts.dim_organisation")
        except (duckdb.CatalogException, duckdb.IOException):
            return {}
        return {row["tenant_id"]: row["name"] for row in rows}

    def append(self, rows: Sequence[Row]) -> None:
        """Add rows to `xero_reconciliation`; nothing of it is ever changed."""
        arrays = {
            name: pa.array([row.get(name) for row in rows], _TYPES[kind])
            for name, kind in COLUMNS.items()
        }
        path = f"{self.lakehouse.rstrip('/')}/{self.schema}/{NAME}"
        write_deltalake(path, pa.table(arrays), mode="append")

    def _rows(self, query: str) -> list[dict[str, Any]]:
        with duckdb.connect(self.database, read_only=True) as connection:
            return list(connection.sql(query).to_arrow_table().to_pylist())
