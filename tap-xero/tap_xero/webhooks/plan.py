"""What events ask for: which rows of which streams of which organisations. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tap_xero.models.resources import by_category

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from tap_xero.webhooks.inbox import PendingEvent

_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

Positions = dict[str, list[int]]
"""The positions of the events of each row, by its id in lower case."""


@dataclass
class Plan:
    """What to fetch.

    Attributes:
        rows: By organisation and stream, the rows to fetch, each once.
        unfetchable: Events that nothing can be fetched for, by position, with the reason.
        skipped: How many events are about what is not to be read.
        unconnected: Tenant ids that events name and that are to be read, but are not connected.
    """

    rows: dict[tuple[str, str], Positions] = field(default_factory=dict)
    unfetchable: dict[int, str] = field(default_factory=dict)
    skipped: int = 0
    unconnected: set[str] = field(default_factory=set)


def plan(
    events: Iterable[PendingEvent],
    *,
    streams: Collection[str],
    tenants: Collection[str],
    chosen: Collection[str],
) -> Plan:
    """Sort events out.

    Args:
        events: In the order of their arrival.
        streams: Streams that are selected.
        tenants: Organisations that are read.
        chosen: Those of `tenant_ids`, in small letters; empty when all are to be read.
    """
    made = Plan()
    for waiting in events:
        event = waiting.event
        resource = by_category(event.category)
        if resource is None:
            made.unfetchable[waiting.position] = (
                f"No stream is made of {event.category} events; put them back once there is one."
            )
        elif event.tenant_id not in tenants and (not chosen or event.tenant_id.lower() in chosen):
            made.unfetchable[waiting.position] = "The organisation is not connected to this app."
            made.unconnected.add(event.tenant_id)
        elif event.tenant_id not in tenants or resource.stream not in streams:
            made.skipped += 1
        elif not resource.single:
            # The next run that polls brings it; there is nothing to repair.
            made.skipped += 1
        elif not _GUID.fullmatch(event.resource_id):
            made.unfetchable[waiting.position] = "The event names no record."
        else:
            rows = made.rows.setdefault((event.tenant_id, resource.stream), {})
            rows.setdefault(event.resource_id.lower(), []).append(waiting.position)
    return made
