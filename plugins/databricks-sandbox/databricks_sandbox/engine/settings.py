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

_CHECKPOINTING = "org.apache.spark.sql.execution.streaming.checkpointing"

# A statement of a test touches a handful of rows, so its time is what Spark spends before and
# around the work: planning, generating code, sending tasks to itself. None of these changes a
# result. Measured by `tests/databricks_sandbox/test_warehouse_speed.py`.
_FOR_SMALL_TABLES = {
    "spark.sql.shuffle.partitions": "1",
    "spark.default.parallelism": "1",
    "spark.sql.leafNodeDefaultParallelism": "1",
    # Planning again after every stage pays off when stages are long.
    "spark.sql.adaptive.enabled": "false",
    # Compiling a query takes longer than interpreting it over a few thousand rows.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    # Every sort, join and sum of a statement takes a page of memory, by default of 32 MB, cleared:
    # a MERGE or two at once fill the heap.
    "spark.buffer.pageSize": "1m",
}

_FOR_LARGE_TABLES = {"spark.sql.shuffle.partitions": "2"}

_FOR_ONE_MACHINE = {
    # With the default of 50 partitions, every ALTER of a small table takes seconds.
    "spark.databricks.delta.snapshotPartitions": "1",
    # A class loader for each session makes the executor look every class up again.
    "spark.sql.artifact.isolation.enabled": "false",
    "spark.sql.artifact.isolation.alwaysApplyClassloader": "false",
    # The plan is written out for a user interface that is not there.
    "spark.sql.ui.explainMode": "simple",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    # And so are a thousand queries and their jobs.
    "spark.sql.ui.retainedExecutions": "1",
    "spark.ui.retainedJobs": "1",
    "spark.ui.retainedStages": "1",
    # A log in Delta's cache holds the session that opened it, with all that this one has planned:
    # of the 10,000 that are kept by default, a few hundred fill the heap.
    "spark.databricks.delta.delta.log.cacheSize": "32",
    # Delta keeps the list of files beside its log, and computes the log anew to check that list.
    "spark.databricks.delta.allFilesInCrc.enabled": "false",
    # What Hadoop calls a rename by file context starts four processes (`readlink`), twice a commit.
    # These two rename by file system; the log's store locks within its one JVM.
    "spark.delta.logStore.file.impl": "io.delta.storage.LocalLogStore",
    "spark.sql.streaming.checkpointFileManagerClass": _CHECKPOINTING
    + ".FileSystemBasedCheckpointFileManager",
}

# What a session sets to get back the code that is generated for queries: from some ten thousand
# rows on it is faster.
FOR_LARGE_LOADS = {
    "spark.sql.codegen.wholeStage": "true",
    "spark.sql.codegen.factoryMode": "FALLBACK",
}

_JAVA_OPTIONS = (
    "-Duser.timezone=Etc/UTC",
    # Hadoop starts a `chmod` for every file it writes; this way that is cheap.
    "-Djdk.lang.Process.launchMechanism=VFORK",
    # Otherwise every look for a logger walks the stack.
    "-Dlog4j2.contextSelector=org.apache.logging.log4j.core.selector.BasicContextSelector",
    # Spark's jars are what they were yesterday: to verify their classes is a tenth of a start.
    "-XX:+UnlockDiagnosticVMOptions",
    "-XX:-BytecodeVerificationRemote",
    # Otherwise the growth of loaded classes alone brings on several collections of everything.
    "-XX:MetaspaceSize=384m",
    "-XX:-UsePerfData",
)

_JAVA_OPTIONS_FOR_SMALL_TABLES = (
    # The second compiler takes more time of two cores than a test session gives back.
    "-XX:TieredStopAtLevel=1",
    # Its room for compiled code would fill up within a session, and be swept again and again.
    "-XX:ReservedCodeCacheSize=256m",
    "-XX:+UseSerialGC",
    # What a plan leaves behind is short-lived: half the heap for it, and all of it from the start.
    "-XX:NewRatio=1",
)

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


def spark_settings(
    folder: Path, catalogs: tuple[str, ...], memory: str, *, large: bool = False
) -> dict[str, str]:
    """The configuration of the one Spark of a sandbox.

    Args:
        folder: the sandbox's own folder; tables live in `folder/warehouse`.
        catalogs: names that become catalogs of three-level names.
        memory: heap of the JVM, as Spark writes it (`2g`).
        large: be fast with many rows instead of with many statements.
    """
    java_options = (
        *_JAVA_OPTIONS,
        *(() if large else (*_JAVA_OPTIONS_FOR_SMALL_TABLES, f"-Xms{memory}")),
        f"-Dlog4j2.configurationFile=file:{folder / 'log4j2.properties'}",
        f"-Dderby.system.home={folder / 'local'}",
    )
    return {
        "spark.jars.packages": DELTA,
        "spark.jars.excludes": ",".join(_ALREADY_IN_SPARK),
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": DELTA_CATALOG,
        **{f"spark.sql.catalog.{name}": DELTA_CATALOG for name in catalogs},
        **_FOR_ONE_MACHINE,
        **(_FOR_LARGE_TABLES if large else _FOR_SMALL_TABLES),
        # What a SQL warehouse does and Spark does not by default.
        "spark.sql.sources.default": "delta",
        "spark.sql.legacy.createHiveTableByDefault": "false",
        "spark.sql.session.timeZone": "Etc/UTC",
        # Files of others that do not say which calendar their dates are in.
        "spark.sql.parquet.datetimeRebaseModeInRead": "EXCEPTION",
        "spark.sql.parquet.int96RebaseModeInRead": "EXCEPTION",
        # SHOW SCHEMAS answers `databaseName` and SHOW TABLES `database`, as on Databricks.
        "spark.sql.legacy.keepCommandOutputSchema": "true",
        "spark.databricks.delta.properties.defaults.enableDeletionVectors": "true",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "10000",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.local.dir": str(folder / "local"),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": memory,
        "spark.driver.extraJavaOptions": " ".join(java_options),
    }
