"""Which column of a table belongs to which property.

Delta compares names without regard to case, and a table may have been made by an earlier version,
which spelled names with letters beyond ASCII otherwise (`gr_e` for `Größe`). Such a column keeps
its name and goes on being filled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from target_databricks.schema.naming import unique_names
from target_databricks.schema.types import Field, Node, list_node, struct_node


def under_existing_names(fields: Sequence[Field], columns: Iterable[str]) -> list[Field]:
    """Fields under the names that a table has for them; new ones under names that are free.

    A name can be the new one of a property and the former one of another (`gr_e` and `Größe`). Who
    has a single column to be in gets it, those earlier in the schema first; what is left then
    decides for the others.
    """
    spelled = {name.lower(): name for name in columns}
    if all(field.former is None for field in fields):
        return [replace(f, name=spelled.get(f.name.lower(), f.name)) for f in fields]
    waiting = {field.source: [n for n in _names(field) if n in spelled] for field in fields}
    chosen: dict[str, str] = {}
    taken: set[str] = set()
    while waiting:
        sure = [source for source, names in waiting.items() if len(names) <= 1]
        for source in sure or list(waiting)[:1]:
            names = [name for name in waiting.pop(source) if name not in taken]
            if names:
                chosen[source] = spelled[names[0]]
                taken.add(names[0])
        waiting = {s: [n for n in names if n not in taken] for s, names in waiting.items()}
    new = {f.source: f.name for f in fields if f.source not in chosen}
    chosen |= unique_names(new, lambda source: new[source], [*spelled, *chosen.values()])
    return [replace(f, name=chosen[f.source], former=None) for f in fields]


def _names(field: Field) -> Iterator[str]:
    yield field.name.lower()
    if field.former is not None:
        yield field.former.lower()


def without_former_names(field: Field) -> Field:
    """The field, and those inside it, as one that no earlier version can have named."""
    if not has_former_names(field):
        return field
    return replace(field, former=None, node=_without(field.node))


def has_former_names(field: Field) -> bool:
    """Whether an earlier version had another name for the field or one inside it."""
    return field.former is not None or any(map(has_former_names, _below(field.node)))


def _below(node: Node) -> Sequence[Field]:
    return _below(node.item) if node.item is not None else node.fields


def _without(node: Node) -> Node:
    if node.item is not None:
        return list_node(_without(node.item))
    return struct_node([without_former_names(f) for f in node.fields]) if node.fields else node
