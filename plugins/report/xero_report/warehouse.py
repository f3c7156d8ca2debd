"""Marts and loaded tables in Unity Catalog, through a SQL warehouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_databricks.errors import ConfigurationError
from target_databricks.warehouse.client.access import make_access
from target_databricks.warehouse.client.backoff import Backoff
from target_databricks.warehouse.client.connection import Connections, StatementError
from target_databricks.warehouse.client.start import check, start
from target_databricks.warehouse.sql.names import Schema

from xero_report import PACKAGE
from xero_report.books import BooksError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from xero_report.settings import Settings

PRODUCT = "xero-report"


class Warehouse:
    """The books of a catalog.

    Args:
        settings: The way in, catalog and schemas.

    Raises:
        BooksError: The warehouse cannot be reached.
    """

    def __init__(self, settings: Settings) -> None:
        catalog = str(settings.access["catalog"])
        self._marts = Schema(catalog, settings.schema)
        self._xero = Schema(catalog, settings.xero_schema)
        backoff = Backoff(float(settings.access["warehouse_timeout"]))
        try:
            access = make_access(settings.access, PRODUCT, PACKAGE)
            check(access, backoff)
        except ConfigurationError as error:
            raise BooksError(str(error)) from error
        self._connections = Connections(
            access, {"plugin": PRODUCT}, backoff, lambda: start(access, backoff)
        )

    def marts(self, query: str) -> pa.Table:
        """The rows of a query of the marts; see `Books.marts`."""
        try:
            return self._connections.run(query.format(marts=self._marts.sql))
        except StatementError as error:
            raise BooksError(
                f"The marts in {self._marts} cannot be read ({error}). Make them first: `meltano "
                "run dbt-databricks:build`, and have SELECT on them granted."
            ) from error

    def loaded(self, table: str, columns: Sequence[str], query: str) -> pa.Table | None:
        """The rows of a query of a table; see `Books.loaded`."""
        del columns  # the warehouse sees by itself what the query reads
        try:
            return self._connections.run(query.format(table=self._xero.table(table)))
        except StatementError as error:
            if "TABLE_OR_VIEW_NOT_FOUND" in str(error):
                return None
            raise BooksError(f"{self._xero}.{table} cannot be read: {error}") from error

    def close(self) -> None:
        """Close all sessions."""
        self._connections.close()
