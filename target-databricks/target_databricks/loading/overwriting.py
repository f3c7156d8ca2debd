"""`load_method: overwrite`: a stream's rows gather aside, and replace its table when all are there.

Until then readers see the old rows. What is gathered is of no use to anybody but the run: a later
one begins anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from target_databricks.schema.plan import StreamPlan

ASIDE = "_sdc_new_"
"""What the name of a table that gathers begins with."""


def aside(plan: StreamPlan) -> StreamPlan:
    """The plan with the tables that its rows gather in."""
    children = tuple(replace(c, table=f"{ASIDE}{c.table}") for c in plan.children)
    return replace(plan, table=f"{ASIDE}{plan.table}", children=children)


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
