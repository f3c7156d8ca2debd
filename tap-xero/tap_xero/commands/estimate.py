"""`tap-xero-estimate`: what the first load will take, before anything is read."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import click
from singer_sdk.exceptions import ConfigValidationError

from tap_xero.api.limits import DAILY_CALLS, XERO
from tap_xero.commands.common import config_option, connected, settings
from tap_xero.commands.common import note as say_aside
from tap_xero.estimate import BYTES_WITHIN, WITHIN, Estimate, estimated
from tap_xero.reports import table as reports
from tap_xero.settings import NAMES
from tap_xero.sync.run import wanted_tenants
from tap_xero.text import errors_as_lines, plural, size, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_xero.estimate import Part

_WIDTH = 100
_HEAD = ("organisation, stream", "calls", "minutes", "days", "rows", "bytes", "")


@click.command()
@config_option
@click.option(
    "--stream",
    "patterns",
    multiple=True,
    help="Only these streams, by name or pattern; all that can be read when left out.",
)
@click.option("--json", "as_json", is_flag=True, help="Print it for machines.")
def estimate(files: tuple[Any, ...], patterns: tuple[str, ...], as_json: bool) -> None:
    """Say what the first load takes: calls, minutes, days and bytes of each organisation.

    About thirteen calls for each organisation, which are counted with the day's. Exit code 0, or 1
    when Xero cannot be asked.
    """

    def wanted(stream: str) -> bool:
        return not patterns or any(fnmatchcase(stream, pattern) for pattern in patterns)

    with errors_as_lines(say_aside):
        if unknown := [each for each in patterns if not any(fnmatchcase(n, each) for n in NAMES)]:
            message = f"--stream: {', '.join(unknown)} is no stream: {', '.join(NAMES)}."
            raise ConfigValidationError(message, errors=[message])
        config = settings(files)
        with connected(config) as connection:
            ids = wanted_tenants(config)
            tenants = [t for t in connection.client.tenants() if not ids or t.id.lower() in ids]
            estimates = [estimated(connection.client, each, config, wanted) for each in tenants]
        unasked = [each.stream for each in reports.named(config) if wanted(each.stream)]
        if as_json:
            click.echo(json.dumps({"estimate": [e.entry() for e in estimates], "without": unasked}))
            return
        for line in lines(estimates, unasked):
            click.echo(line)


def lines(estimates: Sequence[Estimate], without: Sequence[str]) -> Iterator[str]:
    """The estimates as a table and what to know of it.

    Args:
        estimates: By organisation.
        without: Reports, whose calls are not estimated.
    """
    if not estimates:
        yield "No organisation is connected: run tap-xero-login and choose one."
        return
    rows: list[tuple[str, ...]] = [_HEAD]
    for each in estimates:
        total = (f"{each.calls:,}", f"{each.minutes:,}", f"{each.days:,}", f"{each.rows:,}")
        left = "" if each.left is None else f"{plural(each.left, 'call')} left today"
        rows.append((each.tenant.name, *total, size(each.bytes), left))
        rows += [_row(part) for part in each.parts if part.calls > 1 and not part.refused]
        single = ", ".join(p.stream for p in each.parts if p.calls == 1 and not p.refused)
        text = f"a call each: {single}"
        listed = wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="    ")
        rows += [(line,) for line in listed if single]
        rows += [(f"  {part.stream}: {part.refused}",) for part in each.parts if part.refused]
    yield from table(rows, figures=range(1, 6))
    yield ""
    minutes, days = max(e.minutes for e in estimates), max(e.days for e in estimates)
    yield (
        "Organisations are read side by side, so all of them take "
        f"{plural(minutes, 'minute')} and {plural(days, 'day')}. Xero allows {XERO.minute} calls a "
        f"minute, and {DAILY_CALLS[0]:,} (Starter) or {DAILY_CALLS[1]:,} a day, for each."
    )
    asked = plural(sum(e.asked for e in estimates), "call")
    yield (
        f"Calls are right within a factor of {WITHIN}, bytes within one of {BYTES_WITHIN}; what "
        f"has a ~ is not counted by Xero. This took {asked}."
    )
    if without:
        yield f"Not estimated: {', '.join(without)}, a few calls for each report."


def _row(part: Part) -> tuple[str, ...]:
    rows = "" if part.rows is None else f"{part.rows:,}"
    about = "" if part.counted else "~"
    of = "" if part.bytes is None else size(part.bytes)
    return (f"  {part.stream}", f"{about}{part.calls:,}", "", "", f"{about}{rows}", of, "")
