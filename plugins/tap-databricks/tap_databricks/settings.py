"""The settings, as one table. `--about` and the README are generated from it.

Those of the folder and of the ways into a workspace are target-databricks' own, so that what works
there works here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from singer_sdk import typing as th
from singer_sdk.exceptions import ConfigurationError
from target_databricks.settings import SETTINGS as TARGET

FULL_TABLE, INCREMENTAL, LOG_BASED = "FULL_TABLE", "INCREMENTAL", "LOG_BASED"
CHANGE_DATA_FEED = "change_data_feed"
FILES = "files"

_SHARED = (
    *("storage_options", "server_hostname", "http_path", "catalog", "access_token", "client_id"),
    *("client_secret", "azure_client_id", "azure_client_secret", "azure_tenant_id"),
    *("azure_workspace_resource_id", "profile", "warehouse_timeout", "session_settings"),
    "statement_timeout",
)
_WORDED: Mapping[str, str] = {
    "server_hostname": (
        "Host name of the Databricks workspace, to read tables and views of Unity Catalog through "
        "a SQL warehouse. Instead of lakehouse_path."
    ),
    "catalog": "Catalog of Unity Catalog that the schemas are in (SQL warehouse).",
    "warehouse_timeout": (
        "Seconds to wait for a warehouse that starts, and for a statement that meets outages."
    ),
}
"""Descriptions that speak of loading in the target."""

_PLACES: Mapping[str, str] = {
    "lakehouse_path": "folder",
    "duckdb_path": "database",
    "server_hostname": "warehouse",
    "http_path": "warehouse",
}
"""Settings that say where to read, and what kind of place that is."""

_OWN = th.PropertiesList(
    th.Property(
        "duckdb_path",
        th.StringType,
        title="DuckDB path",
        description=(
            "File of a DuckDB database whose tables and views are read: where dbt-duckdb puts what "
            "it makes of a lakehouse folder. Instead of lakehouse_path."
        ),
    ),
    th.Property(
        "schemas",
        th.ArrayType(th.StringType),
        title="Schemas",
        default=["default"],
        description=(
            "Schemas (of the catalog, or folders of the lakehouse) to read. Streams are called "
            "<table> where it is one, <schema>-<table> where there are several."
        ),
    ),
    th.Property(
        "tables",
        th.ArrayType(th.StringType),
        title="Tables",
        default=["*"],
        description=(
            "Globs on names of tables and views that become streams. Names that begin with an "
            "underscore are working tables and have to be matched by a glob that does, too."
        ),
    ),
    th.Property(
        "streams",
        th.ObjectType(
            additional_properties=th.ObjectType(
                th.Property("key_properties", th.ArrayType(th.StringType)),
                th.Property("replication_key", th.StringType),
                th.Property(
                    "replication_method",
                    th.StringType,
                    allowed_values=[FULL_TABLE, INCREMENTAL, LOG_BASED],
                ),
                th.Property("log", th.StringType, allowed_values=[CHANGE_DATA_FEED, FILES]),
                additional_properties=False,
            )
        ),
        title="Streams",
        description=(
            "How streams are read: a map from a glob on the stream to key_properties, "
            "replication_method (FULL_TABLE, INCREMENTAL, LOG_BASED), replication_key, and log "
            "(change_data_feed or files: what LOG_BASED reads); the last match that states one "
            "wins. A catalog with metadata may state the first three, too. Without keys the "
            "PRIMARY KEY of Unity Catalog is taken."
        ),
    ),
    th.Property(
        "decimals",
        th.StringType,
        title="Decimals",
        default="number",
        allowed_values=["number", "string"],
        description=(
            "How DECIMAL values are sent: number, with all digits and x-scale in the schema; or "
            "string (format singer.decimal), for targets that read numbers as floats."
        ),
    ),
    th.Property(
        "emit_activate_version_messages",
        th.BooleanType,
        title="Emit ACTIVATE_VERSION messages",
        default=False,
        description=(
            "Whether a stream that was read whole ends with an ACTIVATE_VERSION message, by which "
            "targets retire or delete rows that were not sent again."
        ),
    ),
).to_dict()


def _shared(name: str) -> dict[str, Any]:
    stated: dict[str, Any] = TARGET["properties"][name]
    return {**stated, "description": _WORDED.get(name, stated["description"])}


SETTINGS: dict[str, Any] = {
    **_OWN,
    "properties": {
        "lakehouse_path": _shared("lakehouse_path"),
        "duckdb_path": _OWN["properties"]["duckdb_path"],
        **{name: _shared(name) for name in _SHARED},
        **_OWN["properties"],
    },
}


@dataclass(frozen=True)
class Options:
    """How a stream is read, as far as the settings say so.

    Attributes:
        key_properties: Columns that identify a row.
        replication_method: `FULL_TABLE`, `INCREMENTAL` or `LOG_BASED`.
        replication_key: The column that grows.
        log: What `LOG_BASED` reads: `change_data_feed` or `files`.
    """

    key_properties: tuple[str, ...] | None = None
    replication_method: str | None = None
    replication_key: str | None = None
    log: str | None = None


def options_of(config: Mapping[str, Any], stream: str) -> Options:
    """What the settings say of a stream; of globs that match, the last one wins, option by option.

    Raises:
        ConfigurationError: What they say does not go together.
    """
    stated: dict[str, Any] = {}
    for pattern, options in (config.get("streams") or {}).items():
        if fnmatchcase(stream, pattern):
            stated |= {name: value for name, value in options.items() if value is not None}
    method = stated.get("replication_method")
    if method == INCREMENTAL and not stated.get("replication_key"):
        raise ConfigurationError(
            f"The setting 'streams' has replication_method INCREMENTAL for stream '{stream}' and "
            "no replication_key. Name the column that grows with every change."
        )
    keys = stated.pop("key_properties", None)
    return Options(key_properties=None if keys is None else tuple(keys), **stated)


def place_of(config: Mapping[str, Any]) -> str:
    """Where the tables are: "folder", "database" or "warehouse".

    Raises:
        ConfigurationError: Several, none, or half a warehouse is set.
    """
    stated = [name for name in _PLACES if config.get(name)]
    places = sorted({_PLACES[name] for name in stated})
    if len(places) > 1:
        raise ConfigurationError(
            f"The settings '{stated[0]}' and '{stated[-1]}' are both set. Keep 'lakehouse_path' to "
            "read a lakehouse folder, 'duckdb_path' to read a DuckDB database, or "
            "'server_hostname' and 'http_path' to read through a SQL warehouse."
        )
    if places == ["warehouse"] and len(stated) == 1:
        (missing,) = {"server_hostname", "http_path"} - set(stated)
        raise ConfigurationError(
            f"The setting '{missing}' is missing: a SQL warehouse is reached by 'server_hostname' "
            "and 'http_path', both in its connection details."
        )
    if places:
        return places[0]
    raise ConfigurationError(
        "It is not said where to read. Set 'lakehouse_path' to a folder or an object-store URL of "
        "Delta tables (TAP_DATABRICKS_LAKEHOUSE_PATH), 'duckdb_path' to a DuckDB database "
        "(TAP_DATABRICKS_DUCKDB_PATH), or 'server_hostname' and 'http_path' to a SQL warehouse "
        "(TAP_DATABRICKS_SERVER_HOSTNAME, TAP_DATABRICKS_HTTP_PATH)."
    )


def is_wanted(config: Mapping[str, Any], table: str) -> bool:
    """Whether a table becomes a stream."""
    return any(
        fnmatchcase(table, pattern) and (pattern.startswith("_") or not table.startswith("_"))
        for pattern in config["tables"]
    )
