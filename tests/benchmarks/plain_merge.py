"""A yardstick: delta-rs' own MERGE of some changed invoices and their lines.

    python plain_merge.py SCHEMA_FOLDER EVERY

The changed rows are the table's own, every so-many-th invoice, with another hash.
"""

from __future__ import annotations

import sys
import time

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder

KEYS = {
    "invoice_line_items": ("tenant_id", "invoice_id", "line_item_id"),
    "invoices": ("tenant_id", "invoice_id"),
}


def main() -> None:
    """Merge, and print the seconds it took."""
    folder, every = sys.argv[1], int(sys.argv[2])
    seconds = 0.0
    for name, keys in KEYS.items():
        table = DeltaTable(f"{folder}/{name}")
        chosen = f"SELECT * FROM t WHERE cast(right(invoice_id, 12) AS bigint) % {every} = 0"
        rows = pa.table(QueryBuilder().register("t", table).execute(chosen).read_all())
        started = time.perf_counter()
        (
            table.merge(
                rows,
                " AND ".join(f"t.{key} = s.{key}" for key in keys),
                source_alias="s",
                target_alias="t",
            )
            .when_matched_update_all()
            .when_not_matched_insert_all()
            .execute()
        )
        seconds += time.perf_counter() - started
    print(f"{seconds:.1f}")


if __name__ == "__main__":
    main()
