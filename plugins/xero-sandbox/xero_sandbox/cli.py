"""The command line: `xero-sandbox serve`."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from xero_sandbox.clock import Clock, ManualClock, OffsetClock, SystemClock
from xero_sandbox.limits import Allowance
from xero_sandbox.query import parse_moment
from xero_sandbox.sandbox import Sandbox
from xero_sandbox.stories.features import FEATURES

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAXIMUM_INVOICES = 250_000
# A signal that another thread happened to receive is noticed at the next look.
_POLL_SECONDS = 0.5
_DAY_LIMITS = {"starter": 1_000, "core": 5_000}


def _organisations(text: str) -> int | list[str]:
    """Read a number of organisations, or their names separated by commas."""
    if not text.isdigit():
        return [name.strip() for name in text.split(",") if name.strip()]
    if int(text) < 1:
        raise click.BadParameter("at least one organisation is needed")
    return int(text)


def _invoices(text: str) -> int:
    """Read a number of invoices."""
    if not text.isdigit() or int(text) > _MAXIMUM_INVOICES:
        raise click.BadParameter(f"a number from 0 to {_MAXIMUM_INVOICES}, not '{text}'")
    return int(text)


def _features(text: str) -> list[str]:
    """Read names separated by commas."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := sorted(set(names) - set(FEATURES)):
        raise click.BadParameter(f"{', '.join(unknown)}; there are {', '.join(FEATURES)}")
    return names


def _clock(text: str) -> Clock:
    """Read the time of a clock; one with a leading = stands still."""
    try:
        moment = parse_moment(text.removeprefix("="))
    except ValueError:
        raise click.BadParameter(f"not an ISO time: '{text}'") from None
    return ManualClock(moment) if text.startswith("=") else OffsetClock(moment)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code.

    Raises:
        SystemExit: With code 2, after what is wrong with the arguments has been printed.
    """
    try:
        code: int = xero_sandbox.main(arguments, prog_name="xero-sandbox", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        raise SystemExit(error.exit_code) from None
    except click.Abort:
        return 1
    return code


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def xero_sandbox() -> None:
    """A Xero to run against."""


@xero_sandbox.command(short_help="serve organisations on 127.0.0.1 until interrupted")
@click.option("--port", default=0, metavar="PORT", help="port; 0 takes a free one (default)")
@click.option(
    "--organisations",
    type=_organisations,
    default="3",
    metavar="N|NAMES",
    help="how many, or their names separated by commas (default: 3)",
)
@click.option(
    "--invoices",
    type=_invoices,
    default="400",
    metavar="N",
    help=f"invoices and bills of each organisation, up to {_MAXIMUM_INVOICES} (default: 400)",
)
@click.option(
    "--seed", default=1, metavar="SEED", help="decides everything that is made up (default: 1)"
)
@click.option(
    "--latency",
    default=0.0,
    metavar="MS",
    help="milliseconds that every Accounting call takes at least",
)
@click.option(
    "--latency-per-row",
    default=0.0,
    metavar="MS",
    help="milliseconds more for each record in the answer",
)
@click.option(
    "--limits/--no-limits",
    default=True,
    help="apply Xero's rate limits: 5 at once, 60 a minute, a day limit",
)
@click.option(
    "--tier",
    type=click.Choice(sorted(_DAY_LIMITS)),
    default="core",
    help="decides the day limit: 1000 calls on starter, 5000 on core and above",
)
@click.option("--journals/--no-journals", default=True, help="let the app read journals")
@click.option(
    "--clock",
    type=_clock,
    metavar="ISO",
    help="start at this time instead of now; with a leading = the clock stands still there "
    "and moves through /sandbox/clock only",
)
@click.option("--auto-approve", is_flag=True, help="the consent page approves by itself")
@click.option("--granular-only", is_flag=True, help="refuse the broad scopes, as for new apps")
@click.option(
    "--machine-reaches-all",
    is_flag=True,
    help="client credentials reach every organisation instead of the first one",
)
@click.option(
    "--features",
    type=_features,
    default="",
    metavar="NAMES",
    help=f"what Xero does by itself, of {', '.join(FEATURES)} (default: nothing)",
)
@click.option("--until-stdin-closes", is_flag=True, help="exit when standard input ends")
def serve(
    *,
    port: int,
    latency: float,
    latency_per_row: float,
    limits: bool,
    tier: str,
    clock: Clock | None,
    until_stdin_closes: bool,
    **settings: Any,
) -> int:
    """Serve organisations on 127.0.0.1.

    When ready, one line of JSON on standard output says where and with which credentials.
    """
    try:
        sandbox = Sandbox(
            clock=clock or SystemClock(),
            limits=Allowance(day=_DAY_LIMITS[tier]) if limits else False,
            port=port,
            latency=latency / 1000,
            latency_per_row=latency_per_row / 1000,
            **settings,
        )
    except OSError as error:
        click.echo(f"xero-sandbox: cannot listen on port {port}: {error}", err=True)
        return 1
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    # Raised in the main thread wherever it is, so that a stop also ends a long preparation.
    with suppress(KeyboardInterrupt), sandbox:
        if until_stdin_closes:
            threading.Thread(target=_interrupt_at_end_of_input, daemon=True).start()
        sandbox.prepare()
        click.echo(json.dumps(sandbox.connection_details()))
        while True:
            time.sleep(_POLL_SECONDS)
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
