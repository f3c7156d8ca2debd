"""Tags on catalogs, schemas, tables, columns and volumes.

Source: Databricks SQL, "SET TAGS", "UNSET TAGS", "SET TAG", "UNSET TAG"; Unity Catalog, "Apply tags
to Unity Catalog securable objects" (constraints).
"""

from __future__ import annotations

from databricks_sandbox.engine import tables
from databricks_sandbox.errors import SqlError
from databricks_sandbox.unity.execution import Execution
from databricks_sandbox.unity.grants import Grants
from databricks_sandbox.unity.metastore import Metastore, Securable
from databricks_sandbox.unity.result_set import ResultSet, empty
from databricks_sandbox.unity.securables import KINDS, read_securable

TAGS = 50
"""Tags of one securable at most."""
_KEY_LENGTH, _VALUE_LENGTH = 255, 1000
_NOT_IN_KEYS = set(".,-=/:")


class TagStatements:
    """SET TAGS and UNSET TAGS in all their forms.

    Args:
        metastore: what Spark does not keep.
        grants: who may do what.
    """

    def __init__(self, metastore: Metastore, grants: Grants) -> None:
        self._metastore = metastore
        self._grants = grants

    def alter_tags(self, execution: Execution) -> ResultSet:
        """`ALTER … name [ALTER COLUMN c] SET TAGS ('a' = 'b')` and `UNSET TAGS ('a')`."""
        reader = execution.reader()
        reader.expect("ALTER")
        securable = read_securable(execution, self._metastore, reader, KINDS[reader.next().upper])
        column = reader.word().lower() if reader.accept("ALTER", "COLUMN") else None
        setting = reader.next().upper == "SET"
        reader.expect("TAGS")
        pairs = reader.pairs_in_parentheses()
        reader.expect_end()
        self._change(execution, securable, column, pairs, setting=setting)
        return empty()

    def set_tag(self, execution: Execution) -> ResultSet:
        """`SET TAG ON COLUMN name a = b` and `UNSET TAG ON … name a`."""
        reader = execution.reader()
        setting = reader.next().upper == "SET"
        reader.expect("TAG", "ON")
        kind = reader.next().upper
        column = None
        if kind == "COLUMN":
            *table, column = reader.name()
            securable = execution.securable(tuple(table), "TABLE")
            column = column.lower()
        else:
            securable = read_securable(execution, self._metastore, reader, KINDS[kind])
        key = reader.next().value
        value = reader.next().value if reader.accept("=") else ""
        reader.expect_end()
        self._change(execution, securable, column, {key: value}, setting=setting)
        return empty()

    def _change(
        self,
        execution: Execution,
        securable: Securable,
        column: str | None,
        pairs: dict[str, str],
        *,
        setting: bool,
    ) -> None:
        self._grants.require(execution.principal, "APPLY TAG", securable)
        for key, value in pairs.items() if setting else ():
            _require_tag(key, value)
        if column is not None:
            schema = tables.table(execution.engine, *securable.name).schema
            if column not in (name.lower() for name in schema.names):
                raise SqlError(
                    "COLUMN_NOT_FOUND",
                    f"The column `{column}` cannot be found in table "
                    f"`{'`.`'.join(securable.name)}`.",
                )
        with self._metastore.lock:
            tags = self._metastore.tags.setdefault((securable, column), {})
            if setting:
                if len(tags.keys() | pairs.keys()) > TAGS:
                    raise SqlError(
                        "INVALID_PARAMETER_VALUE.TAG_LIMIT_EXCEEDED",
                        f"A securable can have at most {TAGS} tags.",
                        "22023",
                    )
                tags.update(pairs)
            else:
                for key in pairs:
                    tags.pop(key, None)


def _require_tag(key: str, value: str) -> None:
    fault = None
    if not key or len(key) > _KEY_LENGTH or len(value) > _VALUE_LENGTH:
        fault = f"is too long or empty: {_KEY_LENGTH} and {_VALUE_LENGTH} characters are allowed"
    elif _NOT_IN_KEYS & set(key):
        fault = "has one of the characters . , - = / : in its key"
    elif key != key.strip() or value != value.strip():
        fault = "begins or ends with a space"
    if fault:
        raise SqlError("INVALID_PARAMETER_VALUE", f"The tag '{key}' {fault}.", "22023")
