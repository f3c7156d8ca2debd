"""Marts in DuckDB's file, loaded tables in a lakehouse folder or an object store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder
from deltalake.exceptions import TableNotFoundError

from xero_report.books import BooksError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xero_report.settings import Settings

_BUILD = "Make the marts first: `meltano run dbt-duckdb:build`."


class Folder:
    """The books of a lakehouse folder.

    Args:
        settings: Where the marts and the lakehouse are.

    Raises:
        BooksError: There are no marts.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        if not Path(settings.database).exists():
            raise BooksError(f"There is no database {settings.database}. {_BUILD}")
        try:
            self._database = duckdb.connect(settings.database, read_only=True)
        except duckdb.Error as error:
            raise BooksError(
                f"The database {settings.database} cannot be opened ({_line(error)}). Wait until "
                "nothing writes to it."
            ) from error

    def marts(self, query: str) -> pa.Table:
        """The rows of a query of the marts; see `Books.marts`."""
        return self._rows(query.format(marts=self._settings.schema))

    def loaded(self, table: str, columns: Sequence[str], query: str) -> pa.Table | None:
        """The rows of a query of a Delta table; see `Books.loaded`."""
        path = f"{self._settings.lakehouse_path.rstrip('/')}/{self._settings.xero_schema}/{table}"
        try:
            stored = DeltaTable(path, storage_options=dict(self._settings.storage_options) or None)
        except TableNotFoundError:
            return None
        # Not by pyarrow's own reader, as plugins/marts/duckdb has it.
        answer = QueryBuilder().register("t", stored).execute(f"SELECT {', '.join(columns)} FROM t")  # noqa: S608
        self._database.register("loaded", pa.RecordBatchReader.from_stream(answer).read_all())
        return self._rows(query.format(table="loaded"))

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _rows(self, query: str) -> pa.Table:
        try:
            return self._database.sql(query).to_arrow_table()
        except duckdb.Error as error:
            raise BooksError(
                f"The marts in {self._settings.database} cannot be read ({_line(error)}). {_BUILD}"
            ) from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
