"""Garbage of this process, collected in a thread of its own while a sandbox serves.

A connection of databricks-sql-connector that is never closed ends its session when Python collects
it, in whatever thread Python happens to be then. Where that is the thread that serves, it would
wait for its own answer: for the 900 seconds that such a connection waits for one.
"""

from __future__ import annotations

import gc
import threading

THREAD = "garbage"
"""The name of the thread."""

_LOOK_SECONDS = 0.1


class GarbageCollector:
    """Collects as Python does by itself, by the same thresholds, in one thread of the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._servers = 0
        self._end: threading.Event | None = None

    def start(self) -> None:
        """Take over from Python when the first sandbox begins to serve."""
        with self._lock:
            self._servers += 1
            # A process that has collection off keeps it off.
            if self._servers == 1 and gc.isenabled():
                gc.disable()
                self._end = end = threading.Event()
                threading.Thread(
                    target=_collect_until, args=(end,), name=THREAD, daemon=True
                ).start()

    def stop(self) -> None:
        """Hand it back to Python when the last sandbox has stopped."""
        with self._lock:
            self._servers -= 1
            if not self._servers and self._end is not None:
                self._end.set()
                self._end = None
                gc.enable()


GARBAGE = GarbageCollector()
"""The one of this process."""


def _collect_until(end: threading.Event) -> None:
    while not end.wait(_LOOK_SECONDS):
        counts = zip(gc.get_count(), gc.get_threshold(), strict=True)
        due = [generation for generation, (count, most) in enumerate(counts) if count > most > 0]
        if due:
            gc.collect(max(due))
