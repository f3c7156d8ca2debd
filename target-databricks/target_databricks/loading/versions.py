"""When a version of a whole table takes effect: once its stream is certainly complete.

ACTIVATE_VERSION says that rows which did not come with a version are gone. Where it is not certain
that a row is gone, the row stays.

| the message comes | the stream is complete |
|---|---|
| after records of the stream | there and then: the tap says so |
| before them, or without any | at the end of the input, if a state of its own came last |

Taps of the Meltano SDK name the version first and end a stream with a state, but so do some that
die in the middle, and their input ends like any other. What could be theirs is no proof: a state
after a round number of records (written on the way), one after the SCHEMA of another stream (that
one's), one that names a stream as `currently_syncing`, and a version that is named again (a stream
that is read in parts, of which nobody knows the last).

Source: Meltano SDK 0.54, `Stream.sync`, `STATE_MSG_FREQUENCY`; singer-python, `currently_syncing`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from target_databricks.schema.plan import TABLE_VERSION

ROUND = 100
"""States that taps write on the way come after a multiple of this many records."""


@dataclass
class _History:
    """What a run has seen of one stream.

    Attributes:
        versions: Versions that its records bore; None for records without one.
        pending: Version that was named before any record, and takes effect at the end.
        again: Whether a pending version was named more than once.
        overtaken: Records received when another stream began, since the version was named.
        finished: Records received when a state came that speaks for the stream.
    """

    versions: set[int | None] = field(default_factory=set)
    pending: int | None = None
    again: bool = False
    overtaken: int | None = None
    finished: int | None = None

    def is_complete(self, received: int) -> bool:
        """Whether the stream is certainly complete at the end of the input."""
        on_the_way = received > 0 and received % ROUND == 0
        return self.finished == received and not self.again and not on_the_way


class StreamVersions:
    """Versions of the streams of one run."""

    def __init__(self) -> None:
        self._streams: dict[str, _History] = {}

    def note(self, stream: str, rows: pa.RecordBatch) -> None:
        """Note the versions that parsed rows came with."""
        versions = self._of(stream).versions
        column = rows.column(TABLE_VERSION)
        if column.null_count:
            versions.add(None)
        # Of more than two, two are enough to know that there is not one.
        versions.update(v for v in pc.min_max(column).as_py().values() if v is not None)

    def schema(self, streams: Collection[str], received: Mapping[str, int]) -> None:
        """Take note of a SCHEMA: other streams are at their end, or wait for this one's.

        Args:
            streams: The stream, under all names it is loaded as.
            received: Records received of each stream so far.
        """
        for stream, history in self._streams.items():
            if stream not in streams:
                history.overtaken = received.get(stream, 0)

    def activate(self, stream: str, version: int, received: int) -> bool:
        """Take note of ACTIVATE_VERSION. Returns whether the stream is complete now.

        Args:
            stream: The stream.
            version: The version.
            received: Records received of the stream so far.
        """
        history = self._of(stream)
        if received and history.pending is None:
            return True
        history.again = history.pending is not None
        history.pending, history.overtaken, history.finished = version, None, None
        return False

    def state(self, value: Any, received: Mapping[str, int]) -> None:
        """Take note of a state.

        Args:
            value: The state.
            received: Records received of each stream so far.
        """
        state = value if isinstance(value, Mapping) else {}
        for stream, history in self._streams.items():
            count = received.get(stream, 0)
            if state.get("currently_syncing"):
                history.finished = None
            elif "currently_syncing" in state or history.overtaken != count:
                history.finished = count

    def pending(self, received: Mapping[str, int]) -> Iterator[tuple[str, int, bool]]:
        """Versions that wait for the end of the input: stream, version, whether it is complete."""
        for stream, history in self._streams.items():
            if history.pending is not None:
                yield stream, history.pending, history.is_complete(received.get(stream, 0))

    def others(self, stream: str, version: int) -> bool:
        """Whether records of the run came without the version: then nobody knows what is gone."""
        return bool(self._of(stream).versions - {version})

    def _of(self, stream: str) -> _History:
        return self._streams.setdefault(stream, _History())
