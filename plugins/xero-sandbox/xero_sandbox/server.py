"""Running the application on a loopback port: in a thread of this process, until asked to stop."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.applications import Starlette

_HOST = "127.0.0.1"
_STOP_SECONDS = 10.0
_GRACE_SECONDS = 1.0
_PAUSE_SECONDS = 0.005


class _PromptServer(uvicorn.Server):
    """uvicorn's server, which stops within milliseconds of being asked instead of polling."""

    _set_stop: Callable[[], object] | None = None

    async def main_loop(self) -> None:
        """Refresh the Date header every second until asked to stop."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._set_stop = lambda: loop.call_soon_threadsafe(stop.set)
        # To uvicorn every tenth tick is a new second.
        while not await self.on_tick(0):
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(stop.wait(), 1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, let calls under way finish for a moment, and drop the rest."""
        for server in self.servers:
            server.close()
        for listening in sockets or ():
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        for _ in range(int(_GRACE_SECONDS / _PAUSE_SECONDS)):
            if not self.server_state.tasks:
                break
            await asyncio.sleep(_PAUSE_SECONDS)

    def request_stop(self) -> None:
        """Ask it to stop, from any thread."""
        self.should_exit = True
        if self._set_stop is not None:
            self._set_stop()


class Server:
    """An HTTP server for one application, started and stopped by whoever made it.

    Args:
        app: What to serve.
        port: Port on 127.0.0.1; 0 takes a free one.
    """

    def __init__(self, app: Starlette, port: int = 0) -> None:
        # Naming the protocol lets asyncio switch Nagle's algorithm off, which would hold small
        # answers back for 40 ms.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((_HOST, port))
        self._socket.listen(128)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://{_HOST}:{self.port}"
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            # Answers of the API bear a date of their own.
            date_header=False,
            lifespan="off",
            ws="none",
            http="h11",
            loop="asyncio",
        )
        self._server = _PromptServer(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )

    def start(self) -> None:
        """Start serving; connections made from now on are answered."""
        # The socket already listens, so a client that is early waits instead of failing.
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and free the port."""
        self._server.request_stop()
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS)
        self._socket.close()
