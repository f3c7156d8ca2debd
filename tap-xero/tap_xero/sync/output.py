"""Writes Singer messages: many records in one go, and never half a line.

The SDK writes and flushes each message on its own; a page of a thousand records written
at once is what lets the tap keep up with Xero.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib.encoding.base import GenericSingerWriter
from singer_sdk.singerlib.encoding.simple import Message, SchemaMessage, StateMessage

from tap_xero.api import wire

if TYPE_CHECKING:
    from collections.abc import Callable


class LineWriter(GenericSingerWriter[bytes, Message]):
    """Singer messages on stdout, numbers with the digits they came with.

    Attributes:
        volume: Bytes of records written so far.
    """

    def __init__(self) -> None:
        """Start with nothing in the middle of being written."""
        super().__init__()
        self.volume = 0
        self._writing = False
        self._afterwards: Callable[[], None] | None = None

    def serialize_message(self, message: Message) -> bytes:
        """A message as one line of JSON, without its end."""
        return wire.encode(message.to_dict())

    def write_message(self, message: Message) -> None:
        """Write one message."""
        line = self.format_message(message) + b"\n"
        if isinstance(message, (SchemaMessage, StateMessage)):
            self._write(line)
        else:
            self.write_lines(line)

    def write_lines(self, lines: bytes) -> None:
        """Write whole lines of records."""
        self._write(lines)
        self.volume += len(lines)

    def _write(self, lines: bytes) -> None:
        """Hand whole lines to the reader of stdout."""
        self._writing = True
        try:
            buffer: Any = getattr(sys.stdout, "buffer", None)
            if buffer is None:
                sys.stdout.write(lines.decode())
            else:
                rest = memoryview(lines)
                while rest:
                    # A signal that comes while the pipe is full ends a long write half-way.
                    rest = rest[buffer.write(rest) :]
            sys.stdout.flush()
        finally:
            self._writing = False
        if self._afterwards is not None:
            self._afterwards()

    def between_lines(self, action: Callable[[], None]) -> None:
        """Do something as soon as no line is half written; now, if none is.

        For signal handlers: what they interrupt may be a write, and a line cut in two is
        an error for whoever reads it.
        """
        if self._writing:
            self._afterwards = action
        else:
            action()
