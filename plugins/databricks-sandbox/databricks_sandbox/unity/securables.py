"""Securables as statements name them; one that does not exist is refused as Databricks does."""

from __future__ import annotations

from databricks_sandbox.engine import tables
from databricks_sandbox.errors import SqlError
from databricks_sandbox.unity.execution import Execution
from databricks_sandbox.unity.metastore import Kind, Metastore, Securable
from databricks_sandbox.unity.schemas import require_schema
from databricks_sandbox.unity.sql_text import Reader

KINDS: dict[str, Kind] = {
    "CATALOG": "CATALOG",
    "SCHEMA": "SCHEMA",
    "DATABASE": "SCHEMA",
    "TABLE": "TABLE",
    "VIEW": "TABLE",
    "VOLUME": "VOLUME",
}
"""The kind of securable by the word that statements use for it."""


def read_securable(
    execution: Execution, metastore: Metastore, reader: Reader, kind: Kind
) -> Securable:
    """What the reader names next.

    Raises:
        SqlError: it does not exist.
    """
    securable = execution.securable(reader.name(), kind)
    if kind == "VOLUME":
        metastore.volume(securable.name)
    elif kind == "CATALOG" and securable.name[0] not in metastore.catalogs:
        raise SqlError("CATALOG_NOT_FOUND", f"The catalog `{securable.full_name}` not found.")
    elif kind == "SCHEMA":
        require_schema(execution, metastore, securable)
    elif kind == "TABLE" and not tables.exists(execution.engine, *securable.name[1:]):
        raise SqlError(
            "TABLE_OR_VIEW_NOT_FOUND",
            f"The table or view `{'`.`'.join(securable.name)}` cannot be found. Verify the "
            "spelling and correctness of the schema and catalog.",
        )
    return securable
