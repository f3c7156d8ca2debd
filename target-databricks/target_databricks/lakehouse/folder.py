"""The lakehouse folder as a backend: batches become commits of Delta tables.

How a batch gets into its tables is in `writing.py`.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from target_databricks.errors import LoadError
from target_databricks.lakehouse.failures import understood
from target_databricks.lakehouse.history import HistoryWriter, convert
from target_databricks.lakehouse.lock import SchemaLock
from target_databricks.lakehouse.places import local_path, make_folder, spool_folder
from target_databricks.lakehouse.predicates import one_of
from target_databricks.lakehouse.retirement import Spelling, take_out
from target_databricks.lakehouse.spool import Spool
from target_databricks.lakehouse.table import LakehouseTable
from target_databricks.lakehouse.writing import BatchWriter, made
from target_databricks.loading.activation import ACTIVATED
from target_databricks.loading.backend import Blame, Failure, Retirement, WriteResult
from target_databricks.loading.batch import Batch
from target_databricks.loading.history import Conversion
from target_databricks.loading.ledger import DESCRIPTION, MELTANO_TEST_STREAM, SCHEMA
from target_databricks.loading.ledger import TABLE as LEDGER
from target_databricks.loading.overwriting import ASIDE
from target_databricks.loading.retirement import is_gone, purge_steps, retirement_steps
from target_databricks.narration import level_of_details
from target_databricks.schema.evolution import tables_of
from target_databricks.schema.naming import schema_name
from target_databricks.schema.plan import IS_CURRENT, JOB_ID, RECORD_HASH, StreamPlan

logger = logging.getLogger("target-databricks")


class LakehouseFolder:
    """Delta tables at `<lakehouse_path>/<schema>/<table>`.

    Args:
        config: The target's settings.
        job_id: The run.
    """

    # Everything happens in this one process; a second thread would only wait for the first.
    parallelism = 1
    attempts = 2_000
    merge_every = 0.0

    def __init__(self, config: Mapping[str, Any], *, job_id: str) -> None:
        root = str(config["lakehouse_path"]).rstrip("/")
        self._local = local_path(root)
        self._options: Mapping[str, str] | None = config.get("storage_options")
        self._root = self._local or root
        self.schema = schema_name(str(config["default_target_schema"]), self._has_schema)
        self._uri = f"{self._root}/{self.schema}"
        self._hard_delete = bool(config["hard_delete"])
        self._compact_after = int(config["compact_after_files"])
        spool = spool_folder(
            config.get("spool_path"), self.schema, self._uri, local=self._local is not None
        )
        self.staging = Spool(spool)
        self._lock = SchemaLock(
            spool, job_id=job_id, seconds=float(config["lock_timeout"]), logger=logger
        )
        self._loads = self._table(LEDGER)
        self._tables: dict[str, LakehouseTable] = {}
        self._writer = BatchWriter(self._at)
        self._history = HistoryWriter(self._at, self._writer)

    def _has_schema(self, name: str) -> bool:
        """Whether this target has loaded a schema of a name: then there is a ledger."""
        return self._table(LEDGER, schema=name).schema is not None

    # Life cycle

    def open(self) -> None:
        """Lock the schema."""
        if self._local is not None:
            make_folder(self._uri)
        self._lock.acquire()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep runs out for a moment.

        Raises:
            BusyError: One goes on.
        """
        self._lock.acquire()
        try:
            yield
        finally:
            self._lock.release()

    def hurry(self) -> None:
        """Nothing here takes long."""

    def finish(self, plans: Collection[StreamPlan], merged: Iterable[StreamPlan]) -> None:  # noqa: ARG002
        """Compact what collected many small files; leave nothing of `meltano config test`."""
        self.staging.clear()
        for name, table in [*self._tables.items(), (LEDGER, self._loads)]:
            try:
                if table.changed and table.tidy(self._compact_after):
                    logger.log(
                        level_of_details(), "%s.%s: small files compacted", self.schema, name
                    )
            except Exception as error:  # noqa: BLE001 - its rows are in; the next run tidies
                reason = understood(error).sentence
                logger.warning("%s.%s was not compacted: %s", self.schema, name, reason)
        if self._local is not None and MELTANO_TEST_STREAM in self._tables:
            shutil.rmtree(f"{self._uri}/{MELTANO_TEST_STREAM}", ignore_errors=True)

    def release(self) -> None:
        """Unlock the schema."""
        self._lock.release()

    # Tables

    def location(self, table: str) -> str:
        """A table's path or URL."""
        return f"{self._uri}/{table}"

    def columns(self, table: str) -> pa.Schema | None:
        """The columns of a table, or None if there is none."""
        return self._at(table).schema

    def forget(self, table: str) -> None:
        """Look at a table again the next time."""
        self._at(table).refresh()

    def shaped(self, plan: StreamPlan) -> StreamPlan:
        """The plan as it is: every type has a place here."""
        return plan

    def widen(self, table: str, types: Mapping[str, pa.DataType]) -> bool:
        """Change column types. Returns whether every value survives that."""
        spelled = ", ".join(f"{name} to {kind}" for name, kind in types.items())
        try:
            self._at(table).widen(types)
        except Exception as error:
            failure = understood(error)
            if failure.blame is not Blame.ROWS:
                raise
            logger.warning(
                "%s.%s: the table keeps its types, because not all of its values survive %s (%s). "
                "Values that do not fit go to _rescued_data.",
                self.schema,
                table,
                spelled,
                failure.reason,
            )
            self.forget(table)
            return False
        logger.info("%s.%s: widened %s", self.schema, table, spelled)
        return True

    def properties(self, table: str) -> Mapping[str, str]:
        """The properties of a table as they are now; none if there is no table."""
        self.forget(table)
        return self._at(table).properties

    def set_properties(self, plan: StreamPlan, properties: Mapping[str, str]) -> None:
        """Set properties of the stream's own table."""
        self._at(plan.table).set_properties(properties)

    def version(self, table: str) -> int | None:
        """The version of a stream's own table that was activated last, or None."""
        stored = self.properties(table).get(ACTIVATED)
        return int(stored) if stored else None

    def set_version(self, plan: StreamPlan, version: int) -> None:
        """Note that a version is the whole truth of the stream's own table."""
        self.set_properties(plan, {ACTIVATED: str(version)})

    def hashes(self, table: str, jobs: Collection[str]) -> Iterator[str]:
        """Hashes of the rows that a table has of some runs."""
        place = self._at(table)
        if place.spelled(RECORD_HASH) and place.spelled(JOB_ID):
            of_runs = one_of(pa.table({JOB_ID: sorted(jobs)}))
            for rows in place.others(None, [RECORD_HASH], of_runs):
                yield from rows.column(0).to_pylist()

    # Writing

    def expect(self, plan: StreamPlan) -> None:
        """Nothing: a table is made when it gets rows."""

    def is_ready(self, plan: StreamPlan) -> bool:  # noqa: ARG002
        """Never at a glance: to prepare costs no more than to look."""
        return False

    def prepare(self, plan: StreamPlan) -> None:
        """Make the tables of a stream, or add what they lack."""
        self._ready(plan).evolve(plan.table_schema)
        for child in plan.children:
            table, schema = self._at(child.table), plan.child_schema(child)
            table.create(schema, child.description)
            table.evolve(schema)

    def marks(self, batch: Batch) -> Mapping[str, int]:  # noqa: ARG002
        """None: here a commit bears the name of the batch."""
        return {}

    def merge(self, batch: Batch, paths: Sequence[Path], *, replayed: bool) -> WriteResult:
        """Merge a batch: look its keys up, then write child rows, then parents."""
        if batch.plan.history:
            return self._history.merge(batch)
        return self._writer.merge(batch, paths[0], replayed=replayed)

    def append(self, batch: Batch, paths: Sequence[Path], *, replayed: bool) -> WriteResult:
        """Append rows that cannot be told apart, exactly once, also after a crash."""
        return self._writer.append(batch, paths[0], replayed=replayed)

    def overwrite(self, plan: StreamPlan, gathered: StreamPlan) -> None:
        """Put rows in the place of all that a stream's tables have: children, then parents."""
        for name, new in reversed([*zip(tables_of(plan), tables_of(gathered), strict=True)]):
            self._at(name).overwrite(self._at(new))
            self.drop(new)

    def drop(self, table: str) -> None:
        """Drop a table that may not be there; in an object store, empty it."""
        place = self._tables.pop(table, None) or self._table(table)
        if self._local is None:
            place.remove(None)
        else:
            shutil.rmtree(self.location(table), ignore_errors=True)

    def retire(self, plan: StreamPlan, retirement: Retirement) -> int:
        """Mark or delete what is gone: parents, then what belongs to marked ones."""
        seen = None
        if not retirement.appended:
            seen = self.staging.keys_of_version(plan.table, retirement.version, plan.keys)
        if plan.history:
            names = (self._at(plan.table).schema or pa.schema([])).names
            gone = is_gone(retirement, names, Spelling(self._at(plan.table)), marked=False)
            return self._history.retire(plan, seen, f"{gone} AND {IS_CURRENT}")
        steps = retirement_steps(plan, appended=retirement.appended, hard=self._hard_delete)
        return take_out(steps, self._at, self._at(plan.table), retirement, seen)

    def purge(self, plan: StreamPlan) -> None:
        """Delete the rows that are marked, and their child rows, with `hard_delete`."""
        if self._hard_delete:
            take_out(purge_steps(plan), self._at, self._at(plan.table))

    def convert(self, conversion: Conversion) -> None:
        """Make what a table has the first versions of its rows, child tables first."""
        convert(self._at, conversion)
        for name in (conversion.table, *conversion.children):
            self.drop(f"{ASIDE}{name}")

    def write_ledger(self, rows: pa.Table) -> None:
        """Append rows to the ledger."""
        try:
            self._loads.create(SCHEMA, DESCRIPTION)
            self._loads.append(rows)
        except Exception as error:
            raise LoadError(
                f"{self.location(LEDGER)}, which tells what was loaded, could not be written: "
                f"{understood(error).sentence} The other tables are not concerned."
            ) from error

    def defer_ledger(self, rows: pa.Table) -> None:
        """Append rows of a run that changed nothing, at once: here it costs next to nothing."""
        self.write_ledger(rows)

    def failure(self, error: BaseException) -> Failure:
        """Understand an error of writing."""
        return understood(error)

    def required(self, table: str, failure: Failure) -> list[str]:  # noqa: ARG002
        """Columns of a table that are NOT NULL; delta-rs does not say which of them it was."""
        return [column.name for column in self._at(table).schema or () if not column.nullable]

    # Places

    def _at(self, name: str) -> LakehouseTable:
        if name not in self._tables:
            self._tables[name] = self._table(name)
        return self._tables[name]

    def _table(self, name: str, schema: str | None = None) -> LakehouseTable:
        return LakehouseTable(f"{self._root}/{schema or self.schema}/{name}", self._options)

    def _ready(self, plan: StreamPlan) -> LakehouseTable:
        return made(self._at(plan.table), plan)
