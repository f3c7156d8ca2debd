"""An application on one port of 127.0.0.1, in a thread of this process, until it is stopped.

The port speaks TLS with a certificate of its own to clients that begin with a TLS handshake, and
plain HTTP to the others.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import uvicorn
from anyio.to_thread import current_default_thread_limiter
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from databricks_sandbox.certificate import write_certificate
from databricks_sandbox.garbage import GARBAGE

_HOST = "127.0.0.1"

# The first byte of a TLS handshake (RFC 8446, section 5.1).
_TLS_HANDSHAKE = b"\x16"

# Long enough for a client that thinks, short enough not to keep sockets of clients that are gone.
_IDLE_SECONDS = 120

# More than all clients of a test session together ask for what blocks.
_THREADS = 256

_BACKLOG = 128
_STOP_SECONDS = 10.0
_GRACE_SECONDS = 1.0
_PAUSE_SECONDS = 0.005

RESET = "databricks_sandbox.reset"
"""The ASGI extension with a function that resets the connection of a request."""


class Server:
    """Serves one application.

    Args:
        app: what is served.
        folder: where the certificate is written.
        port: on 127.0.0.1; 0 takes a free one.

    Attributes:
        ca_file: the certificate to trust.
        port: the port that is listened on.

    Raises:
        OSError: the port cannot be had.
    """

    def __init__(self, app: ASGIApp, folder: Path, port: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.ca_file = folder / "ca.pem"
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self.ca_file, write_certificate(self.ca_file))
        # Naming the protocol lets asyncio switch Nagle's algorithm off, which would hold small
        # answers back for 40 ms.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((_HOST, port))
        except OSError:
            self._socket.close()
            raise
        self._socket.listen(_BACKLOG)
        self._socket.setblocking(False)
        self.port = int(self._socket.getsockname()[1])
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            http=_Connection,
            loop="asyncio",
            proxy_headers=False,
            timeout_keep_alive=_IDLE_SECONDS,
        )
        self._server = _OnePortServer(config, tls)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )
        self._serving = False

    def start(self) -> None:
        """Begin to serve."""
        self._serving = True
        GARBAGE.start()
        # The socket already listens, so a client that is early waits instead of failing.
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and close the port."""
        self._server.end()
        if self._serving:
            self._serving = False
            self._thread.join(_STOP_SECONDS)
            GARBAGE.stop()
        self._socket.close()


class _Connection(HttpToolsProtocol):
    """uvicorn's HTTP connection, which an application can reset."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        app = cast("ASGIApp", self.app)
        extensions = {RESET: functools.partial(_reset, transport)}

        async def resettable(scope: Scope, receive: Receive, send: Send) -> None:
            scope["extensions"] = extensions
            await app(scope, receive, send)

        self.app = cast("Any", resettable)


def _reset(transport: asyncio.Transport) -> None:
    """Close a connection by RST, so that its client cannot take the end for an answer."""
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class _OnePortServer(uvicorn.Server):
    """uvicorn's server for TLS and plain HTTP on one port; it stops at once instead of polling."""

    def __init__(self, config: uvicorn.Config, tls: ssl.SSLContext) -> None:
        super().__init__(config)
        self._tls = tls
        self._openings: set[asyncio.Task[None]] = set()
        self._end_main_loop: Callable[[], object] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections of sockets that listen."""
        # Threads that nobody needs cost nothing; a call that has to wait for one is late.
        current_default_thread_limiter().total_tokens = _THREADS
        self.servers = []
        loop = asyncio.get_running_loop()
        for listening in sockets or ():
            loop.add_reader(listening, self._accept, listening)
        self.started = True

    async def main_loop(self) -> None:
        """Refresh the Date header every second until it is stopped."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._end_main_loop = lambda: loop.call_soon_threadsafe(stop.set)
        # To uvicorn every tenth tick is a new second.
        while not await self.on_tick(0):
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(stop.wait(), 1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, let calls under way finish for a moment, and drop the rest."""
        for listening in sockets or ():
            asyncio.get_running_loop().remove_reader(listening)
            listening.close()
        for opening in list(self._openings):
            opening.cancel()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        for _ in range(int(_GRACE_SECONDS / _PAUSE_SECONDS)):
            if not self.server_state.tasks:
                break
            await asyncio.sleep(_PAUSE_SECONDS)

    def end(self) -> None:
        """Ask it to stop, from any thread."""
        self.should_exit = True
        if self._end_main_loop is not None:
            self._end_main_loop()

    def _accept(self, listening: socket.socket) -> None:
        # One that hung up before it was accepted is its own business.
        with suppress(OSError):
            accepted, _ = listening.accept()
            accepted.setblocking(False)
            opening = asyncio.get_running_loop().create_task(self._open(accepted))
            self._openings.add(opening)
            opening.add_done_callback(self._openings.discard)

    async def _open(self, accepted: socket.socket) -> None:
        """Hand a connection to uvicorn once its first byte tells TLS from plain HTTP."""
        try:
            first = await asyncio.wait_for(_first_byte(accepted), _IDLE_SECONDS)
            await asyncio.get_running_loop().connect_accepted_socket(
                self._connection, accepted, ssl=self._tls if first == _TLS_HANDSHAKE else None
            )
        except (TimeoutError, OSError):
            # A client that hung up, or did not trust the certificate, is its own business.
            accepted.close()
        except asyncio.CancelledError:
            accepted.close()
            raise

    def _connection(self) -> _Connection:
        return _Connection(self.config, self.server_state, self.lifespan.state)


async def _first_byte(connection: socket.socket) -> bytes:
    """The first byte of a connection, left unread; empty when the client hung up."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(connection, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(connection)
    return connection.recv(1, socket.MSG_PEEK)
