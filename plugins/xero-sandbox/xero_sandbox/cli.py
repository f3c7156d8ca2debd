"""The command line: `xero-sandbox serve`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

from xero_sandbox.clock import Clock, ManualClock, OffsetClock, SystemClock
from xero_sandbox.limits import Allowance
from xero_sandbox.query import parse_moment
from xero_sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Sequence
from contextlib import suppress

_MOST_INVOICES = 250_000
# A signal that another thread happened to receive is noticed at the next look.
_LOOK_AFTER = 0.5
_DAY_LIMITS = {"starter": 1_000, "core": 5_000}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    limits = Allowance(day=_DAY_LIMITS[options.tier]) if options.limits else False
    try:
        sandbox = Sandbox(
            organisations=options.organisations,
            invoices=options.invoices,
            seed=options.seed,
            clock=options.clock,
            limits=limits,
            port=options.port,
            granular_only=options.granular_only,
            machine_reaches_all=options.machine_reaches_all,
            latency=options.latency / 1000,
            latency_per_row=options.latency_per_row / 1000,
            journals=options.journals,
            auto_approve=options.auto_approve,
        )
    except OSError as error:
        sys.stderr.write(f"xero-sandbox: cannot listen on port {options.port}: {error}\n")
        return 1
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    # Raised in the main thread wherever it is, so that a stop also ends a long preparation.
    with suppress(KeyboardInterrupt), sandbox:
        if options.until_stdin_closes:
            threading.Thread(target=_interrupt_at_end_of_input, daemon=True).start()
        sandbox.prepare()
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
    # Not through sys.stdin: a thread that waits in there makes the interpreter's own end fatal.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="xero-sandbox", description="A Xero to run against.")
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser(
        "serve",
        help="serve organisations on 127.0.0.1 until interrupted",
        description="Serve organisations on 127.0.0.1. When ready, one line of JSON on standard "
        "output says where and with which credentials.",
    )
    add = serve.add_argument
    add("--port", type=int, default=0, help="port; 0 takes a free one (default)")
    add(
        "--organisations",
        type=_organisations,
        default=3,
        metavar="N|NAMES",
        help="how many, or their names separated by commas (default: 3)",
    )
    add(
        "--invoices",
        type=_invoices,
        default=400,
        metavar="N",
        help=f"invoices and bills of each organisation, up to {_MOST_INVOICES} (default: 400)",
    )
    add("--seed", type=int, default=1, help="decides everything that is made up (default: 1)")
    add(
        "--latency",
        type=float,
        default=0,
        metavar="MS",
        help="milliseconds that every Accounting call takes at least",
    )
    add(
        "--latency-per-row",
        type=float,
        default=0,
        metavar="MS",
        help="milliseconds more for each record in the answer",
    )
    add(
        "--limits",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="apply Xero's rate limits: 5 at once, 60 a minute, a day limit",
    )
    add(
        "--tier",
        choices=sorted(_DAY_LIMITS),
        default="core",
        help="decides the day limit: 1000 calls on starter, 5000 on core and above",
    )
    add(
        "--journals",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="let the app read journals",
    )
    add(
        "--clock",
        type=_clock,
        default=SystemClock(),
        metavar="ISO",
        help="start at this time instead of now; with a leading = the clock stands still there "
        "and moves through /sandbox/clock only",
    )
    add("--auto-approve", action="store_true", help="the consent page approves by itself")
    add("--granular-only", action="store_true", help="refuse the broad scopes, as for new apps")
    add(
        "--machine-reaches-all",
        action="store_true",
        help="client credentials reach every organisation instead of the first one",
    )
    add("--until-stdin-closes", action="store_true", help="exit when standard input ends")
    return parser


def _organisations(text: str) -> int | list[str]:
    if text.isdigit():
        if int(text) < 1:
            raise argparse.ArgumentTypeError("at least one organisation is needed")
        return int(text)
    return [name.strip() for name in text.split(",") if name.strip()]


def _invoices(text: str) -> int:
    if not text.isdigit() or int(text) > _MOST_INVOICES:
        raise argparse.ArgumentTypeError(f"a number from 0 to {_MOST_INVOICES}, not '{text}'")
    return int(text)


def _clock(text: str) -> Clock:
    try:
        moment = parse_moment(text.removeprefix("="))
    except ValueError:
        raise argparse.ArgumentTypeError(f"not an ISO time: '{text}'") from None
    return ManualClock(moment) if text.startswith("=") else OffsetClock(moment)
