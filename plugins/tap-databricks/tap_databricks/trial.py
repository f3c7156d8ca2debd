"""`tap-databricks-test`: whether a row of each table can be read; none is shown.

`tap-databricks --test` writes the rows that it reads, which is nothing for the log of a build.
"""

from __future__ import annotations

from typing import Any

import click
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.singerlib.encoding.simple import Message, SimpleSingerWriter
from target_databricks.errors import errors_as_lines

from tap_databricks.tables import NoTablesError
from tap_databricks.tap import TapDatabricks


class _Counting(SimpleSingerWriter):
    """Takes Singer messages, and counts the records of each stream."""

    def __init__(self) -> None:
        """Start with none."""
        super().__init__()
        self.records: dict[str, int] = {}

    def write_message(self, message: Message) -> None:
        """Count one message and drop it."""
        told = message.to_dict()
        if told["type"] == "RECORD":
            self.records[told["stream"]] = self.records.get(told["stream"], 0) + 1


class _Trial(TapDatabricks):
    message_writer_class = _Counting


@click.command()
def trial() -> None:
    """Read a row of each table that the environment's settings name; say of which that worked."""
    with errors_as_lines(_Trial.logger.error, but=(ConfigValidationError,)):
        try:
            tap: Any = _Trial(parse_env_config=True, validate_config=True)
        except NoTablesError as error:
            click.echo(f"nothing there: {error}")
            return
        try:
            tap.run_connection_test()
        finally:
            tap.source.close()
        for stream in tap.streams:
            click.echo(
                f"{stream}: {'read' if stream in tap.message_writer.records else 'nothing there'}"
            )
