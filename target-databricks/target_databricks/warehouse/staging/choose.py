"""The schema that everything goes to, and the place where its batches are staged."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from target_databricks.errors import ConfigurationError
from target_databricks.warehouse.client.access import Access
from target_databricks.warehouse.client.backoff import Patience
from target_databricks.warehouse.client.connection import Connections, StatementError
from target_databricks.warehouse.sql.names import Schema, Volume
from target_databricks.warehouse.staging.inline import InlineStaging
from target_databricks.warehouse.staging.protocol import Staging
from target_databricks.warehouse.staging.volume import StagingVolume

logger = logging.getLogger("target-databricks")


_HELP = (
    "Check the settings 'catalog' and 'default_target_schema', and ask an administrator for the "
    "privileges; `target-databricks-grants` prints the statements that are needed."
)


def ensure_schema(connections: Connections, schema: Schema) -> bool:
    """Create a schema that is not there. Returns whether it was created.

    Raises:
        ConfigurationError: It cannot be seen, or not be created.
    """
    try:
        connections.run(f"DESCRIBE SCHEMA {schema.sql}")
    except StatementError as error:
        if "SCHEMA_NOT_FOUND" not in error.problem.reason:
            raise ConfigurationError(
                f"The schema {schema} cannot be reached: {error.problem.reason} {_HELP}"
            ) from error
    else:
        return False
    try:
        connections.run(f"CREATE SCHEMA IF NOT EXISTS {schema.sql}")
    except StatementError as error:
        raise ConfigurationError(
            f"The schema {schema} does not exist, or may not be seen, and cannot be created: "
            f"{error.problem.reason} {_HELP}"
        ) from error
    logger.info("Created the schema %s.", schema)
    return True


def make_staging(
    config: Mapping[str, Any],
    access: Access,
    connections: Connections,
    schema: Schema,
    job_id: str,
) -> Staging:
    """The way rows get to the warehouse, as the settings have it.

    Raises:
        ConfigurationError: The setting 'staging_volume' names no volume.
    """
    if config["staging"] == "inline":
        return InlineStaging()
    return StagingVolume(
        access.client,
        connections,
        staging_volume(config, schema),
        schema,
        job_id=job_id,
        patience=Patience(float(config["lock_timeout"])),
    )


def staging_volume(config: Mapping[str, Any], schema: Schema) -> Volume:
    """The volume of the setting 'staging_volume'.

    Raises:
        ConfigurationError: It names no volume.
    """
    text = str(config["staging_volume"])
    try:
        return Volume.parse(text, schema)
    except ValueError as error:
        raise ConfigurationError(
            f"The setting 'staging_volume' is '{text}'; it must be a volume's name, or "
            "schema.volume, or catalog.schema.volume."
        ) from error
