"""The loader: applies batches in the background and lets state through behind them.

One thread parses, another applies: while a batch is merged the next one is read. The queue
between them holds a single batch, so memory stays flat however fast the tap is.

State is a promise that what it covers is in the tables. Each STATE message is therefore kept with
the number of rows every stream had received when it came, and is emitted once as many have been
applied.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from target_databricks.batch import LoadResult
from target_databricks.destination import Destination

State = Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """One thing to do at the destination, and how far its stream has come when it is done.

    Attributes:
        stream: Stream name.
        through: Rows received for the stream up to and including this step.
        run: Does it; gives what it did, or None.
    """

    stream: str
    through: int
    run: Callable[[Destination], LoadResult | None]


class Loader:
    """Runs steps in order on a thread of its own.

    Args:
        destination: Where batches go; already open.
        emit: Called with a state once everything it covers is applied, from the loader's thread.
        report: Called with what each step did, from the loader's thread.
    """

    def __init__(
        self,
        destination: Destination,
        emit: Callable[[State], None],
        report: Callable[[LoadResult], None],
    ) -> None:
        self._destination = destination
        self._emit = emit
        self._report = report
        self._steps: queue.Queue[Step | None] = queue.Queue(maxsize=1)
        self._lock = threading.Lock()
        self._applied: dict[str, int] = {}
        self._pending: deque[tuple[State, dict[str, int]]] = deque()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="loader", daemon=True)
        self._thread.start()

    def submit(self, step: Step) -> None:
        """Hand over a step; waits while one is being applied and another is waiting.

        Raises:
            Exception: What an earlier step failed with.
        """
        self._raise_error()
        self._steps.put(step)

    def state(self, value: State, received: Mapping[str, int]) -> None:
        """Emit a state as soon as the rows received so far are applied.

        Args:
            value: The state.
            received: Rows received per stream when the state came.
        """
        with self._lock:
            self._pending.append((value, dict(received)))
        self._let_state_through()
        self._raise_error()

    def wait(self) -> None:
        """Wait until every step handed over is done.

        Raises:
            Exception: What a step failed with.
        """
        self._steps.join()
        self._raise_error()

    def stop(self) -> None:
        """Let the thread end after the steps handed over; never raises."""
        self._steps.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (step := self._steps.get()) is not None:
            # After a failure nothing more is applied: order is a promise.
            if self._error is None:
                self._run(step)
            self._steps.task_done()
        self._steps.task_done()

    def _run(self, step: Step) -> None:
        try:
            self._do(step)
        except BaseException as error:  # noqa: BLE001 - carried to the reading thread
            self._error = error

    def _do(self, step: Step) -> None:
        result = step.run(self._destination)
        with self._lock:
            self._applied[step.stream] = step.through
        if result is not None:
            self._report(result)
        self._let_state_through()

    def _let_state_through(self) -> None:
        with self._lock:
            ready: tuple[State, dict[str, int]] | None = None
            while self._pending and self._covered(self._pending[0][1]):
                ready = self._pending.popleft()
            if ready is None:
                return
            value, received = ready
            self._emit(value)
            # A crash before this line only makes the destination remember more than it must.
            self._destination.confirm(received)

    def _covered(self, received: Mapping[str, int]) -> bool:
        return all(self._applied.get(stream, 0) >= count for stream, count in received.items())

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error
