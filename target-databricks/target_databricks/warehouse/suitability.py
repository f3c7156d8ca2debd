"""What of Unity Catalog cannot be loaded into, told before it is tried, in the sentence that helps.

Pure: what the REST API says of a catalog or a table goes in.

Source: Databricks REST API, Unity Catalog, CatalogInfo and TableInfo; Row filters and column masks,
Limitations; Streaming tables; Lakehouse Federation; Delta Sharing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from target_databricks.schema.plan import DELETED_AT, RECORD_HASH, RESCUED_DATA

if TYPE_CHECKING:
    from databricks.sdk.service.catalog import TableInfo

_ANOTHER_CATALOG = "Set 'catalog' to one of Unity Catalog that is the workspace's own."
_ANOTHER_TABLE = (
    "Give the stream another table, with an '__alias__' in 'stream_maps', or remove this one."
)
_ON_A_VIEW = "Load into a table without, and have filters and masks on a view of it."
_SECRET = (
    f"Rows are told apart by keys and compared by {RECORD_HASH}; who sees others, or not all of "
    f"them, writes every row anew. {_ON_A_VIEW}"
)

BY_NAME: Mapping[str, str] = {
    "hive_metastore": "is the workspace's old Hive metastore, which has no volumes and no grants",
    "samples": "holds Databricks' samples",
    "system": "holds Databricks' system tables",
}
"""Catalogs that every workspace has and nobody loads into."""
_BY_CATALOG_TYPE: Mapping[str, str] = {
    "FOREIGN_CATALOG": "shows a database elsewhere, which Databricks only reads",
    "DELTASHARING_CATALOG": "is shared by somebody else, who alone may write to it",
    "SYSTEM_CATALOG": "holds Databricks' system tables",
    "INTERNAL_CATALOG": "is Databricks' own",
}
_BY_TABLE_TYPE: Mapping[str, str] = {
    "VIEW": "is a view",
    "METRIC_VIEW": "is a view",
    "FOREIGN": "is a table of another database",
    "STREAMING_TABLE": "is a streaming table, which only its pipeline may write to",
    "MATERIALIZED_VIEW": "is a materialized view, which only its pipeline may write to",
}


def about_catalog(name: str, kind: str | None = None) -> str | None:
    """Why a catalog cannot be loaded into, and what to do; None if it may be.

    Args:
        name: Its name.
        kind: Its `catalog_type`, where that is known.
    """
    reason = BY_NAME.get(name.lower()) or _BY_CATALOG_TYPE.get(kind or "")
    return f"The catalog '{name}' {reason}. {_ANOTHER_CATALOG}" if reason else None


def about_table(info: TableInfo) -> tuple[str, str] | None:
    """Why a table cannot be loaded into, and what to do; None if it may be."""
    kind = info.table_type.value if info.table_type else ""
    form = info.data_source_format.value if info.data_source_format else "DELTA"
    if (reason := _BY_TABLE_TYPE.get(kind)) is not None:
        return f"{info.full_name} {reason}.", _ANOTHER_TABLE
    if info.pipeline_id:
        return f"{info.full_name} belongs to a pipeline, which alone may write to it.", (
            _ANOTHER_TABLE
        )
    if form != "DELTA":
        return f"{info.full_name} is of the format {form}, and not Delta.", _ANOTHER_TABLE
    if info.row_filter is not None:
        return f"{info.full_name} has a row filter.", _SECRET
    return None


def about_masks(
    table: str, masks: Collection[str], keys: Collection[str]
) -> tuple[str, str] | None:
    """Why a table with masks cannot be loaded into; None if none is on what rows are compared by.

    Args:
        table: Its full name.
        masks: Its masked columns.
        keys: Columns that tell its rows apart.
    """
    compared = {name.lower() for name in (*keys, RECORD_HASH, DELETED_AT, RESCUED_DATA)}
    masked = [name for name in masks if name.lower() in compared]
    return (f"{table} has a mask on {', '.join(masked)}.", _SECRET) if masked else None
