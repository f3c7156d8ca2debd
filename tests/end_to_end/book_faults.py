"""Faults in the Delta tables of a lakehouse: what a loader that is wrong would leave behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder, write_deltalake

Row = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """What was done to a document, and where it must show.

    Attributes:
        number: Number of the document.
        accounts: Ids of accounts that differ.
        months: Last days of the months in which they do.
        difference: What the first of the accounts differs by, either way; None for whatever.
    """

    number: str
    accounts: tuple[str, ...]
    months: tuple[date, ...]
    difference: Any = None


class Tables:
    """Tables of a lakehouse folder."""

    def __init__(self, lakehouse: Path) -> None:
        self._lakehouse = lakehouse

    def rows(self, name: str) -> list[Row]:
        query = QueryBuilder().register("t", self._table(name)).execute("SELECT * FROM t")
        return list(pa.RecordBatchReader.from_stream(query).read_all().to_pylist())

    def delete(self, name: str, key: str, value: str) -> None:
        self._table(name).delete(f"{key} = '{value}'")

    def update(self, name: str, key: str, value: str, **updates: str) -> None:
        self._table(name).update(predicate=f"{key} = '{value}'", updates=updates)

    def append(self, name: str, rows: list[Row]) -> None:
        schema = pa.schema(self._table(name).schema().to_arrow())
        write_deltalake(
            str(self._lakehouse / name), pa.Table.from_pylist(rows, schema=schema), mode="append"
        )

    def create(self, name: str, rows: list[Row]) -> None:
        flags = [("_sdc_deleted_at", pa.timestamp("us", "UTC")), ("is_deleted", pa.bool_())]
        table = pa.Table.from_pylist(rows)
        for flag, kind in flags:
            table = table.append_column(flag, pa.nulls(len(rows), kind))
        write_deltalake(str(self._lakehouse / name), table)

    def _table(self, name: str) -> DeltaTable:
        return DeltaTable(str(self._lakehouse / name))


def month_end(day: date) -> date:
    """Last day of the month."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def sales(tables: Tables, tenant_id: str, first: date) -> Iterator[Row]:
    """Sales invoices in base currency with their lines, one of each month since a day."""
    lines = tables.rows("invoice_line_items")
    months = set()
    for invoice in sorted(tables.rows("invoices"), key=lambda row: row["date"]):
        own = [line for line in lines if line["invoice_id"] == invoice["invoice_id"]]
        if (
            (invoice["tenant_id"], invoice["type"]) == (tenant_id, "ACCREC")
            and invoice["status"] in ("AUTHORISED", "PAID")
            and invoice["currency_rate"] in (None, 1)
            and invoice["date"] >= first
            and (month := month_end(invoice["date"])) not in months
            and own
        ):
            months.add(month)
            yield invoice | {"lines": own}


def row_missing(tables: Tables, invoice: Row) -> Fault:
    line = invoice["lines"][0]
    tables.delete("invoice_line_items", "line_item_id", line["line_item_id"])
    return _fault(invoice, [line["account_id"]])


def row_extra(tables: Tables, invoice: Row) -> Fault:
    twin = invoice["invoice_id"][::-1].replace("-", "")
    lines = [
        line | {"invoice_id": twin, "line_item_id": f"{twin}{n}"}
        for n, line in enumerate(invoice["lines"])
    ]
    number = f"{invoice['invoice_number']}-B"
    tables.append("invoices", [invoice | {"invoice_id": twin, "invoice_number": number}])
    tables.append("invoice_line_items", lines)
    return _fault(invoice | {"invoice_number": number}, _accounts(invoice))


def a_cent_more(tables: Tables, invoice: Row) -> Fault:
    line = invoice["lines"][0]
    tables.update(
        "invoice_line_items", "line_item_id", line["line_item_id"], line_amount="line_amount + 0.01"
    )
    return _fault(invoice, [line["account_id"]])


