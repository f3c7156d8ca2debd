"""The loader: applies batches in the background and lets state through behind them.

One thread parses, others apply: while batches are merged the next one is read. A destination says
how many streams it can load at once; steps of one stream always run one after the other, in the
order they came. Few steps wait, so memory stays flat however fast the tap is.

State is a promise that what it covers is in the tables, and that what it follows has been done.
Each STATE message is therefore kept with the rows that every stream had received and the steps
that it had been given when it came, and is emitted once as many have been applied and done; less
the part of a stream that is held up, or whose version waits for the end of the input, where a state
has parts (`states.py`).
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from target_databricks.loading.batch import LoadResult
from target_databricks.loading.load import Load
from target_databricks.loading.states import BOOKMARKS, speaks_of, without

State = Mapping[str, Any]

QUEUE_LENGTH = 1
"""Steps that wait while others run."""


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
    run: Callable[[Load], LoadResult | None]


@dataclass(frozen=True)
class _Promise:
    """A state, and what must be done before it may go out.

    Attributes:
        value: The state.
        received: Rows received per stream when it came.
        steps: Steps handed over per stream by then.
        owing: Streams that it says are complete, and whose version takes effect at the end of the
            input.
    """

    value: State
    received: Mapping[str, int]
    steps: Mapping[str, int]
    owing: frozenset[str]


class Loader:
    """Runs steps on threads of its own: those of one stream in order, streams side by side.

    Args:
        load: Applies batches; already open.
        emit: Called with a state once everything it covers is applied, from a loader's thread,
            by one at a time.
        report: Called with what each step did, likewise.
        name: What the tap calls a stream, which the target may know under an alias.
    """

    def __init__(
        self,
        load: Load,
        emit: Callable[[State], None],
        report: Callable[[LoadResult], None],
        name: Callable[[str], str] = str,
    ) -> None:
        self._load = load
        self._emit = emit
        self._report = report
        self._name = name
        self._condition = threading.Condition()
        self._queue: deque[Step] = deque()
        self._running: set[str] = set()
        self._stopping = False
        self._lock = threading.RLock()
        self._applied: dict[str, int] = {}
        self._submitted: Counter[str] = Counter()
        self._done: Counter[str] = Counter()
        self._pending: deque[_Promise] = deque()
        self._partial: _Promise | None = None
        """The last state that went out, if it did so without the streams that owe."""
        self._settled = False
        self._latest: State | None = None
        """The state that went out last."""
        self._error: BaseException | None = None
        self._threads = [
            threading.Thread(target=self._work, name=f"loader-{number}", daemon=True)
            for number in range(max(1, load.parallelism))
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, step: Step) -> None:
        """Hand over a step; waits while others are being applied and another is waiting.

        A step of a stream that the destination cannot load in this run is dropped; no state is
        let through that covers its rows.

        Raises:
            Exception: What an earlier step failed with.
        """
        if step.stream in self._load.refusals.failed:
            return
        with self._condition:
            self._condition.wait_for(lambda: len(self._queue) < QUEUE_LENGTH or self._error)
            self._raise_error()
            self._submitted[step.stream] += 1
            self._queue.append(step)
            self._condition.notify_all()

    def state(self, value: State, received: Mapping[str, int], owing: Collection[str] = ()) -> None:
        """Emit a state as soon as the rows received so far are applied, and all steps are done.

        Args:
            value: The state.
            received: Rows received per stream when the state came.
            owing: Streams that still have something to do at the end of the input: until
                `settle`, no state goes out that speaks of them.
        """
        spoken_of = frozenset(s for s in owing if speaks_of(value, self._name(s)))
        with self._lock:
            steps = dict(self._submitted)
            self._pending.append(_Promise(value, dict(received), steps, spoken_of))
        self._emit_covered_state()
        self._raise_error()

    def settle(self) -> None:
        """What was to be done at the end of the input is done: no stream owes anything."""
        with self._lock:
            self._settled = True
            if self._partial is not None and not self._pending:
                self._pending.append(self._partial)
        self._emit_covered_state()
        self._raise_error()

    def wait(self, stream: str | None = None) -> None:
        """Wait until every step handed over is done.

        Args:
            stream: Wait for the steps of this stream only, if the destination loads several at
                once; a destination that does not is left alone by everybody else meanwhile.

        Raises:
            Exception: What a step failed with.
        """
        with self._condition:
            self._condition.wait_for(lambda: not self._busy(stream))
        self._raise_error()

    def _busy(self, stream: str | None) -> bool:
        if stream is None or len(self._threads) == 1:
            return bool(self._queue or self._running)
        return stream in self._running or any(s.stream == stream for s in self._queue)

    @property
    def holds_state(self) -> bool:
        """Whether a state waits for rows to be applied."""
        with self._lock:
            return bool(self._pending)

    def stop(self) -> None:
        """Let the threads end after the steps handed over; never raises."""
        with self._condition:
            self._stopping = True
            self._condition.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (step := self._next()) is not None:
            try:
                # After a failure nothing more is applied: order is a promise.
                if self._error is None:
                    self._run(step)
            finally:
                with self._condition:
                    self._running.discard(step.stream)
                    self._condition.notify_all()

    def _next(self) -> Step | None:
        """Wait for a step whose stream nobody is loading; None when there will be no more."""
        with self._condition:
            while True:
                for step in self._queue:
                    # The first waiting step of a stream is the one that is due.
                    if step.stream not in self._running:
                        self._queue.remove(step)
                        self._running.add(step.stream)
                        self._condition.notify_all()
                        return step
                if self._stopping and not self._queue:
                    return None
                self._condition.wait()

    def _run(self, step: Step) -> None:
        try:
            self._do(step)
        except BaseException as error:  # noqa: BLE001 - carried to the reading thread
            self._error = self._error or error

    def _do(self, step: Step) -> None:
        result = step.run(self._load)
        with self._lock:
            if step.stream not in self._load.refusals.held:
                self._applied[step.stream] = step.through
                self._done[step.stream] += 1
            if result is not None:
                self._report(result)
        self._emit_covered_state()

    def _behind(self, promise: _Promise) -> set[str]:
        """Streams of which not all is done that a state promises."""
        received, steps = promise.received.items(), promise.steps.items()
        unapplied = {s for s, count in received if self._applied.get(s, 0) < count}
        undone = {s for s, count in steps if self._done[s] < count}
        return unapplied | undone

    def _emit_covered_state(self) -> None:
        with self._lock:
            covered: dict[str, int] | None = None
            while self._pending:
                promise = self._pending[0]
                value, behind = promise.value, self._behind(promise)
                owing = frozenset() if self._settled else promise.owing
                if not behind - owing <= self._load.refusals.held:
                    break
                behind |= owing
                if behind:
                    names = {self._name(stream) for stream in behind}
                    part = without(value, names, self._latest)
                    if part is None:
                        break
                    value = part
                self._pending.popleft()
                self._partial = promise if owing else None
                if behind and not value[BOOKMARKS]:
                    continue  # To emit it would make the tap forget how far it had come before.
                self._latest = value
                received = promise.received.items()
                covered = {s: count for s, count in received if s not in behind}
            if covered is None or self._latest is None:
                return
            self._emit(self._latest)
            # A crash before this line only makes the destination remember more than it must.
            self._load.confirm(covered)

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error
