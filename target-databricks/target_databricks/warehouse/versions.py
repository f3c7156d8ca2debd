"""ACTIVATE_VERSION in a warehouse: which rows a version of the whole table did not bring again.

Rows of a later version stay, and so does everything when a later one is the truth already.

A row that came with the version but was not written, because it was as it is, bears the old
version. So its key is noted beside the staged batches until the version is activated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import pyarrow.compute as pc

from target_databricks.loading.batch import Batch
from target_databricks.schema.plan import DELETED_AT, TABLE_VERSION, StreamPlan
from target_databricks.warehouse.sql import ddl
from target_databricks.warehouse.sql import dml as sql
from target_databricks.warehouse.staging.protocol import Staging
from target_databricks.warehouse.tables import Tables

REMEMBERED_VERSION = "targetDatabricks.activatedVersion"
"""Table property: the version last activated, which every living row counts as."""


class Run(Protocol):
    """Runs a statement that changes rows of a stream, and gives its one row of numbers."""

    def __call__(self, statement: str, plan: StreamPlan) -> Mapping[str, Any]:
        """Run it."""


class Versions:
    """Versions of the tables of one schema.

    Args:
        tables: The tables.
        staging: Where keys are noted.
        run: Runs statements.
        hard_delete: Whether rows that are gone are deleted instead of marked.
    """

    def __init__(self, tables: Tables, staging: Staging, run: Run, *, hard_delete: bool) -> None:
        self._tables = tables
        self._staging = staging
        self._run = run
        self._hard_delete = hard_delete
        self._known: dict[str, int | None] = {}

    def note_unwritten(self, batch: Batch) -> None:
        """Note the keys that came with a version and are perhaps not written."""
        plan = batch.plan
        if not plan.sdk_metadata:
            return
        versions = batch.rows.column(TABLE_VERSION)
        if versions.null_count == len(versions):
            return
        remembered = self._remembered(plan.table)
        for version in pc.unique(versions).drop_null().to_pylist():
            if version != remembered:
                rows = batch.rows.filter(pc.equal(versions, version)).select(list(plan.keys))
                self._staging.see(plan.table, version, batch.digest, rows)

    def activate(self, plan: StreamPlan, version: int) -> int:
        """Retire the rows that did not come with a version, if it is newer than the last.

        Returns:
            How many there were.
        """
        has = self._tables.spelled
        if not has(plan.table, DELETED_AT) or not has(plan.table, TABLE_VERSION):
            return 0
        remembered = self._remembered(plan.table)
        if remembered is not None and remembered >= version:
            return 0
        seen = self._staging.seen(plan.table, version, plan.keys)
        parent = self._tables.name(plan.table)
        count = 0
        for name in [*(child.table for child in plan.children), plan.table]:
            if self._tables.columns(name) is None:
                continue
            statement = sql.retire(
                self._tables.name(name), parent, plan, version, seen, delete=self._hard_delete
            )
            count = sql.affected(self._run(statement, plan))
        self._run(ddl.set_properties(parent, {REMEMBERED_VERSION: str(version)}), plan)
        self._known[plan.table] = version
        self._staging.forget_seen(plan.table)
        return count

    def _remembered(self, table: str) -> int | None:
        if table not in self._known:
            stored = self._tables.properties(table).get(REMEMBERED_VERSION)
            self._known[table] = int(stored) if stored else None
        return self._known[table]
