"""The tap: its streams, its state, its command line. Its settings are in `tap_xero.settings`."""

from __future__ import annotations

import gc
import json
import logging
import os
import sys
from contextlib import contextmanager
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any, cast

from singer_sdk import Tap
from singer_sdk.exceptions import ConfigValidationError

from tap_xero import PACKAGE, alerts, counts, ids, reads, textfile
from tap_xero.annexes import table as annexes
from tap_xero.annexes.stream import AnnexStream
from tap_xero.bill import present
from tap_xero.counts import CountStream
from tap_xero.environment import settings_of_environment, without_blanks
from tap_xero.ids import IdStream
from tap_xero.installation import under_the_old_name
from tap_xero.models.resources import RESOURCES
from tap_xero.models.schema import annotate
from tap_xero.narration import are_details_wanted, is_told
from tap_xero.reads import ReadsStream
from tap_xero.reports import table as reports
from tap_xero.reports.reading import Answers
from tap_xero.reports.stream import OrganisationStream, ReportStream
from tap_xero.settings import NAMES, SETTINGS, problems
from tap_xero.streams import XeroStream, plan
from tap_xero.sync.output import LineWriter
from tap_xero.sync.prior_state import clean_state
from tap_xero.sync.run import Run
from tap_xero.sync.scheduler import Scheduler
from tap_xero.sync.state import State
from tap_xero.text import errors_as_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    import click
    from singer_sdk.singerlib.encoding.base import GenericSingerWriter
    from singer_sdk.streams import Stream


