"""What Xero announces, as a table, and how an announcement looks on the wire. Pure.

Source: Xero's OpenAPI description of webhooks 16.1.0 (CONTACT, INVOICE, CREDITNOTE); Xero, Webhooks
overview and release notes of 2026 (PREPAYMENT, OVERPAYMENT, PAYMENT). What `data` holds for the
last two is a guess by analogy.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xero_sandbox import wire

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ANNOUNCED = {
    "CONTACT": "Contacts",
    "INVOICE": "Invoices",
    "CREDITNOTE": "CreditNotes",
    "PREPAYMENT": "Prepayments",
    "OVERPAYMENT": "Overpayments",
    "PAYMENT": "Payments",
}
"""Event categories that Xero has today and the resources they are about."""

CATEGORIES = ANNOUNCED | {
    "ACCOUNT": "Accounts",
    "BANKTRANSACTION": "BankTransactions",
    "BANKTRANSFER": "BankTransfers",
    "BATCHPAYMENT": "BatchPayments",
    "CONTACTGROUP": "ContactGroups",
    "ITEM": "Items",
    "LINKEDTRANSACTION": "LinkedTransactions",
    "MANUALJOURNAL": "ManualJournals",
    "PURCHASEORDER": "PurchaseOrders",
    "QUOTE": "Quotes",
    "RECEIPT": "Receipts",
    "REPEATINGINVOICE": "RepeatingInvoices",
    "TRACKINGCATEGORY": "TrackingCategories",
    "USER": "Users",
}
"""Those and what Xero may announce one day: sent to who subscribes to it here."""

_BY_RESOURCE = {resource: category for category, resource in CATEGORIES.items()}

_DATA = {
    "CREDITNOTE": ("Type", "Status"),
    "PREPAYMENT": ("Type", "Status", "UpdatedDateUTCString"),
    "OVERPAYMENT": ("Type", "Status", "UpdatedDateUTCString"),
    "PAYMENT": ("PaymentType", "Status", "UpdatedDateUTCString"),
}
"""Properties of the document that the newer categories repeat in the event."""

SIGNATURE = "x-xero-signature"
"""Name of the header that carries the signature."""

Event = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """A change of the books.

    Attributes:
        tenant_id: The organisation.
        resource: Envelope key.
        id: The document's id.
        document: The document after the change.
        created: Whether it is new.
        at: When it changed, milliseconds since 1970.
    """

    tenant_id: str
    resource: str
    id: str
    document: Mapping[str, Any]
    created: bool
    at: int


def event_of(change: Change) -> Event | None:
    """The event that announces a change; None when Xero does not announce its kind."""
    category = _BY_RESOURCE.get(change.resource)
    if category is None:
        return None
    event: Event = {
        "resourceUrl": f"https://api.xero.com/api.xro/2.0/{change.resource}/{change.id}",
        "resourceId": change.id,
        "tenantId": change.tenant_id,
        "tenantType": "ORGANISATION",
        "eventCategory": category,
        "eventType": "CREATE" if change.created else "UPDATE",
        "eventDateUtc": wire.to_datetime(change.at).strftime("%Y-%m-%dT%H:%M:%S.")
        + f"{change.at % 1000:03d}",
    }
    if category in _DATA:
        event["data"] = {name: change.document.get(name) for name in _DATA[category]}
    return event


def body_of(events: Sequence[Event], first: int, last: int, entropy: str) -> bytes:
    """The body of a delivery; the handshake has no events and both numbers 0."""
    return wire.encode(
        {
            "events": list(events),
            "firstEventSequence": first,
            "lastEventSequence": last,
            "entropy": entropy,
        }
    )


def signature_of(body: bytes, key: str) -> str:
    """The signature of a body: base64 of its HMAC-SHA256 under the signing key's characters."""
    return base64.b64encode(hmac.digest(key.encode(), body, hashlib.sha256)).decode()
