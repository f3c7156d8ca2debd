"""`tap-xero-test`: whether a record of each stream can be read; none is shown.

`tap-xero --test` writes the records that it reads, with names and e-mails, which is nothing for the
log of a build.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, cast

import click

from tap_xero.commands.common import config_option, note, settings
from tap_xero.sync.output import LineWriter
from tap_xero.tap import TapXero
from tap_xero.text import errors_as_lines

if TYPE_CHECKING:
    from collections.abc import Collection

    from tap_xero.sync.usage_report import UsageReport


class _Discarding(LineWriter):
    """Takes Singer messages and keeps them to itself.

    Attributes:
        streams: Streams of which there was a record.
    """

    def __init__(self) -> None:
        """Start with none."""
        super().__init__()
        self.streams: set[str] = set()

    def _write(self, lines: bytes) -> None:
        for line in lines.splitlines():
            message = json.loads(line)
            if message["type"] == "RECORD":
                self.streams.add(message["stream"])


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
        read = cast("_Discarding", tap.message_writer).streams
        for stream in tap.streams:
            click.echo(f"{stream}: {outcome(stream, read, tap.run.report)}")
        if tap.run.report.failures:
            sys.exit(1)


def outcome(stream: str, read: Collection[str], report: UsageReport) -> str:
    """What trying to read a stream has come to.

    Args:
        stream: Its name.
        read: Streams of which there was a record.
        report: What was not read, and why.
    """
    if stream in read:
        return "read"
    reasons = (e.skipped for (_, name), e in report.entries.items() if name == stream and e.skipped)
    return next((f"not read: {reason}" for reason in reasons), "nothing there")
