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


class Filling:
    """What was added to the tables of one schema.

    Args:
        backend: The place.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._new: dict[str, dict[str, int]] = {}
        self._additions: dict[str, Mapping[str, int]] = {}

    def plan(self, plan: StreamPlan, existing: Mapping[str, pa.Schema | None]) -> None:
        """Take note of what a plan will add to the tables that are there."""
        now = round(time.time() * 1_000_000)
        if existing[plan.table] is None:
            self._additions.setdefault(plan.table, {})
        if paths := lacking(plan, existing):
            self._new.setdefault(plan.table, {}).update(dict.fromkeys(paths, now))

    def note(self, plan: StreamPlan) -> None:
        """Note in the table what is about to be added; nothing if nothing is."""
        new = self._new.get(plan.table)
        if not new:
            return
        additions = {**self._of(plan), **new}
        self._backend.set_property(plan, ADDED, as_text(additions))
        self._additions[plan.table] = additions
        del self._new[plan.table]

    def batch(self, batch: Batch) -> Batch:
        """The batch, its rows saying since when they must have been written."""
        self.note(batch.plan)
        additions = self._of(batch.plan)
        if not additions:
            return batch
        moments = due(batch.plan, batch.rows, additions)
        if moments.null_count == len(moments):
            return batch
        return replace(batch, rows=batch.rows.append_column(DUE, moments))

    def _of(self, plan: StreamPlan) -> Mapping[str, int]:
        if plan.table not in self._additions:
            stored = self._backend.properties(plan.table).get(ADDED)
            self._additions[plan.table] = from_text(stored)
        return self._additions[plan.table]
