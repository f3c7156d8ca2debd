"""The fence before a statement that is sent again: a copy of it that may still be at work is late.

When the answer to an INSERT or a MERGE is lost, a copy of it may be running, or wait for its turn,
for as long as it likes; and so may the last statement of a run that was killed. A guard in the
statement ("unless the rows are in already") does not help against a copy that runs beside it: of
two transactions that only add rows, both may commit. So before such a statement is sent again,

1. what was staged for it gets another name, and what had the old one is removed;
2. a property of its table is set.

A copy takes its snapshot of the table before it reads the rows. One that has not read all of them
by 1 finds no file and fails. One that has took its snapshot before 2, so that it commits before 2,
where the guard of the next statement sees what it did, or not at all: a change of the metadata
fails every transaction that began before it. Who sends the rows in the statement itself, or needs
none, has 2 alone, and the session of the lost statement is closed, which cancels it.

Source: Databricks, Isolation levels and write conflicts ("metadata changes cause all concurrent
write operations to fail"); Delta Lake, `ConflictChecker.checkNoMetadataUpdates`.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

import pyarrow as pa

from target_databricks.warehouse.client.connection import Connections, StatementError
from target_databricks.warehouse.client.rules import Kind
from target_databricks.warehouse.sql import ddl
from target_databricks.warehouse.staging.protocol import WarehouseStaging

logger = logging.getLogger("target-databricks")

PROPERTY = "targetDatabricks.fence"
"""Table property that has another value after each lost answer, and means nothing else."""


class Fence:
    """Puts fences before the tables of one schema.

    Args:
        connections: Run statements.
        staging: Where batches are.
    """

    def __init__(self, connections: Connections, staging: WarehouseStaging) -> None:
        self._connections = connections
        self._staging = staging

    def put(self, tables: Iterable[str], paths: Sequence[str] = ()) -> None:
        """Fail what may still be at work on tables.

        Args:
            tables: The tables, in SQL.
            paths: Staged batches that it reads.
        """
        self._staging.renew(paths)
        for table in tables:
            self._commit(table)

    def run(
        self, statement: str, table: str, tags: Mapping[str, str], paths: Sequence[str] = ()
    ) -> pa.Table:
        """Run a statement that changes a table; its effect is there once, or not at all.

        Args:
            statement: SQL, with a guard against being run after it had its effect.
            table: The table, in SQL.
            tags: Query tags.
            paths: Staged batches that it reads.

        Returns:
            Its rows.

        Raises:
            StatementError: It failed for good.
        """

        def again() -> str:
            nonlocal statement
            statement = self._staging.renew(paths, statement)
            self._commit(table)
            return statement

        try:
            return self._connections.run(statement, tags, again=again)
        except BaseException:
            # Where nothing is reached, the next run finds them under their other names.
            with suppress(Exception):
                self._staging.restore(paths)
            raise

    def _commit(self, table: str) -> None:
        try:
            self._connections.run(ddl.set_properties(table, {PROPERTY: uuid.uuid4().hex}))
        except StatementError as error:
            # A table that is not there has no writer.
            if error.problem.kind is Kind.DENIED:
                logger.warning(
                    "The answer to a statement was lost, and %s cannot be kept from a copy of it "
                    "that may still be at work: %s",
                    table,
                    error.problem.sentence,
                )
            elif error.problem.kind is not Kind.GONE:
                raise
