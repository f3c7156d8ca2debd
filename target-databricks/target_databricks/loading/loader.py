"""The loader: stages and applies batches in the background, and lets state through behind them.

One thread parses, others load: while batches are merged the next one is read. A destination says
how many streams it can load at once; steps of one stream always run one after the other, in the
order they came. Few steps wait, so memory stays flat however fast the tap is.

Some destinations cost money while they are at work, and have staged batches wait for others. Then
staging has a thread of its own, which goes on while others merge, and all that waits is merged
together when one of these comes first:

| when | because |
|---|---|
| the oldest has waited for `merge_every` seconds, whether or not the tap sends anything | state |
| more than `MOST_BYTES` wait | disk |
| the stream's schema changes; of that stream only | its rows are loaded under the old one |
| the input has ended | all that came must be in |

So the SDK's rule that a state a minute after the oldest record drains all sinks decides here when
batches are staged, not when they are merged.

State is a promise that what it covers is in the tables, and that what it follows has been done.
Each STATE message is therefore kept with the rows that every stream had received and the steps
that it had been given when it came, and is emitted once as many have been applied and done; less
the part of a stream that is held up, or whose version waits for the end of the input, where a state
has parts (`states.py`).
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from target_databricks.loading.batch import LoadResult
from target_databricks.loading.lane import Lane
from target_databricks.loading.load import Load
from target_databricks.loading.states import BOOKMARKS, speaks_of, without
from target_databricks.loading.waiting import Staged

State = Mapping[str, Any]

QUEUE_LENGTH = 1
"""Steps that wait while others run."""
MOST_BYTES = 512 << 20
"""Bytes of rows after which a merge begins; twice as many are waited for before more is taken."""


@dataclass(frozen=True)
class Step:
    """One thing to do at the destination, and how far its stream has come when it is done.

    Attributes:
        stream: Stream name.
        through: Rows received for the stream up to and including this step.
        run: Does it; gives what it did, or None. Of a batch, what applies it after `stage`.
        stage: Stages a batch; gives what is to be applied.
    """

    stream: str
    through: int
    run: Callable[[Load], LoadResult | None] | None = None
    stage: Callable[[Load], Sequence[Staged]] | None = None


Entry = tuple[Step, Sequence[Staged]]
"""A step, and what it has staged."""


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
        clock: The time, in seconds.
    """

    def __init__(
        self,
        load: Load,
        emit: Callable[[State], None],
        report: Callable[[LoadResult], None],
        name: Callable[[str], str] = str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._load = load
        self._emit = emit
        self._report = report
        self._name = name
        self._clock = clock
        self._condition = threading.Condition()
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
        self._backlog: dict[str, list[Entry]] = {}
        """What waits to be merged, by stream."""
        self._since = 0.0
        """When the oldest of it was handed over."""
        self._bytes = 0
        """Of the rows that wait, or are being merged."""
        self._due: dict[str, list[Entry]] = {}
        """What is about to be merged."""
        count = max(1, load.parallelism)
        self._alone = count == 1 and not load.merge_every
        if load.merge_every:
            self._merges = Lane("merge", count, self._merge, self._condition, self._tick)
            self._intake = Lane("stage", 1, self._take_in, self._condition)
        else:
            self._intake = self._merges = Lane("loader", count, self._do, self._condition)

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
            self._condition.wait_for(lambda: self._has_room or self._error)
            self._raise_error()
            self._submitted[step.stream] += 1
            if not (self._backlog or self._intake.busy(None)):
                self._since = self._clock()
            self._intake.put(step.stream, step)

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
        which = None if self._alone else stream
        with self._condition:
            self._condition.wait_for(lambda: not self._intake.busy(which))
            if self._error is None:
                self._begin_merge(self._backlog if which is None else [which])
            self._condition.wait_for(lambda: not self._merges.busy(which))
        self._raise_error()

    @property
    def holds_state(self) -> bool:
        """Whether a state waits for rows to be applied."""
        with self._lock:
            return bool(self._pending)

    def stop(self) -> None:
        """Let the threads end after what is under way; never raises.

        What waits for a merge stays staged.
        """
        self._intake.stop()
        if self._merges is not self._intake:
            self._merges.stop()

    @property
    def _has_room(self) -> bool:
        return self._intake.waiting < QUEUE_LENGTH and self._bytes <= 2 * MOST_BYTES

    @property
    def _error(self) -> BaseException | None:
        return self._intake.error or self._merges.error

    # Waiting for others

    def _take_in(self, step: Step) -> None:
        """Stage a step's batch, and have it wait."""
        staged = step.stage(self._load) if step.stage else ()
        with self._condition:
            self._backlog.setdefault(step.stream, []).append((step, staged))
            self._bytes += _size(staged)
            if self._bytes > MOST_BYTES:
                self._begin_merge(self._backlog)
            self._condition.notify_all()

    def _tick(self) -> float | None:
        """Begin to merge if it is time. Returns the seconds until then."""
        if not self._backlog:
            return None
        left = self._since + self._load.merge_every - self._clock()
        if left <= 0:
            self._begin_merge(self._backlog)
        return max(left, 0.0) or None

    def _begin_merge(self, streams: Iterable[str]) -> None:
        due = [stream for stream in streams if stream in self._backlog]
        for stream in due:
            self._merges.put(stream, Step(stream, 0))
            self._due[stream] = self._due.get(stream, []) + self._backlog.pop(stream)
        if due and not self._backlog:
            self._since = self._clock()

    def _merge(self, step: Step) -> None:
        """Apply what waited of a stream, batches in a row together."""
        with self._condition:
            entries = self._due.pop(step.stream, [])
        for stages, group in groupby(entries, lambda entry: entry[0].stage is not None):
            some = list(group)
            if not stages:
                for entry, _ in some:
                    self._finish(entry, entry.run(self._load) if entry.run else None)
                continue
            staged = [one for _, batches in some for one in batches]
            self._finish(some[-1][0], self._load.apply(staged), steps=len(some))
            with self._condition:
                self._bytes -= _size(staged)

    # One step

    def _do(self, step: Step) -> None:
        if step.stage is not None:
            self._finish(step, self._load.apply(step.stage(self._load)))
        elif step.run is not None:
            self._finish(step, step.run(self._load))

    def _finish(self, step: Step, result: LoadResult | None, steps: int = 1) -> None:
        with self._lock:
            if step.stream not in self._load.refusals.held:
                self._applied[step.stream] = step.through
                self._done[step.stream] += steps
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
        if (error := self._error) is not None:
            raise error


def _size(staged: Sequence[Staged]) -> int:
    return sum(one.batch.rows.nbytes for one in staged if one.path is not None)
