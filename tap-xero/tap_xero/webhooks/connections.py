"""Connections of the receiver: how many there may be, how long one may say nothing, whose it is.

A connection is a stranger's until a request on it had a good signature. When there are as many as
there may be, the stranger that has been here longest goes, so nobody shuts Xero out by holding
connections.
"""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from tap_xero.webhooks.parts import Parts
from tap_xero.webhooks.receiver import VOUCH

if TYPE_CHECKING:
    import asyncio

MOST = 1_000
"""Connections at most."""

HEADERS_WITHIN = 5.0
"""Seconds in which the headers of a request must have come."""

PART = "listening socket"

_RESERVE = 128
"""Files for all else: the inbox, the pipeline, what Python loads."""

_LEAST = 32
"""Connections below which it makes no sense to start."""


class Room:
    """Who is connected."""

    def __init__(self, most: int, parts: Parts) -> None:
        """Start empty.

        Args:
            most: Connections at most.
            parts: Told that connections are accepted.
        """
        self.parts = parts
        self._most = most
        self._strangers: dict[Connection, None] = {}
        self._vouched: set[Connection] = set()

    def enter(self, connection: Connection) -> None:
        """Let a stranger in; another one may have to go, or itself when all others are Xero's."""
        self.parts.works(PART)
        self._strangers[connection] = None
        if len(self._strangers) + len(self._vouched) > self._most:
            oldest = next(iter(self._strangers))
            self.leave(oldest)
            oldest.transport.abort()

    def vouch(self, connection: Connection) -> None:
        """Note that it is Xero's, if it is still here."""
        if connection in self._strangers:
            del self._strangers[connection]
            self._vouched.add(connection)

    def leave(self, connection: Connection) -> None:
        """Count it no more. Safe to call again."""
        self._strangers.pop(connection, None)
        self._vouched.discard(connection)


class Connection(H11Protocol):
    """uvicorn's HTTP/1.1, which does not wait for ever for the headers of a request."""

    headers_within = HEADERS_WITHIN
    _deadline: asyncio.TimerHandle | None = None

    def __init__(self, room: Room, **options: Any) -> None:
        """Prepare.

        Args:
            room: Who else is connected.
            options: What uvicorn says.
        """
        super().__init__(**options)
        self._room = room
        # uvicorn copies it into each request.
        self.app_state = {**self.app_state, VOUCH: lambda: room.vouch(self)}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._begin_to_wait()
        self._room.enter(self)

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()
        elif self._deadline is None:
            self._begin_to_wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Make room."""
        self._stop_waiting()
        self._room.leave(self)
        super().connection_lost(exc)

    def _begin_to_wait(self) -> None:
        self._deadline = self.loop.call_later(self.headers_within, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def descriptors() -> tuple[int, int]:
    """Share out the files that this process may open.

    All that wait to be accepted may be accepted before one of them can be sent away.

    Returns:
        Connections at most, and how many may wait to be accepted.

    Raises:
        OSError: There are too few, although the limit was raised as far as it goes.
    """
    wanted = _RESERVE + 2 * MOST
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limited = soft != resource.RLIM_INFINITY
    if limited and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    each = ((min(soft, wanted) if limited else wanted) - _RESERVE) // 2
    if each < _LEAST:
        raise OSError(
            f"a process may open {soft} files here: raise the limit to {_RESERVE + 2 * _LEAST} at "
            f"least, {wanted} are of use (LimitNOFILE= of a systemd unit, or `ulimit -n`)"
        )
    return each, each
