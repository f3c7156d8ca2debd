"""Which scope lets an app write a stream; the tap itself only asks for it at the consent.

Source: Xero, Scopes: a scope without `.read` gives both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SCOPES: Mapping[str, str] = {
    "accounts": "accounting.settings",
    "contact_groups": "accounting.contacts",
    "contacts": "accounting.contacts",
    "items": "accounting.settings",
    "tracking_categories": "accounting.settings",
    "tracking_options": "accounting.settings",
}
"""By stream that `target-xero` writes."""


def named(config: Mapping[str, Any]) -> list[str]:
    """The streams that the settings have written."""
    return list(config.get("write_streams") or ())


def problems(config: Mapping[str, Any]) -> list[str]:
    """What is wrong with the setting, one sentence each."""
    return [
        f"Setting write_streams: {each} cannot be written; these can: {', '.join(SCOPES)}."
        for each in named(config)
        if each not in SCOPES
    ]
