"""The SQL warehouse as a thing with a state: stopped, starting, running, stopping.

Sessions and statements need a running warehouse; the first to come starts a stopped one, and is
refused until it is up. Times are the sandbox's clock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from databricks_sandbox.clock import Clock
from databricks_sandbox.faults import HttpError
from databricks_sandbox.limits import RETRY_AFTER_SECONDS


class Warehouse:
    """One SQL warehouse.

    Args:
        clock: decides when a start is over.
        identifier: the last part of `http_path`.
        start_seconds: how long a start takes.

    Attributes:
        start_seconds: how long the next start takes.
        on_start: called when it is started out of a stop.
        on_stop: called when it stops; sessions end with it.
    """

    def __init__(self, clock: Clock, identifier: str, start_seconds: float = 0.0) -> None:
        self.identifier = identifier
        self.name = "Sandbox Warehouse"
        self.start_seconds = start_seconds
        self.on_start: Callable[[], None] = lambda: None
        self.on_stop: Callable[[], None] = lambda: None
        self._clock = clock
        self._lock = threading.Lock()
        self._running = True
        self._ready_at = 0.0
        self._starts = 0

    @property
    def http_path(self) -> str:
        """The path of the SQL protocol."""
        return f"/sql/1.0/warehouses/{self.identifier}"

    @property
    def state(self) -> str:
        """`RUNNING`, `STARTING` or `STOPPED`, as the REST API says it."""
        with self._lock:
            return self._state()

    @property
    def starts(self) -> int:
        """How often it was started out of a stop, since it was restored."""
        return self._starts

    def start(self) -> None:
        """Begin to start; nothing when it is up or on its way."""
        with self._lock:
            self._start()

    def stop(self) -> None:
        """Stop at once; all sessions end."""
        with self._lock:
            self._running = False
        self.on_stop()

    def restore(self) -> None:
        """Back to a running warehouse whose next start is instant."""
        with self._lock:
            self._running = True
            self._ready_at = 0.0
            self._starts = 0
            self.start_seconds = 0.0

    def require(self) -> None:
        """Start it if needed and let only a running warehouse pass.

        Raises:
            HttpError: 503 with Retry-After while it starts.
        """
        with self._lock:
            self._start()
            if self._state() != "RUNNING":
                raise HttpError(
                    503,
                    "TEMPORARILY_UNAVAILABLE",
                    f"SQL warehouse {self.identifier} is starting. Please try again later.",
                    retry_after=max(
                        1, min(RETRY_AFTER_SECONDS, round(self._ready_at - self._clock.now()))
                    ),
                )

    def _start(self) -> None:
        if not self._running:
            self._running = True
            self._starts += 1
            self.on_start()
            self._ready_at = self._clock.now() + self.start_seconds

    def _state(self) -> str:
        if not self._running:
            return "STOPPED"
        return "RUNNING" if self._clock.now() >= self._ready_at else "STARTING"
