"""Session settings as a SQL warehouse knows them, what each is called in Spark, SET and RESET.

Source: Databricks SQL, "Configuration parameters", "SET" and "RESET".
"""

from __future__ import annotations

from databricks_sandbox.errors import SqlError
from databricks_sandbox.unity.execution import Execution
from databricks_sandbox.unity.result_set import ResultSet, empty, result_set

ANSI = "spark.sql.ansi.enabled"

# None: means something to Databricks and has nothing to set in Spark.
_SETTINGS: dict[str, str | None] = {
    "ansi_mode": ANSI,
    "enable_photon": None,
    "legacy_time_parser_policy": "spark.sql.legacy.timeParserPolicy",
    "max_file_partition_bytes": "spark.sql.files.maxPartitionBytes",
    "query_tags": None,
    "read_only_external_metastore": None,
    "statement_timeout": None,
    "timezone": "spark.sql.session.timeZone",
    "use_cached_result": None,
}
_OF_THE_PROTOCOL = "spark.thriftserver."
"""What databricks-sql-connector sends of its own when it opens a session."""


def spark_setting(name: str) -> str | None:
    """Spark's name of a setting; None when there is nothing to set.

    Raises:
        SqlError: a warehouse has no such setting; it has none of Spark's own.
    """
    if name.startswith(_OF_THE_PROTOCOL):
        return None
    try:
        return _SETTINGS[name.lower()]
    except KeyError:
        raise SqlError(
            "CONFIG_NOT_AVAILABLE", f"Configuration {name} is not available.", "42K0I"
        ) from None


def set_setting(execution: Execution) -> ResultSet:
    """`SET name = value`, and `SET name`, which tells the value."""
    reader = execution.reader()
    reader.expect("SET")
    name = ".".join(reader.name())
    setting = spark_setting(name)
    if reader.accept("="):
        # A value may be written without quotes, and be of several words then.
        first, last = reader.next(), reader.tokens[-1]
        value = first.value if first is last else execution.text[first.start : last.end]
        if setting is not None:
            execution.engine.set_conf(setting, value)
        return result_set(("key", "value"), [(name, value)])
    reader.expect_end()
    now = execution.engine.get_conf(setting) if setting is not None else None
    return result_set(("key", "value"), [(name, now)])


def reset_setting(execution: Execution) -> ResultSet:
    """`RESET name`: as Spark has it by default."""
    reader = execution.reader()
    reader.expect("RESET")
    setting = spark_setting(".".join(reader.name()))
    reader.expect_end()
    if setting is not None:
        execution.run(f"RESET {setting}")
    return empty()
