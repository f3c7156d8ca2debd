"""`tap-xero-tenants`: the organisations that the credentials reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tap_xero.commands.common import config_option, connected, note, print_table, settings
from tap_xero.text import errors_as_lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_xero.api.client import Tenant


@click.command()
@config_option
def tenants(files: tuple[Any, ...]) -> None:
    """List the connected organisations with their tenant ids."""
    with errors_as_lines(note), connected(settings(files)) as connection:
        print_organisations(connection.client.tenants())


def print_organisations(organisations: Iterable[Tenant]) -> None:
    """Print organisations, one a line."""
    rows = [(tenant.id, tenant.name) for tenant in organisations]
    if rows:
        print_table([("tenant id", "organisation"), *rows])
    else:
        click.echo("No organisation is connected: run tap-xero-login and choose one.")
