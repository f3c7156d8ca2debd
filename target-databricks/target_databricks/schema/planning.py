"""Planning a stream: from its SCHEMA message and the settings to a `StreamPlan`.

Pure, and as if no table existed yet; `evolution.py` then fits the plan to the tables that do.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from target_databricks.schema.json_schema import TypeMapper
from target_databricks.schema.naming import (
    ascii_snake_case,
    snake_case,
    table_name,
    unique_names,
)
from target_databricks.schema.plan import (
    DELETED_AT,
    HISTORY,
    JOB_ID,
    PLAIN,
    POSITION,
    RESCUED_DATA,
    ChildPlan,
    Hints,
    ParentColumn,
    Reference,
    StreamPlan,
    reserved,
)
from target_databricks.schema.types import Field, Kind, Node, list_node, struct_node


def make_plan(
    stream: str,
    schema: Mapping[str, Any],
    key_properties: Sequence[str],
    bookmark_properties: Sequence[str] = (),
    *,
    mapper: TypeMapper,
    child_rules: Mapping[str, str | bool] | None = None,
    parent_rules: Mapping[str, Mapping[str, str]] | None = None,
    sdk_metadata: bool = True,
    soft_delete: str | None = None,
    history: bool = False,
) -> StreamPlan:
    """Plan a stream as if its table did not exist yet.

    Args:
        stream: Stream name as the tap has it.
        schema: JSON Schema of the record; must state `properties`.
        key_properties: Property names of the key, possibly none.
        bookmark_properties: Property names the tap bookmarks on; the first top-level one counts.
        mapper: How JSON Schema becomes Arrow.
        child_rules: The `child_tables` setting: glob on `stream.Property` to True, False or a
            table name; the last match wins over the schema's own `x-child-table`.
        parent_rules: The `child_columns` setting: glob on `stream.Property` to a map from the
            parent's properties to what the child table calls them; the last match wins over the
            schema's own `x-parent-columns`.
        sdk_metadata: Whether to write the SDK's `_sdc_*` columns.
        soft_delete: Name of the users' flag.
        history: Whether every version of a row is kept.
    """
    ours = reserved(sdk_metadata=sdk_metadata)
    properties: dict[str, Any] = {
        n: sub for n, sub in schema["properties"].items() if n not in ours
    }
    taken = [*ours, RESCUED_DATA, *([] if DELETED_AT in properties else [DELETED_AT])]
    taken += HISTORY if history else []
    root = mapper.struct({**schema, "properties": properties}, reserved=taken)
    names = {f.source: f.name for f in root.fields}
    keys = tuple(names[k] for k in key_properties if k in names)
    bookmark = next((names[b] for b in bookmark_properties if b in names), None)
    tables = _child_tables(stream, properties, root, keys, child_rules or {})
    ours_below = (POSITION, JOB_ID, DELETED_AT, *(HISTORY if history else ()))
    root = struct_node(
        [
            _with_names_apart(stream, f, root.fields, keys, properties[f.source], ours_below)
            if f.name in tables
            else f
            for f in root.fields
        ]
    )
    children = _children(tables, properties, root, keys, mapper.spell)
    repeated = _repeated(stream, properties, root, parent_rules or {})
    children = [
        replace(
            child,
            parents=_parents(child, repeated.get(child.column, {}), root, mapper.spell, ours_below),
        )
        for child in children
    ]
    description = schema.get("description")
    return StreamPlan(
        stream=stream,
        table=table_name(stream),
        root=root,
        keys=keys,
        bookmark=bookmark,
        children=tuple(children),
        description=description if isinstance(description, str) else None,
        history=history,
        sdk_metadata=sdk_metadata,
        soft_delete=soft_delete,
        references=() if history else tuple(_references(properties, names, names, mapper.spell)),
        hints=_hints(schema, names, mapper.spell),
        former_table=ascii_snake_case(stream),
    )


def _references(
    properties: Mapping[str, Any],
    names: Mapping[str, str],
    own: Mapping[str, str],
    spell: Callable[[str], str],
) -> Iterable[Reference]:
    """The `x-references` of a record's or an element's properties.

    The last property of the key referred to is the one that the annotated property holds; those
    before it (the organisation, in Xero's books) are held by properties of the same name.

    Args:
        properties: JSON Schema of the properties.
        names: Property name to column name, for everything the table has.
        own: The same for the annotated properties.
        spell: How the other table's properties become columns.
    """
    for source, column in own.items():
        stated = properties.get(source)
        hint = stated.get("x-references") if isinstance(stated, Mapping) else None
        if not isinstance(hint, Mapping) or not hint.get("stream") or not hint.get("properties"):
            continue
        *shared, _ = hint["properties"]
        if all(name in names for name in shared):
            yield Reference(
                columns=(*(names[name] for name in shared), column),
                table=table_name(str(hint["stream"])),
                to=tuple(spell(name) for name in hint["properties"]),
            )


def _hints(
    schema: Mapping[str, Any], names: Mapping[str, str], spell: Callable[[str], str]
) -> Hints:
    stated = schema.get("x-databricks-cluster-by")
    columns = [stated] if isinstance(stated, str) else stated
    properties = schema.get("x-databricks-properties")
    return Hints(
        cluster_by=None if columns is None else tuple(names.get(c) or spell(c) for c in columns),
        properties=tuple((str(k), str(v)) for k, v in properties.items())
        if isinstance(properties, Mapping)
        else (),
        tags=tuple(_tags(schema, names)),
    )


def _tags(schema: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Tags of a table and its columns: `{"domain": "finance"}`, or `["pii"]` for keys alone."""
    properties = schema.get("properties") or {}
    stated = [("", schema), *((names[n], sub) for n, sub in properties.items() if n in names)]
    for column, sub in stated:
        tags = sub.get("x-databricks-tags") if isinstance(sub, Mapping) else None
        if isinstance(tags, str | Sequence):
            tags = dict.fromkeys([tags] if isinstance(tags, str) else tags, "")
        for key, value in tags.items() if isinstance(tags, Mapping) else ():
            yield column, str(key), "" if value is None else str(value)


def _child_tables(
    stream: str,
    properties: Mapping[str, Any],
    root: Node,
    keys: tuple[str, ...],
    rules: Mapping[str, str | bool],
) -> Mapping[str, tuple[str, str]]:
    """The arrays of objects that the schema or the settings call child tables, by column.

    Each with its table, and with what an earlier version called it.

    A stream without keys keeps its arrays: rows of a parent that cannot be named could never be
    replaced.
    """
    tables: dict[str, tuple[str, str]] = {}
    for member in root.fields if keys else ():
        item = member.node.item
        if item is None or item.kind is not Kind.STRUCT:
            continue
        hint = properties[member.source].get("x-child-table")
        wanted: str | bool | None = None
        for pattern, rule in rules.items():
            if fnmatch.fnmatchcase(f"{stream}.{member.source}", pattern):
                wanted = rule
        if wanted is False or (wanted is None and not hint):
            continue
        stated = hint.get("name") if isinstance(hint, Mapping) else None
        named = wanted if isinstance(wanted, str) else stated
        tables[member.name] = (
            table_name(str(named or f"{stream}_{snake_case(member.source)}")),
            ascii_snake_case(str(named or f"{stream}_{ascii_snake_case(member.source)}")),
        )
    return tables


def _with_names_apart(
    stream: str,
    array: Field,
    columns: Sequence[Field],
    keys: tuple[str, ...],
    schema: Any,
    ours: tuple[str, ...],
) -> Field:
    """The array, its elements' members named apart from what else a child row has.

    A member that is called like the parent's key, or like a column of the target's, gets the
    array's name in front: `id` of the `lines` becomes `lines__id`, beside the parent's `id`. Two
    underscores, because no other member has them, whatever comes later. Only where the schema says
    that it points at the parent (`x-references`) it is the parent's key.
    """
    item = cast("Node", array.node.item)
    elements = _element_properties(schema)
    # A key may be called by its plain name in a table that is there.
    plain = [f.plain for f in columns if f.plain and f.name in keys]
    taken = {name.lower() for name in (*keys, *plain, *ours)}
    front = array.plain or array.name
    free = [f.name for f in item.fields if f.name.lower() not in taken]
    names = {
        f.source: f.name
        for f in item.fields
        if f.name.lower() in taken and not _points_at(stream, f, keys, elements.get(f.source))
    }
    apart = unique_names(
        names, lambda source: f"{front}__{names[source].lstrip('_')}", [*taken, *free]
    )
    fields = [
        replace(f, name=apart[f.source], former=None, plain=None) if f.source in apart else f
        for f in item.fields
    ]
    return replace(array, node=list_node(struct_node(fields)))


def _points_at(stream: str, member: Field, keys: tuple[str, ...], schema: Any) -> bool:
    """Whether an element's member is, by its schema, the key of the record that it stands in."""
    hint = schema.get("x-references") if isinstance(schema, Mapping) else None
    if not isinstance(hint, Mapping) or hint.get("stream") != stream or member.name not in keys:
        return False
    return list(hint.get("properties") or ())[-1:] == [member.source]


def _children(
    tables: Mapping[str, tuple[str, str]],
    properties: Mapping[str, Any],
    root: Node,
    keys: tuple[str, ...],
    spell: Callable[[str], str],
) -> Iterable[ChildPlan]:
    """The plans of the child tables.

    Args:
        tables: Array column to table, and its former name.
        properties: JSON Schema of the record's properties.
        root: The record.
        keys: Its key columns.
        spell: How the properties of another table become columns.
    """
    for member in root.fields:
        item = member.node.item
        if member.name not in tables or item is None:
            continue
        hint = properties[member.source].get("x-child-table")
        own = {f.source: f.name for f in item.fields}
        stated = hint.get("key", ()) if isinstance(hint, Mapping) else ()
        named = [own[k] for k in stated if k in own]
        parents = {f.source: f.name for f in root.fields if f.name in keys}
        elements = _element_properties(properties[member.source])
        yield ChildPlan(
            column=member.name,
            table=tables[member.name][0],
            former_table=tables[member.name][1],
            keys=keys + (tuple(k for k in named if k not in keys) or (POSITION,)),
            row=item,
            description=member.description,
            references=tuple(_references(elements, {**own, **parents}, own, spell)),
            hints=Hints(
                tags=tuple(_tags({**properties[member.source], "properties": elements}, own))
            ),
        )


def _repeated(
    stream: str,
    properties: Mapping[str, Any],
    root: Node,
    rules: Mapping[str, Mapping[str, str]],
) -> Mapping[str, Mapping[str, str]]:
    """What the rows of arrays repeat of their parent, by the schema or the settings, by column."""
    repeated = {}
    for member in root.fields:
        stated = properties[member.source]
        hint = stated.get("x-parent-columns") if isinstance(stated, Mapping) else None
        for pattern, rule in rules.items():
            if fnmatch.fnmatchcase(f"{stream}.{member.source}", pattern):
                hint = rule
        if isinstance(hint, Mapping):
            repeated[member.name] = {str(name): str(alias or name) for name, alias in hint.items()}
    return repeated


def _parents(
    child: ChildPlan,
    repeated: Mapping[str, str],
    root: Node,
    spell: Callable[[str], str],
    ours: tuple[str, ...],
) -> tuple[ParentColumn, ...]:
    """The columns that repeat properties of the parent.

    A name that a child row has already gets `parent__` in front.
    """
    own = [*(f.name for f in child.row.fields), *child.keys, *ours]
    # A key of the parent is there anyway.
    plain = {
        f.source: f.name for f in root.fields if f.node.kind in PLAIN and f.name not in child.keys
    }
    taken = {name.lower() for name in own}
    wanted = {plain[n]: spell(alias) for n, alias in repeated.items() if n in plain}
    names = {c: f"parent__{n}" if n.lower() in taken else n for c, n in wanted.items()}
    apart = unique_names(list(names), lambda column: names[column], own)
    return tuple(ParentColumn(column, apart[column]) for column in names)


def _element_properties(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The properties of an array's elements, where they are stated plainly."""
    items = schema.get("items")
    stated = items.get("properties") if isinstance(items, Mapping) else None
    return stated if isinstance(stated, Mapping) else {}
