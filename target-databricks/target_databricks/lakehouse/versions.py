"""Versions of whole tables: which rows were not sent with the version that is now the truth.

Rows of a later version stay, and so does everything when a later one is the truth already.

A row that comes again unchanged is not rewritten, so its own version column stays behind. What
came with a version but was not written is therefore noted in the spool until the version is
activated, by this run or, when the tap was cut short and resumes with the same version, a later
one. Afterwards the table remembers the version, and every living row counts as having it.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from target_databricks.lakehouse.merge import Decision
from target_databricks.lakehouse.predicates import quoted
from target_databricks.lakehouse.spool import Spool
from target_databricks.lakehouse.table import LakehouseTable
from target_databricks.loading.batch import Batch
from target_databricks.schema.plan import DELETED_AT, TABLE_VERSION, StreamPlan

REMEMBERED_VERSION = "targetDatabricks.activatedVersion"
"""Table property: the version last activated, which every living row counts as."""


def note_unwritten(spool: Spool, table: LakehouseTable, batch: Batch, decision: Decision) -> None:
    """Note the keys that came with a version but are not written."""
    plan = batch.plan
    if not plan.sdk_metadata:
        return
    versions = batch.rows.column(TABLE_VERSION)
    if versions.null_count == len(versions):
        return
    unwritten = pc.or_(decision.unchanged, decision.outdated)
    rows = batch.rows.select([*plan.keys, TABLE_VERSION]).filter(unwritten)
    remembered = remembered_version(table)
    for version in pc.unique(rows.column(TABLE_VERSION)).drop_null().to_pylist():
        if version != remembered:
            keys = rows.filter(pc.equal(rows.column(TABLE_VERSION), version))
            spool.see(plan.table, version, batch.digest, keys.select(list(plan.keys)))


def retired(spool: Spool, table: LakehouseTable, plan: StreamPlan, version: int) -> pa.Table | None:
    """Keys of the living rows that are of an earlier version and were not sent with this one."""
    deleted_at, table_version = table.spelled(DELETED_AT), table.spelled(TABLE_VERSION)
    if deleted_at is None or table_version is None:
        return None
    seen = spool.seen(plan.table, version, plan.keys)
    alive = f"t.{quoted(deleted_at)} IS NULL"
    earlier = f"coalesce(t.{quoted(table_version)} < {int(version)}, true)"
    gone = list(table.others(seen, plan.keys, f"{alive} AND {earlier}"))
    return pa.Table.from_batches(gone) if gone else None


def is_newer(table: LakehouseTable, version: int) -> bool:
    """Whether a version is newer than the one last activated."""
    remembered = remembered_version(table)
    return remembered is None or remembered < version


def remembered_version(table: LakehouseTable) -> int | None:
    """The version the table was last activated with."""
    if table.delta is None:
        return None
    stored = table.delta.metadata().configuration.get(REMEMBERED_VERSION)
    return int(stored) if stored else None


def remember_version(table: LakehouseTable, version: int) -> None:
    """Make every living row count as being of a version."""
    if table.delta is not None:
        table.delta.alter.set_table_properties(
            {REMEMBERED_VERSION: str(version)}, raise_if_not_exists=False
        )
        table.refresh()
