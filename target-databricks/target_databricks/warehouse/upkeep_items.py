"""What tables are to have of comments, tags, clustering and properties, and what to set. Pure.

A table property remembers what was set from here, by short hashes: what schemas and settings say,
and what they said before. Of what they say again nothing is looked at. Of what they say anew the
table is looked at, and each thing is set where the table has none, or one that was set from here.
What people have written in its place is theirs and stays, and so does what no schema asks for any
more: another job may, which selects other columns.

Source: Databricks SQL language reference, COMMENT ON, ALTER TABLE (SET TAGS, CLUSTER BY, SET
TBLPROPERTIES), CREATE VIEW.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow as pa

from target_databricks.limits import CLUSTERED_COLUMNS
from target_databricks.schema.plan import (
    COMMENTS,
    DELETED_AT,
    FLAG_COMMENT,
    IS_CURRENT,
    Hints,
)
from target_databricks.schema.types import comment
from target_databricks.warehouse.sql import ddl
from target_databricks.warehouse.sql.columns import clusterable
from target_databricks.warehouse.sql.names import quoted

REMEMBERED = "target-databricks.said"
"""Name of the property: hashes of what is said, colon, of what was; six characters each."""

TABLE = ""
"""Stands for the table itself, where others are columns."""

_HASH = 6


class Item(NamedTuple):
    """Something that a table is to have.

    Attributes:
        kind: `comment`, `tag`, `property`, `cluster` or `view`.
        column: Column it is about; `TABLE` for the table.
        name: Key of a tag or property; empty for others.
        value: Its text; of a view its condition.
    """

    kind: str
    column: str
    name: str
    value: str

    @property
    def place(self) -> tuple[str, str, str]:
        """What cannot have two values."""
        return self.kind, self.column.lower(), self.name


@dataclass(frozen=True)
class Memory:
    """What a table remembers of what was set from here.

    Attributes:
        said: Hashes of what was wished for last, set or left as people had it.
        before: Hashes of what was set and then set otherwise.
    """

    said: frozenset[str] = field(default_factory=frozenset)
    before: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def parse(cls, stated: str | None) -> Memory:
        """Read the property; whatever else stands there is no memory."""
        halves = (stated or "").split(":")
        if len(halves) != 2 or any(len(half) % _HASH for half in halves):
            return cls()
        return cls(*(_hashes(half) for half in halves))

    def __str__(self) -> str:
        return ":".join("".join(sorted(hashes)) for hashes in (self.said, self.before))

    def news(self, items: Iterable[Item]) -> list[Item]:
        """What is said for the first time, or again after something else."""
        return [item for item in items if _hashed(item) not in self.said]

    def is_own(self, item: Item) -> bool:
        """Whether what a table has was set from here."""
        return _hashed(item) in self.said | self.before

    def after(self, items: Collection[Item], present: Iterable[Item]) -> Memory:
        """What is remembered once things were set.

        Args:
            items: What was news.
            present: What the table had.
        """
        places, new = {item.place for item in items}, frozenset(map(_hashed, items))
        past = {_hashed(item) for item in present if item.place in places} & self.said
        return Memory(self.said - past | new, (self.before | past) - new)


def _hashes(text: str) -> frozenset[str]:
    return frozenset(text[at : at + _HASH] for at in range(0, len(text), _HASH))


def wanted(
    description: str | None,
    columns: pa.Schema,
    hints: Hints,
    *,
    there: pa.Schema | None = None,
    comments: bool,
    tags: Mapping[str, str],
    properties: Mapping[str, str],
    views: bool = False,
) -> list[Item]:
    """All that a table is to have.

    Args:
        description: Its comment.
        columns: Its columns, commented.
        hints: What the schema says to Databricks alone.
        there: Columns that it has already, this job's and others'.
        comments: Whether comments are wanted.
        tags: Tags of all tables.
        properties: Properties of all tables.
        views: Whether a view of the rows that are there is wanted.
    """
    said = {TABLE: description} | {c.name: text for c in columns if (text := comment(c))}
    items = [Item("comment", name, "", text) for name, text in said.items() if comments and text]
    own = {TABLE, *columns.names}
    for (column, key), value in {
        **{(TABLE, key): value for key, value in tags.items()},
        **{(column, key): value for column, key, value in hints.tags},
    }.items():
        if column in own:
            items.append(Item("tag", column, key, value))
    for key, value in {**properties, **dict(hints.properties)}.items():
        items.append(Item("property", TABLE, key, value))
    if views and (condition := _there(columns)):
        items.append(Item("view", TABLE, "", condition))
    every = {c.name: c for c in (*(there or ()), *columns)}
    chosen = hints.cluster_by or ()
    # By others no table can be clustered.
    orderly = [name for name in chosen if name in every and clusterable(every[name])]
    # A job that does not select all of them says nothing against the others.
    if orderly and every.keys() >= set(chosen):
        items.append(Item("cluster", TABLE, "", json.dumps(orderly[:CLUSTERED_COLUMNS])))
    return items


def _there(columns: pa.Schema) -> str:
    """The condition on which a row is there; empty where a table keeps no deletions."""
    conditions = [f"{quoted(DELETED_AT)} IS NULL"] if DELETED_AT in columns.names else []
    if (IS_CURRENT, COMMENTS[IS_CURRENT]) in {(c.name, comment(c)) for c in columns}:
        conditions.append(quoted(IS_CURRENT))
    flags = [c.name for c in columns if comment(c) == FLAG_COMMENT]
    conditions += [f"NOT coalesce({quoted(name)}, false)" for name in flags]
    return " AND ".join(conditions)


def changes(
    items: Iterable[Item], present: Iterable[Item], memory: Memory
) -> tuple[list[Item], list[Item]]:
    """What is to be set, and what is not because people have set it otherwise.

    Args:
        items: All that is wanted.
        present: What the table has; what is empty is not among it.
        memory: What was set from here.
    """
    there = {item.place: item for item in present}
    to_set: list[Item] = []
    theirs: list[Item] = []
    for item in items:
        now = there.get(item.place)
        if now is None:
            to_set.append(item)
        elif now.value != item.value:
            (to_set if memory.is_own(now) else theirs).append(item)
    return to_set, theirs


def statements(table: str, items: Iterable[Item], view: str = "") -> Iterator[str]:
    """Statements that give a table what it lacks.

    Args:
        table: The table, in SQL.
        items: What to set.
        view: The view of what is there, in SQL.
    """
    items = list(items)
    for item in items:
        if item.kind == "comment":
            yield ddl.comment(table, item.column, item.value)
        elif item.kind == "cluster":
            yield ddl.cluster_by(table, json.loads(item.value))
        elif item.kind == "view":
            yield ddl.current_view(view, table, item.value)
    for column in dict.fromkeys(item.column for item in items if item.kind == "tag"):
        pairs = {i.name: i.value for i in items if i.kind == "tag" and i.column == column}
        yield ddl.set_tags(table, column, pairs)
    if properties := {item.name: item.value for item in items if item.kind == "property"}:
        yield ddl.set_properties(table, properties)


def _hashed(item: Item) -> str:
    text = json.dumps((*item.place, item.value)).encode()
    return b64encode(hashlib.sha256(text).digest()).decode()[:_HASH]
