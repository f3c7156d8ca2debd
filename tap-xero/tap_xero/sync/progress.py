"""A window that is being read, as a partition of the state has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tap_xero.sync.prior_state import is_instant

if TYPE_CHECKING:
    from tap_xero.sync.window import Window

_SOUND: dict[str, Callable[[Any], bool]] = {
    "since": lambda value: is_instant(value),
    "started": lambda value: is_instant(value),
    "page": lambda value: isinstance(value, int),
    "rows": lambda value: isinstance(value, int),
    "items": lambda value: isinstance(value, int),
    "latest": lambda value: is_instant(value),
    "last": lambda value: isinstance(value, str),
}
"""What a window in a state consists of, besides its query, and what each part may be."""

_PROGRESS = (*_SOUND, "query")


def resume(partition: dict[str, Any], fresh: Window) -> Window:
    """The window that a partition of the state is in the middle of.

    Args:
        partition: The partition, with whatever an older or another tap left in it.
        fresh: The window to read when there is nothing to resume.

    Returns:
        The stopped window if its pages are still the same ones, else `fresh`.
    """
    left: dict[str, Any] = {name: partition.get(name) for name in _PROGRESS}
    optional = {"since", "items", "latest", "last"}
    sound = all(
        (left[name] is None and name in optional) or _SOUND[name](left[name]) for name in _SOUND
    )
    same = partition.get("query", "") == fresh.query
    return replace(fresh, **{name: left[name] for name in _SOUND}) if sound and same else fresh


def bookmark(partition: dict[str, Any], replication_key: str | None) -> str | None:
    """The bookmark in a partition of the state, if it is one of this stream's."""
    value = partition.get("replication_key_value")
    if partition.get("replication_key") != replication_key or not isinstance(value, str):
        return None
    return value if is_instant(value) else None


def record_progress(partition: dict[str, Any], window: Window) -> None:
    """Write a window that is being read into its partition."""
    for name in _PROGRESS:
        value = getattr(window, name)
        if value is None or value == "":
            partition.pop(name, None)
        else:
            partition[name] = value


def record_completion(
    partition: dict[str, Any], window: Window, replication_key: str | None
) -> None:
    """Leave nothing of a window that is complete but the bookmark.

    Args:
        partition: The partition.
        window: The window.
        replication_key: Name of the timestamp; None for a stream that is always read whole.
    """
    abandon(partition)
    if replication_key is not None and window.bookmark is not None:
        partition["replication_key"] = replication_key
        partition["replication_key_value"] = window.bookmark


def abandon(partition: dict[str, Any]) -> None:
    """Forget a window; the bookmark stays where it was."""
    for name in _PROGRESS:
        partition.pop(name, None)
