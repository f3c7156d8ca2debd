"""Plans of streams, as the settings have them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from target_databricks.errors import BadInputError, ConfigurationError
from target_databricks.schema.json_schema import TypeMapper
from target_databricks.schema.naming import COLUMN_NAMES
from target_databricks.schema.plan import POSITION, StreamPlan, reserved
from target_databricks.schema.planning import make_plan


class StreamPlanner:
    """Plans streams as if no table existed.

    Args:
        config: The target's settings.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config
        self._metadata = bool(config["add_record_metadata"])
        if config["load_method"] != "history":
            return
        if not self._metadata:
            raise ConfigurationError(
                "'load_method: history' needs the columns that 'add_record_metadata: false' leaves "
                "out. Set 'add_record_metadata' to true."
            )
        if config["hard_delete"]:
            raise ConfigurationError(
                "'load_method: history' keeps what is deleted, and 'hard_delete: true' does not. "
                "Set one of them otherwise."
            )

    def check(
        self, properties: Collection[str], keys: Sequence[str], where: str, stream: str
    ) -> None:
        """Check the key of a stream.

        Raises:
            BadInputError: The stream has no such key, or may have none of its name.
        """
        if missing := [key for key in keys if key not in properties]:
            raise BadInputError(
                f"{where}: the SCHEMA of stream '{stream}' names the key property "
                f"{', '.join(map(repr, missing))}, which is not among its properties. Select the "
                "property, or choose other key properties for the stream."
            )
        ours = {*reserved(sdk_metadata=self._metadata), POSITION}
        if taken := [key for key in keys if key in ours]:
            raise BadInputError(
                f"{where}: the key property {', '.join(map(repr, taken))} of stream '{stream}' has "
                "the name of a column that the target writes itself. Choose other key properties "
                "for the stream, or rename the property in 'stream_maps'."
            )

    def plan(
        self,
        stream: str,
        schema: Mapping[str, Any],
        keys: Sequence[str],
        bookmarks: Sequence[str],
    ) -> StreamPlan:
        """The plan of a stream, by its SCHEMA message."""
        return make_plan(
            stream,
            schema,
            keys,
            bookmarks,
            mapper=TypeMapper(
                COLUMN_NAMES[self._config["column_names"]],
                numbers=str(self._config["number_type"]),
            ),
            child_rules=self._config.get("child_tables"),
            parent_rules=self._config.get("child_columns"),
            sdk_metadata=self._metadata,
            soft_delete=self._config["soft_delete_column"] or None,
            history=self._config["load_method"] == "history",
        )
