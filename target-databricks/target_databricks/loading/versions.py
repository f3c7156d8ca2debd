"""When a version of a whole table takes effect: at the end, if its stream is certainly complete.

ACTIVATE_VERSION says that rows which did not come with a version are gone. What a run received did
come, with its version or without. Where it is not certain that a row is gone, the row stays; and a
run that dies, for whatever reason and however late, retires nothing: so a version waits for the end
of the input, and with it waits what a state says of the stream.

| the message comes | the stream is complete |
|---|---|
| after records that the stream's last SCHEMA announced | certainly: the tap says so |
| before them, or without any | if a state of its own came last |

Taps of the Meltano SDK name the version first and end a stream with a state, but so do some that
die in the middle, and their input ends like any other. What could be theirs is no proof: a state
after a round number of records or after batch files (written on the way), one after the SCHEMA of
another stream (that one's), one that names a stream as `currently_syncing`, and a version that is
named again after another SCHEMA (a stream that is read in parts, of which nobody knows the last).

Source: Meltano SDK 0.54, `Stream.sync`, `Stream._sync_batches`, `STATE_MSG_FREQUENCY`;
singer-python, `currently_syncing`, which is null only in a state that ends all streams.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

ROUND = 100
"""States that taps write on the way come after a multiple of this many records."""


@dataclass
class _History:
    """What a run has seen of one stream. Places are counted in its records received so far.

    Attributes:
        began: Place of its last SCHEMA.
        due: The highest version that was named after records.
        pending: Version that was named before any record.
        named: SCHEMA messages at the time it was named.
        schemas: SCHEMA messages so far.
        again: Whether a pending version was named more than once.
        overtaken: Place at which another stream began, since the version was named.
        finished: Place at which a state came that speaks for the stream.
        certain: Whether that state can only be the end.
        of_files: Place up to which its records came in batch files.
        stated: Place at which the last state came.
        activated: Place at which a version was named after its records.
    """

    began: int = 0
    due: int | None = None
    pending: int | None = None
    named: int = 0
    schemas: int = 0
    again: bool = False
    overtaken: int | None = None
    finished: int | None = None
    certain: bool = False
    of_files: int | None = None
    stated: int | None = None
    activated: int | None = None

    def is_complete(self, received: int) -> bool:
        """Whether the stream is certainly complete at the end of the input."""
        on_the_way = received > 0 and (received % ROUND == 0 or received == self.of_files)
        ended = self.finished == received and (self.certain or not on_the_way)
        return ended and not self.again


class StreamVersions:
    """Versions of the streams of one run, and their ends.

    Attributes:
        has_states: Whether a state came.
    """

    def __init__(self) -> None:
        self._streams: dict[str, _History] = {}
        self._syncing = False
        self.has_states = False

    def schema(self, streams: Collection[str], received: Mapping[str, int]) -> None:
        """Take note of a SCHEMA: other streams are at their end, or wait for this one's.

        Args:
            streams: The stream, under all names it is loaded as.
            received: Records received of each stream so far.
        """
        for stream in streams:
            history = self._of(stream)
            history.began = received.get(stream, 0)
            history.schemas += 1
        for stream, history in self._streams.items():
            if stream not in streams:
                history.overtaken = received.get(stream, 0)

    def files(self, stream: str, received: int) -> None:
        """Take note of batch files, after which taps write a state though there be more.

        Args:
            stream: The stream.
            received: Records received of the stream so far, those of the files included.
        """
        self._of(stream).of_files = received

    def activate(self, stream: str, version: int, received: int) -> None:
        """Take note of ACTIVATE_VERSION.

        Args:
            stream: The stream.
            version: The version.
            received: Records received of the stream so far.
        """
        history = self._of(stream)
        if received > history.began or (received and history.pending is None):
            history.pending, history.activated = None, received
            history.due = max(version, version if history.due is None else history.due)
            return
        history.again = history.pending is not None and history.named != history.schemas
        history.named = history.schemas
        history.pending, history.overtaken, history.finished = version, None, None

    def named(self, stream: str) -> int | None:
        """The version that records without one are of, as it was named before them."""
        return self._of(stream).pending

    def state(self, value: Any, received: Mapping[str, int]) -> None:
        """Take note of a state.

        Args:
            value: The state.
            received: Records received of each stream so far.
        """
        state = value if isinstance(value, Mapping) else {}
        syncing, certain = state.get("currently_syncing"), "currently_syncing" in state
        self.has_states, self._syncing = True, bool(syncing)
        for stream, history in self._streams.items():
            count = history.stated = received.get(stream, 0)
            if syncing:
                history.finished = None
            elif certain or history.overtaken != count:
                history.finished, history.certain = count, certain

    def owing(self, received: Mapping[str, int]) -> set[str]:
        """Streams that are complete by the last state, and whose version waits for the end."""
        return {stream for stream, _, complete in self.pending(received) if complete}

    def pending(self, received: Mapping[str, int]) -> Iterator[tuple[str, int, bool]]:
        """Versions that wait for the end of the input: stream, version, whether it is complete."""
        for stream, history in self._streams.items():
            if history.due is not None:
                yield stream, history.due, True
            if history.pending is not None:
                yield stream, history.pending, history.is_complete(received.get(stream, 0))

    def is_cut_short(self, stream: str, received: int, *, stateful: bool) -> bool:
        """Whether a stream has no end, by a tap that ends its streams with a state.

        Args:
            stream: The stream.
            received: Records received of it.
            stateful: Whether its tap sent a state in an earlier run.
        """
        history = self._of(stream)
        if history.activated == received:
            return False
        states = self.has_states or stateful or history.pending is not None
        return self._syncing or (states and history.stated != received)

    def _of(self, stream: str) -> _History:
        return self._streams.setdefault(stream, _History())
