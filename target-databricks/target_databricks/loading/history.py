"""`load_method: history`: every version of a row, and when it held. The rule, said once. Pure.

A version holds from its instant until that of the next one of its key, or until the row is deleted:
half-open intervals in UTC. Instants are those of the replication key, where it is a time or a date,
else those at which records were received. What comes late, or twice, takes its place among what is
there, so that the order in which versions come does not matter.

| event | does |
|---|---|
| a version | begins an interval; of several at one instant the one received last counts |
| the same version again | nothing |
| a version like the one before it | nothing |
| a deletion | ends the interval that holds then |
| a deletion of what does not hold | is remembered in a row without hash, for versions to come |
| ACTIVATE_VERSION | deletes what the tap did not send |
| a version from before that, received after it | what the tap sent has not gone: revokes the end |

Source: for comparison, dlt (`scd2`) and Fivetran (history mode), which take load times.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from target_databricks.loading.batch import Batch
from target_databricks.loading.rows import key_column, last_versions
from target_databricks.schema.plan import AT, DELETED_AT, HISTORY, RECEIVED_AT, StreamPlan
from target_databricks.schema.sources import Owners
from target_databricks.schema.types import TIMESTAMP, Kind

COMMAND = "meltano invoke target-databricks:history"
CONVERTING = "targetDatabricks.converting"
"""Table property that is "true" while a table gets the history of its rows in several commits."""


@dataclass(frozen=True)
class Version:
    """A version of a row.

    Attributes:
        at: From when it holds, in microseconds since 1970.
        sequence: When it was received, in milliseconds since 1970.
        digest: Hash of its record; None for a deletion that no version has come to yet.
        place: Which row it is, for the caller.
        stored: Whether the table has it.
        end: When it ends by a deletion.
        deleted_at: When that was, by the tap or by ours.
        retired: Whether it was ended because the tap did not send it any more, which a table shows
            by the lack of a sequence.
    """

    at: int
    sequence: int
    digest: str | None
    place: int
    stored: bool = False
    end: int | None = None
    deleted_at: int | None = None
    retired: bool = False


@dataclass(frozen=True)
class Interval:
    """A version and until when it holds; None for as long as nobody knows better."""

    version: Version
    to: int | None


@dataclass(frozen=True)
class Conversion:
    """What a table needs to be told to have the history of its rows.

    Attributes:
        table: The table.
        keys: Its key columns.
        since: The column of its replication key, or None.
        children: Its child tables.
    """

    table: str
    keys: tuple[str, ...]
    since: str | None = None
    children: tuple[str, ...] = ()


_OPEN: Mapping[str, Any] = {"end": None, "deleted_at": None, "retired": False}


def intervals(stored: Iterable[Version], came: Iterable[Version]) -> list[Interval]:
    """The intervals of one key.

    Args:
        stored: What the table has of it.
        came: What came, deletions among it: with an end, and without hash.
    """
    versions: dict[int, Version] = {}
    deletions: dict[int, Version] = {}
    latest: dict[int, int] = {}
    for each in stored:
        if each.digest is None:
            deletions[each.at] = each
        else:
            versions[each.at] = each
    for each in sorted(came, key=lambda version: version.sequence):
        if each.digest is None:
            deletions[each.at] = each
            continue
        latest[each.at] = max(latest.get(each.at, 0), 1000 * each.sequence)
        there = versions.get(each.at)
        if there is not None and there.digest == each.digest:
            if there.retired:
                versions[each.at] = replace(there, sequence=each.sequence)
        elif there is None or each.sequence >= there.sequence:
            if there is not None and there.end is not None:
                deletions.setdefault(there.end, _deletion(there))
            versions[each.at] = each
    for each in list(versions.values()):
        if each.end is not None:
            deletions.setdefault(each.end, _deletion(each))
    plain = [replace(each, **_OPEN) for each in versions.values()]
    ends = [each for each in deletions.values() if not (each.retired and _revoked(each, latest))]
    events = sorted([*plain, *ends], key=lambda e: (e.at, e.digest is None))
    return list(_chain(events))


def _deletion(version: Version) -> Version:
    """The deletion that ended a version."""
    return replace(version, at=version.end or version.at, digest=None)


def _revoked(deletion: Version, latest: Mapping[int, int]) -> bool:
    """Whether a version from before a deletion was received after it."""
    moment = deletion.deleted_at or 0
    return any(at <= deletion.at and received > moment for at, received in latest.items())


def _chain(events: Sequence[Version]) -> Iterable[Interval]:
    current: Version | None = None
    for event in events:
        if event.digest is None:
            if current is not None:
                end, deleted_at, retired = event.at, event.deleted_at, event.retired
                ended = replace(current, end=end, deleted_at=deleted_at, retired=retired)
                yield Interval(ended, end)
            else:
                yield Interval(event, event.at)
            current = None
        elif current is None or current.digest != event.digest:
            if current is not None:
                yield Interval(current, event.at)
            current = event
    if current is not None:
        yield Interval(current, None)


def by_replication_key(plan: StreamPlan) -> bool:
    """Whether the versions of a stream hold from their replication key on."""
    kinds = {f.name: f.node.kind for f in plan.fields}
    return kinds.get(plan.bookmark or "") in {Kind.TIMESTAMP, Kind.DATE}


def prepared(batch: Batch) -> Batch:
    """The batch, its rows saying from when they hold; one version of a key for each instant."""
    plan, rows = batch.plan, batch.rows
    gone = rows.column(DELETED_AT)
    received = rows.column(RECEIVED_AT)
    if by_replication_key(plan):
        stated = rows.column(plan.bookmark).cast(TIMESTAMP)
        # A deletion may repeat the replication key of the version that it ends.
        deleted = _moments(gone, received)
        later = pc.if_else(pc.fill_null(pc.greater(stated, deleted), False), stated, deleted)
        at = pc.if_else(gone.is_valid(), later, pc.coalesce(stated, received))
    else:
        at = received
    rows = rows.append_column(AT, at.cast(TIMESTAMP))
    identity = pc.binary_join_element_wise(
        _text(key_column(rows, plan.keys)),
        rows.column(AT).cast(pa.int64()).cast(pa.string()),
        gone.is_valid().cast(pa.string()),
        "\x1f",
    )
    last: dict[str, int] = {text: place for place, text in enumerate(identity.to_pylist())}
    return replace(batch, rows=rows.take(pa.array(sorted(last.values()), pa.int64())))


def _text(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    return column if pa.types.is_string(column.type) else column.cast(pa.string())


def _moments(deleted: pa.ChunkedArray, received: pa.ChunkedArray) -> pa.ChunkedArray:
    """When rows were deleted; when that was received, where it is stated as no time."""
    if deleted.type == TIMESTAMP:
        return deleted
    return pc.if_else(deleted.is_valid(), received, pa.scalar(None, received.type))


def has_history(plan: StreamPlan, columns: pa.Schema, properties: Mapping[str, str]) -> bool:
    """Whether a stream's table has every version of its rows.

    Args:
        plan: The stream, which may have such columns of its own.
        columns: Columns of its own table.
        properties: Properties of the same.
    """
    if not has_columns(columns):
        return False
    owners = Owners(lambda: properties)
    if owners.unknown:
        return {f.name.lower() for f in plan.fields}.isdisjoint(HISTORY)
    return not any(owners.rank(name, field.source) for name in HISTORY for field in plan.fields)


def has_columns(columns: pa.Schema | None) -> bool:
    """Whether a table may have every version of its rows."""
    return columns is not None and {name.lower() for name in columns.names}.issuperset(HISTORY)


def as_loaded(batch: Batch, *, history: bool, appended: bool) -> Batch:
    """A batch that was staged for one `load_method` as it is loaded with another.

    Args:
        batch: The batch.
        history: Whether its table has every version of a row.
        appended: Whether its rows are appended.
    """
    plan = replace(batch.plan, history=history)
    if batch.plan.history == history:
        return batch
    if history:
        own = {f.name.lower() for f in plan.fields}
        return prepared(replace(batch, plan=plan)) if own.isdisjoint(HISTORY) else batch
    rows = batch.rows.drop_columns([AT])
    return replace(
        batch, plan=plan, rows=rows if appended else last_versions(rows, plan.keys, plan.ordering)
    )


def refusal(
    plan: StreamPlan, columns: pa.Schema | None, properties: Mapping[str, str], location: str
) -> str | None:
    """Why a stream's table cannot be loaded like this, with what to do; None if it can.

    Args:
        plan: The stream, with child tables that its SCHEMA has left out.
        columns: Columns of its own table; None if there is none.
        properties: Properties of the same.
        location: The table, for the message.
    """
    if plan.history and not plan.keys:
        return (
            f"Stream '{plan.stream}' has no key, by which 'load_method: history' tells the "
            "versions of a row. State one with '__key_properties__' in 'stream_maps', or load the "
            "stream with another 'load_method'."
        )
    if columns is None:
        return None
    has = has_history(plan, columns, properties)
    if plan.history and (not has or properties.get(CONVERTING) == "true"):
        keys = "".join(f" --key {key}" for key in plan.keys)
        since = f" --from {plan.bookmark}" if by_replication_key(plan) else ""
        children = "".join(f" --child {child.table}" for child in plan.children)
        return (
            f"{location} was loaded without history. `{COMMAND} {plan.table}{keys}{since}{children}"
            "` turns what it has into the first versions; or give the stream a table of its own "
            "with an '__alias__' in 'stream_maps'."
        )
    if has and not plan.history:
        return (
            f"{location} has the history of its rows. Load it with 'load_method: history', or give "
            "the stream a table of its own with an '__alias__' in 'stream_maps'."
        )
    return None
