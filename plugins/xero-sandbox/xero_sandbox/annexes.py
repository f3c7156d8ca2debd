"""What hangs on documents: their history and the list of their attachments, made up from them.

Source: Xero's OpenAPI description 16.1.0 (which resources have them, their properties, scopes).
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from xero_sandbox import wire

if TYPE_CHECKING:
    from collections.abc import Mapping

Entry = dict[str, Any]

HISTORY = frozenset(
    {
        *("BankTransactions", "BankTransfers", "BatchPayments", "Contacts", "CreditNotes"),
        *("ExpenseClaims", "Invoices", "Items", "ManualJournals", "Overpayments", "Payments"),
        *("Prepayments", "PurchaseOrders", "Quotes", "Receipts", "RepeatingInvoices"),
    }
)
"""Resources whose documents have a history."""

ATTACHMENTS = frozenset(
    {
        *("Accounts", "BankTransactions", "BankTransfers", "Contacts", "CreditNotes", "Invoices"),
        *("ManualJournals", "PurchaseOrders", "Quotes", "Receipts", "RepeatingInvoices"),
    }
)
"""Resources to whose documents files can be attached."""

ATTACHMENTS_SCOPE = "attachments"

_USERS = ("Aroha Ngata", "System Generated")
_DONE = {
    "DELETED": "Deleted",
    "VOIDED": "Voided",
    "PAID": "Paid",
    "AUTHORISED": "Approved",
    "SENT": "Sent",
    "ARCHIVED": "Archived",
}
_ANY = 1_600_000_000_000


def history(document: Mapping[str, Any]) -> list[Entry]:
    """The entries of a document's history, the latest first.

    Args:
        document: As the store has it.
    """
    created = _at(document, "Date", "CreatedDateUTC")
    at = _at(document, "UpdatedDateUTC", "CreatedDateUTC")
    status = str(document.get("Status") or document.get("ContactStatus") or "")
    entries = [_entry("Created", created, _USERS[0], "")]
    if status in _DONE:
        entries.insert(0, _entry(_DONE[status], at, _USERS[0], ""))
    if reference := document.get("Reference"):
        entries.insert(0, _entry("Note", at, _USERS[1], f"The reference is {reference}."))
    return entries


def attachments(resource: str, identity: str, document: Mapping[str, Any]) -> list[Entry]:
    """The files attached to a document, one where it says that it has any.

    Args:
        resource: Envelope key of the document's resource.
        identity: The document's id.
        document: As the store has it.
    """
    if not document.get("HasAttachments"):
        return []
    name = f"scan-{identity[:8]}.pdf"
    file: Entry = {
        "AttachmentID": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{resource}/{identity}/{name}")),
        "FileName": name,
        "Url": f"https://api.xero.com/api.xro/2.0/{resource}/{identity}/Attachments/{name}",
        "MimeType": "application/pdf",
        "ContentLength": 20_000 + int(identity[:4], 16),
    }
    if resource in ("Invoices", "CreditNotes"):
        file["IncludeOnline"] = False
    return [file]


def _at(document: Mapping[str, Any], *names: str) -> int:
    """The first of some timestamps that a document has, in milliseconds."""
    return next((wire.parse_net_date(document[name]) for name in names if document.get(name)), _ANY)


def _entry(changes: str, at: int, user: str, details: str) -> Entry:
    return {
        "Changes": changes,
        "DateUTCString": wire.to_datetime(at).strftime("%Y-%m-%dT%H:%M:%S"),
        "DateUTC": wire.net_date(at),
        "User": user,
        "Details": details,
    }
