"""The command line: `databricks-sandbox serve`."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

import click

from databricks_sandbox.sandbox import Sandbox
from databricks_sandbox.switches import PROFILES

# A signal that another thread happened to receive is noticed at the next look.
_LOOK_AFTER = 0.5


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """A Databricks SQL warehouse to run against."""


@main.command(short_help="serve a workspace with one SQL warehouse on 127.0.0.1 until interrupted")
@click.option("--port", type=int, default=0, help="port; 0 takes a free one (default)")
@click.option("--catalog", default="main", help="name of the catalog (default: main)")
@click.option("--memory", default="2g", help="heap of Spark's JVM (default: 2g)")
@click.option(
    "--large", is_flag=True, help="be fast with many rows instead of with many statements"
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="where tables and files are kept, for the next one to go on with (default: a temporary "
    "folder, removed at the end)",
)
@click.option(
    "--profile",
    type=click.Choice(PROFILES),
    default="plain",
    help="what the account has; cloud is what a new one has today (default: plain)",
)
@click.option("--stopped", is_flag=True, help="begin with a stopped warehouse")
@click.option(
    "--start-seconds",
    type=float,
    default=0.0,
    metavar="S",
    help="how long the warehouse takes to start (default: 0)",
)
@click.option("--until-stdin-closes", is_flag=True, help="exit when standard input ends")
def serve(
    *,
    port: int,
    catalog: str,
    memory: str,
    large: bool,
    folder: Path | None,
    profile: str,
    stopped: bool,
    start_seconds: float,
    until_stdin_closes: bool,
) -> None:
    """Serve a SQL warehouse on 127.0.0.1, plain HTTP and TLS on one port.

    When ready, one line of JSON on standard output says where and with which credentials.
    """
    options = {"port": port, "catalog": catalog, "memory": memory, "large": large}
    with _sandbox(**options, folder=folder, profile=profile) as sandbox:
        if until_stdin_closes:
            threading.Thread(target=_interrupt_at_end_of_input, daemon=True).start()
        sandbox.warehouse.start_seconds = start_seconds
        if stopped:
            sandbox.warehouse.stop()
        sandbox.start_engine()
        click.echo(json.dumps(sandbox.connection_details()))
        while True:
            time.sleep(_LOOK_AFTER)


@main.command(short_help="run one statement on the tables of a folder")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="where a sandbox has kept tables and files",
)
@click.option("--catalog", default="main", help="name of the catalog (default: main)")
@click.argument("statement")
def sql(*, folder: Path, catalog: str, statement: str) -> None:
    """Run one statement as the admin, and print each row as a line of JSON."""
    with _sandbox(folder=folder, catalog=catalog) as sandbox:
        sandbox.start_engine()
        try:
            rows = sandbox.sql(statement)
        except Exception as error:  # noqa: BLE001 - whatever Spark says of a statement
            # Spark's errors tell nothing any more once it has ended.
            _fail(str(error))
        for row in rows:
            click.echo(json.dumps(row, default=str, ensure_ascii=False))


@contextmanager
def _sandbox(**options: Any) -> Iterator[Sandbox]:
    """A sandbox that serves, until a signal comes; what keeps it from doing so ends the command."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        sandbox = Sandbox(**options)
    except OSError as error:
        _fail(f"cannot listen on port {options.get('port', 0)}: {error}")
    # Raised in the main thread wherever it is, so that a stop also ends a long start.
    with suppress(KeyboardInterrupt):
        try:
            with sandbox:
                yield sandbox
        except (OSError, RuntimeError) as error:
            _fail(str(error))


def _fail(message: str) -> NoReturn:
    click.echo(f"databricks-sandbox: {message}", err=True)
    sys.exit(1)


def _interrupt(*_: object) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _interrupt_at_end_of_input() -> None:
    # Not through sys.stdin: a thread that waits in there makes the interpreter's own end fatal.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
