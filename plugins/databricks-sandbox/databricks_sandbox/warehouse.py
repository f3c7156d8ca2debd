"""The SQL warehouse as a thing with a state: stopped, starting, running, stopping.

Sessions and statements need a running warehouse; the first to come starts a stopped one, and is
refused until it is up. One that nobody uses can stop by itself. Times are the sandbox's clock.
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
        auto_stop_seconds: after how long without a call of the SQL protocol it stops; 0 for never.
        on_start: called when it is started out of a stop.
        on_stop: called when it stops; sessions end with it.
    """

    def __init__(self, clock: Clock, identifier: str, start_seconds: float = 0.0) -> None:
        self.identifier = identifier
        self.name = "Sandbox Warehouse"
        self.start_seconds = start_seconds
        self.auto_stop_seconds = 0.0
        self.on_start: Callable[[], None] = lambda: None
        self.on_stop: Callable[[], None] = lambda: None
        self._clock = clock
        self._lock = threading.Lock()
        self._running = True
        self._ready_at = 0.0
        self._starts = 0
        self._awake = 0.0
        self._since = self._used_at = clock.now()

    @property
    def http_path(self) -> str:
        """The path of the SQL protocol."""
        return f"/sql/1.0/warehouses/{self.identifier}"

    @property
    def state(self) -> str:
        """`RUNNING`, `STARTING` or `STOPPED`, as the REST API says it."""
        self._stop_if_idle()
        with self._lock:
            return self._state()

    @property
    def awake_seconds(self) -> float:
        """How long it has been awake, starts and idle minutes included, since it was restored."""
        self._stop_if_idle()
        with self._lock:
            return self._awake + (self._clock.now() - self._since if self._running else 0.0)

    @property
    def starts(self) -> int:
        """How often it was started out of a stop, since it was restored."""
        return self._starts

    def start(self) -> None:
        """Begin to start; nothing when it is up or on its way."""
        self._stop_if_idle()
        with self._lock:
            self._start()

    def stop(self) -> None:
        """Stop at once; all sessions end."""
        with self._lock:
            self._stop(self._clock.now())
        self.on_stop()

    def restore(self) -> None:
        """Back to a running warehouse whose next start is instant."""
        with self._lock:
            self._running = True
            self._ready_at = 0.0
            self._starts = 0
            self._awake = 0.0
            self._since = self._used_at = self._clock.now()
            self.start_seconds = self.auto_stop_seconds = 0.0

    def require(self) -> None:
        """Start it if needed and let only a running warehouse pass.

        Raises:
            HttpError: 503 with Retry-After while it starts.
        """
        self._stop_if_idle()
        with self._lock:
            self._start()
            self._used_at = self._clock.now()
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
            self._since = self._used_at = self._clock.now()
            self._ready_at = self._since + self.start_seconds

    def _stop(self, at: float) -> None:
        if self._running:
            self._running = False
            self._awake += at - self._since

    def _stop_if_idle(self) -> None:
        with self._lock:
            due = self._used_at + self.auto_stop_seconds
            idle = bool(self.auto_stop_seconds) and self._running and self._clock.now() >= due
            if idle:
                self._stop(due)
        if idle:
            self.on_stop()

    def _state(self) -> str:
        if not self._running:
            return "STOPPED"
        return "RUNNING" if self._clock.now() >= self._ready_at else "STARTING"
