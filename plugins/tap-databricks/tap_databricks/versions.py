"""Reading by Delta version: what the state says, what is to be read, and when that is settled.

A stream's state has the table's id, the version up to which all rows were sent, and how they are
read. It moves on only when all rows up to a version are sent: whoever is stopped reads them again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from tap_databricks.settings import CHANGE_DATA_FEED, FILES
from tap_databricks.tables import (
    CHANGE,
    COMMIT,
    COMMITTED,
    DELETE,
    FULL_REFRESH,
    PREIMAGE,
    Head,
    Source,
    Table,
    TableError,
)

DELETED = "_sdc_deleted_at"
"""Property of records that says when a row was deleted, as log-based taps have it."""
STEP = 100
"""Versions whose changes are put in order in memory at once."""


@dataclass(frozen=True)
class Mark:
    """How far a table was read.

    Attributes:
        table: The table's id.
        version: The last version whose rows were all sent.
        log: `change_data_feed` or `files`.
    """

    table: str
    version: int
    log: str

    @classmethod
    def of(cls, state: dict[str, Any]) -> Mark | None:
        """The mark that a state has, None before the first run was through."""
        if "delta_version" not in state:
            return None
        return cls(str(state["table_id"]), int(state["delta_version"]), str(state["log"]))

    def state(self) -> dict[str, Any]:
        """The mark as a state has it."""
        return {"table_id": self.table, "delta_version": self.version, "log": self.log}


def check(table: Table, mark: Mark | None, head: Head, log: str) -> None:
    """See whether what came after a mark can be read.

    Raises:
        TableError: It cannot; says why, and what to do.
    """
    if log == CHANGE_DATA_FEED and not head.feed:
        raise TableError(
            f"Table {table} writes no change data feed. Switch it on: ALTER TABLE … SET "
            "TBLPROPERTIES (delta.enableChangeDataFeed = true); or set log: files in the setting "
            f"'streams', which does not see deleted rows. {FULL_REFRESH}"
        )
    if mark is None:
        return
    if mark.table != head.table or mark.version > head.version:
        raise TableError(
            f"Table {table} was made anew since the last run (it was read up to version "
            f"{mark.version}, and is at version {head.version} now). {FULL_REFRESH}"
        )
    if mark.log != log:
        raise TableError(
            f"Table {table} was read by {mark.log} so far and is to be read by {log}, which may "
            f"not know what happened in between. {FULL_REFRESH}"
        )


@dataclass
class VersionReading:
    """Reads what came to one table since a mark.

    Attributes:
        source: Where the table is.
        table: The table.
        columns: Columns to read.
        keyed: Whether a row that comes twice does no harm.
        settle: Called with a mark once all rows up to it are sent.
        log: `change_data_feed` or `files`; None for the feed where the table writes one.
    """

    source: Source
    table: Table
    columns: Sequence[str]
    keyed: bool
    settle: Callable[[Mark], None]
    log: str | None = None

    def batches(self, mark: Mark | None) -> Iterator[pa.RecordBatch | pa.Table]:
        """Batches of rows; those of a feed have its columns, too.

        Raises:
            TableError: The table does not tell what came since.
        """
        head = self.source.head(self.table)
        log = self.log or (mark.log if mark else None) or (CHANGE_DATA_FEED if head.feed else FILES)
        check(self.table, mark, head, log)
        now = Mark(head.table, head.version, log)
        if mark is None:
            yield from self.source.snapshot(self.table, self.columns, head.version)
            self.settle(now)
        elif log == FILES and mark.version < head.version:
            yield from self.source.additions(
                self.table, self.columns, mark.version, head.version, keyed=self.keyed
            )
            self.settle(now)
        elif mark.version < head.version:
            for since in range(mark.version, head.version, STEP):
                until = min(since + STEP, head.version)
                feed = self.source.changes(self.table, self.columns, since, until)
                yield from in_order(feed)
                self.settle(Mark(head.table, until, log))


def in_order(feed: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Changes in the order of commits, within one what is gone before what came.

    An overwrite deletes and inserts the same keys in one commit.
    """
    batches = [batch for batch in feed if batch.num_rows]
    if not batches:
        return
    rows = pa.Table.from_batches(batches)
    kinds = rows.column(CHANGE).to_pylist()
    versions = rows.column(COMMIT).to_pylist()
    order = sorted(
        (place for place, kind in enumerate(kinds) if kind != PREIMAGE),
        key=lambda place: (versions[place], kinds[place] != DELETE),
    )
    yield rows.take(pa.array(order, pa.int64()))


def deletions(batch: pa.RecordBatch | pa.Table) -> Iterator[Any]:
    """For each row of a feed, the instant of the commit that deleted it; None for all others."""
    if CHANGE not in batch.schema.names:
        yield from (None for _ in range(batch.num_rows))
        return
    changes = batch.column(CHANGE).to_pylist()
    for kind, instant in zip(changes, batch.column(COMMITTED).to_pylist(), strict=True):
        yield instant if kind == DELETE else None


def without_keys(batch: pa.RecordBatch | pa.Table) -> Counter[str]:
    """Kinds of changes of a feed that a stream without a key cannot pass on."""
    if CHANGE not in batch.schema.names:
        return Counter()
    return Counter(kind for kind in batch.column(CHANGE).to_pylist() if kind != "insert")
