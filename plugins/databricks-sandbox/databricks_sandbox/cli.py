"""The command line: `databricks-sandbox serve`."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

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
    help="where tables and files are kept (default: a temporary folder, removed at the end)",
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
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        sandbox = Sandbox(
            port=port, catalog=catalog, memory=memory, large=large, folder=folder, profile=profile
        )
    except OSError as error:
        _fail(f"cannot listen on port {port}: {error}")
    # Raised in the main thread wherever it is, so that a stop also ends a long start.
    with suppress(KeyboardInterrupt), sandbox:
        if until_stdin_closes:
            threading.Thread(target=_interrupt_at_end_of_input, daemon=True).start()
        sandbox.warehouse.start_seconds = start_seconds
        if stopped:
            sandbox.warehouse.stop()
        try:
            sandbox.start_engine()
        except RuntimeError as error:
            _fail(str(error))
        click.echo(json.dumps(sandbox.connection_details()))
        while True:
            time.sleep(_LOOK_AFTER)


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
