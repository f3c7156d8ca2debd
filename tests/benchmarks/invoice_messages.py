"""Invoice messages for the benchmarks: deterministic, about 1.4 kB each, four nested lines.

Run as a script it writes Singer messages to standard output:

    python invoice_messages.py ROWS [--start N] [--step N] [--edited]
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Iterator

import orjson

AMOUNT = {"type": ["number", "null"], "multipleOf": 0.0001}
TEXT = {"type": ["string", "null"]}
MOMENT = {"type": ["string", "null"], "format": "date-time"}
DATE = {"type": ["string", "null"], "format": "date"}
BLOCK = 1000

LINE = {
    "LineItemID": TEXT,
    "Description": TEXT,
    "Quantity": AMOUNT,
    "UnitAmount": AMOUNT,
    "TaxAmount": AMOUNT,
    "LineAmount": AMOUNT,
    "AccountCode": TEXT,
    "TaxType": TEXT,
    "ItemCode": TEXT,
}
INVOICE = {
    "TenantID": {"type": "string"},
    "InvoiceID": {"type": "string"},
    "Type": TEXT,
    "InvoiceNumber": TEXT,
    "Reference": TEXT,
    "Date": DATE,
    "DueDate": DATE,
    "Status": TEXT,
    "LineAmountTypes": TEXT,
    "SubTotal": AMOUNT,
    "TotalTax": AMOUNT,
    "Total": AMOUNT,
    "AmountDue": AMOUNT,
    "AmountPaid": AMOUNT,
    "CurrencyCode": TEXT,
    "CurrencyRate": {"type": ["number", "null"], "multipleOf": 1e-10},
    "UpdatedDateUTC": MOMENT,
    "ContactID": TEXT,
    "Contact": {"type": ["object", "null"], "properties": {"ContactID": TEXT, "Name": TEXT}},
    "HasAttachments": {"type": ["boolean", "null"]},
    "LineItems": {
        "type": ["array", "null"],
        "items": {"type": "object", "properties": LINE},
        "x-child-table": {"name": "invoice_line_items", "key": ["LineItemID"]},
    },
}
SCHEMA = {
    "type": "SCHEMA",
    "stream": "invoices",
    "schema": {"type": "object", "properties": INVOICE},
    "key_properties": ["TenantID", "InvoiceID"],
    "bookmark_properties": ["UpdatedDateUTC"],
}


def record(number: int, *, edited: bool = False) -> dict[str, object]:
    """One invoice; a function of its number alone, and of whether it has been edited since."""
    digest = hashlib.blake2b(number.to_bytes(8, "big"), digest_size=48).hexdigest()
    cents = int(digest[:6], 16)
    amount, total = cents / 100, (cents + 600) / 100
    lines = [
        {
            "LineItemID": f"{digest[i : i + 8]}-{digest[i + 8 : i + 12]}-4000-8000-{number:012d}",
            "Description": f"Delivery, part {i // 12 + 1}",
            "Quantity": 2.0,
            "UnitAmount": (cents + i) / 10000,
            "TaxAmount": 1.5,
            "LineAmount": (cents + i) / 100,
            "AccountCode": "200",
            "TaxType": "OUTPUT2",
            "ItemCode": "SERVICE",
        }
        for i in range(0, 48, 12)
    ]
    contact = f"{digest[-8:]}-1111-4000-8000-{number % 5000:012d}"
    return {
        "TenantID": "5a4e1a2c-0000-4000-8000-000000000001",
        "InvoiceID": f"{digest[:8]}-{digest[8:12]}-4000-9000-{number:012d}",
        "Type": "ACCREC",
        "InvoiceNumber": f"INV-{number:07d}",
        "Reference": f"Order {digest[10:18]}",
        "Date": "2026-03-14",
        "DueDate": "2026-04-14",
        "Status": "PAID" if edited else "AUTHORISED",
        "LineAmountTypes": "Exclusive",
        "SubTotal": amount,
        "TotalTax": 6.0,
        "Total": total,
        "AmountDue": 0 if edited else total,
        "AmountPaid": 0,
        "CurrencyCode": "NZD",
        "CurrencyRate": 1.0,
        "UpdatedDateUTC": "2026-05-01T10:00:00Z" if edited else "2026-03-14T09:26:53.123Z",
        "ContactID": contact,
        "Contact": {"ContactID": contact, "Name": f"Customer {number % 5000}"},
        "HasAttachments": False,
        "LineItems": lines,
    }


def messages(rows: int, start: int = 0, step: int = 1, *, edited: bool = False) -> Iterator[bytes]:
    """Singer lines: the schema, the records, a state every 1,000 records as a paging tap sends.

    Args:
        rows: Records to write.
        start: Number of the first invoice.
        step: Distance between invoice numbers; more than 1 spreads the records over a table.
        edited: Whether the invoices have been edited since.
    """
    yield orjson.dumps(SCHEMA) + b"\n"
    extracted = b',"time_extracted":"2026-05-02T00:00:00+00:00"}\n'
    for count, number in enumerate(range(start, start + rows * step, step), 1):
        body = orjson.dumps(record(number, edited=edited))
        yield b'{"type":"RECORD","stream":"invoices","record":' + body + extracted
        if count % BLOCK == 0:
            state = {"type": "STATE", "value": {"bookmarks": {"invoices": {"page": number}}}}
            yield orjson.dumps(state) + b"\n"


def main() -> None:
    """Write messages to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--edited", action="store_true")
    asked = parser.parse_args()
    sys.stdout.buffer.writelines(messages(asked.rows, asked.start, asked.step, edited=asked.edited))


if __name__ == "__main__":
    main()
