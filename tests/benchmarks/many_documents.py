"""A lakehouse of many documents: copies of those of a small one, each with ids of its own.

    python many_documents.py SMALL LARGE LINES

Accounts, contacts and items stay as they are, so the books of the large one are a multiple of the
small one's.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import duckdb
import yaml
from deltalake import DeltaTable, write_deltalake

SOURCES = Path(__file__).parents[2] / "plugins" / "marts" / "models" / "sources.yml"
OWN = {
    *("invoice_id", "credit_note_id", "prepayment_id", "overpayment_id", "payment_id"),
    *("bank_transaction_id", "line_item_id", "allocation_id", "journal_id", "journal_line_id"),
    *("source_id", "manual_journal_id", "bank_transfer_id"),
}
"""Columns that tell documents from their copies."""


def multiply(small: Path, large: Path, lines: int) -> int:
    """Write the large lakehouse, with at least as many lines of invoices; returns how many."""
    stated = yaml.safe_load(SOURCES.read_text(encoding="utf-8"))["sources"][0]["tables"]
    columns = {table["name"]: list(table["config"]["meta"]["columns"]) for table in stated}
    rows = DeltaTable(str(small / "invoice_line_items")).count()
    copies = -(-lines // rows)
    for path in sorted(small.iterdir()):
        if path.name not in columns or not (path / "_delta_log").is_dir():
            continue
        source = DeltaTable(str(path)).to_pyarrow_table()
        names = [name for name in columns[path.name] if name in source.column_names]
        if OWN.isdisjoint(names):
            shutil.copytree(path, large / path.name)
            continue
        picked = ", ".join(f"{n} || '-' || copy AS {n}" if n in OWN else n for n in names)
        with duckdb.connect() as connection:
            connection.register("source", source)
            rows_of_all = connection.sql(f"SELECT {picked} FROM source, range({copies}) AS r(copy)")
            write_deltalake(str(large / path.name), rows_of_all.to_arrow_reader(1_000_000))
    return rows * copies


if __name__ == "__main__":
    print(multiply(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
