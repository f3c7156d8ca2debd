"""Statements about tables and views that carry more than Spark keeps.

Informational keys and CLUSTER BY AUTO are taken out of the text and stored; the rest of it goes
to Spark as it was. CLUSTER BY AUTO is refused where predictive optimization is off.
Source: Databricks SQL, "CONSTRAINT clause" and "CLUSTER BY clause"; "Automatic liquid clustering".
"""

from __future__ import annotations

from pathlib import Path

from databricks_sandbox.engine import nullability, tables
from databricks_sandbox.engine.session import quote
from databricks_sandbox.errors import SqlError, unsupported
from databricks_sandbox.switches import Switches
from databricks_sandbox.unity import constraints
from databricks_sandbox.unity.execution import Execution
from databricks_sandbox.unity.grants import Grants
from databricks_sandbox.unity.metastore import Metastore, Name, Securable
from databricks_sandbox.unity.result_set import ResultSet, empty, result_set
from databricks_sandbox.unity.schemas import require_schema
from databricks_sandbox.unity.spark_statements import SparkStatements
from databricks_sandbox.unity.sql_text import Reader, splice

_VARIANT_FEATURES = ("variantType", "variantType-preview")
"""Features of Delta of which a table with VARIANT columns has one."""


class TableStatements:
    """Statements about tables and views.

    Args:
        metastore: what Spark does not keep.
        grants: who may do what.
        spark: runs the rest of a statement.
        switches: whether predictive optimization is on.
    """

    def __init__(
        self, metastore: Metastore, grants: Grants, spark: SparkStatements, switches: Switches
    ) -> None:
        self._metastore = metastore
        self._grants = grants
        self._spark = spark
        self._switches = switches

    def create(self, execution: Execution) -> ResultSet:
        """`CREATE [OR REPLACE] TABLE [IF NOT EXISTS] name …`."""
        reader = execution.reader()
        reader.expect("CREATE")
        replace = reader.accept("OR", "REPLACE")
        reader.expect("TABLE")
        if_not_exists = reader.accept("IF", "NOT", "EXISTS")
        securable = execution.securable(reader.name(), "TABLE")
        _, schema, name = securable.name
        existed = (replace or if_not_exists) and tables.exists(execution.engine, schema, name)
        if existed and if_not_exists:
            require_schema(execution, self._metastore, next(securable.parents()))
            return empty()
        self._grants.require(execution.principal, "CREATE TABLE", next(securable.parents()))
        if existed:
            self._grants.require(execution.principal, "MANAGE", securable)
        changes: list[tuple[int, int, str]] = []
        keys = constraints.extract_keys(reader, name, changes)
        if _cluster_by_auto(reader, changes):
            self._require_predictive_optimization()
        constraints.check_new(execution, self._metastore, self._grants, securable.name, keys)
        text = splice(execution.text, changes)
        answer = self._spark.run(execution, text)
        try:
            constraints.check_types(execution, securable.name, keys)
        except SqlError:
            execution.run(f"DROP TABLE {_sql(securable.name)}")
            raise
        with self._metastore.lock:
            self._metastore.constraints[securable.name] = keys
            if not existed:
                self._metastore.owners[securable] = execution.principal.name
        if any(token.upper in ("AS", "SELECT") for token in reader.tokens[reader.position :]):
            return _counted(execution, securable.name, answer)
        return answer

    def create_view(self, execution: Execution) -> ResultSet:
        """`CREATE [OR REPLACE] VIEW [IF NOT EXISTS] name …`."""
        reader = execution.reader()
        reader.expect("CREATE")
        replace = reader.accept("OR", "REPLACE")
        reader.expect("VIEW")
        reader.accept("IF", "NOT", "EXISTS")
        view = execution.securable(reader.name(), "TABLE")
        existed = tables.exists(execution.engine, view.name[1], view.name[2])
        if existed and replace:
            self._grants.require(execution.principal, "MANAGE", view)
        self._grants.require(execution.principal, "CREATE TABLE", next(view.parents()))
        answer = self._spark.run(execution)
        with self._metastore.lock:
            if not existed:
                self._metastore.owners[view] = execution.principal.name
            self._metastore.views.pop(view.name, None)
            self._metastore.views[view.name] = (execution.text,)
        return answer

    def drop(self, execution: Execution) -> ResultSet:
        """`DROP TABLE` and `DROP VIEW [IF EXISTS] name`."""
        reader = execution.reader()
        reader.expect("DROP")
        reader.next()
        reader.accept("IF", "EXISTS")
        securable = execution.securable(reader.name(), "TABLE")
        if tables.exists(execution.engine, securable.name[1], securable.name[2]):
            self._grants.require(execution.principal, "MANAGE", securable)
        answer = execution.run(execution.text)
        self._metastore.forget(securable)
        return answer

    def rename(self, execution: Execution) -> ResultSet:
        """`ALTER TABLE name RENAME TO name`."""
        reader = execution.reader()
        reader.expect("ALTER")
        reader.next()
        before = execution.securable(reader.name(), "TABLE")
        reader.expect("RENAME", "TO")
        after = execution.securable(reader.name(), "TABLE")
        reader.expect_end()
        self._grants.require(execution.principal, "MANAGE", before)
        self._grants.require(execution.principal, "CREATE TABLE", next(after.parents()))
        # Spark wants the new name without the catalog of the old one.
        text = f"ALTER TABLE {_sql(before.name)} RENAME TO {'.'.join(map(quote, after.name[1:]))}"
        answer = execution.run(text)
        self._metastore.rename(before, after, text)
        return answer

    def add_constraint(self, execution: Execution) -> ResultSet:
        """`ALTER TABLE name ADD [CONSTRAINT name] PRIMARY | FOREIGN KEY …`; CHECK is Delta's."""
        reader, securable = _altered(execution)
        reader.expect("ADD")
        key = constraints.table_constraint(reader, securable.name[2])
        if key is None:
            return self._spark.run(execution)
        reader.expect_end()
        self._grants.require(execution.principal, "MANAGE", securable)
        schema = tables.table(execution.engine, *securable.name).schema
        constraints.add(execution, self._metastore, self._grants, securable.name, schema, key)
        return empty()

    def add_columns(self, execution: Execution) -> ResultSet:
        """`ALTER TABLE name ADD COLUMN[S] …`; a VARIANT needs its feature first."""
        reader, securable = _altered(execution)
        if any(token.upper == "VARIANT" for token in reader.tokens[reader.position :]):
            properties = tables.table(execution.engine, *securable.name).properties
            if not any(f"delta.feature.{name}" in properties for name in _VARIANT_FEATURES):
                raise SqlError(
                    "DELTA_FEATURES_REQUIRE_MANUAL_ENABLEMENT",
                    "Your table schema requires manually enablement of the following table "
                    f"feature(s): {_VARIANT_FEATURES[0]}.",
                )
        return self._spark.run(execution)

    def forbid_nulls(self, execution: Execution) -> ResultSet:
        """`ALTER TABLE name ALTER [COLUMN] c SET NOT NULL`."""
        reader, securable = _altered(execution)
        if not reader.accept("CHANGE"):
            reader.expect("ALTER")
        reader.accept("COLUMN")
        wanted = reader.word()
        reader.expect("SET", "NOT", "NULL")
        reader.expect_end()
        self._grants.require(execution.principal, "MODIFY", securable)
        table = tables.table(execution.engine, *securable.name)
        column = next((n for n in table.schema.names if n.lower() == wanted.lower()), None)
        if column is None or table.location is None:
            raise SqlError("COLUMN_NOT_FOUND", f"There is no column `{wanted}` to change.")
        there = f"FROM {_sql(securable.name)} WHERE {quote(column)} IS NULL LIMIT 1"
        if self._spark.run(execution, f"SELECT 1 {there}").table.num_rows:
            raise SqlError(
                "DELTA_NOT_NULL_CONSTRAINT_VIOLATED",
                f"NOT NULL constraint violated for column: {column}.",
            )
        nullability.forbid_nulls(Path(table.location.removeprefix("file:")), column)
        return empty()

    def drop_constraint(self, execution: Execution) -> ResultSet:
        """`ALTER TABLE name DROP CONSTRAINT name`, `DROP PRIMARY KEY`, `DROP FOREIGN KEY (…)`."""
        reader, securable = _altered(execution)
        reader.expect("DROP")
        self._grants.require(execution.principal, "MANAGE", securable)
        if constraints.drop(self._metastore, reader, securable.name):
            return empty()
        return self._spark.run(execution)

    def cluster_by_auto(self, execution: Execution) -> ResultSet:
        """`ALTER TABLE name CLUSTER BY AUTO`: remembered as the table property Databricks shows."""
        reader, securable = _altered(execution)
        reader.expect("CLUSTER", "BY", "AUTO")
        reader.expect_end()
        self._grants.require(execution.principal, "MODIFY", securable)
        self._require_predictive_optimization()
        return execution.run(
            f"ALTER TABLE {_sql(securable.name)} SET TBLPROPERTIES ('clusterByAuto' = 'true')"
        )

    def comment_on_column(self, execution: Execution) -> ResultSet:
        """`COMMENT ON COLUMN table.column IS 'text' | NULL`: what Spark says with ALTER TABLE."""
        reader = execution.reader()
        reader.expect("COMMENT", "ON", "COLUMN")
        *table, column = reader.name()
        reader.expect("IS")
        comment = "''" if reader.accept("NULL") else reader.next().text
        reader.expect_end()
        return self._spark.run(
            execution,
            f"ALTER TABLE {_sql(tuple(table))} ALTER COLUMN {quote(column)} COMMENT {comment}",
        )

    def insert(self, execution: Execution) -> ResultSet:
        """`INSERT INTO | OVERWRITE [TABLE] name …`: as in Spark, then the number of rows."""
        reader = execution.reader()
        reader.expect("INSERT")
        reader.next()
        reader.accept("TABLE")
        following = reader.peek()
        if following is None or following.text == "'" or following.upper in ("DIRECTORY", "LOCAL"):
            raise unsupported("INSERT OVERWRITE DIRECTORY")
        name = execution.full_name(reader.name(), "TABLE")
        return _counted(execution, name, self._spark.run(execution))

    def _require_predictive_optimization(self) -> None:
        if not self._switches.predictive_optimization:
            raise SqlError(
                "CLUSTER_BY_AUTO_REQUIRES_PREDICTIVE_OPTIMIZATION",
                "CLUSTER BY AUTO requires Predictive Optimization to be enabled.",
            )


