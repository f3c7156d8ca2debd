"""What a stream becomes: its table, its columns, its keys, and the child tables cut out of it.

A `StreamPlan` is made once per SCHEMA message, from the message, the settings and what the table
already looks like. Everything after it (parsing, merging, SQL) reads the plan and asks nothing
else, so the plan also travels inside each staged file for a later run to replay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import pyarrow as pa

from target_databricks.schema.types import (
    TIMESTAMP,
    Field,
    Kind,
    Node,
    comment,
    commented,
    struct_node,
)

RECORD_HASH = "_sdc_record_hash"
JOB_ID = "_sdc_job_id"
DELETED_AT = "_sdc_deleted_at"
TABLE_VERSION = "_sdc_table_version"
EXTRACTED_AT = "_sdc_extracted_at"
RECEIVED_AT = "_sdc_received_at"
SYNC_STARTED_AT = "_sdc_sync_started_at"
SEQUENCE = "_sdc_sequence"
"""When a record was received: tells an old batch that is replayed from what came after it."""
RESCUED_DATA = "_rescued_data"
POSITION = "_sdc_position"
"""Order of a child row within its parent, from 0."""

DUE = "__due"
"""Column of a staged batch alone: since when a row must have been written to hold all it has."""

CLEARED = "__cleared"
"""Column of a staged batch alone: columns of the table that a row must not keep a value in."""

PLACE = "__place"
"""Column of a staged batch alone, where rows are appended: how many records of its stream the run
had received with the row."""

AT = "__at"
"""Column of a staged batch alone: from when a version holds, or when its row was deleted."""
VALID_FROM, VALID_TO, IS_CURRENT = HISTORY = ("valid_from", "valid_to", "is_current")
"""Columns of tables that have every version of a row."""

METADATA_PREFIX = "_sdc_"

# Source of the SDK's names and meanings: Meltano SDK, Record Metadata.
SDK_METADATA: Mapping[str, pa.DataType] = {
    EXTRACTED_AT: TIMESTAMP,
    RECEIVED_AT: TIMESTAMP,
    "_sdc_batched_at": TIMESTAMP,
    SEQUENCE: pa.int64(),
    TABLE_VERSION: pa.int64(),
    SYNC_STARTED_AT: pa.int64(),
}
OWN_METADATA: Mapping[str, pa.DataType] = {
    RECORD_HASH: pa.string(),
    JOB_ID: pa.string(),
    DELETED_AT: TIMESTAMP,
    RESCUED_DATA: pa.string(),
}


def reserved(*, sdk_metadata: bool) -> frozenset[str]:
    """Names of the columns that the target writes itself, but for a deletion, which a tap reports.

    Other names with the prefix are a tap's own, as those of tap-csv.
    """
    names = {*OWN_METADATA, *(SDK_METADATA if sdk_metadata else ())}
    return frozenset(names - {DELETED_AT, RESCUED_DATA})


COMMENTS: Mapping[str, str] = {
    RECORD_HASH: "Hash of the record as the tap sent it; a row with the same hash is not rewritten",
    JOB_ID: "Run that last wrote this row",
    DELETED_AT: "When the source said that this row is gone; null as long as it is there",
    RESCUED_DATA: "JSON of what did not fit the schema: unknown fields, values of another type",
    VALID_FROM: "From when this version of the row holds (UTC)",
    VALID_TO: "Until when it held, that instant not included; null while nobody knows better",
    IS_CURRENT: "Whether this is the version that holds now; none is of a row that was deleted",
    POSITION: "Order of this row within its parent, from 0",
    EXTRACTED_AT: "When the tap read the record",
    RECEIVED_AT: "When the target received the record",
    "_sdc_batched_at": "When the batch of the record was prepared",
    SEQUENCE: "Milliseconds since 1970 at which the record was received",
    TABLE_VERSION: "Version the tap gave the record, for full-table reloads",
    SYNC_STARTED_AT: "Milliseconds since 1970 at which the run started",
}


PLAIN = frozenset(
    {Kind.TEXT, Kind.TIMESTAMP, Kind.DATE, Kind.DECIMAL, Kind.DOUBLE, Kind.INTEGER, Kind.BOOLEAN}
)
"""Kinds of values that child rows can repeat of their parent."""
ORDERED = frozenset({Kind.TIMESTAMP, Kind.DATE, Kind.INTEGER, Kind.DECIMAL, Kind.DOUBLE})
"""Kinds of values whose order is the order in which they came to be."""


@dataclass(frozen=True)
class Reference:
    """Columns that point at the key of another table.

    Attributes:
        columns: Columns of the table that refers.
        table: The table referred to.
        to: Its key columns, in the same order.
    """

    columns: tuple[str, ...]
    table: str
    to: tuple[str, ...]


@dataclass(frozen=True)
class Hints:
    """What a schema says to Databricks alone; a folder has no use for it.

    Attributes:
        cluster_by: Columns to cluster by (`x-databricks-cluster-by`), also those that are not
            selected; None leaves it to the settings.
        properties: Table properties (`x-databricks-properties`).
        tags: Tags of Unity Catalog (`x-databricks-tags`), each a column, empty for the table
            itself, a key and a value.
    """

    cluster_by: tuple[str, ...] | None = None
    properties: tuple[tuple[str, str], ...] = ()
    tags: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class ParentColumn:
    """A column of the parent that its child rows repeat, for users to filter by.

    Attributes:
        column: The parent's column.
        name: What the child table calls it.
    """

    column: str
    name: str


@dataclass(frozen=True)
class ChildPlan:
    """Rows that live in an array of the parent and deserve a table of their own.

    Attributes:
        column: The parent's array column; it is cut out of the parent.
        table: Where the rows go.
        keys: Columns that identify a row, the parent's keys first.
        row: The struct of one element.
        references: What its rows point at, their parent not among it.
        parents: What its rows repeat of their parent, beside its keys.
        former_table: What an earlier version called the table.
        hints: What the schema says to Databricks alone.
    """

    column: str
    table: str
    keys: tuple[str, ...]
    row: Node
    description: str | None = None
    references: tuple[Reference, ...] = ()
    parents: tuple[ParentColumn, ...] = ()
    hints: Hints = Hints()
    former_table: str | None = field(default=None, compare=False)


@dataclass(frozen=True)
class StreamPlan:
    """Everything there is to know about loading one stream.

    Attributes:
        stream: The stream's name, for messages to people.
        table: Name of its table, without schema.
        root: The struct of a whole record, child arrays included.
        keys: Columns that identify a row; empty for streams that only append.
        bookmark: Column that the tap bookmarks on, or None.
        children: Child tables.
        history: Whether every version of a row is kept (`load_method: history`).
        sdk_metadata: Whether the SDK's `_sdc_*` columns are written.
        soft_delete: Name of the users' flag, as it is set, or None.
        references: What its rows point at (`x-references`); nothing with `history`, as a key of
            which there are several rows is none to point at.
        hints: What the schema says to Databricks alone.
        reconciled: Notes on what did not fit the existing table, for a warning.
        former_table: What an earlier version called the table.
        sources: Digests of which property each column is for (`sources.py`).
    """

    stream: str
    table: str
    root: Node
    keys: tuple[str, ...] = ()
    bookmark: str | None = None
    children: tuple[ChildPlan, ...] = ()
    description: str | None = None
    history: bool = False
    sdk_metadata: bool = True
    soft_delete: str | None = None
    references: tuple[Reference, ...] = ()
    hints: Hints = Hints()
    reconciled: tuple[str, ...] = field(default=(), compare=False)
    former_table: str | None = field(default=None, compare=False)
    sources: str = field(default="", compare=False)

    @property
    def fields(self) -> tuple[Field, ...]:
        """The record's own columns, in schema order, child arrays included."""
        return self.root.fields

    @property
    def reserved(self) -> frozenset[str]:
        """Properties that are not the tap's, because the target writes columns of these names."""
        return reserved(sdk_metadata=self.sdk_metadata)

    @property
    def identity(self) -> tuple[str, ...]:
        """Columns that no two rows of the table have the same values in."""
        return (*self.keys, VALID_FROM) if self.history else self.keys

    @property
    def flag(self) -> str | None:
        """The users' flag, unless the tap has a column of this name."""
        names = {f.name.lower() for f in self.fields}
        return None if (self.soft_delete or "").lower() in names else self.soft_delete

    @property
    def ordering(self) -> str | None:
        """The bookmark, where it orders the versions of a row.

        Text does not: as text, 9 comes after 10 and September after October. Then what came last
        is the latest.
        """
        kinds = {f.name: f.node.kind for f in self.fields}
        return self.bookmark if kinds.get(self.bookmark or "") in ORDERED else None

    @property
    def staged_schema(self) -> pa.Schema:
        """Columns of a parsed block: the record's, then the metadata known before the merge."""
        columns = list(self.root.arrow)
        names = {f.name for f in self.fields}
        columns += [
            commented(pa.field(n, t), COMMENTS[n])
            for n, t in self.metadata.items()
            if n not in names
        ]
        return pa.schema(columns)

    @property
    def metadata(self) -> Mapping[str, pa.DataType]:
        """Metadata columns in the order they stand in the table, but for the users' flag."""
        sdk = SDK_METADATA if self.sdk_metadata else {}
        ordered = (RECORD_HASH, JOB_ID, *SDK_METADATA, DELETED_AT, RESCUED_DATA)
        return {n: t for n in ordered if (t := sdk.get(n) or OWN_METADATA.get(n)) is not None}

    @property
    def table_schema(self) -> pa.Schema:
        """The table as a fresh one would be created: child arrays out, users' flag in."""
        cut = {child.column for child in self.children}
        columns = [c for c in self.staged_schema if c.name not in cut] + self._history_columns
        if self.flag:
            columns.append(commented(pa.field(self.flag, pa.bool_()), FLAG_COMMENT))
        return pa.schema(columns)

    @property
    def _history_columns(self) -> list[pa.Field]:
        types = {VALID_FROM: TIMESTAMP, VALID_TO: TIMESTAMP, IS_CURRENT: pa.bool_()}
        return [commented(pa.field(n, types[n]), COMMENTS[n]) for n in HISTORY if self.history]

    def child_schema(self, child: ChildPlan) -> pa.Schema:
        """The child's table: the parent's keys, what it repeats, the element's members, ours."""
        columns = {c.name: c for c in self.staged_schema}
        parent = [c for name, c in columns.items() if name in self.keys]
        parent += [_repeated(columns[each.column], each, self.table) for each in child.parents]
        own = [c for c in child.row.arrow if c.name not in self.keys]
        extra = [
            commented(pa.field(POSITION, pa.int64()), COMMENTS[POSITION]),
            commented(pa.field(JOB_ID, pa.string()), COMMENTS[JOB_ID]),
            commented(pa.field(DELETED_AT, TIMESTAMP), COMMENTS[DELETED_AT]),
            *self._history_columns,
        ]
        return pa.schema([*parent, *own, *extra])


def _repeated(column: pa.Field, parent: ParentColumn, table: str) -> pa.Field:
    """A column of the parent as its child rows have it."""
    said = (comment(column) or "").rstrip(".")
    of = f"Of the row of {table} that it belongs to"
    return commented(column.with_name(parent.name), f"{of}: {said}" if said else of)


FLAG_COMMENT = (
    "Flag of the users of this table, not of the source: loads create it and leave it alone; what "
    f"the source deleted has its moment in {DELETED_AT}"
)


def with_root(plan: StreamPlan, root: Node, notes: Iterable[str]) -> StreamPlan:
    """The same plan after its columns were reconciled with an existing table."""
    rows = {f.name: f.node.item for f in root.fields}
    children = tuple(replace(c, row=rows[c.column] or struct_node(())) for c in plan.children)
    return replace(plan, root=root, children=children, reconciled=tuple(notes))
