"""From the body of a delivery to its events. Pure.

Categories and types that nobody knows yet are events like any other: Xero adds new ones. What lacks
the parts that say which record changed is no event, and is only counted.

Source: Xero's OpenAPI description of webhooks; Xero, Webhooks overview.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

_LONGEST = 200
"""Characters that a part of an event may have; Xero's have 36 at most."""


class NotUnderstoodError(ValueError):
    """A body that is no delivery as Xero describes them."""


@dataclass(frozen=True)
class Event:
    """One change of one record.

    Attributes:
        tenant_id: The organisation; of SUBSCRIPTION events, the app.
        category: What kind of record: INVOICE, CONTACT and so on.
        resource_id: The record.
        type: CREATE or UPDATE.
        at: When it changed, as Xero wrote it: UTC, without a zone.
    """

    tenant_id: str
    category: str
    resource_id: str
    type: str
    at: str


@dataclass(frozen=True)
class Delivery:
    """What one request brought.

    Attributes:
        events: In the order in which they stood there; none in the intent-to-receive handshake.
        malformed: Entries that say of no record that it changed.
    """

    events: tuple[Event, ...]
    malformed: int = 0


def parse(body: bytes) -> Delivery:
    """Read a delivery.

    Args:
        body: A body that is known to be Xero's.

    Raises:
        NotUnderstoodError: It is no JSON object with a list of events.
    """
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotUnderstoodError("no JSON") from error
    entries = content.get("events") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise NotUnderstoodError("no list of events")
    events = tuple(event for entry in entries if (event := _event(entry)) is not None)
    return Delivery(events, len(entries) - len(events))


def _event(entry: Any) -> Event | None:
    if not isinstance(entry, dict):
        return None
    names = ("tenantId", "eventCategory", "resourceId", "eventDateUtc")
    tenant_id, category, resource_id, at = parts = [_text(entry.get(name)) for name in names]
    if not all(parts):
        return None
    return Event(tenant_id, category, resource_id, _text(entry.get("eventType")), at)


def _text(value: Any) -> str:
    """A part of an event; empty when it is none."""
    usable = isinstance(value, str) and len(value) <= _LONGEST and value.isprintable()
    return value if usable else ""
