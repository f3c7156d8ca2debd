"""`target-databricks-check`: connect, say who and where, what is granted, write and read a row.

    target-databricks-check --config config.json
    meltano invoke target-databricks:check

Of a lakehouse folder: whether a table can be written there and read. Leaves nothing behind. Exit
code 0 when all is ready, 1 when something is missing, with the sentence that helps.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

import click
import pyarrow as pa
from singer_sdk.exceptions import FatalSyncError

from target_databricks.commands import folder
from target_databricks.commands.common import command, config_option, settings, show_error
from target_databricks.destinations import destination_of
from target_databricks.errors import errors_as_lines
from target_databricks.loading.batch import Batch
from target_databricks.schema.json_schema import TypeMapper
from target_databricks.schema.planning import make_plan
from target_databricks.warehouse.catalog import Catalog
from target_databricks.warehouse.client.access import make_access
from target_databricks.warehouse.client.backoff import Backoff
from target_databricks.warehouse.client.connection import (
    Connections,
    StatementError,
    session_settings,
)
from target_databricks.warehouse.client.start import start
from target_databricks.warehouse.schemas import ensure_schema, stated_schema
from target_databricks.warehouse.sql import dml
from target_databricks.warehouse.sql.names import Schema, quoted
from target_databricks.warehouse.staging.choose import make_staging
from target_databricks.warehouse.staging.protocol import WarehouseStaging
from target_databricks.warehouse.tables import Tables

_PREFIX = "_sdc_check_"


@command(__doc__)
@config_option
def main(sources: tuple[str, ...]) -> None:
    """Check the settings of the command line or the environment."""
    with errors_as_lines(lambda sentence: show_error(f"Not ready: {sentence}")):
        config = settings(sources)
        (folder.check if destination_of(config) == "folder" else check)(config, click.echo)


def check(config: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Do everything a load does, once, with one row.

    Args:
        config: The target's settings.
        say: Takes each line of the report.

    Raises:
        ConfigurationError: The place cannot be reached or used.
        FatalSyncError: A statement failed.
    """
    access = make_access(config)
    backoff = Backoff(float(config["warehouse_timeout"]))
    job = f"check-{uuid.uuid4()}"
    connections = Connections(
        access,
        {"job": job},
        backoff,
        lambda: start(access, backoff),
        session_settings(config),
    )
    schema = stated_schema(config, access.client)
    catalog = Catalog(access.client, schema)
    staging = make_staging(config, access, connections, schema, job)
    made_schema = False
    tables = Tables(connections, catalog, config)
    name = _PREFIX + uuid.uuid4().hex[:12]
    try:
        who = connections.run("SELECT current_user() AS who").column(0)[0].as_py()
        say(f"Connected to {access.host}{access.http_path} as {who}.")
        made_schema = ensure_schema(connections, catalog, config.get("managed_location"))
        say(f"Schema {schema}: {'created for the check' if made_schema else 'there'}.")
        for line in _grants(connections, schema, who):
            say(f"  granted: {line}")
        staging.open()
        say(f"Staged in {staging.place}.")
        _one_row(tables, staging, connections, name)
        say(f"Table {schema}.{name}: created, one row merged, read back, dropped.")
        say("Ready.")
    finally:
        if tables.new:
            connections.run(f"DROP TABLE IF EXISTS {tables.name(name)}")
        staging.close()
        staging.drop()
        if made_schema:
            connections.run(f"DROP SCHEMA IF EXISTS {schema.sql}")
        connections.close()


def _grants(connections: Connections, schema: Schema, who: str) -> list[str]:
    """What the user has been granted; more is for those to see who manage the schema."""
    try:
        rows = connections.run(f"SHOW GRANTS {quoted(who)} ON SCHEMA {schema.sql}").to_pylist()
    except StatementError as error:
        return [f"not to be seen ({error.problem.reason})"]
    lowered = [{k.lower(): v for k, v in row.items()} for row in rows]
    return [f"{r.get('actiontype')} to {r.get('principal')}" for r in lowered]


def _one_row(
    tables: Tables, staging: WarehouseStaging, connections: Connections, name: str
) -> None:
    schema = {"properties": {"id": {"type": "integer"}}}
    plan = make_plan(name, schema, ["id"], mapper=TypeMapper(), sdk_metadata=False)
    rows = pa.table(
        {c.name: pa.array([1] if c.name == "id" else [None], c.type) for c in plan.staged_schema},
        schema=plan.staged_schema,
    )
    batch = Batch(plan, rows, 1)
    columns = tables.ready(name, plan.table_schema, "Made by target-databricks-check")
    path = staging.stage(batch)
    try:
        connections.run(dml.merge(tables.name(name), columns, plan, staging.read([path], batch)))
        found = connections.run(f"SELECT id FROM {tables.name(name)}").column(0).to_pylist()  # noqa: S608
    finally:
        staging.done(path)
    if found != [1]:
        raise FatalSyncError(f"{tables.name(name)} holds {found} instead of the row written.")
