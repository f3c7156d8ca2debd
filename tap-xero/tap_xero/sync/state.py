"""A window: the rows of one stream of one organisation that one reading is about.

It is all that a stopped run leaves behind, so it is what the state holds. Between runs
only the bookmark is left of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from tap_xero.models.dates import format_instant, parse_instant

OVERLAP = timedelta(seconds=60)
"""How far a bookmark lies before the moment its window was opened.

If-Modified-Since counts whole seconds, Xero's machines do not agree on the time to the
second, and a row appears when its transaction ends, later than its timestamp. Rows read
twice cost a target nothing when nothing in them changed; a row that is missed is lost.
"""


@dataclass(frozen=True)
class Window:
    """How far the reading of one stream of one organisation has come.

    Attributes:
        since: What If-Modified-Since says, ISO 8601 UTC; None for everything.
        started: When Xero answered the first call of the window, by its own clock; None
            before that.
        page: Page to read next, from 1; for journals, the number to read after, from 0.
        rows: Distinct rows received so far.
        items: Rows in the window by Xero's last count; None where it does not count.
        query: Parameters the pages were counted with; others make other pages.
    """

    since: str | None = None
    started: str | None = None
    page: int = 1
    rows: int = 0
    items: int | None = None
    query: str = ""

    def restarted(self, *, rows: int = 0) -> Window:
        """The same window, to be read from its first page again, `rows` of it in hand."""
        return replace(self, page=1, rows=rows, items=None)

    @property
    def bookmark(self) -> str | None:
        """Where the next window starts: shortly before this one did."""
        if self.started is None:
            return None
        return format_instant(parse_instant(self.started) - OVERLAP)


_PROGRESS = ("since", "started", "page", "rows", "items", "query")


def resume(partition: dict[str, Any], fresh: Window) -> Window:
    """The window that a partition of the state is in the middle of.

    Args:
        partition: The partition, with whatever an older or another tap left in it.
        fresh: The window to read when there is nothing to resume.

    Returns:
        The stopped window if its pages are still the same ones, else `fresh`.
    """
    started, page = partition.get("started"), partition.get("page")
    since, rows, items = (partition.get(name) for name in ("since", "rows", "items"))
    if (
        not isinstance(started, str)
        or not _is_instant(started)
        or not isinstance(page, int)
        or not isinstance(rows, int)
        or not (items is None or isinstance(items, int))
        or not (since is None or (isinstance(since, str) and _is_instant(since)))
        or partition.get("query", "") != fresh.query
    ):
        return fresh
    return Window(since, started, page, rows, items, fresh.query)


def bookmark(partition: dict[str, Any], replication_key: str | None) -> str | None:
    """The bookmark in a partition of the state, if it is one of this stream's."""
    value = partition.get("replication_key_value")
    if partition.get("replication_key") != replication_key or not isinstance(value, str):
        return None
    return value if _is_instant(value) else None


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


def _is_instant(text: str) -> bool:
    try:
        parse_instant(text)
    except ValueError:
        return False
    return True


def clean_state(state: dict[str, Any], tenant_key: str) -> dict[str, Any]:
    """The part of a state that has the shape of this tap's, for the SDK to load.

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


def singer_io_bookmarks(state: dict[str, Any]) -> dict[str, str]:
    """The bookmarks of a state of singer-io/tap-xero, by stream, with the usual overlap.

    It reads one organisation without naming it, and keeps the latest timestamp of a stream
    under the timestamp's name.
    """
    bookmarks = state.get("bookmarks")
    found = {}
    for stream, entry in bookmarks.items() if isinstance(bookmarks, dict) else ():
        if not isinstance(entry, dict) or "partitions" in entry:
            continue
        for name in ("UpdatedDateUTC", "CreatedDateUTC"):
            value = entry.get(name)
            if isinstance(value, str) and _is_instant(value):
                found[stream] = format_instant(parse_instant(value) - OVERLAP)
    return found
