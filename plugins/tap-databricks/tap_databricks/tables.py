"""What the streams know of a place with tables: a folder or a warehouse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa
from singer_sdk.exceptions import ConfigurationError, FatalSyncError

CHANGE = "_change_type"
COMMIT = "_commit_version"
COMMITTED = "_commit_timestamp"
"""Columns that a change data feed adds. Source: Delta Lake, Change data feed."""
DELETE, PREIMAGE = "delete", "update_preimage"

FULL_REFRESH = (
    "Run once with --full-refresh (`meltano run --full-refresh …`), or take the stream's entry "
    "out of the state: the table is then read whole, and from its newest version on."
)


class NoTablesError(ConfigurationError):
    """Where tables are looked for nobody has made one yet, or the settings name another place."""


class TableError(FatalSyncError):
    """A table cannot be read as asked. Others are; the exit code is 1."""


@dataclass(frozen=True)
class Table:
    """A table or view.

    Attributes:
        schema: Its schema.
        name: Its name.
        columns: Its columns, with comments as metadata.
        keys: Columns of its PRIMARY KEY, in the order of the columns; empty where none is stated.
        comment: What it is.
    """

    schema: str
    name: str
    columns: pa.Schema
    keys: tuple[str, ...] = ()
    comment: str | None = None

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class Head:
    """The newest version of a Delta table.

    Attributes:
        table: The table's id: another one after it was made anew.
        version: The version.
        feed: Whether it writes a change data feed.
    """

    table: str
    version: int
    feed: bool


class Source(Protocol):
    """A place with tables. Rows come in batches; none of the calls changes anything."""

    def names(self, schema: str) -> Iterable[str]:
        """Names of the tables and views of a schema."""

    def table(self, schema: str, name: str) -> Table:
        """What a table looks like."""

    def rows(
        self, table: Table, columns: Sequence[str], bookmark: tuple[str, str | int | None] | None
    ) -> Iterator[pa.RecordBatch]:
        """Rows as they are now.

        Args:
            table: The table.
            columns: Columns to read.
            bookmark: A column to order by, and the value to begin with (included); rows without
                one come always, and first.
        """

    def head(self, table: Table) -> Head:
        """The newest version.

        Raises:
            TableError: It has no versions.
        """

    def snapshot(
        self, table: Table, columns: Sequence[str], version: int
    ) -> Iterator[pa.RecordBatch]:
        """All rows of a version."""

    def changes(
        self, table: Table, columns: Sequence[str], since: int, until: int
    ) -> Iterator[pa.RecordBatch]:
        """The change data feed from one version (left out) to another (included), in any order."""

    def additions(
        self, table: Table, columns: Sequence[str], since: int, until: int, *, keyed: bool
    ) -> Iterator[pa.RecordBatch]:
        """Rows of the files that a version has and an earlier one had not.

        Args:
            table: The table.
            columns: Columns to read.
            since: The earlier version.
            until: The version.
            keyed: Whether a row that comes twice does no harm.
        """

    def close(self) -> None:
        """Let go of connections."""
