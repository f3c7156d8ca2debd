"""When a version of a whole table takes effect: once its stream is certainly complete.

ACTIVATE_VERSION says that rows which did not come with a version are gone. It is believed where
nothing speaks against it; where it is not certain that a row is gone, the row stays.

| the message comes | the stream is complete |
|---|---|
| after records of the stream | there and then: the tap says so |
| before them, as taps of the Meltano SDK have it | at the end of the input, if a state came last |

A tap that died sends no state after its last record, but what it sent ends like any other input.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from target_databricks.plan import TABLE_VERSION


@dataclass
class _Stream:
    """What a run has seen of one stream.

    Attributes:
        versions: Versions that its records bore; None for records without one.
        pending: Version that was named before any record, and takes effect at the end.
        finished: Records received when the last state came that speaks for the stream.
    """

    versions: set[int | None] = field(default_factory=set)
    pending: int | None = None
    finished: int | None = None


class StreamVersions:
    """Versions of the streams of one run."""

    def __init__(self) -> None:
        self._streams: dict[str, _Stream] = {}

    def note(self, stream: str, rows: pa.RecordBatch) -> None:
        """Note the versions that parsed rows came with."""
        seen = self._of(stream).versions
        if TABLE_VERSION not in rows.schema.names:
            seen.add(None)
            return
        column = rows.column(TABLE_VERSION)
        if column.null_count:
            seen.add(None)
        # Of more than two, two are enough to know that there is not one.
        seen.update(v for v in pc.min_max(column).as_py().values() if v is not None)

    def activate(self, stream: str, version: int, received: int) -> bool:
        """Take note of ACTIVATE_VERSION. Returns whether the stream is complete now.

        Args:
            stream: The stream.
            version: The version.
            received: Records received of the stream so far.
        """
        seen = self._of(stream)
        if received and seen.pending is None:
            return True
        seen.pending, seen.finished = version, None
        return False

    def state(self, received: Mapping[str, int], syncing: Collection[str]) -> None:
        """Take note of a state.

        Args:
            received: Records received of each stream so far.
            syncing: Streams that the state says are not at their end.
        """
        for stream, seen in self._streams.items():
            if stream not in syncing:
                seen.finished = received.get(stream, 0)

    def pending(self, received: Mapping[str, int]) -> Iterator[tuple[str, int, bool]]:
        """Versions that wait for the end of the input: stream, version, whether it is complete."""
        for stream, seen in self._streams.items():
            if seen.pending is not None:
                yield stream, seen.pending, seen.finished == received.get(stream, 0)

    def others(self, stream: str, version: int) -> bool:
        """Whether records of the run came without the version: then nobody knows what is gone."""
        return bool(self._of(stream).versions - {version})

    def _of(self, stream: str) -> _Stream:
        return self._streams.setdefault(stream, _Stream())
