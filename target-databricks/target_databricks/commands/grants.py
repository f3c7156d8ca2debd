"""`target-databricks-grants`: the SQL an administrator must run, for the settings at hand.

    target-databricks-grants --config config.json --to <user, group or application id>

Of a lakehouse folder: what it needs instead, and how a workspace reads its tables. Connects to
nothing. Exit code 0, or 1 when the settings are wrong.

Source: Unity Catalog, Privileges and securable objects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from target_databricks.commands import folder
from target_databricks.commands.common import command, config_option, settings, show_error
from target_databricks.destinations import destination_of
from target_databricks.errors import errors_as_lines
from target_databricks.schema.naming import schema_name
from target_databricks.warehouse.sql import ddl
from target_databricks.warehouse.sql.names import Schema, quoted
from target_databricks.warehouse.staging.choose import staging_volume


@command(__doc__)
@config_option
@click.option("--to", "principal", help="user, group or application id that is to load")
def main(sources: tuple[str, ...], principal: str | None) -> None:
    """Print the statements for the settings of the command line or the environment."""
    with errors_as_lines(show_error):
        config = settings(sources)
    to = principal or config.get("client_id") or config.get("azure_client_id") or "<user>"
    of = folder.grants if destination_of(config) == "folder" else grants
    click.echo("\n".join(of(config, to)))


def grants(config: Mapping[str, Any], principal: str) -> Iterator[str]:
    """The statements, the least that a load needs.

    Args:
        config: The target's settings.
        principal: Who loads.
    """
    name = schema_name(str(config["default_target_schema"]), lambda _: True)
    schema = Schema(str(config["catalog"]), name.lower())  # as Unity Catalog keeps it
    volume = None if config["staging"] == "inline" else staging_volume(config, schema)
    to = quoted(principal)
    yield f"{ddl.create_schema(schema.sql, config.get('managed_location'))};"
    if volume is not None:
        if volume.schema != schema:
            yield f"{ddl.create_schema(volume.schema.sql, None)};"
        yield f"CREATE VOLUME IF NOT EXISTS {volume.sql};"
    catalogs = [schema.catalog, *([volume.schema.catalog] if volume else [])]
    for catalog in dict.fromkeys(catalogs):
        yield f"GRANT USE CATALOG ON CATALOG {quoted(catalog)} TO {to};"
    yield f"GRANT USE SCHEMA, CREATE TABLE, SELECT, MODIFY ON SCHEMA {schema.sql} TO {to};"
    if config.get("table_tags"):
        # Of its own tables it may say what it likes; these may have been made by others.
        yield f"GRANT APPLY TAG ON SCHEMA {schema.sql} TO {to};"
    if volume is not None:
        yield f"GRANT USE SCHEMA, CREATE VOLUME ON SCHEMA {volume.schema.sql} TO {to};"
        yield f"GRANT READ VOLUME, WRITE VOLUME ON VOLUME {volume.sql} TO {to};"
    yield f"-- What no SQL can give, an administrator of the workspace gives {principal}:"
    yield (
        "-- 1. the entitlement 'Databricks SQL access' (databricks-sql-access): Settings, Identity "
        "and access, the user, service principal or group, Entitlements,"
    )
    yield (
        f"-- 2. CAN USE on the SQL warehouse of {config['http_path']}: SQL Warehouses, the "
        "warehouse, Permissions."
    )
