"""The parts of the receiver: which do not work, and a thread that begins again after an error."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from typing import TYPE_CHECKING

from tap_xero.api.retries import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)

BACKOFF = Backoff(first=1.0, longest=60.0)


class Parts:
    """What is wrong with which part. May be used from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with nothing wrong.

        Args:
            clock: Seconds of a clock that never goes back.
        """
        self._clock = clock
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}

    def fails(
        self,
        part: str,
        error: BaseException | str,
        seconds: float = float("inf"),
        *,
        doing: str = "",
    ) -> None:
        """Note that a part does not work, and log why.

        Args:
            part: Its name.
            error: What is wrong.
            seconds: How long that is taken to be so, unless it is noted that the part works.
            doing: What could not be done.
        """
        with self._lock:
            self._until[part] = self._clock() + seconds
        told = ": ".join(filter(None, (doing, str(error) or type(error).__name__)))
        # Where it comes from says nothing to people when it is a disk or a network that failed.
        cause = None if isinstance(error, (str, OSError, sqlite3.Error)) else error
        _log.error("The %s does not work: %s", part, told, extra={"part": part}, exc_info=cause)

    def works(self, part: str) -> None:
        """Note that a part works, again or still."""
        if part in self._until:
            with self._lock:
                self._until.pop(part, None)
            _log.warning("The %s works again", part, extra={"part": part})

    def failing(self) -> list[str]:
        """The names of those that do not work."""
        now = self._clock()
        with self._lock:
            return sorted(part for part, until in self._until.items() if until > now)


class Worker:
    """A thread that does the work of a part, from the beginning again whenever it has failed."""

    def __init__(
        self,
        part: str,
        work: Callable[[], None],
        parts: Parts,
        stopping: threading.Event,
        backoff: Backoff = BACKOFF,
    ) -> None:
        """Prepare.

        Args:
            part: Its name.
            work: What is to be done; returns when it is over for good, and tells `parts` when it
                works.
            parts: Told of failures.
            stopping: Set when the work is not to begin again.
            backoff: Pauses after failures in a row: those that come sooner than the longest pause
                after the work began.
        """
        self._part = part
        self._work = work
        self._parts = parts
        self._stopping = stopping
        self._backoff = backoff
        self._thread = threading.Thread(target=self._run, name=part, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self) -> None:
        """Wait until the work is over."""
        self._thread.join()

    def _run(self) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            try:
                self._work()
            except BaseException as error:  # noqa: BLE001 (a thread that ends takes no more events)
                lasted = time.monotonic() - began
                failures = 1 if lasted > self._backoff.longest else failures + 1
                self._parts.fails(self._part, error)
                if not self._stopping.wait(self._backoff.pause(failures)):
                    continue
            return
