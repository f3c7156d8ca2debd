"""Bringing a plan and an existing table together.

Pure: from the plan and the Arrow schemas the tables have now, to the plan that will be loaded and
the columns that must widen first. New columns and new nested fields need nothing here (they are
added when rows are written); a column whose type cannot become what the tap sends keeps its type,
and what does not fit it is rescued.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from target_databricks.schema.naming import snake_case, unique_names
from target_databricks.schema.plan import (
    RESCUED_DATA,
    ChildPlan,
    ParentColumn,
    Reference,
    StreamPlan,
    with_root,
)
from target_databricks.schema.sources import NOBODY, Owners, child_path, digests_of
from target_databricks.schema.spelling import without_former_names
from target_databricks.schema.type_names import type_name
from target_databricks.schema.types import Field, Node, list_node, struct_node
from target_databricks.schema.widening import WIDENINGS, Fit, Rule

Widened = dict[str, pa.DataType]
"""Column name to its new type."""


@dataclass
class Reconciliation:
    """A plan that fits its tables.

    Attributes:
        plan: The plan to load with.
        widen: Table name to columns that must change type before rows are written.
    """

    plan: StreamPlan
    widen: dict[str, Widened] = field(default_factory=dict)


def reconcile(
    plan: StreamPlan,
    existing: Mapping[str, pa.Schema | None],
    *,
    widenings: Sequence[Rule] | None = None,
    former: Collection[str] = (),
    owners: Owners = NOBODY,
) -> Reconciliation:
    """Fit a plan to the tables that exist.

    Args:
        plan: The plan as if no table existed.
        existing: Schema of the stream's table and of each child table, by table name; None
            where there is none yet.
        widenings: How columns may change type; all of `WIDENINGS` by default.
        former: Tables whose columns an earlier version may have named.
        owners: Whose the columns are that the tables have.
    """
    plan = _with_a_flag_that_is_one(plan, existing.get(plan.table))
    fit = Fit(WIDENINGS if widenings is None else widenings, owners)
    keys = {f.source for f in plan.fields if f.name in plan.keys}
    notes: list[str] = []
    widen: dict[str, Widened] = {}
    children = {child.column: child for child in plan.children}
    parents: dict[str, tuple[ParentColumn, ...]] = {}

    def fitted(table: str, members: Sequence[Field], prefix: str = "") -> list[Field]:
        """Members of a table that may exist, as it has them; what must widen first is noted."""
        schema = existing.get(table)
        if schema is None:
            return [*members]
        if table not in former:
            members = [without_former_names(member) for member in members]
        if table == plan.table:
            members = _beside_the_flag(plan, members, schema)
        own_keys = keys if table == plan.table else ()
        fields, widened, doubtful = fit.members(members, schema, prefix, own_keys)
        notes.extend(
            f"Stream {plan.stream}: {table}.{column.name} is {type_name(column.type)} in the table "
            f"and {member.node.kind.value} in the tap's schema. The column keeps its type; values "
            "that do not fit it go to _rescued_data, and a row whose key does not is set aside."
            for member, column in doubtful
        )
        if widened:
            widen[table] = widened
        return fields

    columns = _with_keys_as_there(plan, existing.get(plan.table))
    columns_of_table = fitted(plan.table, [f for f in columns if f.name not in children])
    # An array that is a child table has no column, so it makes way for those that have.
    arrays = {f.source: f.plain or f.name for f in plan.fields if f.name in children}
    named = unique_names(arrays, lambda source: arrays[source], [f.name for f in columns_of_table])
    own = iter(columns_of_table)
    fields = []
    for member in plan.fields:
        if (child := children.get(member.name)) is None:
            fields.append(next(own))
        else:
            row = struct_node(fitted(child.table, child.row.fields, child_path(child.column)))
            name = named[member.source]
            fields.append(replace(member, name=name, plain=None, node=list_node(row)))
    nodes = {old.name: new.node for old, new in zip(plan.fields, fields, strict=True)}
    for child in plan.children:
        kept, widened = _parents(child, existing.get(child.table), nodes, notes, fit)
        parents[child.table] = kept
        if widened:
            widen.setdefault(child.table, {}).update(widened)
    plan = replace(
        plan, children=tuple(replace(c, parents=parents[c.table]) for c in plan.children)
    )
    fitting = _renamed(plan, fields, notes)
    # A plan that was staged notes what it noted then: its properties have the names of columns.
    sources = plan.sources or "".join(digests_of(fitting))
    return Reconciliation(replace(fitting, sources=sources), widen)


def _parents(
    child: ChildPlan,
    table: pa.Schema | None,
    nodes: Mapping[str, Node],
    notes: list[str],
    fit: Fit,
) -> tuple[tuple[ParentColumn, ...], Widened]:
    """What a child table repeats of its parent, as it has it, and what must widen first."""
    columns = {c.name.lower(): c for c in table or ()}
    kept: list[ParentColumn] = []
    widened: Widened = {}
    for parent in child.parents:
        column, node = columns.get(parent.name.lower()), nodes[parent.column]
        if column is None:
            kept.append(parent)
            continue
        _, wider, _ = fit.node(node, column.type, parent.name)
        if (wider or column.type).equals(node.arrow):
            kept.append(replace(parent, name=column.name))
            if wider is not None:
                widened[column.name] = wider
        else:
            notes.append(
                f"The column {child.table}.{column.name} is {type_name(column.type)}, and would "
                f"repeat {parent.column}, which is {type_name(node.arrow)}. It is left alone; give "
                "it another name in 'child_columns'."
            )
    return tuple(kept), widened


def _with_keys_as_there(plan: StreamPlan, table: pa.Schema | None) -> Sequence[Field]:
    """The columns of a plan, a key under the name that the table has for it.

    A setting may give columns other names from now on. Under a new name no row of the table could
    be found by its key, so a key keeps the one it has.
    """
    there = {name.lower() for name in table.names} if table is not None else set()
    taken = {f.name.lower() for f in plan.fields}
    names = {}
    for member in plan.fields:
        if member.name in plan.keys and member.name.lower() not in there:
            spellings = [snake_case(member.source), member.source]
            free = [n for n in spellings if n.lower() in there and n.lower() not in taken]
            names[member.name] = (free or [member.name])[0]
    return [
        replace(f, name=names[f.name], plain=None) if names.get(f.name, f.name) != f.name else f
        for f in plan.fields
    ]


def _renamed(plan: StreamPlan, fields: Sequence[Field], notes: Sequence[str]) -> StreamPlan:
    """The plan with the spelling that the table already uses for its columns."""
    names = {old.name: new.name for old, new in zip(plan.fields, fields, strict=True)}
    rows = {field.name: field.node.item for field in fields}
    children = tuple(
        _renamed_child(child, {**_names(child.row, rows[names[child.column]]), **names}, names)
        for child in plan.children
    )
    renamed = replace(
        plan,
        keys=tuple(names[k] for k in plan.keys),
        bookmark=names.get(plan.bookmark) if plan.bookmark else None,
        children=children,
        references=_respelled(plan.references, names),
    )
    return with_root(renamed, struct_node(fields), notes)


def _names(old: Node, new: Node | None) -> dict[str, str]:
    fields = new.fields if new is not None else ()
    return {a.name: b.name for a, b in zip(old.fields, fields, strict=True)}


def _renamed_child(
    child: ChildPlan, names: Mapping[str, str], parents: Mapping[str, str]
) -> ChildPlan:
    return replace(
        child,
        column=parents[child.column],
        keys=tuple(names.get(k, k) for k in child.keys),
        references=_respelled(child.references, names),
        parents=tuple(replace(p, column=parents[p.column]) for p in child.parents),
    )


def _respelled(references: Iterable[Reference], names: Mapping[str, str]) -> tuple[Reference, ...]:
    return tuple(replace(r, columns=tuple(names.get(c, c) for c in r.columns)) for r in references)


def _with_a_flag_that_is_one(plan: StreamPlan, table: pa.Schema | None) -> StreamPlan:
    """The plan without a users' flag where the table has a column of its name that is no boolean.

    A property that an earlier SCHEMA had left it there.
    """
    flag = (plan.soft_delete or "").lower()
    other = any(c.name.lower() == flag and not pa.types.is_boolean(c.type) for c in table or ())
    return replace(plan, soft_delete=None) if other else plan


def _beside_the_flag(
    plan: StreamPlan, members: Sequence[Field], schema: pa.Schema
) -> Sequence[Field]:
    """The members, one that is called like the users' flag of this table under another name.

    The flag is the users' if it came with the table, or later: then it stands behind our columns. A
    column that a tap had from the beginning stands before them.
    """
    columns = [name.lower() for name in schema.names]
    flag = (plan.soft_delete or "").lower()
    if plan.flag or flag not in columns or RESCUED_DATA not in columns:
        return members
    if columns.index(flag) < columns.index(RESCUED_DATA):
        return members
    names = {member.source: member.name for member in members}
    theirs = [source for source, name in names.items() if name.lower() == flag]
    apart = unique_names(theirs, lambda source: names[source], [*names.values(), flag])
    return [replace(m, name=apart.get(m.source, m.name)) for m in members]


def under_former_names(plan: StreamPlan, exists: Callable[..., bool]) -> StreamPlan:
    """The plan with the tables that an earlier version has made of the stream, under their names.

    Args:
        plan: The plan.
        exists: Whether there is a table that the stream may have; with `former`, one that an
            earlier version has made.
    """

    def table(name: str, former: str | None) -> str:
        if former in {None, name} or exists(name, former=False):
            return name
        if not exists(str(former), former=True):
            return name
        return str(former)

    children = tuple(replace(c, table=table(c.table, c.former_table)) for c in plan.children)
    return replace(plan, table=table(plan.table, plan.former_table), children=children)


def tables_of(plan: StreamPlan) -> list[str]:
    """The tables a plan writes, the stream's own first."""
    return [plan.table, *(child.table for child in plan.children)]
