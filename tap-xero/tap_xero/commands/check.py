"""`tap-xero-check`: in one screen, what works and what does not."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click
from singer_sdk.exceptions import SkippableAPIError

from tap_xero.api.usage import Usage
from tap_xero.auth.stored_tokens import LIFETIME
from tap_xero.auth.tokens import scopes_of
from tap_xero.commands.common import (
    config_option,
    connected,
    note,
    print_table,
    settings,
    wanted_resources,
)
from tap_xero.models import writes
from tap_xero.models.resources import BY_STREAM, RESOURCES
from tap_xero.sync.run import wanted_tenants
from tap_xero.text import errors_as_lines, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tap_xero.api.client import Client, Tenant
    from tap_xero.auth.stored_tokens import StoredTokens
    from tap_xero.models.resources import Resource

WARN_WITHIN = 14 * 86_400
"""Seconds before the end of a refresh token from which on it is warned about."""


@click.command()
@config_option
def check(files: tuple[Any, ...]) -> None:
    """Say whether the token works, what it opens, and what is left of the day."""
    with errors_as_lines(note):
        config = settings(files)
        with connected(config) as connection:
            token = connection.tokens.token()
            tokens = connection.store.load()
            print_table(
                [
                    ("access token", "works"),
                    ("refresh token", refresh_token_line(tokens, _now())),
                    ("kept", connection.store.name if tokens else "nowhere"),
                    *scope_rows(
                        (tokens.scopes if tokens else ()) or scopes_of(token),
                        wanted_resources(config),
                        writes.named(config),
                    ),
                ]
            )
            tenants = connection.client.tenants()
            wanted = wanted_tenants(config)
            rows = [organisation_row(connection.client, tenant) for tenant in tenants]
            if rows:
                click.echo()
                print_table(
                    [("organisation", "tenant id", "reads", "journals", "left today"), *rows]
                )
            missing = sorted(set(wanted) - {tenant.id.lower() for tenant in tenants})
            for each in missing:
                click.echo(f"tenant_ids: {each} is not connected.")
            if not rows:
                click.echo("No organisation is connected: run tap-xero-login and choose one.")
            if missing or not rows or any(row[2] != "yes" for row in rows):
                click.echo("\nNot everything can be read: see above.")
                sys.exit(1)
            click.echo("\nThe tap can run.")


def refresh_token_line(tokens: StoredTokens | None, now: datetime) -> str:
    """How long the refresh token still lives, if there is one."""
    if tokens is None or not tokens.refresh_token:
        return "none: a custom connection or a broker needs none"
    ends = datetime.fromtimestamp(tokens.renewed + LIFETIME, UTC)
    left = ends - now
    line = f"good until {ends:%Y-%m-%d %H:%M} UTC; every use makes that 60 days again"
    if left.total_seconds() <= WARN_WITHIN:
        line += f". WARNING: {plural(max(0, left.days), 'day')} left, let the tap run before that"
    return line


def scope_rows(
    granted: Iterable[str],
    wanted: Iterable[Resource] = RESOURCES,
    written: Sequence[str] = (),
) -> list[tuple[str, str]]:
    """How many scopes are granted, and which are missing for which of the streams wanted.

    Args:
        granted: Scopes of the token.
        wanted: What is read.
        written: Streams that `target-xero` may write.
    """
    scopes = set(granted)
    if not scopes:
        return [("scopes", "not told by the token; streams without one are skipped")]
    missing: dict[str, list[str]] = {}
    for each in wanted:
        if not scopes & {each.scope, each.granular}:
            missing.setdefault(each.granular, []).append(each.stream)
    return [
        ("scopes", f"{len(scopes):,} granted"),
        *(
            ("not granted", f"{scope} (skipped: {', '.join(streams)})")
            for scope, streams in missing.items()
        ),
        *(
            ("writes", each)
            if writes.SCOPES[each] in scopes
            else ("writes", f"not {each}: {writes.SCOPES[each]} is not granted, sign in again")
            for each in written
        ),
    ]


def organisation_row(client: Client, tenant: Tenant) -> tuple[str, str, str, str, str]:
    """An organisation: whether it and its journals can be read, and its calls left today."""
    usage = Usage()
    reads = journals = "yes"
    try:
        client.ask(tenant, "Organisation", {}, usage=usage)
    except SkippableAPIError as error:
        reads, journals = str(error), "-"
    else:
        ahead = f"{_now() + timedelta(days=1):%Y-%m-%dT%H:%M:%S}"
        try:
            client.ask(tenant, BY_STREAM["journals"].path, {}, usage=usage, since=ahead)
        except SkippableAPIError:
            journals = "no (tier or scope)"
    left = "unknown" if usage.day_left is None else f"{plural(usage.day_left, 'call')}"
    return tenant.name, tenant.id, reads, journals, left


def _now() -> datetime:
    return datetime.now(UTC)
