"""Rows that were there before a column: a later reading fills what they lack.

What a plan adds to tables that are there is noted in a property of the stream's own table before
anything is written, with the moment. Of a batch to merge, each row then says since when it must
have been written to be as it is; the merge takes an older one for changed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa

from target_databricks.loading.backend import Backend
from target_databricks.loading.batch import Batch
from target_databricks.schema.additions import ADDED, as_text, due, from_text, lacking
from target_databricks.schema.plan import DUE, StreamPlan
from target_databricks.schema.sources import (
    as_properties,
    children_as_properties,
    children_in,
    from_properties,
    split,
)


class Filling:
    """What was added to the tables of one schema.

    Args:
        backend: The place.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._new: dict[str, dict[str, int]] = {}
        self._additions: dict[str, Mapping[str, int]] = {}
        self._noted: dict[str, set[str]] = {}
        """What each table notes of the sources of its columns, so far as that was looked up."""

    def plan(self, plan: StreamPlan, existing: Mapping[str, pa.Schema | None]) -> None:
        """Take note of what a plan will add to the tables that are there."""
        now = round(time.time() * 1_000_000)
        if existing[plan.table] is None:
            self._additions.setdefault(plan.table, {})
            self._noted.setdefault(plan.table, _notes(plan))
        if paths := lacking(plan, existing):
            self._new.setdefault(plan.table, {}).update(dict.fromkeys(paths, now))

    def adds(self, plan: StreamPlan) -> bool:
        """Whether something is to be added to tables that are there."""
        return bool(self._new.get(plan.table))

    def note(self, plan: StreamPlan, *, appended: bool = False) -> None:
        """Note in the table what is about to be added; nothing if nothing is.

        Args:
            plan: The stream.
            appended: Whether its rows are appended, so that none is ever filled.
        """
        new = self._new.get(plan.table)
        if not new:
            return
        properties = self._new_sources(plan)
        if not appended:
            self._additions[plan.table] = {**self._of(plan), **new}
            properties[ADDED] = as_text(self._additions[plan.table])
        del self._new[plan.table]
        if properties:
            self._backend.set_properties(plan, properties)

    def note_sources(self, plan: StreamPlan) -> None:
        """Note in the table which properties its columns are for, if it does not say so."""
        if properties := self._new_sources(plan):
            self._backend.set_properties(plan, properties)

    def _new_sources(self, plan: StreamPlan) -> dict[str, str]:
        """Properties that note the sources of a plan; none if the table notes them."""
        if self._noted.get(plan.table, set()) >= _notes(plan):
            return {}
        properties = self._backend.properties(plan.table)
        before, tables = split(from_properties(properties)), children_in(properties)
        both = dict.fromkeys([*before, *split(plan.sources)])
        all_tables = dict.fromkeys([*tables, *(child.table for child in plan.children)])
        self._noted[plan.table] = {*both, *all_tables}
        new = as_properties("".join(both)) if len(both) > len(before) else {}
        return new | (children_as_properties(all_tables) if len(all_tables) > len(tables) else {})

    def batch(self, batch: Batch) -> Batch:
        """The batch, its rows saying since when they must have been written."""
        plan = batch.plan
        # What is new before what is noted: `note` goes the other way, in another thread.
        new = dict(self._new.get(plan.table, {}))
        additions = {**self._of(plan), **new}
        if not additions:
            return batch
        moments = due(plan, batch.rows, additions)
        if moments.null_count == len(moments):
            return batch
        return replace(batch, rows=batch.rows.append_column(DUE, moments))

    def _of(self, plan: StreamPlan) -> Mapping[str, int]:
        if plan.table not in self._additions:
            stored = self._backend.properties(plan.table).get(ADDED)
            self._additions[plan.table] = from_text(stored)
        return self._additions[plan.table]


def _notes(plan: StreamPlan) -> set[str]:
    """What a table shall note of a plan: digests of its columns, and its child tables."""
    return {*split(plan.sources), *(child.table for child in plan.children)}
