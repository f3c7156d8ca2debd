"""`tap-xero-test`: whether a record of each stream can be read; none is shown.

`tap-xero --test` writes the records that it reads, with names and e-mails, which is nothing for the
log of a build.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from tap_xero.commands.common import config_option, note, settings
from tap_xero.sync.output import LineWriter
from tap_xero.tap import TapXero
from tap_xero.text import errors_as_lines

if TYPE_CHECKING:
    from tap_xero.sync.usage_report import UsageReport


class _Discarding(LineWriter):
    """Takes Singer messages and keeps them to itself."""

    def _write(self, lines: bytes) -> None:
        """Drop whole lines."""


class _Trial(TapXero):
    message_writer_class = _Discarding


@click.command()
@config_option
def trial(files: tuple[Any, ...]) -> None:
    """Read a record of each stream, and say of which that worked."""
    with errors_as_lines(note):
        tap = _Trial(config=settings(files), validate_config=True)
        try:
            tap.run_connection_test()
        finally:
            tap.run.close()
        for line in outcome(tap.streams, tap.run.report):
            click.echo(line)
        if tap.run.report.failures:
            sys.exit(1)


def outcome(streams: Any, report: UsageReport) -> list[str]:
    """A line for each stream: read, without a record, or why not.

    Args:
        streams: Names of the streams.
        report: What reading them has come to.
    """
    lines = []
    for stream in streams:
        entries = [entry for (_, name), entry in report.entries.items() if name == stream]
        skipped = next((entry.skipped for entry in entries if entry.skipped), "")
        read = "read" if any(entry.rows for entry in entries) else "no record"
        lines.append(f"{stream}: {f'not read: {skipped}' if skipped else read}")
    return lines
