"""What the small commands share: the settings, and how they show help and failures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from target_databricks.settings import destination_of
from target_databricks.target import TargetDatabricks

config_option = click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    help="settings as JSON, as the target takes them",
)


def command(about: str | None) -> Callable[[Callable[..., None]], click.Command]:
    """A command that is described by the text of its module, line by line."""
    paragraphs = (about or "").strip().split("\n\n")
    names = {"help_option_names": ["-h", "--help"]}
    return click.command(
        context_settings=names, help="\n\n".join(f"\b\n{text}" for text in paragraphs)
    )


def settings(path: Path | None) -> dict[str, Any]:
    """The settings, defaults filled in: from a file, and from the environment.

    Raises:
        ConfigurationError: They are not settings of the target.
        click.UsageError: They do not describe a SQL warehouse.
    """
    stated = json.loads(path.read_text()) if path else {}
    config = dict(TargetDatabricks(config=stated, parse_env_config=True).config)
    if destination_of(config) != "warehouse":
        raise click.UsageError(
            "the settings describe a lakehouse folder, which needs no checks and grants"
        )
    return config


def show_error(sentence: str) -> None:
    """Show why a command failed."""
    click.echo(sentence, err=True)
