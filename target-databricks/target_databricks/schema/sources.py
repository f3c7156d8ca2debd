"""Which property each column was made for, and which child tables, as the stream's table notes it.

Several properties may want one column (`ID` and `id`, `a b` and `a_b`). Who was first has it for
good, whatever comes later and in whichever order, so a table notes who that was: a digest of each
column's path and of its property's name. Of child tables it notes the names, so that their rows go
with their parents' also when a later SCHEMA has left the array out. Pure; paths are column names,
joined by dots.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property

from target_databricks.schema.naming import digest_of, folded
from target_databricks.schema.plan import ChildPlan, StreamPlan
from target_databricks.schema.types import Field, Node, struct_node

PREFIX = "targetDatabricks.sources."
"""What the names of the table properties begin with that hold the digests."""
CHILDREN = "targetDatabricks.children"
"""Table property that holds the names of child tables."""
LENGTH = 3000
"""Characters of such a property at most; the metastores of Databricks take 4,000."""
_DIGITS = 8
"""Hexadecimal digits of a digest: a false match takes one pair in four milliards."""


def digest(path: str, source: str) -> str:
    """What stands for a property in a column.

    Args:
        path: The column's path.
        source: The property.
    """
    return digest_of(f"{folded(path)}\0{source}")[:_DIGITS]


def path_of(prefix: str, column: str) -> str:
    """The path of a column below another one, or at the top, where the prefix is empty."""
    return f"{prefix}.{column}" if prefix else column


def child_path(column: str) -> str:
    """The path of the elements of an array that are rows of a child table."""
    return f"{column}[]"


def digests_of(plan: StreamPlan) -> Iterator[str]:
    """Digests of all columns of a plan."""
    cut = {child.column for child in plan.children}
    yield from _digests_below("", tuple(f for f in plan.fields if f.name not in cut))
    for child in plan.children:
        yield from _digests_below(child_path(child.column), child.row.fields)


def _digests_below(prefix: str, fields: tuple[Field, ...]) -> Iterator[str]:
    """Digests of some fields and of all below them."""
    for field in fields:
        path = path_of(prefix, field.name)
        yield digest(path, field.source)
        yield from _digests_below(path, _members(field.node))


def _members(node: Node) -> tuple[Field, ...]:
    return _members(node.item) if node.item is not None else node.fields


def as_properties(noted: str) -> dict[str, str]:
    """Digests, one after the other, as table properties hold them."""
    starts = range(0, len(noted), LENGTH)
    return {f"{PREFIX}{number}": noted[at : at + LENGTH] for number, at in enumerate(starts)}


def from_properties(properties: Mapping[str, str]) -> str:
    """The digests that table properties hold, one after the other."""
    numbers = sorted(
        int(name.removeprefix(PREFIX))
        for name in properties
        if name.startswith(PREFIX) and name.removeprefix(PREFIX).isdecimal()
    )
    return "".join(properties[f"{PREFIX}{number}"] for number in numbers)


def properties_of(plan: StreamPlan) -> dict[str, str]:
    """What a new table notes."""
    return {**as_properties(plan.sources), **children_as_properties(c.table for c in plan.children)}


def children_as_properties(tables: Iterable[str]) -> dict[str, str]:
    """Names of child tables as a table property holds them; none where there are none."""
    text = json.dumps([*tables], ensure_ascii=False)
    return {CHILDREN: text} if 2 < len(text) <= LENGTH else {}


def children_in(properties: Mapping[str, str]) -> list[str]:
    """Names of child tables that a table property holds."""
    try:
        return [str(name) for name in json.loads(properties.get(CHILDREN, "[]"))]
    except (ValueError, TypeError):
        return []


def with_former_children(plan: StreamPlan, properties: Mapping[str, str]) -> StreamPlan:
    """The plan with the child tables of earlier SCHEMAs that its table notes, to retire rows."""
    own = {child.table for child in plan.children}
    former = [name for name in children_in(properties) if name not in own]
    nothing = struct_node(())
    children = tuple(ChildPlan("", name, plan.keys, nothing) for name in former)
    return replace(plan, children=plan.children + children) if former else plan


def split(noted: str) -> list[str]:
    """Digests that stand one after the other."""
    return [noted[at : at + _DIGITS] for at in range(0, len(noted), _DIGITS)]


class Owners:
    """Who owns the columns of a stream's tables.

    Args:
        look: Gives the properties of the stream's own table; asked only when it matters.
        settled: Whether the plan is called as its columns are: a staged one, which knows no
            properties.
    """

    def __init__(self, look: Callable[[], Mapping[str, str]], *, settled: bool = False) -> None:
        self._look = look
        self.settled = settled

    @cached_property
    def _ranks(self) -> Mapping[str, int]:
        noted = split(from_properties(self._look()))
        return {each: rank for rank, each in enumerate(noted, 1)}

    @property
    def unknown(self) -> bool:
        """Whether the table notes nothing, as those of earlier versions."""
        return not self._ranks

    def rank(self, path: str, source: str) -> int:
        """0 if a column was never a property's; of two that had it the later has the higher."""
        return self._ranks.get(digest(path, source), 0)


NOBODY = Owners(dict)
"""Of tables of which nothing is noted."""