def a_cent_less(tables: Tables, invoice: Row) -> Fault:
    line = invoice["lines"][0]
    tables.update(
        "invoice_line_items", "line_item_id", line["line_item_id"], line_amount="line_amount - 0.01"
    )
    return _fault(invoice, [line["account_id"]])


def payment_missing(tables: Tables, invoice: Row) -> Fault:
    payment = next(
        row
        for row in tables.rows("payments")
        if row["invoice_id"] == invoice["invoice_id"] and row["status"] == "AUTHORISED"
    )
    tables.delete("payments", "payment_id", payment["payment_id"])
    return Fault(invoice["invoice_number"], (payment["account_id"],), (month_end(payment["date"]),))


def journal_missing(tables: Tables, invoice: Row) -> Fault:
    journal = next(
        row for row in tables.rows("journals") if row["source_id"] == invoice["invoice_id"]
    )
    tables.delete("journals", "journal_id", journal["journal_id"])
    return _fault(invoice, _accounts(invoice))


def stale_row(tables: Tables, invoice: Row) -> Fault:
    tables.update("invoices", "invoice_id", invoice["invoice_id"], status="'DRAFT'")
    return _fault(invoice, _accounts(invoice))


def wrong_period(tables: Tables, invoice: Row) -> Fault:
    later = invoice["date"] + timedelta(days=31)
    tables.update("invoices", "invoice_id", invoice["invoice_id"], date=f"DATE '{later}'")
    months = (month_end(invoice["date"]), month_end(later))
    return Fault(invoice["invoice_number"], _accounts(invoice), months)


def contact_missing(tables: Tables, tenant_id: str) -> Fault:
    """A contact that no journal speaks of, and the ids that the tap has read of it."""
    (counted,) = (
        row["counted_date_utc"]
        for row in tables.rows("stream_counts")
        if (row["tenant_id"], row["stream"]) == (tenant_id, "contacts")
    )
    own = [row for row in tables.rows("contacts") if row["tenant_id"] == tenant_id]
    tables.create(
        "stream_ids",
        [
            {
                "tenant_id": tenant_id,
                "record_id": row["contact_id"],
                "stream": "contacts",
                "number": row["name"],
                "read_date_utc": counted,
            }
            for row in own
        ],
    )
    lost = own[len(own) // 2]
    tables.delete("contacts", "contact_id", lost["contact_id"])
    reason = "Xero lists it, the tables lack it"
    return Fault(f"contacts {lost['name']} ({reason})", (), ())


def revaluation(tables: Tables, tenant_id: str) -> Fault:
    """No fault: receivables that Xero's own report has revalued in the last month."""
    accounts = {
        row["system_account"]: row["account_id"]
        for row in tables.rows("accounts")
        if row["tenant_id"] == tenant_id
    }
    changed = (accounts["UNREALISEDCURRENCYGAIN"], accounts["DEBTORS"])
    report = [row for row in tables.rows("trial_balance") if row["tenant_id"] == tenant_id]
    last = max(row["period_end"] for row in report)
    line = next(row for row in report if row["period_end"] == last and row["account_id"])
    tables.append(
        "trial_balance",
        [
            line
            | {"account_id": account, "measure": f"{span}{side}", "amount": Decimal("12.34")}
            | {"row_key": f"{account} {span}{side}"}
            for account, side in zip(changed, ("Debit", "Credit"), strict=True)
            for span in ("", "YTD ")
        ],
    )
    return Fault("", changed, (last,), Decimal("12.34"))


def _accounts(invoice: Row) -> tuple[str, ...]:
    return tuple({line["account_id"] for line in invoice["lines"]})


def _fault(invoice: Row, accounts: Any) -> Fault:
    return Fault(invoice["invoice_number"], tuple(accounts), (month_end(invoice["date"]),))


FAULTS: dict[str, Callable[[Tables, Row], Fault]] = {
    "row missing": row_missing,
    "row extra": row_extra,
    "amount + 0.01": a_cent_more,
    "amount - 0.01": a_cent_less,
    "payment missing": payment_missing,
    "journal missing": journal_missing,
    "stale row": stale_row,
    "wrong period": wrong_period,
}
