"""The SDK's stream as this tap wants it: quiet, annotated, with windows in its state.

What is read and written is in `tap_xero.streams`.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import SyncLifecycleSignal
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.streams import Stream

from tap_xero.models.schema import TENANT, annotate

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from singer_sdk import singerlib

    from tap_xero.api.client import Tenant
    from tap_xero.models.resources import Resource
    from tap_xero.tap import TapXero


class SingerStream(Stream):
    """A stream of a resource, with one state partition an organisation."""

    # The transform has typed everything already, and conforming would drop the fields
    # that the schema does not know.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    def __init__(self, tap: TapXero, resource: Resource) -> None:
        """Name the stream, its schema and its keys after a row of the resource table."""
        super().__init__(tap, schema=resource.schema, name=resource.stream)
        self.resource = resource
        self.primary_keys = (TENANT, *resource.key)
        self.replication_key = resource.updated if resource.since else None
        self._xero = tap

    def get_replication_key_signpost(self, context: Mapping[str, Any] | None = None) -> None:
        """None: bookmarks come from Xero's clock, not from ours."""

    def finalize_state_progress_markers(
        self,
        state: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> None:
        """Write the state: there are no progress markers, windows take their place."""
        self._write_state_message()

    def log(self, message: str, *args: Any, level: int = logging.INFO, **kwargs: Any) -> None:
        """Log what the SDK has to say, its running commentary at debug level.

        The session tells the same in a line per stream. Stopping after one record, as
        `--test` does, is not an error either.
        """
        narration = level == logging.INFO
        stopped = isinstance(sys.exc_info()[1], SyncLifecycleSignal)
        super().log(
            message, *args, level=logging.DEBUG if narration or stopped else level, **kwargs
        )

    def _generate_schema_messages(self) -> Generator[singerlib.SchemaMessage, None, None]:
        for message in super()._generate_schema_messages():
            message.schema = annotate(message.schema, self.resource.schema)
            yield message

    def _write_state_message(self) -> None:
        """Write the state if it changed; without the empty entries the SDK would add to it."""
        if not self.state_manager.is_flushed and self.tap_state:
            self._xero.state_writer.write_state(self.tap_state)
            self.state_manager.is_flushed = True

    @property
    def writes_unchanged(self) -> bool:
        """Whether records go out as the transform leaves them, whole pages at a time.

        Stream maps and flattening rework each record, and `--test` stops after one; those
        take the SDK's way.
        """
        if self.ABORT_AT_RECORD_COUNT is not None or len(self.stream_maps) != 1:
            return False
        stream_map = self.stream_maps[0]
        return type(stream_map) is SameRecordTransform and not stream_map.flattening_enabled

    def _partition(self, tenant: Tenant) -> dict[str, Any]:
        return self._xero.partition(self.name, {TENANT: tenant.id})

    def _state_changed(self, write_messages: bool) -> None:
        self.state_manager.is_flushed = False
        if write_messages:
            self._write_state_message()
