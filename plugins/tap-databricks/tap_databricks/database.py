"""A DuckDB database: tables and views that dbt-duckdb makes of a lakehouse folder.

Source: DuckDB, `information_schema`, `duckdb_constraints()`, Arrow results.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
from singer_sdk.exceptions import ConfigurationError

from tap_databricks import PACKAGE
from tap_databricks.tables import Head, Table, TableError

_BATCH = 10_000


class DuckDbDatabase:
    """Tables and views of a database file, which is only read.

    Args:
        path: The file.
    """

    def __init__(self, path: str) -> None:
        try:
            import duckdb
        except ImportError as error:
            raise ConfigurationError(
                f"DuckDB is not installed: install '{PACKAGE}[duckdb]' to read the database of "
                f"the setting 'duckdb_path' ({error})."
            ) from error
        self._error = duckdb.Error
        try:
            self._connection: Any = duckdb.connect(path, read_only=True)
        except duckdb.Error as error:
            raise ConfigurationError(
                f"The database of the setting 'duckdb_path' cannot be opened: {_line(error)}. "
                "Correct the path, or wait until nothing writes to it."
            ) from error
        self._connection.execute("SET TimeZone = 'UTC'")

    def names(self, schema: str) -> Iterable[str]:
        """Names of tables and views of a schema.

        Raises:
            ConfigurationError: There are none.
        """
        listed = self._connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = ? ORDER BY 1",
            [schema],
        ).fetchall()
        if not listed:
            raise ConfigurationError(
                f"The database has no tables or views in the schema '{schema}'. Correct the "
                "setting 'schemas' (dbt puts its target's schema before a model's), or build them."
            )
        return [name for (name,) in listed]

    def table(self, schema: str, name: str) -> Table:
        """What a table looks like, with its PRIMARY KEY."""
        table = Table(schema, name, pa.schema([]))
        with self._named(table):
            empty = self._connection.sql(f"SELECT * FROM {_sql(table)} LIMIT 0")  # noqa: S608
            columns = empty.to_arrow_table().schema
            stated = self._connection.execute(
                "SELECT constraint_column_names FROM duckdb_constraints() WHERE schema_name = ? "
                "AND table_name = ? AND constraint_type = 'PRIMARY KEY'",
                [schema, name],
            ).fetchall()
        primary = {name for (names,) in stated for name in names}
        keys = tuple(column for column in columns.names if column in primary)
        return Table(schema, name, columns, keys)

    def rows(
        self, table: Table, columns: Sequence[str], bookmark: tuple[str, str | int | None] | None
    ) -> Iterator[pa.RecordBatch]:
        """Rows as they are now; see `Source.rows`."""
        query, given = f"SELECT {', '.join(map(_quoted, columns))} FROM {_sql(table)}", []  # noqa: S608
        if bookmark is not None:
            name = _quoted(bookmark[0])
            if bookmark[1] is not None:
                query += f" WHERE {name} >= {_value(table.columns.field(bookmark[0]).type)}"
                query += f" OR {name} IS NULL"
                given = [str(bookmark[1])]
            query += f" ORDER BY {name} NULLS FIRST"
        with self._named(table):
            # A cursor of its own: whoever stops in the middle leaves it at work.
            yield from self._connection.cursor().sql(query, params=given).to_arrow_reader(_BATCH)

    def head(self, table: Table) -> Head:
        """DuckDB keeps no versions.

        Raises:
            TableError: Always.
        """
        raise TableError(
            f"{table} is DuckDB's and has no versions to read by. Set replication_method "
            "FULL_TABLE or INCREMENTAL for it."
        )

    def snapshot(
        self, table: Table, columns: Sequence[str], version: int
    ) -> Iterator[pa.RecordBatch]:
        """None; see `head`."""
        raise NotImplementedError

    def changes(
        self, table: Table, columns: Sequence[str], since: int, until: int
    ) -> Iterator[pa.RecordBatch]:
        """None; see `head`."""
        raise NotImplementedError

    def additions(
        self, table: Table, columns: Sequence[str], since: int, until: int, *, keyed: bool
    ) -> Iterator[pa.RecordBatch]:
        """None; see `head`."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    @contextmanager
    def _named(self, table: Table) -> Iterator[None]:
        try:
            yield
        except (self._error, pa.ArrowException) as error:
            raise TableError(f"{table} cannot be read: {_line(error)}") from error


def _value(kind: pa.DataType) -> str:
    """A parameter of a type; bookmarks are bound as text."""
    is_a = pa.types
    if is_a.is_timestamp(kind):
        instant = "CAST(? AS TIMESTAMPTZ)"
        return instant if kind.tz else f"({instant} AT TIME ZONE 'UTC')"
    if is_a.is_date(kind):
        return "CAST(? AS DATE)"
    if is_a.is_decimal(kind):
        return f"CAST(? AS DECIMAL({kind.precision}, {kind.scale}))"
    return "CAST(? AS BIGINT)" if is_a.is_integer(kind) else "?"


def _sql(table: Table) -> str:
    return f"{_quoted(table.schema)}.{_quoted(table.name)}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:500]