class TapXero(Tap):
    """Reads the books of every connected Xero organisation."""

    name = "tap-xero"
    package_name = PACKAGE
    config_jsonschema = SETTINGS
    message_writer_class: type[GenericSingerWriter[Any, Any]] = LineWriter

    def __init__(self, **options: Any) -> None:
        """Take the same options as any SDK tap."""
        self.logger.addFilter(is_told)
        super().__init__(**options)
        if not are_details_wanted():
            # The SDK's metrics say what the bill says, in a line of JSON each.
            self.metrics_logger.setLevel(logging.WARNING)

    # Streams and state -----------------------------------------------------------------

    def discover_streams(self) -> list[Stream]:
        """A stream for each row of the resource table and all that the settings name besides.

        No network is needed.
        """
        answers = Answers()
        return [
            *(
                OrganisationStream(self, resource, answers, self.run)
                if resource.stream == "organisations"
                else XeroStream(self, resource, self.run)
                for resource in RESOURCES
            ),
            *(
                AnnexStream(self, annex, parents, self.run)
                for annex, parents in annexes.named(self.config)
            ),
            *([CountStream(self, self.run)] if self.config.get(counts.NAME) else ()),
            *([IdStream(self, self.run)] if self.config.get(ids.NAME) else ()),
            *(
                ReportStream(self, report, answers, self.run)
                for report in reports.named(self.config)
            ),
            *([ReadsStream(self, self.run)] if self.config.get(reads.NAME) else ()),
        ]

    @property
    def streams(self) -> dict[str, Stream]:
        """The streams, reference data before the documents that point at it, reports last."""
        by_name = super().streams
        return {name: by_name[name] for name in NAMES if name in by_name}

    @property
    def catalog_dict(self) -> dict[str, Any]:
        """The catalog, with the annotations of the schemas."""
        catalog = super().catalog_dict
        for entry in catalog["streams"]:
            stream = cast("XeroStream", self.streams[entry["tap_stream_id"]])
            entry["schema"] = annotate(entry["schema"], stream.annotated)
        return catalog

    @cached_property
    def run(self) -> Run:
        """What the streams of a run share."""

        def write(state: Any) -> None:
            self.state_writer.write_state(state)

        writer = cast("LineWriter", self.message_writer)
        state = State(cast("dict[str, Any]", self.state), write, lambda: writer.volume)
        return Run(self.config, state, writer, self.logger)

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over a state, leaving aside what is not in the shape of ours.

        Of singer-io/tap-xero, which reads one organisation, the bookmarks are kept.
        """
        super().load_state(clean_state(state))
        self.run.state.load(state)

    def run_sync(self) -> None:
        """Read all that is selected of all organisations, what webhooks said has changed first.

        The SDK's `sync_all` goes through the streams; the scheduler reads ahead of it, streams and
        organisations side by side. Batches are made by the SDK, which reads one stream of one
        organisation at a time.
        """
        if (said := under_the_old_name()) is not None:
            self.logger.warning(said)
        try:
            self._read()
        except BrokenPipeError:
            raise
        except Exception:
            self.run.state.write_now()
            raise
        self.run.state.write_now()

    def _read(self) -> None:
        run, config = self.run, self.config
        selected = [cast("XeroStream", each) for each in self.streams.values() if each.selected]
        if config.get("webhook_inbox_path") or config["webhook_only"]:
            # Imported here: few runs have an inbox, and what reads one.
            from tap_xero.webhooks.intake import take_in

            take_in(config, run, selected)
        if config["webhook_only"]:
            return
        if selected and not config.get("batch_config"):
            run.schedule = Scheduler(plan(selected, run.tenants))
            run.state.expected = len(selected) * len(run.tenants)
            run.commentary.begin(run.state.expected)
        self.sync_all()
        run.schedule = None
        if selected:
            run.conclude()

    # Settings ---------------------------------------------------------------------------

    @property
    def _env_var_config(self) -> dict[str, Any]:
        """The settings that variables of the environment state."""
        self.append_builtin_config(self.config_jsonschema)
        return settings_of_environment(self.config_jsonschema["properties"], self._env_var_prefix)

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        self._config = without_blanks(self._config, SETTINGS["properties"])
        try:
            super()._validate_config(raise_errors=True)
            errors = []
        except ConfigValidationError as error:
            errors = [f"Setting refused: {each}" for each in error.errors]
        errors = errors or problems(self.config)
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
        config: Any = None,
        state: IO[str] | None = None,
        catalog: IO[str] | None = None,
    ) -> None:
        """Run the tap, and end with the usage report.

        Args:
            about: Print what the tap is, and end.
            about_format: How to print that.
            config: Settings, as the SDK's option gives them.
            state: State of the run before.
            catalog: What to read.
        """
        if about:
            super().invoke(about=about, about_format=about_format)
        told = alerts.stated(
            config.config if config else {},
            cls._env_var_prefix,
            environment=bool(config and config.parse_env),
        )
        with (
            _errors_as_lines(cls.logger),
            alerts.alerting(cls.name, told, cls.logger.warning) as unread,
        ):
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
            failed = True
            try:
                selected = any(stream.selected for stream in tap.streams.values())
                if selected and not tap.config["webhook_only"]:
                    names = ", ".join(tenant.name for tenant in tap.run.tenants)
                    cls.logger.info("Reading from %s", names)
                tap.run_sync()
                failed = bool(tap.run.report.failures)
            finally:
                tap.run.close()
                textfile.write(tap.config, tap.run, cls.logger.warning, failed=failed)
                present(tap.run.report, tap.config, cls.logger)
            if failures := tap.run.report.failures:
                cls.logger.error("Not read to the end: %s.", ", ".join(failures))
                unread += [*failures, *tap.run.report.not_read]
                sys.exit(1)

    @classmethod
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """Run `--test`; an error is a line, not a traceback."""
        with _errors_as_lines(cls.logger):
            super().cb_test(ctx, param, value)

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Stop at the end of the line that is being written, or between two pages with a state."""
        if (schedule := self.run.schedule) is not None:
            schedule.interrupt(self._stop_between_pages)
        else:
            self.run.writer.between_lines(self._stop)

    def _stop_between_pages(self) -> None:
        self.run.state.write_now()
        self._stop()

    def _stop(self) -> None:
        self.logger.info("Stopped. The next run goes on from the page this one reached.")
        # As taps of the SDK do; Meltano, which passes the signal on, ends with 143 itself.
        sys.exit(1 if self.run.report.failures else 0)


@contextmanager
def _errors_as_lines(logger: logging.Logger) -> Iterator[None]:
    """Turn the errors people can act on, and a closed pipe, into lines of the log."""
    with errors_as_lines(logger.error):
        try:
            yield
        except BrokenPipeError:
            logger.error("Whoever read the tap's output has gone.")  # noqa: TRY400
            # What is still buffered has nowhere to go; without this, Python complains at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)


def _json(file: IO[str] | None) -> dict[str, Any] | None:
    return None if file is None else json.load(file)
