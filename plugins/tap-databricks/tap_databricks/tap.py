"""The tap: its streams and its command line. Its settings are in `tap_databricks.settings`."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from functools import cached_property
from typing import IO, Any, ClassVar

from singer_sdk import Tap
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.streams import Stream
from target_databricks.environment import settings_of_environment
from target_databricks.errors import errors_as_lines
from target_databricks.settings import without_blanks

from tap_databricks import PACKAGE
from tap_databricks.lakehouse import LakehouseFolder
from tap_databricks.schema import annotated
from tap_databricks.settings import SETTINGS, is_wanted, options_of, place_of
from tap_databricks.streams import TableStream
from tap_databricks.tables import NoTablesError, Source, TableError


class TapDatabricks(Tap):
    """Reads tables and views of a SQL warehouse or of a folder of Delta tables."""

    name = "tap-databricks"
    package_name = PACKAGE
    config_jsonschema: ClassVar[dict[str, Any]] = SETTINGS
    dynamic_catalog = True

    def __init__(self, **options: Any) -> None:
        """Take the same options as any SDK tap."""
        self.failures: list[str] = []
        super().__init__(**options)
        if self.metrics_logger.level == logging.INFO:
            # The SDK prints a line of JSON per stream and minute; LOGLEVEL=DEBUG shows them.
            self.metrics_logger.setLevel(logging.WARNING)

    @property
    def _env_var_config(self) -> dict[str, Any]:
        """The settings that variables of the environment state."""
        self.append_builtin_config(self.config_jsonschema)
        return settings_of_environment(self.config_jsonschema["properties"], self._env_var_prefix)

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Check the settings and fill in the defaults, also of those that are left empty."""
        self._config = without_blanks(self._config, SETTINGS["properties"])
        return super()._validate_config(raise_errors=raise_errors)

    @cached_property
    def source(self) -> Source:
        """Where the tables are."""
        place = place_of(self.config)
        if place == "database":
            from tap_databricks.database import DuckDbDatabase

            return DuckDbDatabase(str(self.config["duckdb_path"]))
        if place == "warehouse":
            # Imported here: its clients take a second to load and may not be installed.
            from tap_databricks.warehouse import SqlWarehouse

            return SqlWarehouse(self.config, job=f"{self.name} {self.initialized_at}")
        options = self.config.get("storage_options")
        return LakehouseFolder(str(self.config["lakehouse_path"]), options)

    def discover_streams(self) -> list[Stream]:
        """A stream for each table and view that the settings want."""
        return list(self._streams_of_tables())

    def _streams_of_tables(self) -> Iterator[TableStream]:
        schemas = self.config["schemas"]
        for schema in schemas:
            for table in self.source.names(schema):
                if not is_wanted(self.config, table):
                    continue
                name = table if len(schemas) == 1 else f"{schema}-{table}"
                options = options_of(self.config, name)
                try:
                    facts = self.source.table(schema, table)
                except TableError as error:
                    self.logger.error("Stream '%s': %s", name, error)  # noqa: TRY400
                    self.failures.append(name)
                else:
                    yield TableStream(self, name, facts, self.source, options, self.failures)

    def setup_mapper(self) -> None:
        """Set up stream maps, once the streams know their keys."""
        _ = self.streams
        super().setup_mapper()

    @property
    def catalog_dict(self) -> dict[str, Any]:
        """The catalog, with the annotations of the schemas; methods are in the metadata only.

        Beside the metadata they would win over what people state there.
        """
        catalog = super().catalog_dict
        for entry in catalog["streams"]:
            schema = self.streams[entry["tap_stream_id"]].schema
            entry["schema"] = annotated(entry["schema"], schema)
            entry.pop("replication_method", None)
            entry.pop("replication_key", None)
        return catalog

    def run_discovery(self) -> str:
        """Print the catalog: an empty one where nobody has made a table yet; a run refuses that.

        Meltano discovers before a test, too, and in a fresh project there is nothing to find.
        """
        try:
            return super().run_discovery()
        except NoTablesError as error:
            self.logger.warning("%s", error)
            print(nothing := json.dumps({"streams": []}))
            return nothing

    def run(self) -> None:
        """Read all that is selected.

        Raises:
            TableError: Tables could not be read; the others were.
        """
        try:
            self.sync_all()
        finally:
            self.source.close()
        if self.failures:
            raise TableError(f"Not read to the end: {', '.join(dict.fromkeys(self.failures))}.")

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
        """Run, and turn a foreseen failure into one clear line and exit code 1.

        Args:
            about: Print what the tap is, and end.
            about_format: How to print that.
            config: Settings, as the SDK's option gives them.
            state: State of the run before.
            catalog: What to read.
        """
        if about:
            super().invoke(about=about, about_format=about_format)
        with errors_as_lines(cls.logger.error, but=(ConfigValidationError,)):
            cls(
                config=config.config if config else {},
                state=None if state is None else json.load(state),
                catalog=None if catalog is None else json.load(catalog),
                parse_env_config=config.parse_env if config else False,
                validate_config=True,
            ).run()

    @classmethod
    def cb_discover(cls, *arguments: Any, **options: Any) -> None:
        """Print the catalog; an error is a line, not a traceback."""
        with errors_as_lines(cls.logger.error, but=(ConfigValidationError,)):
            super().cb_discover(*arguments, **options)

    @classmethod
    def cb_test(cls, *arguments: Any, **options: Any) -> None:
        """Run `--test`; an error is a line, not a traceback."""
        with errors_as_lines(cls.logger.error, but=(ConfigValidationError,)):
            super().cb_test(*arguments, **options)