def _cluster_by_auto(reader: Reader, changes: list[tuple[int, int, str]]) -> bool:
    """Take CLUSTER BY AUTO out of a CREATE; whether it was there."""
    clause = None
    position, depth = reader.position, 0
    properties_at = None
    while (token := reader.peek()) is not None:
        if depth == 0 and token.upper in ("AS", "SELECT", "WITH"):
            break
        if depth == 0 and token.upper == "TBLPROPERTIES":
            opening = reader.peek(1)
            properties_at = opening.end if opening is not None else None
        if depth == 0 and reader.accept("CLUSTER", "BY", "AUTO"):
            clause = token.start, reader.tokens[reader.position - 1].end
            continue
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        reader.next()
    reader.position = position
    if clause is None:
        return False
    setting = "'clusterByAuto' = 'true'"
    if properties_at is None:
        changes.append((*clause, f"TBLPROPERTIES ({setting})"))
    else:
        changes.append((*clause, ""))
        changes.append((properties_at, properties_at, f"{setting}, "))
    return True


def _sql(name: Name) -> str:
    return ".".join(map(quote, name))


def _altered(execution: Execution) -> tuple[Reader, Securable]:
    reader = execution.reader()
    reader.expect("ALTER", "TABLE")
    reader.accept("IF", "EXISTS")
    securable = execution.securable(reader.name(), "TABLE")
    return reader, securable


def _counted(execution: Execution, name: Name, answer: ResultSet) -> ResultSet:
    location = tables.table(execution.engine, *name).location
    if location is None:
        return answer
    folder = Path(location.removeprefix("file:"))
    written = tables.rows_of_last_commit(execution.engine, folder)
    if written is None:
        return answer
    return result_set(
        ("num_affected_rows:bigint", "num_inserted_rows:bigint"),
        [(written, written)],
        modified_rows=written,
    )
