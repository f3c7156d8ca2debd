"""What is taken over of a state that a run begins with, whoever wrote it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_xero.models.dates import format_instant, parse_instant
from tap_xero.models.schema import TENANT
from tap_xero.sync.window import OVERLAP

if TYPE_CHECKING:
    from collections.abc import Mapping

WEBHOOKS = "webhooks"
"""Member of a state that is about webhooks."""


def is_instant(value: Any) -> bool:
    """Whether a value is a moment."""
    try:
        parse_instant(value)
    except (TypeError, ValueError):
        return False
    return True


def clean_state(state: Mapping[str, Any], tenant_key: str = TENANT) -> dict[str, Any]:
    """The bookmarks of a state that have the shape of this tap's, for the SDK to load.

    Another tap's bookmarks name no organisation, so nothing can be concluded from them.

    Args:
        state: A state, whoever wrote it.
        tenant_key: Name of the organisation in the context of a partition.
    """
    bookmarks = state.get("bookmarks")
    if not isinstance(bookmarks, dict):
        return {}
    clean = {}
    for stream, entry in bookmarks.items():
        listed = entry.get("partitions") if isinstance(entry, dict) else None
        partitions = {
            each["context"][tenant_key]: {
                **each,
                "context": {tenant_key: each["context"][tenant_key]},
            }
            for each in (listed if isinstance(listed, list) else [])
            if isinstance(each, dict)
            and isinstance(each.get("context"), dict)
            and isinstance(each["context"].get(tenant_key), str)
        }
        if partitions:
            clean[stream] = {"partitions": list(partitions.values())}
    return {"bookmarks": clean}


def singer_io_bookmarks(state: Mapping[str, Any]) -> dict[str, str]:
    """The bookmarks of a state of singer-io/tap-xero, by stream, with the usual overlap.

    It reads one organisation without naming it, and keeps the latest timestamp of a stream
    under the timestamp's name.
    """
    bookmarks = state.get("bookmarks")
    marks = {}
    for stream, entry in bookmarks.items() if isinstance(bookmarks, dict) else ():
        if not isinstance(entry, dict) or "partitions" in entry:
            continue
        for name in ("UpdatedDateUTC", "CreatedDateUTC"):
            value = entry.get(name)
            if isinstance(value, str) and is_instant(value):
                marks[stream] = format_instant(parse_instant(value) - OVERLAP)
    return marks


def webhook_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a state that is about webhooks, if it has the right shape."""
    webhooks = state.get(WEBHOOKS)
    if not isinstance(webhooks, dict) or not isinstance(webhooks.get("inbox"), str):
        return {}
    positions = webhooks.get("organisations")
    if not isinstance(positions, dict):
        return {}
    clean = {str(key): value for key, value in positions.items() if type(value) is int}
    return {WEBHOOKS: {"inbox": webhooks["inbox"], "organisations": clean}}
