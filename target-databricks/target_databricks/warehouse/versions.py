"""`_sdc_versions`: which version of each table is the whole truth now, in a table of its own.

A property of the table itself would change its metadata with every version, which fails whoever
else writes to it and ends streaming reads of it. An earlier version kept it there, and there it is
found until a version is noted here.

Source: Databricks, Isolation levels and write conflicts.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pyarrow as pa

from target_databricks.loading.activation import ACTIVATED
from target_databricks.loading.owners import VERSIONS as TABLE
from target_databricks.schema.types import TIMESTAMP
from target_databricks.warehouse.client.connection import Connections, StatementError
from target_databricks.warehouse.client.rules import Kind
from target_databricks.warehouse.sql import dml
from target_databricks.warehouse.tables import MADE, Tables

DESCRIPTION = "The version of each table that target-databricks has activated last"
SCHEMA = pa.schema(
    [
        pa.field(name, kind, metadata={"comment": comment})
        for name, kind, comment in (
            ("table_name", pa.string(), "Table"),
            ("made", pa.string(), "Its property targetDatabricks.made: another table has another"),
            ("version", pa.int64(), "Version whose rows are all that its source has"),
            ("job_id", pa.string(), "Run that activated it"),
            ("activated_at", TIMESTAMP, "When that was"),
        )
    ]
)


class Versions:
    """Versions of the tables of one schema, looked up once a run.

    Args:
        connections: Run statements.
        tables: The schema's tables.
        job_id: The run.
    """

    def __init__(self, connections: Connections, tables: Tables, job_id: str) -> None:
        self._connections = connections
        self._tables = tables
        self._job_id = job_id
        self._name = tables.name(TABLE)
        self._noted: dict[tuple[str, str], int] | None = None
        self._made: dict[str, str] = {}
        self._lock = threading.Lock()

    def get(self, table: str) -> int | None:
        """The version of a table, or None."""
        if self._tables.columns(table) is None:
            return None
        properties = self._tables.properties(table)
        self._made[table] = properties.get(MADE, "")
        with self._lock:
            if self._noted is None:
                self._noted = self._look()
        noted = self._noted.get((table, self._made[table]))
        stored = properties.get(ACTIVATED)
        return noted if noted is not None or stored is None else int(stored)

    def set(self, table: str, version: int) -> None:
        """Note the version of a table; to note it twice does no harm."""
        made = self._made.get(table)
        if made is None:
            made = self._made[table] = self._tables.properties(table).get(MADE, "")
        values = [[table], [made], [version], [self._job_id], [datetime.now(UTC)]]
        row = pa.Table.from_arrays(
            [pa.array(value, c.type) for value, c in zip(values, SCHEMA, strict=True)],
            schema=SCHEMA,
        )
        statement = dml.version_row(self._name, row)
        try:
            self._connections.run(statement)
        except StatementError as error:
            if error.problem.kind is not Kind.GONE:
                raise
            self._tables.ready(TABLE, SCHEMA, DESCRIPTION)
            self._connections.run(statement)
        with self._lock:
            if self._noted is not None:
                self._noted[table, made] = version

    def _look(self) -> dict[tuple[str, str], int]:
        try:
            rows = self._connections.run(dml.versions(self._name)).to_pylist()
        except StatementError as error:
            if error.problem.kind is Kind.GONE:
                return {}
            raise
        return {(row["table_name"], row["made"]): row["version"] for row in rows}
