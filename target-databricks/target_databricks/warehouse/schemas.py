"""The schema of the settings: what it is called, and making it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from target_databricks.errors import ConfigurationError
from target_databricks.schema.naming import schema_name
from target_databricks.warehouse.catalog import Catalog
from target_databricks.warehouse.client.connection import Connections, StatementError
from target_databricks.warehouse.sql import ddl
from target_databricks.warehouse.sql.names import Schema
from target_databricks.warehouse.suitability import about_catalog

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

logger = logging.getLogger("target-databricks")

_HELP = (
    "Check the settings 'catalog' and 'default_target_schema', and ask an administrator for the "
    "privileges; `target-databricks-grants` prints the statements that are needed."
)


def stated_schema(config: Mapping[str, Any], client: WorkspaceClient) -> Schema:
    """The schema of the settings; looked for only where an earlier version spelled it otherwise.

    Args:
        config: The target's settings.
        client: Of the workspace.

    Raises:
        ConfigurationError: Its catalog is one that nobody loads into.
    """
    if (objection := about_catalog(str(config["catalog"]))) is not None:
        raise ConfigurationError(objection)
    stated = Schema(str(config["catalog"]), str(config["default_target_schema"]))
    exists = Catalog(client, stated).has_schema
    # Unity Catalog keeps names in lower case, and folders of volumes are called as it keeps them.
    return replace(stated, name=schema_name(stated.name, exists).lower())


def ensure_schema(connections: Connections, catalog: Catalog, location: str | None = None) -> bool:
    """Create a schema that is not there. Returns whether it was created.

    Args:
        connections: To the warehouse.
        catalog: Looks at the schema.
        location: Where its managed tables are kept; None leaves that to the catalog.

    Raises:
        ConfigurationError: It cannot be seen, or not be created.
    """
    schema = catalog.schema
    if catalog.has_schema():
        return False
    if (objection := catalog.objection()) is not None:
        raise ConfigurationError(objection)
    try:
        connections.run(f"DESCRIBE SCHEMA {schema.sql}")
    except StatementError as error:
        if "SCHEMA_NOT_FOUND" not in error.problem.reason:
            raise ConfigurationError(
                f"The schema {schema} cannot be reached: {error.problem.reason} "
                f"{error.problem.advice or _HELP}"
            ) from error
    else:
        return False
    try:
        connections.make(ddl.create_schema(schema.sql, location))
    except StatementError as error:
        raise ConfigurationError(
            f"The schema {schema} does not exist, or may not be seen, and cannot be created: "
            f"{error.problem.reason} {error.problem.advice or _HELP}"
        ) from error
    logger.info("Created the schema %s.", schema)
    return True
