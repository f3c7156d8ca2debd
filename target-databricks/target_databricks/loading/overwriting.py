"""`load_method: overwrite`: a stream's rows gather aside, and replace its table when all are there.

Until then readers see the old rows. What is gathered is of no use to anybody but the run: a later
one begins anew. Of two that do so at once the later one goes on, and the other stops at its next
look: the table that gathers bears the name of the run that gathers in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from target_databricks.schema.plan import ChildPlan, StreamPlan
from target_databricks.schema.sources import from_properties, split

ASIDE = "_sdc_new_"
"""What the name of a table that gathers begins with."""
GATHERER = "targetDatabricks.gatherer"
"""Property of such a table: who gathers in it."""
OVERTAKEN = (
    "Another run began to overwrite its table meanwhile, and goes on. Nothing of this run is in "
    "the table. Let one run at a time overwrite a stream, then run again."
)


def aside(plan: StreamPlan) -> StreamPlan:
    """The plan with the tables that its rows gather in."""
    return _renamed(plan, lambda table: f"{ASIDE}{table}")


def own(plan: StreamPlan) -> StreamPlan:
    """The plan with the tables that the rows of one that gathers them are for."""
    return _renamed(plan, own_name)


def whole(
    plan: StreamPlan, children: Mapping[str, ChildPlan], properties: Mapping[str, str]
) -> StreamPlan:
    """The last plan of a run, with what earlier SCHEMAs of it had gathered rows for.

    Args:
        plan: The last one.
        children: Child tables of all of them, by name.
        properties: What the table that gathers notes: whose its columns are.
    """
    own_children = {child.table: child for child in plan.children}
    noted = dict.fromkeys([*split(from_properties(properties)), *split(plan.sources)])
    every = tuple({**own_children, **children}.values())
    return replace(plan, children=every, sources="".join(noted))


def _renamed(plan: StreamPlan, rename: Callable[[str], str]) -> StreamPlan:
    children = tuple(replace(c, table=rename(c.table)) for c in plan.children)
    return replace(plan, table=rename(plan.table), children=children)


def is_unchanged(schema: Mapping[str, Any]) -> bool:
    """Whether the tap sends no records of a stream because nothing in it is new.

    Such a stream looks like one that has become empty but for this annotation, `x-unchanged`.
    """
    return schema.get("x-unchanged") is True


def is_aside(table: str) -> bool:
    """Whether a table only gathers rows."""
    return table.startswith(ASIDE)


def own_name(table: str) -> str:
    """The table that the rows of one are for."""
    return table.removeprefix(ASIDE)
