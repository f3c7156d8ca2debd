"""Settings that are left empty; nothing is imported here that takes long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def without_blanks(config: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """The settings less those that are left empty, which then get their defaults.

    Args:
        config: The settings.
        names: Those of which an empty text means nothing.
    """
    return {
        name: value
        for name, value in config.items()
        if name not in names or str("" if value is None else value).strip()
    }
