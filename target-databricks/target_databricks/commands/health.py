"""`target-databricks-health`: when each stream, of each organisation, was last right.

    target-databricks-health --config config.json [--hours 26] [--stream <pattern> …] [--json]
    meltano invoke target-databricks:health

Reads the table of loads (_sdc_loads) and, where the tap writes one, stream_reads, which knows
organisations (tap-xero: stream_reads: true). Exit code 0 when all is fresh, 1 when something is
stale or failing, 2 when nobody can say: nothing was loaded, or the place cannot be reached.

A SQL warehouse that sleeps is not woken: then what runs without changes have left in the staging
volume has to do, and where that is not enough the exit code is 2. --wake starts it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

import click
from singer_sdk.exceptions import SingerSDKError

from target_databricks.commands.common import command, config_option, settings, show_error
from target_databricks.destinations import destination_of
from target_databricks.errors import ConfigurationError
from target_databricks.lakehouse.failures import understood
from target_databricks.lakehouse.folder import LakehouseFolder
from target_databricks.lakehouse.table import LakehouseTable
from target_databricks.loading.health import (
    EXIT_CODES,
    FRESH,
    LOADS_COLUMNS,
    READS,
    READS_COLUMNS,
    UNKNOWN,
    Health,
    judged,
    overall,
)
from target_databricks.loading.ledger import TABLE as LEDGER

JOB = "target-databricks-health"
NAMES_COLUMNS = ("tenant_id", "name")
Tables = Mapping[str, Sequence[Mapping[str, Any]]]


@command(__doc__)
@config_option
@click.option(
    "--hours", default=26.0, show_default=True, help="how old what is right may be, in hours"
)
@click.option("--stream", "patterns", multiple=True, help="only these streams, by name or pattern")
@click.option("--wake", is_flag=True, help="start a SQL warehouse that sleeps")
@click.option("--json", "as_json", is_flag=True, help="for machines")
def main(
    sources: tuple[str, ...], hours: float, patterns: tuple[str, ...], wake: bool, as_json: bool
) -> None:
    """Say how fresh the tables of the settings are."""
    try:
        config = settings(sources)
        tables, asleep = (
            (_folder(config), False)
            if destination_of(config) == "folder"
            else _warehouse(config, wake=wake)
        )
    except SingerSDKError as error:
        for each in getattr(error, "errors", None) or [str(error)]:
            show_error(f"Cannot say: {each}")
        sys.exit(EXIT_CODES[UNKNOWN])
    found = judged(
        tables[LEDGER],
        tables[READS],
        datetime.now(UTC),
        timedelta(hours=hours),
        lambda stream: not patterns or any(fnmatchcase(stream, each) for each in patterns),
    )
    names = {row["tenant_id"]: row["name"] for row in tables["organisations"]}
    status = overall(found)
    if asleep and status != FRESH:
        # Runs that changed something have left their rows where only the warehouse sees them.
        status = UNKNOWN
    if as_json:
        streams = [health.entry(names) for health in found]
        click.echo(json.dumps({"status": status, "streams": streams}))
    else:
        for line in lines(found, names, hours):
            click.echo(line)
        if asleep and status == UNKNOWN:
            show_error("Cannot say: the SQL warehouse sleeps; --wake starts it.")
    sys.exit(EXIT_CODES[status])


def lines(found: Sequence[Health], names: Mapping[str, str], hours: float) -> Iterator[str]:
    """What is not fresh, one line each, and below it how many are.

    Args:
        found: The streams, the worst first.
        names: Names of organisations by their ids.
        hours: How old what is right may be.
    """
    if not found:
        yield "Nothing was loaded yet, as far as _sdc_loads tells."
        return
    for health in found:
        if health.status == FRESH:
            continue
        of = f" of {names.get(health.organisation) or health.organisation}"
        right = f"{health.right_at:%Y-%m-%d %H:%M} UTC" if health.right_at else "never"
        line = f"{health.stream}{of if health.organisation else ''}: {health.status}, last right "
        line += right
        if health.failing_since is not None:
            line += f", failing since {health.failing_since:%Y-%m-%d %H:%M} UTC"
        yield line + (f": {health.reason}" if health.reason else "")
    fresh = [health for health in found if health.status == FRESH]
    oldest = min((h.right_at for h in fresh if h.right_at), default=None)
    since = f", the oldest right as of {oldest:%Y-%m-%d %H:%M} UTC" if oldest else ""
    yield f"{len(fresh):,} of {len(found):,} fresh within {hours:g} hours{since}."
    if not any(health.organisation for health in found):
        yield "By stream only: organisations are told apart with stream_reads: true of tap-xero."


def _folder(config: Mapping[str, Any]) -> Tables:
    folder = LakehouseFolder(config, job_id=JOB)
    options = config.get("storage_options")

    def rows(name: str, columns: Sequence[str], *, needed: bool = False) -> list[dict[str, Any]]:
        table = LakehouseTable(folder.location(name), options)
        try:
            if not all(map(table.spelled, columns)):
                return []
            found = table.collected(table.others(None, columns), columns)
        except Exception as error:
            if not needed:
                return []
            raise ConfigurationError(
                f"{folder.location(name)} cannot be read: {understood(error).sentence}"
            ) from error
        return list(found.to_pylist())

    return {
        LEDGER: rows(LEDGER, LOADS_COLUMNS, needed=True),
        READS: rows(READS, READS_COLUMNS),
        "organisations": rows("organisations", NAMES_COLUMNS),
    }


def _warehouse(config: Mapping[str, Any], *, wake: bool) -> tuple[Tables, bool]:
    """What a schema of a warehouse has, and whether that is only what can be seen in its sleep."""
    # Imported here: its clients take a second to load and may not be installed.
    from target_databricks.warehouse.client.access import make_access
    from target_databricks.warehouse.client.backoff import Backoff
    from target_databricks.warehouse.client.connection import (
        Connections,
        StatementError,
        session_settings,
    )
    from target_databricks.warehouse.client.rules import Kind
    from target_databricks.warehouse.client.start import is_awake, start
    from target_databricks.warehouse.schemas import stated_schema
    from target_databricks.warehouse.staging.choose import make_staging

    access, backoff = make_access(config), Backoff(float(config["warehouse_timeout"]))
    connections = Connections(
        access, {"job": JOB}, backoff, lambda: start(access, backoff), session_settings(config)
    )
    schema = stated_schema(config, access.client)
    staging = make_staging(config, access, connections, schema, JOB)
    deferred = [row for _, table in staging.deferred_ledger() for row in table.to_pylist()]
    if not (wake or is_awake(access, backoff)):
        return {LEDGER: deferred, READS: [], "organisations": []}, True

    def rows(name: str, select: str, rest: str = "") -> list[dict[str, Any]]:
        try:
            text = f"SELECT {select} FROM {schema.table(name)}{rest}"  # noqa: S608 (our own text)
            return list(connections.run(text).to_pylist())
        except StatementError as error:
            if error.problem.kind is Kind.GONE:
                return []
            raise

    try:
        of_stream = "stream, error, rows_set_aside"
        loads = rows(
            LEDGER, f"{of_stream}, max(finished_at) AS finished_at", f" GROUP BY {of_stream}"
        )
        return {
            LEDGER: [*loads, *deferred],
            READS: rows(READS, ", ".join(READS_COLUMNS)),
            "organisations": rows("organisations", ", ".join(NAMES_COLUMNS)),
        }, False
    finally:
        connections.close()
