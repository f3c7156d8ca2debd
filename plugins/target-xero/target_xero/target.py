"""The target: messages in, wishes collected, one job when the input has ended."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

from singer_sdk import Target
from singer_sdk.exceptions import (
    ConfigurationError,
    ConfigValidationError,
    FatalAPIError,
    RecordsWithoutSchemaException,
    RetriableAPIError,
    SkippableAPIError,
)
from singer_sdk.helpers.capabilities import CapabilitiesEnum, PluginCapabilities
from singer_sdk.sinks import BatchSink
from tap_xero.api.connection import connect
from tap_xero.api.retries import Retries
from tap_xero.environment import settings_of_environment

from target_xero import PACKAGE
from target_xero.job import Job, Settings, alone, exit_code
from target_xero.lakehouse import Lakehouse
from target_xero.ledger import NAME, Ledger
from target_xero.report import outcome_lines, plan_lines
from target_xero.settings import SETTINGS, problems, with_tap_settings
from target_xero.wishes import resource_of, wish_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from target_xero.wishes import Wish

WRITEBACK = "xero_writeback"
"""Schema of what is asked for, and of the ledger."""


class Unwritten(BatchSink):
    """Stands for a stream towards the SDK; records never reach it."""

    def process_batch(self, context: dict[str, Any]) -> None:
        """Do nothing."""


class TargetXero(Target):
    """Writes reference data into Xero: planned, shown, then sent."""

    name = "target-xero"
    package_name = PACKAGE
    config_jsonschema: ClassVar[dict[str, Any]] = SETTINGS
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]
    default_sink_class = Unwritten

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Add the SDK's settings that mean something here."""
        super().append_builtin_config(config_jsonschema)
        for name in ("add_record_metadata", "batch_size_rows", "load_method"):
            config_jsonschema["properties"].pop(name, None)

    def __init__(self, **options: Any) -> None:
        """Take the same options as any SDK target."""
        super().__init__(**options)
        self.wishes: list[Wish] = []
        self.retries = Retries(notify=self.logger.info)
        self._state: dict[str, Any] | None = None
        self._unknown: set[str] = set()
        if self.metrics_logger.level == logging.INFO:
            self.metrics_logger.setLevel(logging.WARNING)

    @property
    def _env_var_config(self) -> dict[str, Any]:
        """The settings that variables of the environment state."""
        self.append_builtin_config(self.config_jsonschema)
        return settings_of_environment(self.config_jsonschema["properties"], self._env_var_prefix)

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Check the settings, those of the tap's variables included."""
        self._config = with_tap_settings(self._config)
        errors = super()._validate_config(raise_errors=raise_errors)
        errors = [*errors, *problems(self._config)]
        if errors and raise_errors:
            raise ConfigValidationError("Settings are wrong.", errors=errors)
        return errors

    # Messages

    def _process_record_message(self, message_dict: dict[str, Any]) -> None:
        stream = str(message_dict.get("stream"))
        if stream not in self.mapper.stream_maps:
            raise RecordsWithoutSchemaException(
                f"A record of stream '{stream}' came before its SCHEMA. Mend the tap."
            )
        for stream_map in self.mapper.stream_maps[stream]:
            record = stream_map.transform(dict(message_dict["record"]))
            if record is not None:
                self._take(stream_map.stream_alias, record)

    def _take(self, stream: str, record: Mapping[str, Any]) -> None:
        resource = resource_of(stream)
        if resource is None:
            if stream not in self._unknown and not stream.endswith(NAME):
                self.logger.warning("Stream '%s' is none that can be written: left out.", stream)
            self._unknown.add(stream)
            return
        wish = wish_of(resource, record)
        if wish is not None:
            self.wishes.append(wish)

    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        self._state = message_dict["value"]

    def process_endofpipe(self) -> None:
        """Plan, show the plan, carry it out, say what came of it."""
        with self.job() as job, alone(self.ledger_path):
            recovered = job.recover()
            plan = job.plan(self.wishes)
            self._say(plan_lines(plan))
            entries = [] if plan.excesses else job.apply(plan)
            self._say(outcome_lines(plan, [*recovered, *entries]))
            left = [each for each in recovered if each.record not in {e.record for e in entries}]
        code = exit_code(plan, entries) or int(any(e.status == "unknown" for e in left))
        if self._state is not None and not code and not plan.held_back:
            # A state speaks for what is in Xero; else the tap is to send it all again.
            self._write_state_message(self._state)
        if code:
            sys.exit(code)

    def _say(self, lines: Iterator[str]) -> None:
        for line in lines:
            self.logger.info(line)

    # What a run is made of

    @property
    def ledger_path(self) -> str:
        """Where the ledger is."""
        root = str(self.config.get("lakehouse_path") or "").rstrip("/")
        return str(self.config.get("ledger_path") or f"{root}/{WRITEBACK}/{NAME}")

    @contextmanager
    def job(self) -> Iterator[Job]:
        """A run, for as long as the way to Xero is open."""
        config = self.config
        connection = connect(config, self.retries, self.logger.warning)
        try:
            yield self.job_with(connection.client)
        finally:
            connection.close()

    def job_with(self, client: Any) -> Job:
        """A run that calls Xero by a client."""
        config = self.config
        options = config.get("storage_options")
        root = config.get("lakehouse_path")
        lakehouse = Lakehouse(root, config["lakehouse_schema"], options) if root else None
        settings = Settings(
            tuple(config.get("streams") or ()), config["conflict"], str(config["max_changes"])
        )
        run = os.environ.get("MELTANO_RUN_ID") or str(uuid4())
        return Job(
            client,
            Ledger(self.ledger_path, run, self._now, options),
            lakehouse,
            settings,
            self.retries.clock,
        )

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.retries.clock.time(), UTC)

    @classmethod
    def invoke(cls, **options: Any) -> None:
        """Run, and turn a foreseen failure into one clear line and exit code 1."""
        try:
            super().invoke(**options)
        except (
            ConfigurationError,
            FatalAPIError,
            RecordsWithoutSchemaException,
            RetriableAPIError,
            SkippableAPIError,
        ) as error:
            cls.logger.error(str(error))  # noqa: TRY400 (a line, no traceback)
            sys.exit(1)
