"""A yardstick: the same invoices sent to a warehouse as multi-row VALUES statements.

    python values_script.py < messages

The connection comes from the environment (URL, HTTP_PATH, TOKEN, SCHEMA). Rows are hashed as the
target's are; invoices and lines go into tables of their own, so many rows a statement, through the
same databricks-sql-connector. No staging, no types from a schema, no state, no replay.
"""

from __future__ import annotations

import hashlib
import os
import sys

import orjson
from databricks import sql

ROWS_PER_STATEMENT = 500
TEXT = ("InvoiceID", "TenantID", "Type", "InvoiceNumber", "Reference", "Date", "DueDate", "Status")
MONEY = ("SubTotal", "TotalTax", "Total", "AmountDue", "AmountPaid")
LINE_TEXT = ("LineItemID", "Description", "AccountCode", "TaxType", "ItemCode")
LINE_MONEY = ("Quantity", "UnitAmount", "TaxAmount", "LineAmount")


def literal(value: object) -> str:
    """A value as SQL text."""
    return "NULL" if value is None else "'" + str(value).replace("'", "''") + "'"


def main() -> None:
    """Load standard input."""
    schema = os.environ["SCHEMA"]
    with sql.connect(
        server_hostname="127.0.0.1",
        http_path=os.environ["HTTP_PATH"],
        access_token=os.environ["TOKEN"],
        _connection_uri=os.environ["URL"] + os.environ["HTTP_PATH"],
        enable_telemetry=False,
    ) as connection:
        cursor = connection.cursor()
        cursor.execute(f"CREATE SCHEMA {schema}")
        for table, text, money in (
            ("invoices", (*TEXT, "hash"), MONEY),
            ("items", ("InvoiceID", *LINE_TEXT), LINE_MONEY),
        ):
            columns = [f"{c} STRING" for c in text] + [f"{c} DECIMAL(38,4)" for c in money]
            cursor.execute(f"CREATE TABLE {schema}.{table} ({', '.join(columns)}) USING DELTA")
        invoices: list[str] = []
        items: list[str] = []

        def send(table: str, rows: list[str]) -> None:
            if rows:
                cursor.execute(f"INSERT INTO {schema}.{table} VALUES {', '.join(rows)}")
                rows.clear()

        for line in sys.stdin.buffer:
            message = orjson.loads(line)
            if message["type"] != "RECORD":
                continue
            record = message["record"]
            digest = hashlib.sha256(orjson.dumps(record, option=orjson.OPT_SORT_KEYS)).hexdigest()
            values = [*(record[c] for c in TEXT), digest, *(record[c] for c in MONEY)]
            invoices.append(f"({', '.join(literal(v) for v in values)})")
            for item in record["LineItems"]:
                cells = [record["InvoiceID"], *(item[c] for c in (*LINE_TEXT, *LINE_MONEY))]
                items.append(f"({', '.join(literal(v) for v in cells)})")
            if len(invoices) >= ROWS_PER_STATEMENT:
                send("invoices", invoices)
            while len(items) >= ROWS_PER_STATEMENT:
                send("items", items)
        send("invoices", invoices)
        send("items", items)


if __name__ == "__main__":
    main()
