"""`tap-xero-webhooks`: serve, status, retry."""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
from singer_sdk.exceptions import ConfigValidationError

from tap_xero import PACKAGE
from tap_xero.commands.common import config_option, note, print_table, settings
from tap_xero.text import errors_as_lines, plural
from tap_xero.webhooks.inbox import Inbox
from tap_xero.webhooks.logs import log_to_stderr
from tap_xero.webhooks.parts import Parts
from tap_xero.webhooks.schedule import Timing
from tap_xero.webhooks.settings import inbox_path
from tap_xero.webhooks.signature import SigningKeys
from tap_xero.webhooks.trigger import Trigger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@click.group()
def main() -> None:
    """Take Xero's webhooks, and see what has become of them."""


@main.command()
@config_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8750, show_default=True, help="Port; 0 takes a free one.")
@click.option("--run", "command", help="Command that runs the pipeline when events arrive.")
@click.option(
    "--standby", is_flag=True, help="Start that command ahead of time, so that it need not start."
)
@click.option(
    "--gather",
    default=Timing.gather,
    show_default=True,
    help="Seconds in which further events are gathered before a run.",
)
@click.option(
    "--log-level",
    default="info",
    show_default=True,
    type=click.Choice(["info", "warning", "error"]),
    help="How much is logged; a line for each request at info.",
)
def serve(files: tuple[Any, ...], host: str, port: int, log_level: str, **running: Any) -> None:
    """Take deliveries at /webhooks, and run the pipeline when there are any.

    One line of JSON on standard output says where it listens, as soon as it does.
    """
    if running["standby"] and not running["command"]:
        raise click.UsageError("--standby needs --run.")
    with errors_as_lines(note), _inbox_errors_explained():
        config = settings(files, complete=False)
        keys = _keys(config)
        path = inbox_path(config)
        Inbox(path).close()
        _serve(path, keys, host, port, log_level, **running)


def _serve(
    path: Path,
    keys: SigningKeys,
    host: str,
    port: int,
    log_level: str,
    *,
    command: str | None,
    standby: bool,
    gather: float,
) -> None:
    try:
        from tap_xero.webhooks.server import WebhookServer  # isort: skip (uvicorn comes first)
        from tap_xero.webhooks.metrics import Metrics
    except ImportError as error:
        note(f"{error.name} is not installed: install {PACKAGE}[webhooks].")
        sys.exit(1)
    log_to_stderr(log_level)
    metrics, parts = Metrics(), Parts()
    trigger = (
        Trigger(path, command, metrics, parts, standby=standby, timing=Timing(gather=gather))
        if command
        else None
    )
    try:
        notify = trigger.look if trigger is not None else lambda: None
        server = WebhookServer(path, keys, metrics, notify, parts, host=host, port=port)
    except OSError as error:
        note(f"Cannot listen on {host}, port {port}: {error.strerror or error}.")
        sys.exit(1)
    if trigger is not None:
        trigger.start()
    try:
        click.echo(json.dumps({"url": f"{server.url}/webhooks", "inbox": str(path)}))
        server.run()
    finally:
        if trigger is not None:
            trigger.stop()


@main.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print it for machines.")
def status(files: tuple[Any, ...], as_json: bool) -> None:
    """Say what is pending and what failed, by organisation and category."""
    with errors_as_lines(note), _existing_inbox(files) as inbox:
        tallies = inbox.tallies()
        if as_json:
            click.echo(json.dumps([vars(tally) for tally in tallies]))
            return
        if not tallies:
            click.echo("No event has come yet.")
            return
        head = ("organisation", "category", "pending", "failed", "last event (UTC)", "came (UTC)")
        rows = [
            (
                tally.name or tally.tenant_id,
                tally.category,
                f"{tally.pending:,}",
                f"{tally.failed:,}",
                tally.last_event[:19].replace("T", " "),
                f"{datetime.fromtimestamp(tally.last_received, UTC):%Y-%m-%d %H:%M:%S}",
            )
            for tally in tallies
        ]
        print_table([head, *rows])
        for tally in tallies:
            for reason in tally.reasons:
                click.echo(f"{tally.name or tally.tenant_id}, {tally.category} failed: {reason}")


@main.command()
@config_option
@click.option("--organisation", help="Only of this organisation, by its tenant id.")
@click.option("--category", help="Only of this category, such as INVOICE.")
def retry(files: tuple[Any, ...], organisation: str | None, category: str | None) -> None:
    """Put events that failed back among those to be fetched."""
    with errors_as_lines(note), _existing_inbox(files) as inbox:
        number = inbox.put_back(organisation, category)
        click.echo(f"{plural(number, 'event')} put back.")


@contextmanager
def _existing_inbox(files: tuple[Any, ...]) -> Iterator[Inbox]:
    path = inbox_path(settings(files, complete=False))
    if not path.exists():
        message = (
            f"There is no inbox at {path}: start tap-xero-webhooks serve first, or set "
            "webhook_inbox_path to where it is."
        )
        raise ConfigValidationError(message, errors=[message])
    with _inbox_errors_explained(), Inbox(path) as inbox:
        yield inbox


@contextmanager
def _inbox_errors_explained() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        note(f"The inbox cannot be used ({error}): check webhook_inbox_path and its disk.")
        sys.exit(1)


def _keys(config: dict[str, Any]) -> SigningKeys:
    try:
        return SigningKeys.parse(config.get("webhook_signing_key") or "")
    except ValueError:
        message = (
            "Setting webhook_signing_key is missing: take it from the Webhooks page of your app at "
            "developer.xero.com."
        )
        raise ConfigValidationError(message, errors=[message]) from None
