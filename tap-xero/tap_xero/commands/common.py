"""What the commands share: settings as the tap reads them, the way to Xero, and tables."""

from __future__ import annotations

import json
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import click
from singer_sdk.exceptions import ConfigValidationError

from tap_xero.annexes import table as annexes
from tap_xero.api.connection import Connection, connect
from tap_xero.api.retries import Retries
from tap_xero.models.resources import RESOURCES
from tap_xero.reports import table as reports
from tap_xero.tap import TapXero
from tap_xero.text import table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tap_xero.models.resources import Resource

config_option = click.option(
    "--config",
    "files",
    multiple=True,
    type=click.File("rb"),
    help="Config file of the tap. Environment variables (TAP_XERO_…) come first.",
)


def settings(files: Iterable[Any], *, complete: bool = True) -> dict[str, Any]:
    """The tap's settings, from files and the environment.

    Args:
        files: Config files, later ones first.
        complete: Whether they must be enough for a run of the tap.

    Raises:
        ConfigValidationError: They are not, or a file is no JSON.
    """
    config: dict[str, Any] = {}
    for file in files:
        config.update(_read(file))
    return dict(TapXero(config=config, parse_env_config=True, validate_config=complete).config)


def _read(file: Any) -> dict[str, Any]:
    try:
        return dict(json.load(file))
    except (ValueError, TypeError):
        message = f"{file.name} is no JSON object."
        raise ConfigValidationError(message, errors=[message]) from None


@contextmanager
def connected(config: Mapping[str, Any]) -> Iterator[Connection]:
    """The way to Xero for the length of a command."""
    with closing(connect(config, Retries(notify=note), note)) as connection:
        yield connection


def note(message: str) -> None:
    """Say something that is not what the command was asked for."""
    click.echo(message, err=True)


def print_table(rows: Iterable[tuple[str, ...]]) -> None:
    """Print rows with their columns aligned."""
    for line in table(rows):
        click.echo(line)


def wanted_resources(config: Mapping[str, Any]) -> tuple[Resource, ...]:
    """All that the tap reads with these settings."""
    return (
        *RESOURCES,
        *(annexes.resource(*each) for each in annexes.named(config)),
        *(reports.resource(each) for each in reports.named(config)),
    )
