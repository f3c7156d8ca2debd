"""Runs the receiver: a socket, uvicorn, and an end that loses nothing."""

from __future__ import annotations

import asyncio
import functools
import socket
import sqlite3
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import uvicorn

from tap_xero.webhooks import connections
from tap_xero.webhooks.connections import Connection, Room
from tap_xero.webhooks.inbox import Inbox
from tap_xero.webhooks.parts import Parts
from tap_xero.webhooks.receiver import PART, SHOWN_FOR, Receiver
from tap_xero.webhooks.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tap_xero.webhooks.metrics import Metrics
    from tap_xero.webhooks.signature import SigningKeys

_LARGEST_HEADERS = 16 * 1024
_KEEP_ALIVE = 65
"""Longer than the proxies in front keep theirs, so that none is closed under a request."""

_STOPS_WITHIN = 5


class WebhookServer:
    """A receiver on a socket, and the writer behind it.

    Args:
        path: The inbox: where events go; also read, for the metrics.
        keys: Signing keys.
        metrics: Is told what happens.
        notify: Called when new events are in the inbox, from another thread.
        parts: Told what does not work, and shown by `/healthz`.
        host: Address to listen on.
        port: Port; 0 takes a free one.
        options: Options of `Receiver`.

    Raises:
        OSError: The port is taken, or too few files may be open.
    """

    def __init__(
        self,
        path: Path,
        keys: SigningKeys,
        metrics: Metrics,
        notify: Callable[[], None] = lambda: None,
        parts: Parts | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        **options: Any,
    ) -> None:
        self._path = path
        self._inbox: Inbox | None = None
        self._reading = threading.Lock()
        self._parts = parts or Parts()
        self._metrics = metrics
        self._notify = notify
        most, waiting = connections.descriptors()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # Naming the protocol lets asyncio switch Nagle's algorithm off.
        self._socket = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
            self._socket.listen(waiting)
            self._writer = Writer(path, self._added, self._parts)
        except BaseException:
            self._socket.close()
            raise
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            Receiver(keys, self._writer, metrics, self._state, self._parts, **options),
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            ws="none",
            loop="asyncio",
            http=cast("Any", functools.partial(Connection, Room(most, self._parts))),
            h11_max_incomplete_event_size=_LARGEST_HEADERS,
            backlog=waiting,
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=_STOPS_WITHIN,
        )
        self._server = _Server(config, self._parts)

    def run(self) -> None:
        """Serve until told to stop, by a signal or `stop`; what was taken is on the disk then."""
        # The writing thread needs the interpreter briefly and often.
        sys.setswitchinterval(0.0005)
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._writer.close()
            self._socket.close()
            self._close_inbox()

    def stop(self) -> None:
        """Finish what is under way and return from `run`; from any thread."""
        self._server.should_exit = True

    def _added(self, new: int) -> None:
        self._metrics.count("events", "new", new)
        if new:
            self._notify()

    def _state(self) -> tuple[int, int, float]:
        """Pending and failed events, and the age of the oldest pending one in seconds.

        Raises:
            OSError: The inbox cannot be opened.
            sqlite3.Error: It cannot be read; the next time it is opened anew.
        """
        with self._reading:
            try:
                if self._inbox is None:
                    self._inbox = Inbox(self._path)
                pending, oldest = self._inbox.pending()
                failed = self._inbox.failed()
            except sqlite3.Error:
                self._close_inbox()
                raise
        age = 0.0 if oldest is None else max(0.0, time.time() - oldest)
        return pending, failed, age

    def _close_inbox(self) -> None:
        inbox, self._inbox = self._inbox, None
        if inbox is not None:
            with suppress(sqlite3.Error):
                inbox.close()


class _Server(uvicorn.Server):
    """uvicorn's server, whose event loop does not keep its errors to itself."""

    def __init__(self, config: uvicorn.Config, parts: Parts) -> None:
        super().__init__(config)
        self._parts = parts

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections."""
        asyncio.get_running_loop().set_exception_handler(self._fails)
        await super().startup(sockets)

    def _fails(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Note what the loop could not do; it accepts connections again after a second."""
        error = context.get("exception") or context["message"]
        if "socket" in context:
            self._parts.fails(connections.PART, error)
        else:
            self._parts.fails(PART, error, SHOWN_FOR)
