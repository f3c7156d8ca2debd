"""A Spark session as a serving thread uses it: SQL text in, an Arrow table out.

A session may be used by several threads, as a warehouse session may; each statement makes its
Spark session the active one of the thread it runs in, which Delta's catalog relies on.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa

from databricks_sandbox.engine.settings import DELTA_CATALOG
from databricks_sandbox.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pyspark.sql import DataFrame, Row, SparkSession
    from pyspark.sql.types import StructType

_NAMES = r"[^ ./\x00-\x1f\x7f]+"
"""What tables and schemas can be called in Unity Catalog."""
# Commands whose one result row counts the rows they changed; Databricks' drivers see the count.
_AFFECTED = "num_affected_rows"


@dataclass(frozen=True)
class Result:
    """What a statement answered.

    Attributes:
        table: the rows; Spark's own types in Arrow, timestamps in UTC.
        schema: Spark's schema of the same columns, which knows more than Arrow's (VARIANT, MAP).
        modified_rows: rows inserted, updated or deleted; None for what changes no rows.
    """

    table: pa.Table
    schema: StructType
    modified_rows: int | None = None


class EngineSession:
    """One Spark session.

    Args:
        spark: the session to make this one from.
        user: what `current_user()` answers.
        catalog: the catalog of names without one.
    """

    def __init__(self, spark: SparkSession, user: str, catalog: str) -> None:
        self._context = spark.sparkContext
        self._session = spark.newSession()
        self._user = user
        self._jvm = cast("Any", self._session._jvm)  # noqa: SLF001 - the only way to the JVM
        self._java: Any = self._session._jsparkSession  # noqa: SLF001
        # Every dot of a Java name is a question to the JVM, so the classes are kept.
        self._sessions: Any = self._jvm.org.apache.spark.sql.SparkSession
        users = self._jvm.org.apache.spark.sql.catalyst.CurrentUserContext
        self._current_user: Any = users.CURRENT_USER()
        self._attached: set[str] = set()
        self._current = catalog
        self._activate()
        self._allow_names_in_any_script()
        self.attach_catalogs([catalog])
        self.use_catalog(catalog)

    def _allow_names_in_any_script(self) -> None:
        """Let tables and schemas be called in letters of any script, as Unity Catalog does.

        Spark's own catalog takes ASCII only.
        """
        catalog = self._java.sessionState().catalog()
        kind = catalog.getClass()
        while kind.getSimpleName() != "SessionCatalog":
            kind = kind.getSuperclass()
        field = kind.getDeclaredField("validNameFormat")
        field.setAccessible(True)
        no_groups = self._jvm.PythonUtils.toSeq(self._jvm.java.util.ArrayList())
        field.set(catalog, self._jvm.scala.util.matching.Regex(_NAMES, no_groups))

    @property
    def current_catalog(self) -> str:
        """The catalog of names without one."""
        return self._current

    def attach_catalogs(self, names: Iterable[str]) -> None:
        """Make catalogs of three-level names usable in this session; known ones cost nothing."""
        for name in names:
            if name not in self._attached:
                # The catalog manager reads the settings of the thread's active session.
                self._activate()
                self._session.conf.set(f"spark.sql.catalog.{name}", DELTA_CATALOG)
                # Delta's catalog class serves a catalog only through another one it is given.
                manager = self._java.sessionState().catalogManager()
                manager.catalog(name).setDelegateCatalog(manager.catalog("spark_catalog"))
                self._attached.add(name)

    def use_catalog(self, name: str) -> None:
        """Make a catalog the current one, with its schema `default`."""
        self._activate()
        self._java.sessionState().catalogManager().setCurrentCatalog(name)
        self._current = name

    def begin_in_schema(self, name: str) -> None:
        """Make a schema of the current catalog the current one, whether it exists or not.

        Clients name a schema when they connect and create it afterwards; until then every name
        without a schema is not found. Spark's own way in insists that it exists.
        """
        manager = self._java.sessionState().catalogManager()
        field = manager.getClass().getDeclaredField("_currentNamespace")
        field.setAccessible(True)
        field.set(manager, self._jvm.scala.Some(self.java_strings([name])))

    def current_namespace(self) -> tuple[str, ...]:
        """The schema of names without one."""
        self._activate()
        return tuple(self._java.sessionState().catalogManager().currentNamespace())

    def has_view(self, name: str) -> bool:
        """Whether a temporary view of this name exists."""
        self._activate()
        return bool(self._java.sessionState().catalog().getTempView(name).isDefined())

    def sql(
        self,
        text: str,
        *,
        group: str | None = None,
    ) -> Result:
        """Run one statement and collect its result.

        Args:
            text: the statement, given to Spark as it is.
            group: a name to cancel the statement by.

        Raises:
            pyspark.errors.PySparkException: what Spark found wrong.
            EngineError: what Spark or Delta found wrong and pyspark has no exception for.
        """
        from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]

        self._activate()
        self._context.setJobGroup(group or uuid.uuid4().hex, text[:80], interruptOnCancel=True)
        try:
            return self._collected(text)
        except Py4JJavaError as error:
            raise self._engine_error(error.java_exception) from error

    def _collected(self, text: str) -> Result:
        frame = self._session.sql(text)
        schema = frame.schema
        if _is_plain(schema) and self._has_run(frame):
            table = _as_arrow(frame.collect(), schema)
            return Result(table, schema, _modified(table))
        readable = _readable(frame)
        try:
            table = readable.toArrow()
        except pa.ArrowInvalid:
            # Some commands, OPTIMIZE among them, answer NULL where their schema forbids it.
            answered = self._session.createDataFrame(readable.collect(), _nullable(readable.schema))
            table = answered.toArrow()
        return Result(table, schema, _modified(table))

    def plan_text(self, text: str) -> str:
        """The parsed, unresolved plan of a statement, which names the relations it touches."""
        self._activate()
        plan = self._java.sessionState().sqlParser().parsePlan(text)
        return str(plan.treeString())

    def unites_variants(self, text: str) -> bool:
        """Whether a statement has a UNION with a column of VARIANT."""
        self._activate()
        state = self._java.sessionState()
        analysed = state.analyzer().execute(state.sqlParser().parsePlan(text))
        plans = [analysed]
        while plans:
            plan = plans.pop()
            if plan.nodeName() == "Union" and '"variant"' in str(plan.schema().json()):
                return True
            children = plan.children()
            plans.extend(children.apply(i) for i in range(children.size()))
        return False

    def create_view(self, name: str, rows: pa.Table, schema: StructType) -> None:
        """Register rows as a temporary view of this session, replacing one of the same name."""
        self._activate()
        if rows.num_rows:
            # Not from rows of Python, for which Spark starts Python processes of its own.
            self._session.createDataFrame(rows, schema).createOrReplaceTempView(name)
            return
        # What comes from an Arrow table without rows has lost its types.
        columns, no_rows = self._java.parseDataType(schema.json()), self._jvm.java.util.ArrayList()
        self._java.createDataFrame(no_rows, columns).createOrReplaceTempView(name)

    def set_conf(self, name: str, value: str) -> None:
        """Set a configuration of this session."""
        self._session.conf.set(name, value)

    def get_conf(self, name: str) -> str | None:
        """A configuration of this session."""
        return self._session.conf.get(name, None)

    def on_jvm(self, use: Callable[[Any, Any], Any]) -> Any:
        """Call `use(jvm, java_session)` with this session active in the thread."""
        self._activate()
        return use(self._jvm, self._java)

    def java_strings(self, values: Sequence[str]) -> Any:
        """An array of strings for a call on the JVM."""
        gateway: Any = self._context._gateway  # noqa: SLF001 - the only way to make one
        array = gateway.new_array(self._jvm.java.lang.String, len(values))
        for index, value in enumerate(values):
            array[index] = value
        return array

    def drop_view(self, name: str) -> None:
        """Drop a temporary view of this session."""
        self._activate()
        self._session.catalog.dropTempView(name)

    def cancel(self, group: str) -> None:
        """Cancel the statement that runs under this group."""
        self._context.cancelJobGroup(group)

    def _engine_error(self, error: Any) -> EngineError:
        """The innermost cause that has a condition, or else the error itself."""
        from py4j.java_gateway import is_instance_of  # type: ignore[import-untyped]

        gateway: Any = self._context._gateway  # noqa: SLF001 - the only way to ask for a class
        message, state = str(error.toString()), "HY000"
        while error is not None:
            if is_instance_of(gateway, error, "org.apache.spark.SparkThrowable") and (
                error.getCondition()
            ):
                message, state = str(error.getMessage()), error.getSqlState() or "HY000"
            error = error.getCause()
        return EngineError(message.strip(), state)

    def _has_run(self, frame: DataFrame) -> bool:
        """Whether a frame holds the answer of a command, which ran when the frame was made."""
        plan = frame._jdf.queryExecution().commandExecuted()  # noqa: SLF001
        return str(plan.nodeName()) in ("CommandResult", "LocalRelation")

    def _activate(self) -> None:
        self._sessions.setActiveSession(self._java)
        self._current_user.set(self._user)


# Types whose values are the same in Python rows and in Arrow.
_PLAIN = ("string", "boolean", "byte", "short", "integer", "long", "double")


def _is_plain(schema: StructType) -> bool:
    return all(field.dataType.typeName() in _PLAIN for field in schema.fields)


def _as_arrow(rows: list[Row], schema: StructType) -> pa.Table:
    """Rows of plain types as an Arrow table, without the job that Spark would run for it."""
    from pyspark.sql.pandas.types import to_arrow_type

    # Some commands, OPTIMIZE among them, answer NULL where their schema forbids it.
    columns = [(field.name, to_arrow_type(field.dataType)) for field in schema.fields]
    arrays = [pa.array([row[i] for row in rows], kind) for i, (_, kind) in enumerate(columns)]
    return pa.Table.from_arrays(arrays, schema=pa.schema(columns))


def _readable(frame: DataFrame) -> DataFrame:
    """VARIANT as JSON text, which is how it travels; Arrow has no type for it."""
    names = [f.name for f in frame.schema.fields if f.dataType.typeName() == "variant"]
    if not names:
        return frame
    from pyspark.sql import functions

    return frame.select(
        *[
            functions.to_json(frame[column]).alias(column) if column in names else frame[column]
            for column in frame.columns
        ]
    )


def _nullable(kind: Any) -> Any:
    """A type whose fields and elements may all be NULL."""
    from pyspark.sql import types

    if isinstance(kind, types.StructType):
        return types.StructType(
            [types.StructField(f.name, _nullable(f.dataType), True, f.metadata) for f in kind]
        )
    if isinstance(kind, types.ArrayType):
        return types.ArrayType(_nullable(kind.elementType), True)
    if isinstance(kind, types.MapType):
        return types.MapType(_nullable(kind.keyType), _nullable(kind.valueType), True)
    return kind


def quote(name: str) -> str:
    """A name as a delimited identifier."""
    return "`" + name.replace("`", "``") + "`"


def _modified(table: pa.Table) -> int | None:
    if table.num_rows == 1 and table.num_columns and table.column_names[0] == _AFFECTED:
        return int(table.column(0)[0].as_py())
    return None
