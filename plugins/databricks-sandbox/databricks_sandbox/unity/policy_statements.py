"""Row filters and column masks, and tables that belong to a pipeline: kept, and what they refuse.

A filter or mask is a name here; no row is hidden and no value masked. What a load meets is that it
may not MERGE. Source: Databricks SQL, "ROW FILTER clause", "Column mask clause", "CREATE STREAMING
TABLE", "CREATE MATERIALIZED VIEW"; Databricks, "Error conditions".
"""

from __future__ import annotations

import re

from databricks_sandbox.errors import SqlError
from databricks_sandbox.unity.execution import Execution
from databricks_sandbox.unity.grants import Grants
from databricks_sandbox.unity.metastore import Metastore, Name, Policy
from databricks_sandbox.unity.result_set import ResultSet, empty
from databricks_sandbox.unity.securables import read_securable
from databricks_sandbox.unity.spark_statements import SparkStatements
from databricks_sandbox.unity.sql_text import Reader, head
from databricks_sandbox.unity.table_statements import TableStatements

_OF_PIPELINES = {"STREAMING_TABLE": "Streaming Tables", "MATERIALIZED_VIEW": "Materialized Views"}
_CREATE = re.compile(r"CREATE\s+(STREAMING\s+TABLE|MATERIALIZED\s+VIEW)", re.IGNORECASE)
_VERB = re.compile(r"MERGE INTO|INSERT (INTO|OVERWRITE)( TABLE)?|ALTER TABLE|DELETE FROM|UPDATE")


class PolicyStatements:
    """Statements about filters, masks and pipelines, and those that meet them.

    Args:
        metastore: where they are kept.
        grants: who may do what.
        spark: runs statements.
        tables: makes the tables of pipelines.
    """

    def __init__(
        self, metastore: Metastore, grants: Grants, spark: SparkStatements, tables: TableStatements
    ) -> None:
        self._metastore = metastore
        self._grants = grants
        self._spark = spark
        self._tables = tables

    def alter(self, execution: Execution) -> ResultSet:
        """`ALTER TABLE name SET ROW FILTER f ON (…)`, `… ALTER COLUMN c SET MASK f`, and DROP."""
        reader = execution.reader()
        reader.expect("ALTER", "TABLE")
        table = read_securable(execution, self._metastore, reader, "TABLE")
        self._grants.require(execution.principal, "MANAGE", table)
        masks = self._metastore.masks.setdefault(table.name, {})
        if reader.accept("ALTER"):
            reader.accept("COLUMN")
            column = reader.word().lower()
            if reader.accept("DROP", "MASK"):
                masks.pop(column, None)
            else:
                reader.expect("SET", "MASK")
                masks[column] = _policy(reader, "USING", "COLUMNS")
        elif reader.accept("DROP", "ROW", "FILTER"):
            self._metastore.row_filters.pop(table.name, None)
        else:
            reader.expect("SET", "ROW", "FILTER")
            self._metastore.row_filters[table.name] = _policy(reader, "ON")
        return empty()

    def create_of_pipeline(self, execution: Execution) -> ResultSet:
        """`CREATE STREAMING TABLE name …` and `CREATE MATERIALIZED VIEW name AS …`: a table."""
        kind = "STREAMING_TABLE" if "STREAMING" in head(execution.text, 3) else "MATERIALIZED_VIEW"
        execution.text = _CREATE.sub("CREATE TABLE", execution.text, count=1)
        answer = self._tables.create(execution)
        reader = execution.reader()
        reader.expect("CREATE", "TABLE")
        self._metastore.pipelines[execution.full_name(reader.name(), "TABLE")] = kind
        return answer

    def merge(self, execution: Execution) -> ResultSet:
        """`MERGE INTO name …`: refused where a filter or a mask is in the way."""
        reader = execution.reader()
        reader.expect("MERGE", "INTO")
        name = execution.full_name(reader.name(), "TABLE")
        shown = f"`{'`.`'.join(name)}`"
        if name in self._metastore.row_filters:
            raise SqlError(
                "ROW_LEVEL_SECURITY_MERGE_INTO_TARGET_UNSUPPORTED",
                "MERGE INTO operations do not support writing into table "
                f"{shown} with row level security policies.",
            )
        if self._metastore.masks.get(name):
            raise SqlError(
                "COLUMN_MASKS_MERGE_INTO_TARGET_UNSUPPORTED",
                f"MERGE INTO operations do not support writing into table {shown} with column "
                "masks.",
            )
        return self._spark.run(execution)

    def require_own(self, execution: Execution) -> None:
        """Let no statement write to a table of a pipeline.

        Raises:
            SqlError: it would.
        """
        if not self._metastore.pipelines:
            return
        verb = _VERB.match(head(execution.text, 4))
        if verb is None:
            return
        reader = execution.reader()
        reader.position = len(verb[0].split())
        name: Name = execution.full_name(reader.name(), "TABLE")
        kind = self._metastore.pipelines.get(name)
        if kind is not None:
            raise SqlError(
                f"{kind}_OPERATION_NOT_ALLOWED.UNSUPPORTED_OPERATION",
                f"The operation {verb[0]} is not allowed: The operation {verb[0]} is currently not "
                f"supported on {_OF_PIPELINES[kind]}.",
            )


def _policy(reader: Reader, *words: str) -> Policy:
    """A function and, after some words, the columns that it takes: perhaps none."""
    function = ".".join(reader.name())
    if not reader.accept(*words) or reader.accept("(", ")"):
        return Policy(function)
    return Policy(function, tuple(reader.names_in_parentheses()))
