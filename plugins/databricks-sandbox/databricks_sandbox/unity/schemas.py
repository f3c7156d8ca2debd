"""Which schemas there are: Spark knows their names, the metastore their catalogs."""

from __future__ import annotations

from databricks_sandbox.errors import SqlError
from databricks_sandbox.unity.execution import Execution
from databricks_sandbox.unity.metastore import Metastore, Name, Securable


def schema_names(execution: Execution, metastore: Metastore) -> list[Name]:
    """Catalog and name of every schema there is."""
    names = execution.run("SHOW SCHEMAS").table.column(0).to_pylist()
    return [(metastore.schemas.get(name, metastore.default_catalog), name) for name in names]


def require_schema(execution: Execution, metastore: Metastore, schema: Securable) -> None:
    """Let only a schema pass that exists.

    Raises:
        SqlError: SCHEMA_NOT_FOUND.
    """
    if schema.name not in schema_names(execution, metastore):
        raise SqlError(
            "SCHEMA_NOT_FOUND",
            f"The schema `{'`.`'.join(schema.name)}` cannot be found. Verify the spelling and "
            "correctness of the schema and catalog.",
        )
