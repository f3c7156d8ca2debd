"""Features of Delta with which a table can no longer be written from here, by name.

Databricks switches them on, and once a table has one, every writer must know it. delta-rs refuses
those that it does not know when it commits, after all the work, and in its own words; with column
mapping it may write columns under names that nobody reads. So a table is looked at when it is
opened.

Source: Delta transaction log protocol, Table features; Databricks, Delta Lake feature compatibility
and protocols; what deltalake 1.6 accepts, of which `tests/target_databricks/test_features.py` asks
it for each.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

WRITABLE = frozenset(
    {
        "appendOnly",
        "changeDataFeed",
        "checkConstraints",
        "columnMapping",
        "deletionVectors",
        "generatedColumns",
        "invariants",
        "timestampNtz",
        "v2Checkpoint",
        "variantType",
        "variantType-preview",
    }
)
"""Features that a table may have; `columnMapping` only as long as no mode is set."""

_ICEBERG = "reads as Iceberg, delta.universalFormat.enabledFormats"
_WIDENING = "delta.enableTypeWidening"
_CATALOG = "commits through Unity Catalog"

CAUSES: Mapping[str, str] = {
    "allowColumnDefaults": "a column with DEFAULT",
    "catalogManaged": _CATALOG,
    "catalogOwned-preview": _CATALOG,
    "checkpointProtection": "ALTER TABLE ... DROP FEATURE",
    "clustering": "CLUSTER BY",
    "collations": "a column with COLLATE",
    "collations-preview": "a column with COLLATE",
    "columnMapping": "delta.columnMapping.mode, or a column that was renamed or dropped",
    "coordinatedCommits": _CATALOG,
    "coordinatedCommits-preview": _CATALOG,
    "domainMetadata": "CLUSTER BY, or row tracking",
    "icebergCompatV1": _ICEBERG,
    "icebergCompatV2": _ICEBERG,
    "icebergWriterCompatV1": _ICEBERG,
    "identityColumns": "a column GENERATED AS IDENTITY",
    "inCommitTimestamp": "delta.enableInCommitTimestamps",
    "materializePartitionColumns": _ICEBERG,
    "rowTracking": "delta.enableRowTracking",
    "typeWidening": _WIDENING,
    "typeWidening-preview": _WIDENING,
    "vacuumProtocolCheck": "VACUUM that all writers have to check",
    "variantShredding-preview": "VARIANT columns that are shredded",
}
"""What brings a feature that cannot be written, as the people know it who did it."""

_MAPPING_MODE = "delta.columnMapping.mode"
_MODES = ("name", "id")


class FeatureError(Exception):
    """A table has features that delta-rs cannot write."""

    def __init__(self, features: Collection[str]) -> None:
        named = [f"{f} ({CAUSES[f]})" if f in CAUSES else f for f in sorted(features)]
        feature = "feature" if len(named) == 1 else "features"
        super().__init__(f"The table has the Delta {feature} {', '.join(named)}")


def open_table(uri: str, storage_options: dict[str, str] | None) -> DeltaTable | None:
    """A table that can be written to; None if there is none.

    Args:
        uri: Where it is.
        storage_options: Credentials of the object store.

    Raises:
        FeatureError: It has features that cannot be written.
    """
    try:
        table = DeltaTable(uri, storage_options=storage_options)
    except TableNotFoundError:
        return None
    locked = locks(table.protocol().writer_features or (), table.metadata().configuration)
    if locked:
        raise FeatureError(locked)
    return table


def locks(features: Collection[str], properties: Mapping[str, str | None]) -> set[str]:
    """The features for which a table cannot be written.

    Args:
        features: Those that its protocol asks of writers.
        properties: Its properties.
    """
    mapped = properties.get(_MAPPING_MODE) in _MODES
    return {*features} - WRITABLE | ({"columnMapping"} if mapped else set())
