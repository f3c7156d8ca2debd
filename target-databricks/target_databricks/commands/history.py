"""`target-databricks-history`: what a table has becomes the first versions of its rows.

    target-databricks-history <table> --key <column> … --config config.json
    meltano invoke target-databricks:history <table> --key <column> …

For a table that was loaded without history, before it is loaded with `load_method: history`; the
error of a run that was refused has the whole command. --from names the replication key, if there is
one; without it a version holds from when its row was last received. --child names each child table.
A row that is marked as deleted was so from then on. Run it again if it was interrupted.
"""

from __future__ import annotations

import click

from target_databricks.commands.common import command, config_option, settings, show_error
from target_databricks.commands.staged import backend_of, exclusive
from target_databricks.errors import ConfigurationError, errors_as_lines
from target_databricks.loading.backend import Backend
from target_databricks.loading.history import CONVERTING, Conversion
from target_databricks.schema.plan import DELETED_AT, HISTORY, RECEIVED_AT, RECORD_HASH, SEQUENCE


@command(__doc__)
@click.argument("table")
@click.option("--key", "keys", multiple=True, required=True, help="a key column of the table")
@click.option("--from", "since", help="the column of its replication key")
@click.option("--child", "children", multiple=True, help="a child table of it")
@config_option
def main(
    sources: tuple[str, ...],
    table: str,
    keys: tuple[str, ...],
    since: str | None,
    children: tuple[str, ...],
) -> None:
    """Give the rows of a table the intervals in which they held."""
    with errors_as_lines(show_error):
        backend = backend_of(settings(sources))
        convert(backend, Conversion(table, keys, since, children))
        click.echo(f"{backend.location(table)} has the history of its rows from now on.")


def convert(backend: Backend, conversion: Conversion) -> None:
    """Convert a table and its child tables.

    Raises:
        ConfigurationError: A table is not there, or lacks a column.
        BusyError: A run is loading it.
    """
    needed = {*conversion.keys, RECEIVED_AT, DELETED_AT, SEQUENCE, RECORD_HASH}
    needed |= {conversion.since} if conversion.since else set()
    with exclusive(backend), backend.staging.lease(conversion.table):
        tables = {conversion.table: needed}
        tables |= {child: {*conversion.keys, DELETED_AT} for child in conversion.children}
        for name, wanted in tables.items():
            there = {column.name.lower() for column in backend.columns(name) or ()}
            if lacking := sorted(column for column in wanted if column.lower() not in there):
                raise ConfigurationError(
                    f"{backend.location(name)} is not there, or has no {', '.join(lacking)}. Name "
                    "a table of the target's, its key columns and its child tables."
                )
            # Of an interrupted run of this command the child tables may have the columns.
            begun = name != conversion.table or (
                backend.properties(conversion.table).get(CONVERTING) == "true"
            )
            if not begun and (taken := sorted(there.intersection(HISTORY))):
                raise ConfigurationError(
                    f"{backend.location(name)} has {', '.join(taken)} already: either the history "
                    "of its rows, or columns of the stream's own. In the second case give the "
                    "stream a table of its own with an '__alias__' in 'stream_maps'."
                )
        backend.convert(conversion)
