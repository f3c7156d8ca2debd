"""`target-xero-plan`: what would be written, field by field; nothing is written anywhere."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from contextlib import contextmanager
from io import StringIO
from typing import TYPE_CHECKING, Any

import click
from singer_sdk.exceptions import (
    ConfigurationError,
    ConfigValidationError,
    RecordsWithoutSchemaException,
)
from tap_xero.text import errors_as_lines

from target_xero.report import plan_json, plan_lines
from target_xero.target import TargetXero

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Planner(TargetXero):
    """The target, stopping once the plan is made."""

    as_json = False

    def process_endofpipe(self) -> None:
        """Print the plan; exit code 2 when it is too much to be carried out."""
        with self.job() as job:
            plan = job.plan(self.wishes)
        click.echo(plan_json(plan) if self.as_json else "\n".join(plan_lines(plan)))
        if plan.excesses:
            sys.exit(2)

    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        """Keep it to ourselves: nothing was written."""


@click.command()
@click.option(
    "--config", "files", multiple=True, type=click.File("rb"), help="Config file of the target."
)
@click.option(
    "--input",
    "messages",
    type=click.File("r"),
    help="Singer messages, `-` for standard input; else desired_state_command prints them.",
)
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each record.")
def plan(files: tuple[Any, ...], messages: Any, as_json: bool) -> None:
    """Show what would be written into Xero, field by field, and write nothing."""
    with _errors_as_lines():
        planner = Planner(config=_config(files), parse_env_config=True, validate_config=True)
        planner.as_json = as_json
        if messages is not None:
            planner.listen(messages)
        else:
            _listen_to(planner, shlex.split(planner.config["desired_state_command"]))


@contextmanager
def _errors_as_lines() -> Iterator[None]:
    """Turn the errors people can act on into lines and exit code 1."""
    with errors_as_lines(_note):
        try:
            yield
        except ConfigValidationError:
            raise
        except (ConfigurationError, RecordsWithoutSchemaException) as error:
            _note(str(error))
            sys.exit(1)


def _config(files: Iterable[Any]) -> dict[str, Any]:
    config: dict[str, Any] = {}
    for file in files:
        config.update(json.load(file))
    return config


def _listen_to(planner: Planner, command: list[str]) -> None:
    """Plan what a command prints."""
    try:
        tap = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 (the user's)
    except OSError as error:
        raise ConfigurationError(
            f"desired_state_command cannot be run ({error}). Set it to a command that prints what "
            "is desired as Singer messages, or pass a file with --input."
        ) from error
    assert tap.stdout is not None  # noqa: S101 (for the type checker)
    with tap:
        lines = [line for line in tap.stdout if line.strip()]
    if tap.returncode:
        raise ConfigurationError(
            f"`{shlex.join(command)}` ended with {tap.returncode} (see its log above), so there is "
            "no plan. Mend it first."
        )
    planner.listen(StringIO("".join(lines)))


def _note(message: str) -> None:
    click.echo(message, err=True)
