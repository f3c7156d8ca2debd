"""The target: settings in, messages routed, one loader behind it all."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from singer_sdk import Target
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers.capabilities import (
    CapabilitiesEnum,
    PluginCapabilities,
    TargetCapabilities,
)
from singer_sdk.mapper import RemoveRecordTransform, SameRecordTransform

from target_databricks import PACKAGE, ahead, alerts, ending
from target_databricks.destinations import destination_of
from target_databricks.environment import settings_of_environment
from target_databricks.errors import (
    BadInputError,
    ConfigurationError,
    RecordsWithoutSchemaException,
    errors_as_lines,
)
from target_databricks.installation import under_the_old_name
from target_databricks.lakehouse.folder import LakehouseFolder
from target_databricks.loading.load import Load
from target_databricks.loading.loader import Loader
from target_databricks.loading.owners import TableOwners
from target_databricks.loading.report import Report
from target_databricks.loading.versions import StreamVersions
from target_databricks.meltano import run_id
from target_databricks.narration import are_details_wanted, is_told, level_of_details
from target_databricks.planner import StreamPlanner
from target_databricks.reading.batch_files import BatchFiles
from target_databricks.reading.json_text import TooDeepError, dumps
from target_databricks.reading.reader import BlockReader
from target_databricks.sandbox import with_sandbox
from target_databricks.schema.evolution import tables_of
from target_databricks.schema.plan import StreamPlan
from target_databricks.settings import EMPTY_IS_A_CHOICE, SETTINGS, without_blanks
from target_databricks.sinks import DatabricksSink
from target_databricks.validation import problems

if TYPE_CHECKING:
    from types import FrameType

    from target_databricks.loading.backend import Backend
    from target_databricks.loading.batch import LoadResult


class TargetDatabricks(Target):
    """Singer target for Databricks: any Singer stream, merged into Delta tables."""

    name = "target-databricks"
    package_name = PACKAGE
    config_jsonschema: ClassVar[dict[str, Any]] = SETTINGS
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.ACTIVATE_VERSION,
        PluginCapabilities.BATCH,
        PluginCapabilities.STRUCTURED_LOGGING,
        TargetCapabilities.VALIDATE_RECORDS,
        TargetCapabilities.TARGET_SCHEMA,
        TargetCapabilities.HARD_DELETE,
    ]
    default_sink_class = DatabricksSink
    message_reader_class = BlockReader

    # State and rows travel together; a minute keeps both fresh at Xero's pace of 1,000 rows a
    # second without making small files. In a warehouse this only stages: see `loading/loader.py`.
    _MAX_RECORD_AGE_IN_MINUTES = 1.0

    def __init__(self, **kwargs: Any) -> None:
        self.logger.addFilter(is_told)
        super().__init__(**kwargs)
        ahead.prepare(self.config)
        # Parsing holds the interpreter's lock anyway: threads would only take turns.
        self.max_parallelism = 1
        self.job_id = run_id(sys.argv[1:], os.environ)
        self.clock = time.time
        self.received: dict[str, int] = {}
        self.load_method = str(self.config["load_method"])
        self.versions = StreamVersions()
        self._owners = TableOwners()
        self._planner = StreamPlanner(self.config)
        self._tables: set[str] = set()
        self._bare: set[str] = set()
        """Streams whose SCHEMA states no properties."""
        self._bookmarks: Sequence[str] = ()
        self._load: Load | None = None
        self._loader: Loader | None = None
        self._report = Report(str(self.config["default_target_schema"]))
        self._reader.on_failure = self._abort
        self._reader.on_too_deep = self._set_aside
        if not are_details_wanted():
            # The SDK prints a line of JSON per sink and batch; our own lines say the same.
            self.metrics_logger.setLevel(logging.WARNING)
        if (said := under_the_old_name()) is not None:
            self.logger.warning(said)

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Check the settings and fill in the defaults, also of those that are left empty."""
        self._config = without_blanks(self._config)
        try:
            errors = super()._validate_config(raise_errors=raise_errors)
        except ConfigValidationError as error:
            said = problems(self._config, self.config_jsonschema)
            # Without its context: the SDK's own lines quote the settings.
            raise ConfigValidationError(str(error), errors=said, schema={}) from None
        return problems(self._config, self.config_jsonschema) if errors else []

    @property
    def _env_var_config(self) -> dict[str, Any]:
        """The settings that variables of the environment state."""
        self.append_builtin_config(self.config_jsonschema)
        properties = self.config_jsonschema["properties"]
        return settings_of_environment(properties, self._env_var_prefix, EMPTY_IS_A_CHOICE)

    # What sinks ask for

    @property
    def loader(self) -> Loader:
        """The loader; the destination is opened the first time it is asked for."""
        if self._loader is None:
            self._load = self._make_load()
            for result in self._load.open():
                self.logger.info("Left by an earlier run: %s", self._report.line(result))
                self._report.add(result)
            self._loader = Loader(
                self._load, self._emit_state, self._loaded, self._source, lambda: self.clock()
            )
        return self._loader

    @property
    def line(self) -> int:
        """Number of the input line being processed."""
        return self._reader.line

    def plan(self, stream: str, schema: Mapping[str, Any], keys: Sequence[str]) -> StreamPlan:
        """Plan a stream and reconcile the plan with the table it already has."""
        self.loader.wait(stream)
        load = cast("Load", self._load)
        try:
            self._check(stream, schema["properties"], keys)
            plan = self._planner.plan(stream, schema, keys, self._bookmarks)
            plan = self._owners.claim(plan, load.exists)
        except (BadInputError, ConfigurationError) as error:
            load.refusals.stop(stream, str(error))
            return self._planner.plan(stream, schema, (), ())
        self._tables.update(tables_of(plan))
        return load.reconcile(plan)

    def _check(self, stream: str, properties: Collection[str], keys: Sequence[str]) -> None:
        """Check the SCHEMA of a stream.

        Raises:
            BadInputError: It cannot become a table.
        """
        where = f"Line {self.line} of the input"
        if self._source(stream) in self._bare:
            raise BadInputError(
                f"{where}: the SCHEMA of stream '{stream}' states no properties, so its table "
                "would have no columns. Mend the tap or deselect the stream."
            )
        self._planner.check(properties, keys, where, stream)

    def _source(self, alias: str) -> str:
        """What the tap calls a stream that is loaded under an alias."""
        for stream, maps in self.mapper.stream_maps.items():
            if any(m.stream_alias == alias for m in maps):
                return str(stream)
        return alias

    # Messages

    def _process_schema_message(self, message_dict: dict[str, Any]) -> None:
        stream = message_dict.get("stream")
        schema = message_dict.get("schema")
        properties = schema.get("properties") if isinstance(schema, dict) else None
        self._bare.discard(str(stream))
        if not properties or not isinstance(properties, dict):
            self._bare.add(str(stream))
            schema = {"properties": {"nothing": {}}}
            message_dict = {**message_dict, "schema": schema, "key_properties": []}
        maps = self.mapper.stream_maps.get(str(stream))
        keys = message_dict.get("key_properties") or []
        if maps and (maps[0].raw_schema != schema or maps[0].raw_key_properties != keys):
            # Rows read under the old schema are loaded under it.
            self.drain_all()
        bookmarks = message_dict.get("bookmark_properties") or ()
        # Older taps name their only bookmark without a list around it.
        self._bookmarks = [bookmarks] if isinstance(bookmarks, str) else bookmarks
        super()._process_schema_message(message_dict)
        aliases = {m.stream_alias for m in self.mapper.stream_maps[str(stream)]}
        self.versions.schema(aliases, self._rows_received())
        self._route(str(stream))

    def _route(self, stream: str) -> None:
        """Let the reader pass a stream's lines on undecoded, where nothing needs to see inside."""
        self._reader.direct.pop(stream.encode(), None)
        if self._mapped(stream):
            return
        alias = self.mapper.stream_maps[stream][0].stream_alias
        sink = cast("DatabricksSink", self.get_sink(alias))
        if not sink.validate_schema:
            self._reader.direct[stream.encode()] = sink

    def _mapped(self, stream: str) -> bool:
        """Whether a stream's records change on their way: by stream maps, or by flattening."""
        maps = self.mapper.stream_maps[stream]
        plain = len(maps) == 1 and type(maps[0]) is SameRecordTransform
        return not plain or bool(self.config.get("flattening_enabled"))

    def _process_record_message(self, message_dict: dict[str, Any]) -> None:
        stream = message_dict["stream"]
        if stream not in self.mapper.stream_maps:
            raise RecordsWithoutSchemaException(
                f"Line {self.line} of the input is a record of stream '{stream}', which has had "
                "no SCHEMA message yet. Mend the tap: a schema comes before its records."
            )
        rest = {k: message_dict[k] for k in ("time_extracted", "version") if k in message_dict}
        for stream_map in self.mapper.stream_maps[stream]:
            record = stream_map.transform(dict(message_dict["record"]))
            if record is None:
                continue
            sink = cast("DatabricksSink", self.get_sink(stream_map.stream_alias, record=record))
            sink.validate(record)
            line = dumps({"record": record, **rest})
            sink.add(line.encode(), self.line)

    def _set_aside(self, stream: str, line: bytes) -> bool:
        """Hand on a record that no map can look into; its sinks set it aside as it came."""
        maps = self.mapper.stream_maps.get(stream, ())
        for stream_map in maps:
            if not isinstance(stream_map, RemoveRecordTransform):
                sink = cast("DatabricksSink", self.get_sink(stream_map.stream_alias))
                sink.add(line, self.line)
        return bool(maps)

    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        received = self._rows_received()
        self.versions.state(message_dict["value"], received)
        # What came takes the place of all that was there anyway.
        owing = () if self.load_method == "overwrite" else self.versions.owing(received)
        self.loader.state(message_dict["value"], received, owing)
        if self._max_record_age_in_minutes > self._MAX_RECORD_AGE_IN_MINUTES:
            self.drain_all()

    def _process_activate_version_message(self, message_dict: dict[str, Any]) -> None:
        if message_dict.get("stream") not in self.mapper.stream_maps:
            raise RecordsWithoutSchemaException(
                f"Line {self.line} of the input activates a version of stream "
                f"'{message_dict.get('stream')}', which has had no SCHEMA message yet."
            )
        super()._process_activate_version_message(message_dict)

    def _process_batch_message(self, message_dict: dict[str, Any]) -> None:
        stream = message_dict["stream"]
        if stream not in self.mapper.stream_maps:
            raise RecordsWithoutSchemaException(
                f"Line {self.line} of the input names batch files of stream '{stream}', which "
                "has had no SCHEMA message yet. Mend the tap: a schema comes before its records."
            )
        if all(isinstance(m, RemoveRecordTransform) for m in self.mapper.stream_maps[stream]):
            return
        where = f"Line {self.line} of the input, for stream '{stream}',"
        files = BatchFiles(message_dict, self.config.get("batch_config"), where)
        direct = self._reader.direct.get(stream.encode())
        for line in files.lines():
            if direct is not None:
                direct.add(b'{"record":' + line + b"}", self.line)
                continue
            try:
                record = self._reader.deserialize_json(line)
            except TooDeepError:
                self._set_aside(stream, b'{"record":' + line + b"}")
            else:
                self._process_record_message({"stream": stream, "record": record})
        for stream_map in self.mapper.stream_maps[stream]:
            alias = stream_map.stream_alias
            self.versions.files(alias, self._rows_received().get(alias, 0))
        self._handle_max_record_age()

    def process_endofpipe(self) -> None:
        """Load what is left, let the last state through, tidy up and show the report."""
        try:
            super().process_endofpipe()
            if self.load_method == "overwrite":
                self.loader.wait()
                ending.overwrite(self._sinks(), self.versions, cast("Load", self._load))
            else:
                ending.retire(self._sinks(), self.versions, self._rows_received())
            self.loader.wait()
            self.loader.settle()
            error = cast("Load", self._load).refusals.error(self._tables)
            held = self.loader.holds_state
            # What no state covers yet must stay in mind.
            self._close(failed=held)
        except BaseException:
            self._abort()
            raise
        self.logger.info("%s", self._report.summary())
        if error is not None and held:
            raise type(error)(
                f"{error} The state is held whole, because it is not of the form "
                "{'bookmarks': {<stream>: …}}: the tap sends everything since again."
            )
        if error is not None:
            raise error

    def _sinks(self) -> Mapping[str, DatabricksSink]:
        """The sinks of all streams that are not mapped away."""
        maps = [m for some in self.mapper.stream_maps.values() for m in some]
        removed = {m.stream_alias for m in maps if isinstance(m, RemoveRecordTransform)}
        sinks = cast("Mapping[str, DatabricksSink]", self._sinks_active)
        return {name: sink for name, sink in sinks.items() if name not in removed}

    # Life cycle

    @property
    def _reader(self) -> BlockReader:
        return cast("BlockReader", self.message_reader)

    def _rows_received(self) -> dict[str, int]:
        live = {
            name: cast("DatabricksSink", sink).received for name, sink in self._sinks_active.items()
        }
        return {**self.received, **live}

    def _make_load(self) -> Load:
        return Load(
            self._make_backend(),
            load_method=self.load_method,
            job_id=self.job_id,
            started_at=self.initialized_at,
        )

    def _make_backend(self) -> Backend:
        if destination_of(self.config) == "warehouse":
            # Imported here: its clients take a second to load and may not be installed.
            from target_databricks.warehouse.warehouse import SqlWarehouse

            return SqlWarehouse(
                with_sandbox(self.config),
                job_id=self.job_id,
                plugin_version=self.plugin_version,
                started_at=self.initialized_at,
            )
        return LakehouseFolder(self.config, job_id=self.job_id)

    def _loaded(self, result: LoadResult) -> None:
        self._report.add(result)
        self.logger.log(level_of_details(), "%s", self._report.line(result))
        if progress := self._report.progress():
            self.logger.info("%s", progress)

    def _emit_state(self, state: Mapping[str, Any]) -> None:
        print(dumps(state), flush=True)

    def _abort(self) -> None:
        """Finish what is being applied, keep what was confirmed, let others in."""
        self._close(failed=True)

    def _close(self, *, failed: bool) -> None:
        loader, self._loader = self._loader, None
        if loader is not None:
            loader.stop()
        load, self._load = self._load, None
        if load is not None:
            load.close(failed=failed)

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Stop at once but not in the middle: the batch being applied is finished first."""
        self.logger.warning("Told to stop (signal %d): finishing the batch being applied.", signum)
        raise SystemExit(128 + signum)

    @classmethod
    def invoke(cls, **kwargs: Any) -> None:
        """Run, and turn a foreseen failure into one clear line, an alert and exit code 1."""
        cls.logger.addFilter(is_told)
        config = kwargs.get("config")
        told = alerts.stated(
            config.config if config else {},
            cls._env_var_prefix,
            environment=bool(config and config.parse_env),
        )
        # Of the settings the SDK lists what is wrong, one line each.
        with (
            errors_as_lines(cls.logger.error, but=(ConfigValidationError,)),
            alerts.alerting(cls.name, told, cls.logger.warning),
        ):
            super().invoke(**kwargs)
