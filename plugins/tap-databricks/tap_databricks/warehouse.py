"""Tables and views of Unity Catalog, read through a SQL warehouse.

Source: Databricks SQL language reference: SHOW TABLES; DESCRIBE DETAIL; DESCRIBE HISTORY;
table_changes; SELECT, temporal_spec; File metadata column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
from singer_sdk.exceptions import ConfigurationError
from target_databricks.warehouse.catalog import NO_TABLE, Catalog
from target_databricks.warehouse.client.access import make_access
from target_databricks.warehouse.client.backoff import Backoff
from target_databricks.warehouse.client.connection import (
    Connections,
    StatementError,
    session_settings,
)
from target_databricks.warehouse.client.rules import Kind
from target_databricks.warehouse.client.start import check, start
from target_databricks.warehouse.sql.columns import as_read
from target_databricks.warehouse.sql.names import Schema, literal, quoted

from tap_databricks import PACKAGE
from tap_databricks.commits import writes_feed
from tap_databricks.lakehouse import rewritten, vacuumed
from tap_databricks.tables import CHANGE, COMMIT, COMMITTED, FULL_REFRESH, Head, Table, TableError

PRODUCT = "tap-databricks"
_FILE = "`_tap_databricks_file`"

_APPENDING = frozenset({"COPY INTO", "CREATE TABLE", "CREATE TABLE AS SELECT", "STREAMING UPDATE"})
"""Operations of DESCRIBE HISTORY that only add rows; WRITE does where its mode is Append."""
_HARMLESS = frozenset(
    {
        *("VACUUM START", "VACUUM END", "SET TBLPROPERTIES", "UNSET TBLPROPERTIES", "FSCK"),
        *("ADD COLUMNS", "CHANGE COLUMN", "ADD CONSTRAINT", "DROP CONSTRAINT", "CLUSTER BY"),
        *("UPGRADE PROTOCOL", "SET NOT NULL"),
    }
)
"""Operations that write no rows."""
_FEED = ("CHANGE_DATA", "CHANGE DATA")
_GONE = ("FILE_NOT_FOUND", "FAILED_READ_FILE", "FileNotFound", "does not exist", "not recreate")
_HISTORY = ("VERSION", "version", "TIME_TRAVEL", "recreatable")


class SqlWarehouse:
    """Tables of one catalog.

    Args:
        config: The tap's settings.
        job: What the warehouse's query history shows of the run.
        backoff: How long to wait for the warehouse, and for one statement.
    """

    def __init__(
        self, config: Mapping[str, Any], *, job: str, backoff: Backoff | None = None
    ) -> None:
        backoff = backoff or Backoff(float(config["warehouse_timeout"]))
        access = make_access(config, PRODUCT, PACKAGE)
        check(access, backoff)
        self._catalog = str(config["catalog"])
        self._client = access.client
        self._connections = Connections(
            access,
            {"job": job, "plugin": PRODUCT},
            backoff,
            lambda: start(access, backoff),
            session_settings(config),
        )

    def names(self, schema: str) -> Iterable[str]:
        """Names of tables and views of a schema.

        Raises:
            ConfigurationError: The schema cannot be looked at.
        """
        where = Schema(self._catalog, schema)
        try:
            listed = self._connections.run(f"SHOW TABLES IN {where.sql}")
        except StatementError as error:
            raise ConfigurationError(
                f"The schema {where} cannot be looked at: {error}. Correct the settings 'catalog' "
                "and 'schemas', or have USE CATALOG, USE SCHEMA and SELECT on it granted."
            ) from error
        rows = listed.to_pylist()
        return sorted(row["tableName"] for row in rows if not row.get("isTemporary"))

    def table(self, schema: str, name: str) -> Table:
        """What a table looks like, as Unity Catalog says, else as a query without rows does."""
        facts = Catalog(self._client, Schema(self._catalog, schema)).table(name)
        if facts is not None and facts is not NO_TABLE and facts.columns is not None:
            names = facts.columns.names
            keys = tuple(each for each in names if each in facts.primary_key)
            return Table(schema, name, facts.columns, keys)
        table = Table(schema, name, pa.schema([]))
        with _told(table):
            empty = self._connections.run(f"SELECT * FROM {self._sql(table)} LIMIT 0")  # noqa: S608
        return Table(schema, name, as_read(empty.schema))

    def rows(
        self, table: Table, columns: Sequence[str], bookmark: tuple[str, str | int | None] | None
    ) -> Iterator[pa.RecordBatch]:
        """Rows as they are now; see `Source.rows`."""
        query = f"SELECT {_list(columns)} FROM {self._sql(table)}"  # noqa: S608
        if bookmark is not None:
            name, value = quoted(bookmark[0]), bookmark[1]
            if value is not None:
                text = _literal(value, table.columns.field(bookmark[0]).type)
                query += f" WHERE {name} >= {text} OR {name} IS NULL"
            query += f" ORDER BY {name} NULLS FIRST"
        return self._stream(table, query)

    def head(self, table: Table) -> Head:
        """The newest version.

        Raises:
            TableError: It is a view, or no Delta table.
        """
        try:
            detail = self._ask(f"DESCRIBE DETAIL {self._sql(table)}")[0]
            latest = self._ask(f"DESCRIBE HISTORY {self._sql(table)} LIMIT 1")[0]
        except (StatementError, IndexError) as error:
            raise TableError(
                f"{table} has no versions to read by ({error}): views and tables that are not "
                "Delta's have none. Set replication_method FULL_TABLE or INCREMENTAL for it."
            ) from error
        properties = dict(detail["properties"] or {})
        return Head(str(detail["id"]), int(latest["version"]), writes_feed(properties))

    def snapshot(
        self, table: Table, columns: Sequence[str], version: int
    ) -> Iterator[pa.RecordBatch]:
        """All rows of a version."""
        return self._stream(table, f"SELECT {_list(columns)} FROM {self._at(table, version)}")  # noqa: S608

    def changes(
        self, table: Table, columns: Sequence[str], since: int, until: int
    ) -> Iterator[pa.RecordBatch]:
        """The change data feed; see `Source.changes`."""
        wanted = _list([*columns, CHANGE, COMMIT, COMMITTED])
        name = literal(self._sql(table))
        query = f"SELECT {wanted} FROM table_changes({name}, {since + 1}, {until})"  # noqa: S608
        return self._stream(table, query)

    def additions(
        self, table: Table, columns: Sequence[str], since: int, until: int, *, keyed: bool
    ) -> Iterator[pa.RecordBatch]:
        """Rows of new files; one that OPTIMIZE wrote is new, too. See `Source.additions`.

        Raises:
            TableError: The history does not tell, or rows would come twice that have no key.
        """
        with _told(table):
            history = self._ask(f"DESCRIBE HISTORY {self._sql(table)} LIMIT {until - since + 1}")
        recent = [row for row in history if since < int(row["version"]) <= until]
        if len(recent) < until - since:
            raise TableError(
                f"Table {table}: its history does not go back to version {since}. {FULL_REFRESH} "
                "Run more often than the log is kept (delta.logRetentionDuration)."
            )
        if not keyed and (rewrites := [int(r["version"]) for r in recent if not _appends(r)]):
            raise rewritten(table, min(rewrites))
        # By names of their own: inside NOT IN (SELECT …) Spark takes `_metadata` for the outer one.
        file = f"_metadata.file_path AS {_FILE}"
        old = f"SELECT DISTINCT {file} FROM {self._at(table, since)}"  # noqa: S608
        new = f"SELECT {_list(columns)}, {file} FROM {self._at(table, until)}"  # noqa: S608
        return self._stream(
            table,
            f"SELECT {_list(columns)} FROM ({new}) AS new LEFT ANTI JOIN ({old}) AS old "  # noqa: S608
            f"ON new.{_FILE} = old.{_FILE}",
        )

    def close(self) -> None:
        """Close all sessions."""
        self._connections.close()

    def _stream(self, table: Table, query: str) -> Iterator[pa.RecordBatch]:
        with _told(table):
            for some in self._connections.stream(query):
                yield from some.to_batches()

    def _ask(self, query: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._connections.run(query).to_pylist()
        return rows

    def _sql(self, table: Table) -> str:
        return Schema(self._catalog, table.schema).table(table.name)

    def _at(self, table: Table, version: int) -> str:
        return f"{self._sql(table)} VERSION AS OF {version}"


def _appends(operation: Mapping[str, Any]) -> bool:
    """Whether a row of DESCRIBE HISTORY is of a commit that only added rows, or wrote none."""
    name = str(operation["operation"])
    if name == "WRITE":
        return dict(operation["operationParameters"] or {}).get("mode") == "Append"
    return name in _APPENDING or name in _HARMLESS


def _list(columns: Sequence[str]) -> str:
    return ", ".join(map(quoted, columns))


def _literal(value: str | int, kind: pa.DataType) -> str:
    text = literal(value)
    if pa.types.is_timestamp(kind):
        return f"CAST({text} AS {'TIMESTAMP' if kind.tz else 'TIMESTAMP_NTZ'})"
    return f"CAST({text} AS DATE)" if pa.types.is_date(kind) else text


_CAUSES: tuple[tuple[Callable[[str], bool], Callable[[Table, str], TableError]], ...] = (
    (
        lambda reason: any(word in reason for word in _FEED),
        lambda table, reason: TableError(
            f"Table {table}: the change data feed does not go back to the last run ({reason}). "
            f"Switch it on (delta.enableChangeDataFeed = true). {FULL_REFRESH}"
        ),
    ),
    (lambda reason: any(word in reason for word in _GONE), vacuumed),
    (
        lambda reason: any(word in reason for word in _HISTORY),
        lambda table, reason: TableError(
            f"Table {table}: the versions since the last run cannot be read ({reason}). "
            f"{FULL_REFRESH}"
        ),
    ),
)
"""What a refusal means, the first that matches."""


@contextmanager
def _told(table: Table) -> Iterator[None]:
    """Name the table in what the warehouse refuses, and say what to do."""
    try:
        yield
    except StatementError as error:
        if error.problem.kind is Kind.REFUSED:
            raise
        reason = str(error)
        for means, cause in _CAUSES:
            if means(reason):
                raise cause(table, reason) from error
        raise TableError(f"Table {table} cannot be read: {reason}") from error
