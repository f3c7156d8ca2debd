"""The tap: its streams, its state, its command line. Its settings are in `tap_xero.settings`."""

from __future__ import annotations

import gc
import json
import logging
import os
import sys
from contextlib import contextmanager
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any, cast

from singer_sdk import Tap
from singer_sdk.exceptions import (
    ConfigValidationError,
    FatalAPIError,
    RetriableAPIError,
    SkippableAPIError,
)

from tap_xero.models.resources import RESOURCES
from tap_xero.models.schema import TENANT, annotate
from tap_xero.reports import table as reports
from tap_xero.reports.reading import Answers
from tap_xero.reports.stream import ReportStream
from tap_xero.settings import SETTINGS, problems
from tap_xero.streams import XeroStream
from tap_xero.sync import scheduler
from tap_xero.sync.output import LineWriter
from tap_xero.sync.run import Session
from tap_xero.sync.state import clean_state, singer_io_bookmarks
from tap_xero.sync.task import plan
from tap_xero.webhooks.intake import take_in, webhook_state

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import FrameType

    import click
    from singer_sdk.plugin_base import _ConfigInput
    from singer_sdk.singerlib.encoding.base import GenericSingerWriter
    from singer_sdk.streams import Stream


class TapXero(Tap):
    """Reads the books of every connected Xero organisation."""

    name = "tap-xero"
    config_jsonschema = SETTINGS
    singer_io_bookmarks: Mapping[str, str] = MappingProxyType({})
    message_writer_class: type[GenericSingerWriter[Any, Any]] = LineWriter

    def __init__(self, **options: Any) -> None:
        """Take the same options as any SDK tap."""
        super().__init__(**options)
        self.session = Session(self.config, self.logger)
        if self.metrics_logger.level == logging.INFO:
            # The progress lines and the bill tell people the same; LOGLEVEL=DEBUG shows both.
            self.metrics_logger.setLevel(logging.WARNING)

    # Streams and state -----------------------------------------------------------------

    def discover_streams(self) -> list[Stream]:
        """A stream for each row of the resource table and each report that the settings name.

        No network is needed.
        """
        answers = Answers()
        return [
            *(XeroStream(self, resource) for resource in RESOURCES),
            *(ReportStream(self, report, answers) for report in reports.named(self.config)),
        ]

    @property
    def streams(self) -> dict[str, Stream]:
        """The streams, reference data before the documents that point at it, reports last."""
        if self._streams is None:
            by_name = super().streams
            names = [*(each.stream for each in RESOURCES), *reports.REPORT_NAMES]
            self._streams = {name: by_name[name] for name in names if name in by_name}
        return self._streams

    @property
    def catalog_dict(self) -> dict[str, Any]:
        """The catalog, with the annotations of the schemas."""
        catalog = super().catalog_dict
        for entry in catalog["streams"]:
            stream = cast("XeroStream", self.streams[entry["tap_stream_id"]])
            entry["schema"] = annotate(entry["schema"], stream.resource.schema)
        return catalog

    @property
    def writer(self) -> LineWriter:
        """Writes whole pages of records."""
        return cast("LineWriter", self.message_writer)

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over a state, leaving aside what is not in the shape of ours.

        Of singer-io/tap-xero, which reads one organisation, the bookmarks are kept.
        """
        self.singer_io_bookmarks = singer_io_bookmarks(state)
        super().load_state(clean_state(state, TENANT))
        cast("dict[str, Any]", self.state).update(webhook_state(state))

    def partition(self, stream: str, context: dict[str, str]) -> dict[str, Any]:
        """What the state knows of a stream of an organisation; empty when nothing."""
        partitions = self.state.get("bookmarks", {}).get(stream, {}).get("partitions", [])
        return next((each for each in partitions if each["context"] == context), {})

    def drop_empty_state(self, stream: str) -> None:
        """Take partitions that say nothing out of the state."""
        bookmarks = self.state.get("bookmarks", {})
        kept = [each for each in bookmarks[stream].get("partitions", []) if len(each) > 1]
        if kept:
            # Organisations end in any order; the state shall not differ for that.
            kept.sort(key=lambda each: str(each["context"]))
            bookmarks[stream]["partitions"] = kept
        else:
            del bookmarks[stream]

    def organisations_in_state(self, stream: str) -> set[str]:
        """Ids of the organisations of which the state remembers a stream."""
        partitions = self.state.get("bookmarks", {}).get(stream, {}).get("partitions", [])
        return {each["context"][TENANT] for each in partitions}

    def sync_all(self) -> None:  # type: ignore[misc]
        """Read all selected streams of all organisations, side by side.

        Batches are made by the SDK, which reads one stream of one organisation at a time.
        """
        selected = [cast("XeroStream", each) for each in self.streams.values() if each.selected]
        if self.config.get("webhook_inbox_path") or self.config["webhook_only"]:
            take_in(self, selected)
        if self.config["webhook_only"]:
            return
        if self.config.get("batch_config") or not selected:
            super().sync_all()
        else:
            self._sync_side_by_side(selected)
        if selected:
            self.session.conclude()

    def _sync_side_by_side(self, selected: list[XeroStream]) -> None:
        self._reset_state_progress_markers()
        self._set_compatible_replication_methods()
        if self.state:
            self.state_writer.write_state(self.state)
        scheduler.run(plan(selected, self.session.tenants))
        for stream in selected:
            stream.finalize_state_progress_markers()

    # Settings ---------------------------------------------------------------------------

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        try:
            super()._validate_config(raise_errors=True)
            errors = []
        except ConfigValidationError as error:
            errors = [f"Setting refused: {each}" for each in error.errors]
        errors = errors or problems(self._config)
        if errors and raise_errors:
            raise ConfigValidationError("; ".join(errors), errors=errors)
        return errors

    # Command line -----------------------------------------------------------------------

    @classmethod
    def invoke(  # type: ignore[override]
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: _ConfigInput | None = None,
        state: IO[str] | None = None,
        catalog: IO[str] | None = None,
    ) -> None:
        """Run the tap, and end with the bill.

        Args:
            about: Print what the tap is, and end.
            about_format: How to print that.
            config: Settings.
            state: State of the run before.
            catalog: What to read.
        """
        if about:
            super().invoke(about=about, about_format=about_format)
        with _errors_as_lines(cls.logger):
            tap = cls(
                config=config.config if config else {},
                state=_json(state),
                catalog=_json(catalog),
                parse_env_config=config.parse_env if config else False,
                validate_config=True,
            )
            # Records are trees, so there is nothing for the cycle collector to find in
            # them, and looking through every page costs a sixth of the run.
            gc.freeze()
            gc.set_threshold(100_000, 50, 50)
            # The thread that fetches needs the interpreter briefly and often.
            sys.setswitchinterval(0.0005)
            try:
                selected = any(stream.selected for stream in tap.streams.values())
                if selected and not tap.config["webhook_only"]:
                    names = ", ".join(tenant.name for tenant in tap.session.tenants)
                    cls.logger.info("Reading from %s", names)
                tap.sync_all()
            finally:
                tap.session.close()
                for line in tap.session.bill.lines():
                    cls.logger.info("%s", line)
                cls.logger.info("bill: %s", tap.session.bill.summary())
            if failures := tap.session.bill.failures:
                cls.logger.error("Not read to the end: %s.", ", ".join(failures))
                sys.exit(1)

    @classmethod
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """Run `--test`; an error is a line, not a traceback."""
        with _errors_as_lines(cls.logger):
            super().cb_test(ctx, param, value)

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Stop at the end of the line that is being written.

        The state needs no saving: it was written after the last page.
        """
        self.writer.between_lines(self._stop)

    def _stop(self) -> None:
        self.logger.info("Stopped. The next run goes on from the page this one reached.")
        sys.exit(0)


@contextmanager
def _errors_as_lines(logger: logging.Logger) -> Iterator[None]:
    """Turn the errors people can act on into a line of the log and exit code 1."""
    try:
        yield
    except ConfigValidationError as error:
        for each in error.errors or [str(error)]:
            logger.error("%s", each)  # noqa: TRY400 (a traceback would hide the line)
        sys.exit(1)
    except (FatalAPIError, RetriableAPIError, SkippableAPIError) as error:
        logger.error("%s", error)  # noqa: TRY400
        sys.exit(1)
    except BrokenPipeError:
        logger.error("Whoever read the tap's output has gone.")  # noqa: TRY400
        # What is still buffered has nowhere to go; without this, Python complains at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _json(file: IO[str] | None) -> dict[str, Any] | None:
    return None if file is None else json.load(file)
