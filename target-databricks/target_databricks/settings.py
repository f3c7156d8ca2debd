"""The settings, as one table. `--about` and the README are generated from it.

The SDK adds its own (`batch_size_rows`, `stream_maps`, `batch_config`, …); those whose default
differs here are stated here.
"""

from __future__ import annotations

from typing import Any

from singer_sdk import typing as th

from target_databricks.naming import COLUMN_NAMES

DEFAULT_SCHEMA = "default"
LOAD_METHODS = ("upsert", "append-only", "overwrite")
NUMBER_TYPES = ("double", "decimal")

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
        "default_target_schema",
        th.StringType,
        title="Schema",
        default=DEFAULT_SCHEMA,
        description="Schema (folder of the lakehouse) that all tables go to.",
    ),
    th.Property(
        "load_method",
        th.StringType,
        title="Load method",
        default="upsert",
        allowed_values=list(LOAD_METHODS),
        description=(
            "upsert merges by key; append-only keeps every version of every record; overwrite "
            "empties a stream's tables at its first record and then merges."
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
            "Column type of a number whose schema has no multipleOf: double, or decimal for "
            "DECIMAL(38,10). With multipleOf it is always an exact DECIMAL."
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
        description="Seconds to wait for another run that is loading the same schema.",
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
).to_dict()
