"""What commits of a Delta table say: which files came, and whether the log may be relied on. Pure.

A commit is a list of actions. Source: Delta transaction log protocol, Actions; Add File and Remove
File, `dataChange`: false where rows only moved (OPTIMIZE).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Action = Mapping[str, Any]
FEED = "delta.enableChangeDataFeed"


@dataclass
class Additions:
    """What a range of commits brought.

    Attributes:
        files: By path, the files with new rows that the last version has: `add` actions.
        rewrites: Versions that took rows away: updates, deletes, overwrites. What they wrote has
            old rows among the new ones.
    """

    files: dict[str, Action] = field(default_factory=dict)
    rewrites: list[int] = field(default_factory=list)


def additions(commits: Iterable[tuple[int, list[Action]]], old: Collection[str]) -> Additions:
    """Files that commits added, as the last one left them.

    A file that only gathers older ones has new rows where one of these had. A file that was there
    before may come again, with statistics or a deletion vector, and has none.

    Args:
        commits: Version and actions of each, in order.
        old: Paths of the files before the first of them.
    """
    out = Additions()
    for version, actions in commits:
        added = {each["add"]["path"]: each["add"] for each in actions if "add" in each}
        removed = {each["remove"]["path"]: each["remove"] for each in actions if "remove" in each}
        moved_new_rows = bool(out.files.keys() & removed.keys())
        if any(each.get("dataChange", True) for each in removed.values()):
            out.rewrites.append(version)
        for path, add in added.items():
            if path not in old and (
                add.get("dataChange", True) or path in out.files or moved_new_rows
            ):
                out.files[path] = add
        for path in removed.keys() - added.keys():
            out.files.pop(path, None)
    return out


def feed_interrupted(commits: Iterable[tuple[int, list[Action]]]) -> int | None:
    """The first version that switched the change data feed off, if one did."""
    for version, actions in commits:
        for action in actions:
            if "metaData" in action and not writes_feed(action["metaData"]["configuration"]):
                return version
    return None


def writes_feed(properties: Mapping[str, Any]) -> bool:
    """Whether a table with these properties writes a change data feed."""
    return str(properties.get(FEED)).lower() == "true"
