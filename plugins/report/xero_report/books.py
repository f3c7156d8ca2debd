"""Where the books are: marts and lakehouse in files of this machine, or in Unity Catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa


class BooksError(Exception):
    """The books cannot be read; says what to do."""


class Books(Protocol):
    """Marts, and tables of the lakehouse beside them."""

    def marts(self, query: str) -> pa.Table:
        """The rows of a query, whose `{marts}` is the schema of the marts.

        Raises:
            BooksError: It cannot be answered.
        """

    def loaded(self, table: str, columns: Sequence[str], query: str) -> pa.Table | None:
        """The rows of a query of a table that was loaded, or None where there is no such table.

        Args:
            table: Its name.
            columns: What the query reads of it.
            query: SQL that calls it `{table}`.

        Raises:
            BooksError: It cannot be answered.
        """

    def close(self) -> None:
        """Let go of files and sessions."""
