"""Runs the receiver: a socket, uvicorn, and an end that loses nothing."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from tap_xero.webhooks.receiver import Receiver
from tap_xero.webhooks.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_xero.webhooks.inbox import Inbox
    from tap_xero.webhooks.metrics import Metrics
    from tap_xero.webhooks.signature import SigningKeys

HEADERS_WITHIN = 5.0
"""Seconds in which the headers of a request must have come."""

_LARGEST_HEADERS = 16 * 1024
_CONNECTIONS = 1_000
_KEEP_ALIVE = 65
"""Longer than the proxies in front keep theirs, so that none is closed under a request."""

_STOPS_WITHIN = 5


class _ImpatientProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, which does not wait for ever for the headers of a request."""

    headers_within = HEADERS_WITHIN
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._begin_to_wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()
        elif self._deadline is None:
            self._begin_to_wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _begin_to_wait(self) -> None:
        self._deadline = self.loop.call_later(self.headers_within, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class WebhookServer:
    """A receiver on a socket, and the writer behind it.

    Args:
        inbox: Where events go; also read, for the metrics.
        keys: Signing keys.
        metrics: Is told what happens.
        notify: Called when new events are in the inbox, from another thread.
        host: Address to listen on.
        port: Port; 0 takes a free one.
        options: Options of `Receiver`.

    Raises:
        OSError: The port is taken.
    """

    def __init__(
        self,
        inbox: Inbox,
        keys: SigningKeys,
        metrics: Metrics,
        notify: Callable[[], None] = lambda: None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        **options: Any,
    ) -> None:
        self._inbox = inbox
        self._metrics = metrics
        self._notify = notify
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # Naming the protocol lets asyncio switch Nagle's algorithm off.
        self._socket = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
            self._socket.listen(1024)
            self._writer = Writer(inbox.path, self._added)
        except BaseException:
            self._socket.close()
            raise
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            Receiver(keys, self._writer, metrics, self._state, **options),
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            ws="none",
            loop="asyncio",
            http=_ImpatientProtocol,
            h11_max_incomplete_event_size=_LARGEST_HEADERS,
            limit_concurrency=_CONNECTIONS,
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=_STOPS_WITHIN,
        )
        self._server = uvicorn.Server(config)

    def run(self) -> None:
        """Serve until told to stop, by a signal or `stop`; what was taken is on the disk then."""
        # The writing thread needs the interpreter briefly and often.
        sys.setswitchinterval(0.0005)
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._writer.close()
            self._socket.close()

    def stop(self) -> None:
        """Finish what is under way and return from `run`; from any thread."""
        self._server.should_exit = True

    def _added(self, new: int) -> None:
        self._metrics.count("events", "new", new)
        if new:
            self._notify()

    def _state(self) -> tuple[int, int, float]:
        pending, oldest = self._inbox.pending()
        age = 0.0 if oldest is None else max(0.0, time.time() - oldest)
        return pending, self._inbox.failed(), age
