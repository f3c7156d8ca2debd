"""Comparing tables with the sandbox's own books, value by value.

Reads the sandbox's stored documents, not its API, and knows Xero's spellings by itself, so that
a mistake of the tap's cannot hide in shared code.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from xero_sandbox import wire
from xero_sandbox.sandbox import Sandbox

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# table: (resource of the sandbox, id property, id column)
DOCUMENTS = {
    "accounts": ("Accounts", "AccountID", "account_id"),
    "contacts": ("Contacts", "ContactID", "contact_id"),
    "items": ("Items", "ItemID", "item_id"),
    "invoices": ("Invoices", "InvoiceID", "invoice_id"),
    "credit_notes": ("CreditNotes", "CreditNoteID", "credit_note_id"),
    "payments": ("Payments", "PaymentID", "payment_id"),
    "batch_payments": ("BatchPayments", "BatchPaymentID", "batch_payment_id"),
    "prepayments": ("Prepayments", "PrepaymentID", "prepayment_id"),
    "overpayments": ("Overpayments", "OverpaymentID", "overpayment_id"),
    "bank_transactions": ("BankTransactions", "BankTransactionID", "bank_transaction_id"),
    "bank_transfers": ("BankTransfers", "BankTransferID", "bank_transfer_id"),
    "purchase_orders": ("PurchaseOrders", "PurchaseOrderID", "purchase_order_id"),
    "quotes": ("Quotes", "QuoteID", "quote_id"),
    "manual_journals": ("ManualJournals", "ManualJournalID", "manual_journal_id"),
    "journals": ("Journals", "JournalID", "journal_id"),
    "repeating_invoices": ("RepeatingInvoices", "RepeatingInvoiceID", "repeating_invoice_id"),
    "tracking_categories": (
        "TrackingCategories",
        "TrackingCategoryID",
        "tracking_category_id",
    ),
}
LINES = {
    "invoice_line_items": ("Invoices", "InvoiceID", "LineItems", "LineItemID", "line_item_id"),
    "journal_lines": ("Journals", "JournalID", "JournalLines", "JournalLineID", "journal_line_id"),
}


def documents(xero: Sandbox, tenant_id: str, resource: str) -> list[dict[str, Any]]:
    """Every document of a resource, with exact numbers."""
    xero.books.advance(tenant_id)
    xero.books.write_journals(tenant_id)
    return [wire.decode(text) for text in xero.store.page(tenant_id, resource).documents]


def snake(name: str) -> str:
    """A column's name."""
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return re.sub(r"([A-Z]+)([A-Z][a-z]+)", r"\1_\2", name).lower()


def differences(row: dict[str, Any], document: dict[str, Any]) -> list[tuple[str, object, object]]:
    """Scalars of a document that the row shows differently."""
    return [
        (name, row[snake(name)], value)
        for name, value in document.items()
        if not isinstance(value, (dict, list))
        and snake(name) in row
        and not same(row[snake(name)], value)
    ]


def same(cell: Any, value: Any) -> bool:
    """Whether a table's cell is a document's value."""
    if value is None or value == "":
        return cell in {None, ""}
    if isinstance(cell, Decimal):
        return cell == Decimal(str(value))
    if isinstance(cell, datetime):
        return abs(cell - moment(value)) < timedelta(milliseconds=1)
    if isinstance(cell, date):
        return cell == moment(value).date()
    if cell is None and isinstance(value, str):
        return value.startswith("/Date(0")  # Xero's "never"
    return bool(cell == value)


def moment(value: str) -> datetime:
    """A point in time in either of Xero's spellings."""
    if match := re.match(r"/Date\((-?\d+)", value):
        return EPOCH + timedelta(milliseconds=int(match[1]))
    return datetime.fromisoformat(value).replace(tzinfo=UTC)
