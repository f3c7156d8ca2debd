"""A copy of a loaded lakehouse, which a test may change, and the marts that dbt makes of it."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

OPTIONAL = (
    *("journals", "journal_lines", "journals_cash", "journal_cash_lines", "receipts"),
    *("receipt_line_items", "expense_claims", "expense_claim_receipts", "budgets", "budget_lines"),
)
"""Tables that some organisations never have: for want of a tier, a scope, or any such business."""


class Books:
    """A copy of a lakehouse, and a database that dbt makes of it."""

    def __init__(
        self,
        root: Path,
        lakehouse: Path,
        only: Collection[str] = (),
        without: Collection[str] = (),
        tenant: str | None = None,
    ) -> None:
        self.tables, self.database = root / "lakehouse" / "xero", root / "books.duckdb"
        for path in lakehouse.glob("*/_delta_log"):
            name = path.parent.name
            if name not in without and (not only or name in only):
                shutil.copytree(path.parent, self.tables / name)
                if tenant is not None and not name.startswith("_"):
                    DeltaTable(str(self.tables / name)).delete(f"tenant_id <> '{tenant}'")

    def run(self, command: str, as_of: str) -> tuple[str, dict[str, str]]:
        """A command of dbt on it, for `Project.dbt`."""
        return command, {
            "MARTS_LAKEHOUSE": str(self.tables.parent),
            "MARTS_DATABASE": str(self.database),
            "MARTS_AS_OF": as_of,
        }

    def query(self, query: str) -> list[Any]:
        """Rows of the marts."""
        with duckdb.connect(str(self.database), read_only=True) as connection:
            return connection.execute(query).fetchall()

    def copy(self, table: str, key: str, of: str, /, **changes: object) -> None:
        """Append copies of the rows of which a column has a value, with changes."""
        path = self.tables / table
        if not path.is_dir():
            return
        rows = DeltaTable(str(path)).to_pyarrow_table()
        alike = [row | changes for row in rows.to_pylist() if row[key] == of]
        assert alike
        write_deltalake(str(path), pa.Table.from_pylist(alike, schema=rows.schema), mode="append")
