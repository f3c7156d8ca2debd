"""Tags on catalogs, schemas, tables, columns and volumes.

Source: Databricks SQL, "SET TAGS", "UNSET TAGS", "SET TAG", "UNSET TAG".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from databricks_sandbox.engine import tables
from databricks_sandbox.errors import SqlError
from databricks_sandbox.unity.result_set import Answer, nothing

if TYPE_CHECKING:
    from databricks_sandbox.unity.execution import Call
    from databricks_sandbox.unity.metastore import Kind, Securable
    from databricks_sandbox.unity.sql_text import Reader

_KINDS: dict[str, Kind] = {
    "CATALOG": "CATALOG",
    "SCHEMA": "SCHEMA",
    "DATABASE": "SCHEMA",
    "TABLE": "TABLE",
    "VIEW": "TABLE",
    "VOLUME": "VOLUME",
}


def alter_tags(call: Call) -> Answer:
    """`ALTER … name [ALTER COLUMN c] SET TAGS ('a' = 'b')` and `UNSET TAGS ('a')`."""
    reader = call.reader()
    reader.expect("ALTER")
    securable = named(call, reader, _KINDS[reader.next().upper])
    column = reader.word().lower() if reader.accept("ALTER", "COLUMN") else None
    setting = reader.next().upper == "SET"
    reader.expect("TAGS")
    pairs = reader.pairs_in_parentheses()
    reader.expect_end()
    _change(call, securable, column, pairs, setting=setting)
    return nothing()


def set_tag(call: Call) -> Answer:
    """`SET TAG ON COLUMN name a = b` and `UNSET TAG ON … name a`."""
    reader = call.reader()
    setting = reader.next().upper == "SET"
    reader.expect("TAG", "ON")
    kind = reader.next().upper
    column = None
    if kind == "COLUMN":
        *table, column = reader.name()
        securable = call.securable(tuple(table), "TABLE")
        column = column.lower()
    else:
        securable = named(call, reader, _KINDS[kind])
    key = reader.next().value
    value = reader.next().value if reader.accept("=") else ""
    reader.expect_end()
    _change(call, securable, column, {key: value}, setting=setting)
    return nothing()


def named(call: Call, reader: Reader, kind: Kind) -> Securable:
    """What the reader names next.

    Raises:
        SqlError: it does not exist.
    """
    securable = call.securable(reader.name(), kind)
    if kind == "VOLUME":
        call.front.volumes.find(securable.name)
    elif kind == "CATALOG" and securable.name[0] not in call.front.metastore.catalogs:
        raise SqlError("CATALOG_NOT_FOUND", f"The catalog `{securable.full_name}` not found.")
    elif kind == "SCHEMA":
        call.front.require_schema(call, securable)
    elif kind == "TABLE" and not tables.exists(call.engine, *securable.name[1:]):
        raise SqlError(
            "TABLE_OR_VIEW_NOT_FOUND",
            f"The table or view `{'`.`'.join(securable.name)}` cannot be found. Verify the "
            "spelling and correctness of the schema and catalog.",
        )
    return securable


def _change(
    call: Call, securable: Securable, column: str | None, pairs: dict[str, str], *, setting: bool
) -> None:
    call.require("APPLY TAG", securable)
    if column is not None:
        schema = tables.table(call.engine, *securable.name).schema
        if column not in (name.lower() for name in schema.names):
            raise SqlError(
                "COLUMN_NOT_FOUND",
                f"The column `{column}` cannot be found in table `{'`.`'.join(securable.name)}`.",
            )
    with call.front.metastore.lock:
        tags = call.front.metastore.tags.setdefault((securable, column), {})
        if setting:
            tags.update(pairs)
        else:
            for key in pairs:
                tags.pop(key, None)
