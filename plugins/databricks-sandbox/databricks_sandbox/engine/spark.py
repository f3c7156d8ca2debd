"""The Spark process: started once, lazily, and gone with its parent.

The JVM's standard input is a pipe to this process: when this process ends, however it ends, the
JVM reads the end of the pipe and leaves. Its output goes to `spark.log` in the sandbox's folder.
"""

from __future__ import annotations

import getpass
import logging
import os
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from databricks_sandbox.engine.java import find_java_home
from databricks_sandbox.engine.session import EngineSession
from databricks_sandbox.engine.settings import DELTA, LOG4J, spark_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyspark.sql import SparkSession

# Jars are fetched while the gateway starts, and Ivy's cache does not stand two that fetch at once.
_JARS_LOCK = Path(tempfile.gettempdir()) / f"databricks-sandbox-{getpass.getuser()}.lock"

# A Spark context belongs to the process, so the processes' engines do too.
_IN_USE = threading.Lock()


class Engine:
    """One Apache Spark with Delta Lake; sessions are made from it.

    Args:
        folder: for tables, logs and scratch files.
        catalog: the name of the catalog in three-level names.
        memory: heap of the JVM, as Spark writes it (`2g`).
        large: be fast with many rows instead of with many statements.
        on_start: what to do with the first session, before any other is made.
    """

    def __init__(
        self,
        folder: Path,
        catalog: str,
        memory: str,
        *,
        large: bool = False,
        on_start: Callable[[EngineSession], None] = lambda _: None,
    ) -> None:
        self.folder = folder
        self.catalog = catalog
        self._memory = memory
        self._large = large
        self._on_start = on_start
        self._lock = threading.Lock()
        self._spark: SparkSession | None = None
        self._process: Any = None
        self._gateway: Any = None
        self._failure: str | None = None
        self._stopped = False

    @property
    def log_path(self) -> Path:
        """What the JVM printed."""
        return self.folder / "spark.log"

    def start(self) -> None:
        """Start Spark unless it runs; about seven seconds, minutes when jars must be fetched.

        Raises:
            RuntimeError: it did not start; the message ends with what the JVM printed last.
        """
        self.spark()

    def start_in_background(self) -> None:
        """Start Spark while the caller goes on; a failure is told to the first statement."""

        def start() -> None:
            # Already kept for whoever asks for Spark next.
            with suppress(RuntimeError):
                self.start()

        threading.Thread(target=start, name="spark-start", daemon=True).start()

    def spark(self) -> SparkSession:
        """The Spark session that all others are made from, started when first asked for."""
        with self._lock:
            if self._stopped:
                raise RuntimeError("the sandbox is stopped")
            if self._failure:
                raise RuntimeError(self._failure)
            if self._spark is None:
                try:
                    self._spark = self._launch()
                except Exception as error:
                    self._failure = self._explained(error)
                    raise RuntimeError(self._failure) from error
            return self._spark

    @property
    def java_process_id(self) -> int | None:
        """The process id of the JVM, when it runs."""
        return self._process.pid if self._process else None

    def session(self, user: str) -> EngineSession:
        """A new session: own settings, temporary views and current schema."""
        return EngineSession(self.spark(), user=user, catalog=self.catalog)

    def stop(self) -> None:
        """Stop Spark and its JVM; nothing is left running."""
        with self._lock:
            self._stopped = True
            spark, self._spark = self._spark, None
            if spark is None:
                return
            from pyspark import SparkContext

            try:
                with suppress(Exception):
                    spark.stop()
                with suppress(Exception):
                    self._gateway.shutdown()
                self._process.stdin.close()
                try:
                    self._process.wait(timeout=20)
                except Exception:  # noqa: BLE001 - whatever keeps it, it must not outlive us
                    self._process.kill()
                    self._process.wait()
                SparkContext._gateway = None  # noqa: SLF001 - pyspark has no public way to forget it
                SparkContext._jvm = None  # noqa: SLF001
            finally:
                _IN_USE.release()

    def _launch(self) -> SparkSession:
        from pyspark import SparkConf, SparkContext
        from pyspark.java_gateway import launch_gateway
        from pyspark.sql import SparkSession

        _quieten_pyspark()
        if not _IN_USE.acquire(blocking=False):
            raise RuntimeError("this process already runs a sandbox; Spark is one per process")
        try:
            for name in ("warehouse", "local"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            (self.folder / "log4j2.properties").write_text(LOG4J)
            conf = SparkConf(loadDefaults=False).setMaster("local[2]")
            conf.setAppName("databricks-sandbox")
            settings = spark_settings(self.folder, (self.catalog,), self._memory, large=self._large)
            conf.setAll(list(settings.items()))
            with (
                self.log_path.open("wb") as log,
                _environment(self._environment()),
                FileLock(_JARS_LOCK),
            ):
                self._gateway = launch_gateway(conf, {"stdout": log, "stderr": log})
            self._process = self._gateway.proc
            context = SparkContext(conf=conf, gateway=self._gateway)
            _keep_classes(context._jvm)  # noqa: SLF001 - the only way to the JVM
            spark = SparkSession(context)
            self._on_start(EngineSession(spark, user="sandbox", catalog=self.catalog))
        except BaseException:
            if self._process is not None:
                self._process.kill()
                self._process.wait()
            _IN_USE.release()
            raise
        return spark

    def _environment(self) -> dict[str, str | None]:
        import pyspark

        return {
            "JAVA_HOME": find_java_home(self.folder),
            # A Spark of another version on the machine must not be taken instead.
            "SPARK_HOME": str(Path(pyspark.__file__).parent),
            "SPARK_CONF_DIR": str(self.folder),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYSPARK_SUBMIT_ARGS": None,
        }

    def _explained(self, error: Exception) -> str:
        said = self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
        # Ivy's words when a jar is neither in its cache nor to be had.
        if "unresolved dependency" in said or "download failed" in said:
            return (
                f"Spark did not start: the jars of {DELTA} are not in Spark's Ivy cache "
                "(~/.ivy2.5.2) and Maven Central did not give them. Start the sandbox once with a "
                "network that reaches Maven Central, or copy that folder from a machine that has "
                "it; after that no network is needed."
            )
        last = "\n".join(said.splitlines()[-20:])
        return f"Spark did not start: {error}\n{last}"


# What pyspark and `EngineSession` ask the JVM for with every statement.
_CLASSES = (
    "py4j.reflection.TypeUtil.isInstanceOf",
    "PythonUtils.toArray",
    "PythonErrorUtils",
    "org.apache.spark.sql.SparkSession.setActiveSession",
    "org.apache.spark.sql.catalyst.CurrentUserContext.CURRENT_USER",
    "java.lang.String",
)


def _keep_classes(jvm: Any) -> None:
    """Ask the JVM for these names once.

    py4j asks for every part of a name each time, and for a part that is no class, as packages are
    none, the JVM looks through hundreds of jars: a fifteenth of its time in a test session.
    """
    for name in _CLASSES:
        place = jvm
        for part in name.split("."):
            member = getattr(place, part)
            # An attribute that is there is not asked for.
            place.__dict__[part] = member
            place = member


def _quieten_pyspark() -> None:
    """Keep pyspark from printing a stack trace for every statement that fails.

    It must be a plain logger, and come first: pyspark's own kind gives the handlers of the whole
    process its JSON format when it is made.
    """
    for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
        logging.getLogger(name).disabled = True


@contextmanager
def _environment(values: dict[str, str | None]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    _set_environment(values)
    try:
        yield
    finally:
        _set_environment(before)


def _set_environment(values: dict[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
