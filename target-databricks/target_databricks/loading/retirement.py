"""What is gone of a stream's tables, and in which order it is taken out. Pure.

The rules are said once, here; a destination spells them (how it quotes a name, how it joins keys).

| step | takes out |
|---|---|
| `GONE` | rows of the stream's own table that neither came nor are of the version |
| `OF_MARKED` | child rows whose parents are marked |
| `MARKED` | rows of the stream's own table that are marked |

Parents are marked first, and their child rows follow the marks; to delete means to mark, to delete
the child rows, and then the parents. A crash in between leaves marks, which the next retirement
follows again, or a parent that is sent again and comes back with its child rows.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Protocol

from target_databricks.loading.backend import Retirement
from target_databricks.schema.plan import (
    DELETED_AT,
    JOB_ID,
    RECORD_HASH,
    SYNC_STARTED_AT,
    TABLE_VERSION,
    StreamPlan,
)

NOTHING = Retirement(0, "", 0)
"""For steps that follow marks only."""


class Dialect(Protocol):
    """How a destination spells a condition on the rows of a stream's own table."""

    def column(self, name: str) -> str:
        """A column."""

    def text(self, value: str) -> str:
        """A text."""


class Rows(enum.Enum):
    """Which rows a step takes out."""

    GONE = "gone at the source"
    OF_MARKED = "of marked parents"
    MARKED = "marked"


@dataclass(frozen=True)
class Step:
    """What is taken out of one table.

    Attributes:
        table: The table.
        rows: Which of its rows.
        match: Columns that tell rows, or whose child rows they are.
        delete: Whether to delete them instead of marking them.
        counts: Whether their number is that of the rows retired.
    """

    table: str
    rows: Rows
    match: tuple[str, ...]
    delete: bool
    counts: bool = False


def retirement_steps(plan: StreamPlan, *, appended: bool, hard: bool) -> Iterator[Step]:
    """The steps of a retirement, in order.

    Args:
        plan: The stream.
        appended: Whether its rows are appended: then a key may be there more than once, and only
            the run tells which child rows are whose.
        hard: Delete instead of marking, and with it what was marked before.
    """
    match = (JOB_ID, *plan.keys) if appended else plan.keys
    at_once = hard and not plan.children
    marks_first = hard and not at_once
    yield Step(plan.table, Rows.GONE, plan.keys, delete=at_once, counts=not marks_first)
    for child in plan.children:
        yield Step(child.table, Rows.OF_MARKED, match, delete=hard)
    if marks_first:
        yield Step(plan.table, Rows.MARKED, plan.keys, delete=True, counts=True)


def purge_steps(plan: StreamPlan) -> Iterator[Step]:
    """The steps that delete what is marked of a merged stream, in order."""
    for child in plan.children:
        yield Step(child.table, Rows.OF_MARKED, plan.keys, delete=True)
    yield Step(plan.table, Rows.MARKED, plan.keys, delete=True)


def is_marked(dialect: Dialect) -> str:
    """The condition that a row is marked."""
    return f"{dialect.column(DELETED_AT)} IS NOT NULL"


def is_alive(dialect: Dialect) -> str:
    """The condition that a row is not marked."""
    return f"{dialect.column(DELETED_AT)} IS NULL"


def is_gone(
    retirement: Retirement, columns: Collection[str], dialect: Dialect, *, marked: bool
) -> str:
    """The condition that a row of a stream's own table is gone, but for the keys that came.

    Args:
        retirement: Which rows are gone.
        columns: Columns of the table.
        dialect: Spells it.
        marked: Whether those are meant, too, that were marked before.
    """
    come = f"{dialect.column(JOB_ID)} = {dialect.text(retirement.job_id)}"
    if SYNC_STARTED_AT in {name.lower() for name in columns}:
        come += f" AND {dialect.column(SYNC_STARTED_AT)} = {int(retirement.started_at)}"
    gone = [
        f"coalesce({dialect.column(TABLE_VERSION)} < {int(retirement.version)}, true)",
        f"NOT coalesce({come}, false)",
    ]
    for version in sorted(
        {v for _, v in retirement.repeats}, key=lambda v: (v is not None, v or 0)
    ):
        digests = sorted(digest for digest, v in retirement.repeats if v == version)
        listed = ", ".join(map(dialect.text, digests))
        of = f"{dialect.column(TABLE_VERSION)} " + (
            "IS NULL" if version is None else f"= {version}"
        )
        gone.append(f"NOT coalesce({of} AND {dialect.column(RECORD_HASH)} IN ({listed}), false)")
    alive, old = is_alive(dialect), " AND ".join(gone)
    return f"NOT ({alive}) OR ({old})" if marked else f"{alive} AND {old}"
