"""The settings, as one table. `--about` and the README are generated from it.

The SDK adds its own (`batch_size_rows`, `stream_maps`, `batch_config`, …); those whose default
differs here are stated here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from singer_sdk import typing as th

from target_databricks import PACKAGE, alerts
from target_databricks.schema.naming import COLUMN_NAMES
from target_databricks.table_settings import TABLES

DEFAULT_SCHEMA = "default"
LOAD_METHODS = ("upsert", "append-only", "overwrite", "history")
NESTED = ("struct", "json", "variant")
STAGING = ("volume", "inline")
NUMBER_TYPES = ("double", "decimal", "string")


SETTINGS: dict[str, Any] = th.PropertiesList(
    th.Property(
        "lakehouse_path",
        th.StringType,
        title="Lakehouse path",
        description=(
            "Folder or object-store URL (s3://, abfss://, gs://) that holds the Delta tables, at "
            "<lakehouse_path>/<schema>/<table>."
        ),
    ),
    th.Property(
        "storage_options",
        th.ObjectType(additional_properties=th.StringType),
        title="Storage options",
        secret=True,
        description="Credentials and options of the object store, as delta-rs names them.",
    ),
    th.Property(
        "server_hostname",
        th.StringType,
        title="Server hostname",
        description=(
            "Host name of the Databricks workspace, to load into Unity Catalog through a SQL "
            "warehouse. Instead of lakehouse_path."
        ),
    ),
    th.Property(
        "http_path",
        th.StringType,
        title="HTTP path",
        description="Path of the SQL warehouse: /sql/1.0/warehouses/<id>.",
    ),
    th.Property(
        "catalog",
        th.StringType,
        title="Catalog",
        default="main",
        description="Catalog of Unity Catalog that the schema is in (SQL warehouse).",
    ),
    th.Property(
        "access_token",
        th.StringType,
        title="Access token",
        secret=True,
        description="Personal access token.",
    ),
    th.Property(
        "client_id",
        th.StringType,
        title="Client ID",
        description="Client id of a Databricks service principal (OAuth).",
    ),
    th.Property(
        "client_secret",
        th.StringType,
        title="Client secret",
        secret=True,
        description="OAuth secret of the service principal.",
    ),
    th.Property(
        "azure_client_id",
        th.StringType,
        title="Azure client ID",
        description="Application id of a Microsoft Entra service principal.",
    ),
    th.Property(
        "azure_client_secret",
        th.StringType,
        title="Azure client secret",
        secret=True,
        description="Secret of the Microsoft Entra service principal.",
    ),
    th.Property(
        "azure_tenant_id",
        th.StringType,
        title="Azure tenant ID",
        description="Tenant of the Microsoft Entra service principal.",
    ),
    th.Property(
        "azure_workspace_resource_id",
        th.StringType,
        title="Azure workspace resource ID",
        description="Resource id of the workspace, where Azure asks for it.",
    ),
    th.Property(
        "profile",
        th.StringType,
        title="Profile",
        description=(
            "Profile of .databrickscfg to authenticate with. Whatever is not set here is looked "
            "for where the Databricks SDK looks: environment, profiles, command lines."
        ),
    ),
    th.Property(
        "sandbox",
        th.ObjectType(
            th.Property(
                "folder",
                th.StringType,
                description="Where its tables are kept from run to run; nowhere without.",
            ),
            additional_properties=False,
        ),
        title="Sandbox",
        description=(
            "Load into a Databricks sandbox, Spark on this machine, that runs for the length of "
            "the run; needs no account. {folder: <path>} says where its tables stay from run to "
            "run; an empty object keeps none. Whatever else says where to load to does not count "
            f"then. Needs {PACKAGE}[sandbox]."
        ),
    ),
    th.Property(
        "staging",
        th.StringType,
        title="Staging",
        default="volume",
        allowed_values=list(STAGING),
        description=(
            "How batches get to a SQL warehouse: as files of a volume, or, where nobody may have "
            "one, inline in the text of statements, which is slower and keeps nothing for a replay."
        ),
    ),
    th.Property(
        "staging_volume",
        th.StringType,
        title="Staging volume",
        default="_sdc_staging",
        description=(
            "Volume that batches are staged in: volume, schema.volume or catalog.schema.volume. "
            "It is created if it is not there and that is allowed."
        ),
    ),
    th.Property(
        "parallel_streams",
        th.IntegerType,
        title="Parallel streams",
        default=4,
        description="Streams that are loaded at once (SQL warehouse).",
    ),
    th.Property(
        "warehouse_timeout",
        th.IntegerType,
        title="Warehouse timeout",
        default=600,
        description=(
            "Seconds to wait for a warehouse that starts, and for a statement that meets outages "
            "or conflicts."
        ),
    ),
    th.Property(
        "nested",
        th.StringType,
        title="Nested data",
        default="struct",
        allowed_values=list(NESTED),
        description=(
            "What objects and arrays become in new columns of a SQL warehouse: STRUCT and ARRAY, "
            "JSON text, or VARIANT."
        ),
    ),
    *TABLES,
    th.Property(
        "default_target_schema",
        th.StringType,
        title="Schema",
        default=DEFAULT_SCHEMA,
        description="Schema (of the catalog, or folder of the lakehouse) that all tables go to.",
    ),
    th.Property(
        "load_method",
        th.StringType,
        title="Load method",
        default="upsert",
        allowed_values=list(LOAD_METHODS),
        description=(
            "upsert merges by key; append-only keeps every version of every record; overwrite "
            "puts what a complete stream sent in the place of all that its tables had, at the end; "
            "history keeps every version of a row and when it held."
        ),
    ),
    th.Property(
        "hard_delete",
        th.BooleanType,
        title="Hard delete",
        default=False,
        description=(
            "What an ACTIVATE_VERSION message does to rows that were not sent again: delete them, "
            "or (default) set _sdc_deleted_at."
        ),
    ),
    th.Property(
        "add_record_metadata",
        th.BooleanType,
        title="Add record metadata",
        default=True,
        description=(
            "Whether to write the SDK's _sdc_ columns (extracted, received, batched, sequence, "
            "table version, sync start). Hash, job id and rescued data are always written."
        ),
    ),
    th.Property(
        "validate_records",
        th.BooleanType,
        title="Validate records",
        default=False,
        description=(
            "Stop at the first record that does not match its JSON Schema. Off by default, and "
            "many times faster: what does not fit its column goes to _rescued_data."
        ),
    ),
    th.Property(
        "batch_size_rows",
        th.IntegerType,
        title="Batch size",
        default=50_000,
        description="Most rows in a batch. A batch is also full at 96 MiB of JSON.",
    ),
    th.Property(
        "merge_every",
        th.IntegerType,
        title="Merge every",
        default=900,
        description=(
            "Seconds that staged batches wait for others at most, before they are merged together "
            "and the state that covers them goes out (SQL warehouse). 0 merges each at once. "
            "Whatever it is, a run merges all it has at its end."
        ),
    ),
    th.Property(
        "child_tables",
        th.ObjectType(additional_properties=th.CustomType({"type": ["boolean", "string"]})),
        title="Child tables",
        description=(
            "Which arrays of objects become tables of their own: a map from a glob on "
            "<stream>.<Property> to true, false or a table name; the last match wins. Without a "
            "match the tap's x-child-table annotation decides."
        ),
    ),
    th.Property(
        "child_columns",
        th.ObjectType(additional_properties=th.ObjectType(additional_properties=th.StringType)),
        title="Child columns",
        description=(
            "What rows of child tables repeat of their parent, to filter by: a map from a glob on "
            "<stream>.<Property> to a map from the parent's properties to column names; the last "
            "match wins. Without a match the tap's x-parent-columns annotation decides."
        ),
    ),
    th.Property(
        "column_names",
        th.StringType,
        title="Column names",
        default="snake_case",
        allowed_values=list(COLUMN_NAMES),
        description="snake_case turns UpdatedDateUTC into updated_date_utc; keep leaves names be.",
    ),
    th.Property(
        "number_type",
        th.StringType,
        title="Number type",
        default="double",
        allowed_values=list(NUMBER_TYPES),
        description=(
            "Column type of a number whose schema states no scale (numeric without precision): "
            "double, and what a double would round goes to _rescued_data; decimal for an exact "
            "DECIMAL(38,10); string for all digits, however many. With x-scale, multipleOf or "
            "singer.decimal it is always an exact DECIMAL."
        ),
    ),
    th.Property(
        "soft_delete_column",
        th.StringType,
        title="Soft-delete flag",
        default="is_deleted",
        description=(
            "Name of a boolean column that belongs to the tables' users: loads create it and "
            "never touch it again. Empty for none."
        ),
    ),
    th.Property(
        "lock_timeout",
        th.IntegerType,
        title="Lock timeout",
        default=600,
        description=(
            "Seconds to wait for another run that is loading the same schema of a lakehouse "
            "folder, or the same table of a SQL warehouse."
        ),
    ),
    th.Property(
        "compact_after_files",
        th.IntegerType,
        title="Compact after files",
        default=32,
        description=(
            "Compact a table at the end of a run that wrote to it once it has this many small "
            "files; 0 never compacts."
        ),
    ),
    th.Property(
        "spool_path",
        th.StringType,
        title="Spool path",
        description=(
            "Local folder in which batches wait to be applied. By default a folder inside a local "
            "lakehouse, or the user's cache folder for an object store."
        ),
    ),
    *alerts.SETTINGS,
).to_dict()

EMPTY_IS_A_CHOICE = frozenset({"soft_delete_column"})
"""Settings whose empty text says something: no soft-delete flag."""

# Taken here, because the SDK adds its own to the table, of which an empty text may mean something.
BLANK_IS_UNSET = frozenset(SETTINGS["properties"]) - EMPTY_IS_A_CHOICE


def without_blanks(
    config: Mapping[str, Any], names: Collection[str] = BLANK_IS_UNSET
) -> dict[str, Any]:
    """The settings less those that are left empty, which then get their defaults.

    A variable of the environment without a value is one of these, and so are `catalog: ""` and
    `catalog: null`.

    Args:
        config: The settings.
        names: Those of which an empty text means nothing.
    """
    return {
        name: value
        for name, value in config.items()
        if name not in names or str("" if value is None else value).strip()
    }
