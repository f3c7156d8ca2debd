"""Session settings as a SQL warehouse knows them, and what each is called in Spark.

Source: Databricks SQL, "Configuration parameters".
"""

from __future__ import annotations

from databricks_sandbox.errors import SqlError

# None: means something to Databricks and has nothing to set in Spark.
_SETTINGS: dict[str, str | None] = {
    "ansi_mode": "spark.sql.ansi.enabled",
    "enable_photon": None,
    "legacy_time_parser_policy": "spark.sql.legacy.timeParserPolicy",
    "max_file_partition_bytes": "spark.sql.files.maxPartitionBytes",
    "query_tags": None,
    "timezone": "spark.sql.session.timeZone",
    "use_cached_result": None,
}


def spark_setting(name: str) -> str | None:
    """Spark's name of a setting; None when there is nothing to set.

    Raises:
        SqlError: a warehouse has no such setting, or this sandbox cannot honour it.
    """
    if name.startswith("spark."):
        return None if name.startswith("spark.thriftserver.") else name
    try:
        return _SETTINGS[name]
    except KeyError:
        raise SqlError(
            "CONFIG_NOT_AVAILABLE", f"Configuration {name} is not available.", "42K0I"
        ) from None
