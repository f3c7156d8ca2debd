"""Reading Singer messages fast: RECORD lines are routed, not decoded.

Nearly all lines are RECORD messages that begin `{"type": "RECORD", "stream": "…"`. Their stream is
read off the first bytes and the line goes to its sink as it is. Everything else, and records of
streams that need the SDK's own path (stream maps, flattening, validation), is decoded.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any, Protocol

from singer_sdk.singerlib.encoding.base import GenericSingerReader

from target_databricks.errors import BadInputError
from target_databricks.reading.json_text import TooDeepError, loads

CHUNK = 1 << 18
"""Bytes asked of the pipe at a time; it gives what it has."""
EXCERPT = 200
"""Characters of a bad line that an error shows."""
MEMBERS: Mapping[str, Mapping[str, type]] = {
    "SCHEMA": {"stream": str, "schema": dict},
    "RECORD": {"stream": str, "record": dict},
    "STATE": {"value": object},
    "ACTIVATE_VERSION": {"stream": str, "version": int},
    "BATCH": {"stream": str, "encoding": dict, "manifest": list},
}
"""What a message must have. Source: Singer specification; Meltano SDK for the last two."""

_RECORD = re.compile(rb'\s*\{\s*"type"\s*:\s*"RECORD"\s*,\s*"stream"\s*:\s*"([^"\\]*)"').match

_NO_LINE = b"\n"
"""What no line begins with."""


class LineSink(Protocol):
    """Takes the RECORD lines of one stream as they are."""

    def add(self, line: bytes, number: int) -> None:
        """Take a line of the input and its number, from 1."""


class BlockReader(GenericSingerReader[bytes]):
    """Reads messages from a pipe, a file or a text stream.

    Attributes:
        line: Number of the line being processed, from 1.
        direct: Streams whose records go to their sink undecoded; kept by the target.
        on_failure: Called before an error leaves `process_lines`, so that the target can let go of
            what it holds.
        on_too_deep: Takes the stream and the line of a record that cannot be decoded, and says
            whether it knows what to do with it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.line = 0
        self.direct: dict[bytes, LineSink] = {}
        self.on_failure: Callable[[], None] = lambda: None
        self.on_too_deep: Callable[[str, bytes], bool] = lambda stream, line: False  # noqa: ARG005

    @property
    def default_input(self) -> IO[bytes]:
        """Standard input, as bytes."""
        return sys.stdin.buffer

    def process_lines(
        self,
        file_input: IO[bytes] | IO[str] | None,
        callbacks: dict[str, Callable[[dict[str, Any]], None]],
    ) -> Counter[str]:
        """Route every line of the input.

        Args:
            file_input: Where to read; standard input when None.
            callbacks: What to do with decoded messages, by type.

        Returns:
            Lines by message type.

        Raises:
            BadInputError: A line is not a Singer message.
        """
        try:
            return self._process(file_input or self.default_input, callbacks)
        except BaseException:
            self.on_failure()
            raise

    def _process(
        self,
        source: IO[bytes] | IO[str],
        callbacks: dict[str, Callable[[dict[str, Any]], None]],
    ) -> Counter[str]:
        counts: Counter[str] = Counter()
        direct = self.direct
        records = 0
        start, add = _NO_LINE, _nowhere
        for line in _lines(source):
            self.line += 1
            # Records of a stream follow each other, and all of them begin as the first one did.
            if line.startswith(start):
                add(line, self.line)
                records += 1
                continue
            match = _RECORD(line)
            if match is not None and (sink := direct.get(match[1])) is not None:
                start, add = match[0], sink.add
                add(line, self.line)
                records += 1
                continue
            start = _NO_LINE
            if not line.strip():
                continue
            try:
                message = self.deserialize_json(line)
            except TooDeepError as error:
                if match is None or not self.on_too_deep(match[1].decode(), line):
                    raise self._not_json(line, error) from error
                records += 1
                continue
            kind = self._kind(message)
            callbacks[kind](message)
            counts[kind] += 1
        counts["RECORD"] += records
        return counts

    def deserialize_json(self, line: bytes) -> dict[str, Any]:
        """Decode a message with numbers exact.

        Raises:
            BadInputError: The line is not a JSON object.
            TooDeepError: Nobody can tell.
        """
        try:
            message = loads(line)
        except TooDeepError:
            raise
        except ValueError as error:
            raise self._not_json(line, error) from error
        if not isinstance(message, dict):
            raise BadInputError(
                f"Line {self.line} of the input is not a Singer message: {_excerpt(line)}"
            )
        return message

    def _not_json(self, line: bytes, reason: ValueError) -> BadInputError:
        return BadInputError(
            f"Line {self.line} of the input is not JSON ({reason}): {_excerpt(line)}. "
            "Something other than the tap's messages went to its standard output; mend the "
            "tap, then run again: what was loaded before stays."
        )

    def _kind(self, message: dict[str, Any]) -> str:
        kind = str(message.get("type"))
        if kind not in MEMBERS:
            raise BadInputError(
                f"Line {self.line} of the input has the message type {kind!r}, which Singer does "
                "not know. Mend the tap, then run again."
            )
        for member, types in MEMBERS[kind].items():
            if member not in message or not isinstance(message[member], types):
                raise BadInputError(
                    f"Line {self.line} of the input is a {kind} message for stream "
                    f"{message.get('stream')!r} without a usable {member!r}. Mend the tap, then "
                    "run again."
                )
        return kind


def _nowhere(line: bytes, number: int) -> None:
    """Take a line of no stream; there is none."""


def _lines(source: IO[bytes] | IO[str]) -> Iterator[bytes]:
    """Lines of a byte or text stream, without waiting for more than is there."""
    raw = getattr(source, "buffer", source)
    read = getattr(raw, "read1", None)
    if read is None:
        for line in raw:
            yield line.encode("utf-8", "surrogatepass") if isinstance(line, str) else line
        return
    rest: list[bytes] = []
    while chunk := read(CHUNK):
        *whole, tail = chunk.split(b"\n")
        if whole:
            # Joined once: to append to a long line again and again would copy it each time.
            yield b"".join([*rest, whole[0]])
            yield from whole[1:]
            rest = []
        if tail:
            rest.append(tail)
    if rest:
        yield b"".join(rest)


def _excerpt(line: bytes) -> str:
    text = line[:EXCERPT].decode("utf-8", "replace")
    return text + ("…" if len(line) > EXCERPT else "")
