"""Running the application on a loopback port: in a thread of this process, until told to stop."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from types import TracebackType

    from starlette.applications import Starlette
    from typing_extensions import Self

_HOST = "127.0.0.1"
_STARTS_WITHIN = 30.0


class Server:
    """An HTTP server for one application; a context manager.

    Args:
        app: What to serve.
        port: Port on 127.0.0.1; 0 takes a free one.
    """

    def __init__(self, app: Starlette, port: int = 0) -> None:
        self._socket = socket.create_server((_HOST, port), backlog=128)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://{_HOST}:{self.port}"
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            http="h11",
            loop="asyncio",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start serving; connections made from now on are answered."""
        # The socket already listens, so a client that is early waits instead of failing.
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and free the port."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(_STARTS_WITHIN)
        self._socket.close()
