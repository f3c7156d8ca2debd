"""The yardstick: the same load with nothing around it.

orjson reads each message, a hash is taken of the record with sorted keys, pyarrow's JSON reader
makes the columns, the line items are cut out, and delta-rs' own merge writes both tables. No
typing from a schema, no state, no staging, no replay, no rescue, no ledger, no lock.

    python bare_script.py LAKEHOUSE < messages
"""

from __future__ import annotations

import hashlib
import io
import sys

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import TableNotFoundError

BATCH = 50_000
BLOCK = 1 << 20
A = pa.decimal128(38, 4)
S = pa.string()
LINES = pa.list_(
    pa.struct(
        [
            ("LineItemID", S),
            ("Description", S),
            ("Quantity", A),
            ("UnitAmount", A),
            ("TaxAmount", A),
            ("LineAmount", A),
            ("AccountCode", S),
            ("TaxType", S),
            ("ItemCode", S),
        ]
    )
)
SCHEMA = pa.schema(
    [
        ("TenantID", S),
        ("InvoiceID", S),
        ("Type", S),
        ("InvoiceNumber", S),
        ("Reference", S),
        ("Date", S),
        ("DueDate", S),
        ("Status", S),
        ("LineAmountTypes", S),
        ("SubTotal", A),
        ("TotalTax", A),
        ("Total", A),
        ("AmountDue", A),
        ("AmountPaid", A),
        ("CurrencyCode", S),
        ("CurrencyRate", pa.decimal128(38, 10)),
        ("UpdatedDateUTC", pa.timestamp("us", tz="UTC")),
        ("ContactID", S),
        ("Contact", pa.struct([("ContactID", S), ("Name", S)])),
        ("HasAttachments", pa.bool_()),
        ("LineItems", LINES),
    ]
)


def load(lakehouse: str, records: list[bytes], hashes: list[str]) -> None:
    """Merge one batch into the two tables."""
    table = pj.read_json(
        io.BytesIO(b"\n".join(records)),
        read_options=pj.ReadOptions(block_size=BLOCK),
        parse_options=pj.ParseOptions(explicit_schema=SCHEMA, unexpected_field_behavior="error"),
    ).append_column("hash", pa.array(hashes))
    lines = table.column("LineItems").combine_chunks()
    owner = pc.list_parent_indices(lines)
    items = pa.Table.from_struct_array(lines.flatten())
    for key in ("InvoiceID", "TenantID"):
        items = items.add_column(0, key, table.column(key).take(owner))
    merge(f"{lakehouse}/items", items, ("TenantID", "InvoiceID", "LineItemID"), gated=False)
    merge(f"{lakehouse}/invoices", table.drop_columns("LineItems"), ("TenantID", "InvoiceID"))


def merge(uri: str, rows: pa.Table, keys: tuple[str, ...], *, gated: bool = True) -> None:
    """delta-rs' MERGE, hash-gated where there is a hash."""
    try:
        target = DeltaTable(uri)
    except TableNotFoundError:
        write_deltalake(uri, rows)
        return
    changed = "t.hash <> s.hash" if gated else None
    (
        target.merge(
            rows,
            " AND ".join(f't."{k}" = s."{k}"' for k in keys),
            source_alias="s",
            target_alias="t",
        )
        .when_matched_update_all(changed)
        .when_not_matched_insert_all()
        .execute()
    )


def main() -> None:
    """Load standard input."""
    records: list[bytes] = []
    hashes: list[str] = []
    for line in sys.stdin.buffer:
        message = orjson.loads(line)
        if message["type"] != "RECORD":
            continue
        text = orjson.dumps(message["record"], option=orjson.OPT_SORT_KEYS)
        hashes.append(hashlib.sha256(text).hexdigest())
        records.append(text)
        if len(records) >= BATCH:
            load(sys.argv[1], records, hashes)
            records, hashes = [], []
    if records:
        load(sys.argv[1], records, hashes)


if __name__ == "__main__":
    main()
