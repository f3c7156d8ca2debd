"""The command line: `databricks-sandbox serve`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from databricks_sandbox.sandbox import Sandbox

# A signal that another thread happened to receive is noticed at the next look.
_LOOK_AFTER = 0.5


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        sandbox = Sandbox(
            port=options.port,
            catalog=options.catalog,
            memory=options.memory,
            large=options.large,
            folder=options.folder,
        )
    except OSError as error:
        sys.stderr.write(f"databricks-sandbox: cannot listen on port {options.port}: {error}\n")
        return 1
    # Raised in the main thread wherever it is, so that a stop also ends a long start.
    with suppress(KeyboardInterrupt), sandbox:
        if options.until_stdin_closes:
            threading.Thread(target=_interrupt_at_end_of_input, daemon=True).start()
        sandbox.warehouse.start_seconds = options.start_seconds
        if options.stopped:
            sandbox.warehouse.stop()
        try:
            sandbox.start_engine()
        except RuntimeError as error:
            sys.stderr.write(f"databricks-sandbox: {error}\n")
            return 1
        sys.stdout.write(json.dumps(sandbox.connection_details()) + "\n")
        sys.stdout.flush()
        while True:
            time.sleep(_LOOK_AFTER)
    return 0


def _interrupt(*_: object) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _interrupt_at_end_of_input() -> None:
    while sys.stdin.buffer.read(4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="databricks-sandbox", description="A Databricks SQL warehouse to run against."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser(
        "serve",
        help="serve a workspace with one SQL warehouse on 127.0.0.1 until interrupted",
        description="Serve a SQL warehouse on 127.0.0.1, plain HTTP and TLS on one port. When "
        "ready, one line of JSON on standard output says where and with which credentials.",
    )
    add = serve.add_argument
    add("--port", type=int, default=0, help="port; 0 takes a free one (default)")
    add("--catalog", default="main", help="name of the catalog (default: main)")
    add("--memory", default="2g", help="heap of Spark's JVM (default: 2g)")
    add(
        "--large",
        action="store_true",
        help="be fast with many rows instead of with many statements",
    )
    add(
        "--folder",
        type=Path,
        help="where tables and files are kept (default: a temporary folder, removed at the end)",
    )
    add("--stopped", action="store_true", help="begin with a stopped warehouse")
    add(
        "--start-seconds",
        type=float,
        default=0.0,
        metavar="S",
        help="how long the warehouse takes to start (default: 0)",
    )
    add("--until-stdin-closes", action="store_true", help="exit when standard input ends")
    return parser
