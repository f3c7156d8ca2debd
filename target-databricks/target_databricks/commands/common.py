"""What the small commands share: the settings, and how they show help and failures."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from target_databricks.destinations import destination_of
from target_databricks.errors import ConfigurationError
from target_databricks.sandbox import with_sandbox
from target_databricks.target import TargetDatabricks

ENVIRONMENT = "ENV"
"""What `--config` takes for the variables of the environment, as with every Singer plugin."""

config_option = click.option(
    "--config",
    "sources",
    multiple=True,
    metavar="FILE|ENV",
    help=(
        "settings as JSON, as the target takes them, the last file first; ENV for variables of "
        "the environment, which come before files; without any, ENV"
    ),
)


def command(about: str | None) -> Callable[[Callable[..., None]], click.Command]:
    """A command that is described by the text of its module, line by line."""
    paragraphs = (about or "").strip().split("\n\n")
    names = {"help_option_names": ["-h", "--help"]}
    return click.command(
        context_settings=names, help="\n\n".join(f"\b\n{text}" for text in paragraphs)
    )


def settings(sources: Sequence[str] = ()) -> dict[str, Any]:
    """The settings, defaults filled in, from where and in the order in which the target has them.

    Args:
        sources: JSON files, of which a later one has precedence, and `ENV` for the environment,
            which has precedence over them all; the environment alone when empty.

    Raises:
        ConfigurationError: A file cannot be read, or they are not settings of the target.
    """
    stated: dict[str, Any] = {}
    for source in sources:
        if source != ENVIRONMENT:
            stated |= _file(Path(source))
    environment = ENVIRONMENT in sources or not sources
    config = dict(TargetDatabricks(config=stated, parse_env_config=environment).config)
    destination_of(config)
    return with_sandbox(config)


def _file(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        # Not what the parser quotes: a file of settings holds secrets.
        reason = error.strerror if isinstance(error, OSError) else "it is not JSON"
        raise ConfigurationError(
            f"The file {path} of settings cannot be read: {reason}."
        ) from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"The file {path} of settings does not hold a JSON object.")
    return content


def show_error(sentence: str) -> None:
    """Show why a command failed."""
    click.echo(sentence, err=True)
