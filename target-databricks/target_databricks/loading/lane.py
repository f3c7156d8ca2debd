"""Threads that take things to do from a queue: of one stream one after the other."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")


class Lane(Generic[ItemT]):
    """A queue and its threads.

    Args:
        name: Of the threads.
        threads: How many there are, from 1.
        do: Does an item; what it raises is kept.
        condition: Held to look at the lane, and notified when it changes.
        tick: Called by a thread that looks for something to do, holding the condition. Returns the
            seconds until it must be called again, or None.
    """

    def __init__(
        self,
        name: str,
        threads: int,
        do: Callable[[ItemT], None],
        condition: threading.Condition,
        tick: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._do = do
        self._condition = condition
        self._tick = tick
        self._queue: deque[tuple[str, ItemT]] = deque()
        self._running: set[str] = set()
        self._stopping = False
        self.error: BaseException | None = None
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """How many items wait."""
        return len(self._queue)

    def busy(self, stream: str | None) -> bool:
        """Whether there is something to do, of a stream or of any."""
        if stream is None:
            return bool(self._queue or self._running)
        return stream in self._running or self.awaits(stream)

    def awaits(self, stream: str) -> bool:
        """Whether an item of a stream waits."""
        return any(name == stream for name, _ in self._queue)

    def put(self, stream: str, item: ItemT) -> None:
        """Queue an item; the condition is held."""
        self._queue.append((stream, item))
        self._condition.notify_all()

    def stop(self) -> None:
        """Let the threads end after what is queued."""
        with self._condition:
            self._stopping = True
            self._condition.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (taken := self._next()) is not None:
            stream, item = taken
            try:
                # After a failure nothing more is done: order is a promise.
                if self.error is None:
                    self._do(item)
            except BaseException as error:  # noqa: BLE001 - carried to the reading thread
                self.error = self.error or error
            finally:
                with self._condition:
                    self._running.discard(stream)
                    self._condition.notify_all()

    def _next(self) -> tuple[str, ItemT] | None:
        """Wait for an item whose stream nobody is at; None when there will be no more."""
        with self._condition:
            while True:
                seconds = self._tick()
                for taken in self._queue:
                    # The first waiting item of a stream is the one that is due.
                    if taken[0] not in self._running:
                        self._queue.remove(taken)
                        self._running.add(taken[0])
                        self._condition.notify_all()
                        return taken
                if self._stopping and not self._queue:
                    return None
                self._condition.wait(seconds)
