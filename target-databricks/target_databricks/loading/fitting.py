"""Bringing plans and the tables that are there together, and telling when a table fits no plan."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import pyarrow as pa

from target_databricks.errors import LoadError
from target_databricks.loading.backend import Backend, Blame, Failure
from target_databricks.loading.filling import Filling
from target_databricks.loading.history import has_columns, has_history, refusal
from target_databricks.schema.evolution import reconcile, tables_of
from target_databricks.schema.naming import SPELLING
from target_databricks.schema.plan import StreamPlan
from target_databricks.schema.sources import Owners, with_former_children
from target_databricks.schema.spelling import has_former_names


class Fitting:
    """Fits the plans of one run to the tables of one schema.

    Args:
        backend: The place.
        filling: Takes note of what tables are given.

    Attributes:
        failed: Streams whose tables could not be looked at or changed as their plan has it.
    """

    def __init__(self, backend: Backend, filling: Filling) -> None:
        self._backend = backend
        self._filling = filling
        self.failed: set[str] = set()

    def reconcile(self, plan: StreamPlan) -> StreamPlan:
        """Bring a plan and the tables it already has together; see `Load.reconcile`."""
        try:
            return self.plan(plan)
        except Exception as error:
            failure = self._backend.failure(error)
            if failure.blame is Blame.PLACE:
                raise LoadError(
                    f"{self._backend.location(plan.table)} cannot be used: {failure.sentence}"
                ) from error
            self.failed.add(plan.stream)
            return plan

    def is_ready(self, plan: StreamPlan) -> bool:
        """Whether a stream without rows leaves nothing to do, so that it needs no lease."""
        return self._backend.is_ready(plan) and not self._filling.adds(plan)

    def refusal(self, plan: StreamPlan) -> str | None:
        """Why a stream's table cannot be loaded with the history that it has, or lacks."""
        location = self._backend.location(plan.table)
        columns: pa.Schema | None = None
        properties: Mapping[str, str] = {}
        try:
            if self.exists(plan.table):
                columns = self._backend.columns(plan.table)
            if columns is not None and (plan.history or has_columns(columns)):
                properties = self._backend.properties(plan.table)
        except Exception:  # noqa: BLE001 - what is wrong with it is said when it is fitted
            columns = None
        return refusal(with_former_children(plan, properties), columns, properties, location)

    def history(self, plan: StreamPlan, load_method: str) -> bool:
        """Whether every version of a stream's rows is kept: as its table is, else by the setting.

        Args:
            plan: The stream.
            load_method: The setting of that name.
        """
        columns = self._backend.columns(plan.table) if plan.keys else None
        if columns is None:
            return load_method == "history" and bool(plan.keys)
        return has_columns(columns) and has_history(
            plan, columns, self._backend.properties(plan.table)
        )

    def exists(self, table: str, *, former: bool = False) -> bool:
        """Whether there is a table of a name; one that cannot be looked at is there.

        Args:
            table: The name.
            former: Whether only one counts that an earlier version has made, by its own spelling.
        """
        try:
            if self._backend.columns(table) is None:
                return False
            return not former or SPELLING not in self._backend.properties(table)
        except Exception as error:
            if self._backend.failure(error).blame is Blame.PLACE:
                raise
            return True

    def plan(self, plan: StreamPlan) -> StreamPlan:
        """The plan as its tables have it, widened where they can be."""
        plan = self._backend.shaped(plan)
        former = self._formerly_named(plan)
        existing = self._existing(plan)
        owners = Owners(lambda: self._backend.properties(plan.table), settled=bool(plan.sources))
        result = reconcile(plan, existing, former=former, owners=owners)
        widened = [self._backend.widen(name, types) for name, types in result.widen.items()]
        if not all(widened):
            existing = self._existing(plan)
            result = reconcile(plan, existing, widenings=(), former=former, owners=owners)
        self._filling.plan(result.plan, existing)
        return result.plan

    def _existing(self, plan: StreamPlan) -> Mapping[str, pa.Schema | None]:
        return {name: self._backend.columns(name) for name in tables_of(plan)}

    def _formerly_named(self, plan: StreamPlan) -> Collection[str]:
        """Tables whose columns an earlier version may have named, if it did so otherwise."""
        if not any(map(has_former_names, plan.fields)):
            return ()
        return [n for n in tables_of(plan) if SPELLING not in self._backend.properties(n)]


def failure_of_table(backend: Backend, plan: StreamPlan, error: Exception) -> Failure:
    """Understand an error of writing a stream's rows.

    For want of a value that no row of the stream has, it lies with the table, not with the rows.
    """
    failure = backend.failure(error)
    if failure.blame is not Blame.ROWS:
        return failure
    sent = [plan.table_schema, *(plan.child_schema(child) for child in plan.children)]
    for table, columns in zip(tables_of(plan), sent, strict=True):
        names = {name.lower() for name in columns.names}
        for column in backend.required(table, failure):
            if column.lower() not in names:
                sentence = (
                    f"The column '{column}' of {backend.location(table)} is NOT NULL, and the "
                    "stream has no property for it. Drop the column's NOT NULL, or give the stream "
                    "a table of its own with an '__alias__' in 'stream_maps'."
                )
                return replace(failure, sentence=sentence, blame=Blame.TABLE)
    return failure
