"""The ledger of a warehouse: rows that nobody waits for take no statement of their own.

Those of a run that changed nothing stay in the staging volume until another run has rows to write.
"""

from __future__ import annotations

import logging

import pyarrow as pa

from target_databricks.loading.ledger import DESCRIPTION, SCHEMA, TABLE
from target_databricks.warehouse.client.connection import Connections, StatementError
from target_databricks.warehouse.client.errors import classify
from target_databricks.warehouse.client.rules import Kind
from target_databricks.warehouse.fence import Fence
from target_databricks.warehouse.sql import dml
from target_databricks.warehouse.staging.protocol import WarehouseStaging
from target_databricks.warehouse.tables import Tables

logger = logging.getLogger("target-databricks")

MOST_ROWS = 5_000
"""Rows in one statement, whose text then stays below two megabytes."""


class LedgerTable:
    """The table `_sdc_loads` of a schema, made when it gets its first row.

    Args:
        connections: Run statements.
        tables: The schema's tables.
        staging: Where rows can wait.
        job_id: The run.
    """

    def __init__(
        self, connections: Connections, tables: Tables, staging: WarehouseStaging, job_id: str
    ) -> None:
        self._fence = Fence(connections, staging)
        self._tables = tables
        self._staging = staging
        self._job_id = job_id
        self._name = tables.name(TABLE)

    def write(self, rows: pa.Table, *, hurried: bool) -> None:
        """Append rows, and those that earlier runs deferred.

        Args:
            rows: The rows.
            hurried: Whether the run has failed, perhaps because nothing answers: then the rows may
                be missing, with a warning.
        """
        try:
            deferred = list(self._staging.deferred_ledger())
            waiting = [rows for _, rows in deferred]
            together = pa.concat_tables([*waiting, rows], promote_options="default")
            # A run that died while it gathered what waits has left some of it twice.
            together = together.group_by(together.column_names, use_threads=False).aggregate([])
            for start in range(0, together.num_rows, MOST_ROWS):
                self._run(dml.ledger_rows(self._name, together.slice(start, MOST_ROWS)))
            for path, _ in deferred:
                self._staging.done(path)
        except StatementError as error:
            if not hurried:
                raise
            logger.warning("%s lacks this run: %s", self._name, error.problem.sentence)

    def defer(self, rows: pa.Table, *, hurried: bool) -> None:
        """Keep rows beside the staged batches, until a run has something to write.

        Arguments as for `write`.
        """
        try:
            deferred = self._staging.defer_ledger(self._job_id, rows)
        except Exception as error:
            if not hurried:
                raise
            logger.warning("%s lacks this run: %s", self._name, classify(error).reason)
        else:
            if not deferred:
                self.write(rows, hurried=hurried)

    def _run(self, statement: str) -> None:
        # The catalog's word costs no statement, an INSERT that fails would cost two.
        self._tables.ready(TABLE, SCHEMA, DESCRIPTION)
        try:
            self._fence.run(statement, self._name, {})
        except StatementError as error:
            if error.problem.kind is not Kind.GONE:
                raise
            # It is not as the catalog says.
            self._tables.forget(TABLE)
            self._tables.ready(TABLE, SCHEMA, DESCRIPTION)
            self._fence.run(statement, self._name, {})
