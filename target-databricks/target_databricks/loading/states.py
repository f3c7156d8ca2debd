"""States that go out only in part, where a stream is held up.

Of a state of the form `{"bookmarks": {"<stream>": …}}`, the one of the Meltano SDK and of most taps
of singer.io, the part of a stream speaks for that stream alone: it stays as it was when the rows of
the stream were last all in the tables, and the other parts go out. What else stands in a state may
speak for any stream, so a state of another form is held whole.

Source: Singer specification, State; Meltano SDK, `singer_sdk.helpers._state`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

BOOKMARKS = "bookmarks"
_FORM = frozenset({BOOKMARKS, "currently_syncing"})


def speaks_of(value: Any, stream: str) -> bool:
    """Whether a state may say something of a stream, as the tap calls it."""
    if not isinstance(value, Mapping) or not _FORM.issuperset(value):
        return True
    bookmarks = value.get(BOOKMARKS)
    # An empty part lets the tap start the stream anew.
    return not isinstance(bookmarks, Mapping) or bool(bookmarks.get(stream))


def without(
    value: Any, streams: Collection[str], earlier: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """A state less what it says of some streams.

    Args:
        value: The state.
        streams: Streams, as the tap calls them.
        earlier: The state that went out last; its parts stand for theirs. Where it has none, the
            tap starts such a stream anew.

    Returns:
        The state, or None where it does not keep streams apart.
    """
    if not isinstance(value, Mapping) or not _FORM.issuperset(value):
        return None
    bookmarks = value.get(BOOKMARKS)
    if not isinstance(bookmarks, Mapping) or not bookmarks.keys() >= set(streams):
        return None
    before = (earlier or {}).get(BOOKMARKS)
    kept = before if isinstance(before, Mapping) else {}
    parts = {
        name: kept.get(name) if name in streams else part
        for name, part in bookmarks.items()
        if name not in streams or name in kept
    }
    return {**value, BOOKMARKS: parts}
