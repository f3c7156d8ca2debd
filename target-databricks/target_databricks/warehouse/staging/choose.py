"""Which staging the settings ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from target_databricks.errors import ConfigurationError
from target_databricks.warehouse.client.access import Access
from target_databricks.warehouse.client.backoff import Backoff
from target_databricks.warehouse.client.connection import Connections
from target_databricks.warehouse.sql.names import Schema, Volume
from target_databricks.warehouse.staging.inline import InlineStaging
from target_databricks.warehouse.staging.protocol import WarehouseStaging
from target_databricks.warehouse.staging.volume import StagingVolume


def make_staging(
    config: Mapping[str, Any],
    access: Access,
    connections: Connections,
    schema: Schema,
    job_id: str,
) -> WarehouseStaging:
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
        backoff=Backoff(float(config["lock_timeout"])),
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
