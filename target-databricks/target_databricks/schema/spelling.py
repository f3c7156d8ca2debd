"""Which column of a table belongs to which property.

Delta compares names without regard to case, several properties may want one column, and a table may
have been made by an earlier version, which spelled names with letters beyond ASCII otherwise
(`gr_e` for `Größe`). A property keeps the column that it has, whatever
the order of the properties. A column is a property's if

1. it has the suffix that only this property gets,
2. the table notes it (`sources.py`), where several want it,
3. it has the property's name, those of a key and those earlier in the schema first.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from target_databricks.schema.naming import folded, suffixed, unique_names
from target_databricks.schema.sources import NOBODY, Owners, path_of
from target_databricks.schema.types import Field, Node, list_node, struct_node

_SUFFIX = re.compile(r"_[0-9a-f]{6}$").search


def under_existing_names(
    fields: Sequence[Field],
    columns: Iterable[str],
    owners: Owners = NOBODY,
    prefix: str = "",
    keys: Collection[str] = (),
) -> list[Field]:
    """Fields under the names that a table has for them; new ones under names that are free.

    Args:
        fields: The fields.
        columns: Names that the table has where they belong.
        owners: Whose columns these are.
        prefix: Path of the columns around them.
        keys: Properties of the key.
    """
    spelled = {folded(name): name for name in columns}
    free = dict(spelled)
    chosen: dict[str, str] = {}
    waiting: dict[str, list[str]] = {}

    def take(source: str, name: str) -> None:
        chosen[source] = free.pop(name)
        waiting.pop(source, None)

    def rank(source: str, name: str) -> int:
        return owners.rank(path_of(prefix, name), source)

    for field in fields if owners.settled else ():
        if folded(field.name) in free:
            take(field.source, folded(field.name))
    fields, whole = [f for f in fields if f.source not in chosen], fields
    suffixes = any(map(_SUFFIX, spelled))
    for field in sorted(fields, key=lambda f: f.source not in keys):
        own = [n for n in _suffixed(field) if n in free] if suffixes else []
        if own:
            take(field.source, own[0])
            continue
        waiting[field.source] = [n for n in _names(field) if n in free]
    for name, sources in _contested(waiting).items():
        claims = {s: rank(s, name) for s in sources if s in waiting}
        if claims and max(claims.values()):
            take(max(claims, key=lambda s: claims[s]), name)
    while waiting:
        # Who has a single column to be in gets it; what is left then decides for the others.
        sure = [source for source, names in waiting.items() if len(names) <= 1]
        for source in sure or list(waiting)[:1]:
            names = [n for n in waiting.pop(source) if n in free]
            if names:
                take(source, names[0])
        waiting = {s: [n for n in names if n in free] for s, names in waiting.items()}
    new = {f.source: f.plain or f.name for f in fields if f.source not in chosen}
    chosen |= unique_names(new, lambda source: new[source], [*spelled, *chosen.values()])
    return [replace(f, name=chosen[f.source], former=None, plain=None) for f in whole]


def _names(field: Field) -> Iterator[str]:
    yield folded(field.plain or field.name)
    if field.former is not None:
        yield folded(field.former)


def _suffixed(field: Field) -> list[str]:
    """The names of a field that no other one can have."""
    return [folded(suffixed(name, field.source)) for name in _names(field)]


def _contested(waiting: Mapping[str, Sequence[str]]) -> Mapping[str, list[str]]:
    """The names that more than one source wants."""
    claims: dict[str, list[str]] = {}
    for source, names in waiting.items():
        for name in names:
            claims.setdefault(name, []).append(source)
    return {name: sources for name, sources in claims.items() if len(sources) > 1}


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
