"""Versions and settings of Spark, as data.

The Delta artefact carries the Spark version in its name: the two move together, and both with the
`pyspark` line of this package's pyproject.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

DELTA = "io.delta:delta-spark_4.1_2.13:4.4.0"

# Spark's distribution ships these already: a third of the download remains.
_ALREADY_IN_SPARK = (
    "org.apache.hadoop:hadoop-client-api",
    "org.apache.hadoop:hadoop-client-runtime",
    "org.apache.parquet:parquet-column",
    "org.apache.parquet:parquet-hadoop",
    "org.apache.logging.log4j:log4j-core",
)

DELTA_CATALOG = "org.apache.spark.sql.delta.catalog.DeltaCatalog"

# Spark prints a JSON stack trace for every failed statement whatever the log level; the client
# gets the error anyway.
LOG4J = """status = off
rootLogger.level = error
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n%ex{short}
logger.query.name = org.apache.spark.sql.SQLQueryContextLogger
logger.query.level = off
logger.context.name = SQLQueryContextLogger
logger.context.level = off
logger.executor.name = org.apache.spark.executor
logger.executor.level = off
logger.scheduler.name = org.apache.spark.scheduler
logger.scheduler.level = off
logger.execution.name = org.apache.spark.sql.execution
logger.execution.level = off
logger.util.name = org.apache.spark.util.Utils
logger.util.level = off
"""


def spark_settings(folder: Path, catalogs: tuple[str, ...], memory: str) -> dict[str, str]:
    """The configuration of the one Spark of a sandbox.

    Args:
        folder: the sandbox's own folder; tables live in `folder/warehouse`.
        catalogs: names that become catalogs of three-level names.
        memory: heap of the JVM, as Spark writes it (`2g`).
    """
    options = f"-Dlog4j2.configurationFile=file:{folder / 'log4j2.properties'}"
    return {
        "spark.jars.packages": DELTA,
        "spark.jars.excludes": ",".join(_ALREADY_IN_SPARK),
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": DELTA_CATALOG,
        **{f"spark.sql.catalog.{name}": DELTA_CATALOG for name in catalogs},
        # With the default of 50 partitions, every ALTER of a small table takes seconds.
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.sql.shuffle.partitions": "2",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        # What a SQL warehouse does and Spark does not by default.
        "spark.sql.sources.default": "delta",
        "spark.sql.legacy.createHiveTableByDefault": "false",
        "spark.sql.session.timeZone": "Etc/UTC",
        "spark.sql.ansi.enabled": "true",
        # SHOW SCHEMAS answers `databaseName` and SHOW TABLES `database`, as on Databricks.
        "spark.sql.legacy.keepCommandOutputSchema": "true",
        "spark.databricks.delta.properties.defaults.enableDeletionVectors": "true",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "10000",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.local.dir": str(folder / "local"),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": memory,
        "spark.driver.extraJavaOptions": f"{options} -Duser.timezone=Etc/UTC "
        f"-Dderby.system.home={folder / 'local'}",
    }
