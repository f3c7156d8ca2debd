"""Reads organisations side by side, and within each several streams and pages at once.

Every stream of an organisation has a reader, a thread that walks through its pages. What
readers bring is taken over by the thread that calls `step`, one page at a time: of each
organisation in the order of its streams, so that reference data comes before documents, and
of each stream in the order of its pages. The streams after the one whose turn it is have
made their first call already, so that Xero is never idle while the tail of a stream drains.

Memory stays bounded: calls bring JSON text, at most as many for each organisation as Xero
allows at once and one for each stream that is ahead. It is made into rows when the stream's
turn has come and the page before was taken over, so an organisation holds one page of rows,
and only so many organisations are read at once.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tap_xero.sync.page import Page
    from tap_xero.sync.reading import Reading

PAGES_AHEAD = 5
"""Calls on their way for the stream whose turn it is: all that Xero allows at once."""

STREAMS_AHEAD = 5
"""Streams of an organisation that are begun at once."""

ORGANISATIONS = 8
"""Organisations that are read at once."""


class _DroppedError(Exception):
    """Nobody is going to take over what a reader brings."""


class Task(Protocol):
    """A stream of an organisation that is to be read. All is called on the thread of `step`."""

    def start(self, ahead: Callable[[], int], turn: Callable[[], None]) -> Reading | None:
        """Begin; None when there is nothing to do.

        Args:
            ahead: How many calls may be on their way while a page is used.
            turn: To be called before an answer is made into rows; returns when there is
                room for them, and does not return otherwise.
        """

    def take(self, page: Page) -> None:
        """Take a page over."""

    def end(self, reading: Reading | None, error: Exception | None) -> bool:
        """Told that no page follows, and why.

        Returns:
            Whether the organisation's next streams are to be read.

        Raises:
            Exception: The whole run has to end.
        """

    def leave(self) -> None:
        """Told instead of `end` when the organisation is left before its turn came."""


T = TypeVar("T", bound=Task)


class _Reader(Generic[T]):
    """A thread that reads one stream of one organisation."""

    def __init__(self, task: T, changed: threading.Condition) -> None:
        self.task = task
        self.page: Page | None = None
        self.error: BaseException | None = None
        self._changed = changed
        self._has_turn = self._dropped = False
        self.reading = task.start(lambda: PAGES_AHEAD if self._has_turn else 1, self._turn)
        self.ended = self.reading is None
        if self.reading is not None:
            threading.Thread(target=self._read, name="xero-reader", daemon=True).start()

    def give_turn(self) -> None:
        """Let it go on: every stream before is done."""
        with self._changed:
            self._has_turn = True
            self._changed.notify_all()

    def drop(self) -> None:
        """Read no more; nobody is going to take it over."""
        with self._changed:
            self._dropped = True
            self.page = None
            self._changed.notify_all()

    def _turn(self) -> None:
        """Wait until the page before was taken over, and every stream before is done.

        Raises:
            _DroppedError: That is never going to be.
        """
        with self._changed:
            while not self._dropped and (self.page is not None or not self._has_turn):
                self._changed.wait()
            if self._dropped:
                raise _DroppedError

    def _read(self) -> None:
        try:
            for page in self.reading.pages() if self.reading else ():
                self._turn()
                with self._changed:
                    self.page = page
                    self._changed.notify_all()
        except BaseException as error:  # noqa: BLE001 (whoever takes over gets it)
            self.error = error
        with self._changed:
            self.ended = True
            self._changed.notify_all()


class _Lane(Generic[T]):
    """One organisation: readers of the streams whose turn it is or comes next."""

    def __init__(self, tasks: Iterable[T], changed: threading.Condition) -> None:
        self._waiting: Iterator[T] = iter(tasks)
        self._changed = changed
        self._readers: deque[_Reader[T]] = deque()
        self._fill()

    def step(self) -> bool | None:
        """Take over one page, or the end of a stream.

        Returns:
            Whether there was any; None when the organisation is done.
        """
        if not self._readers:
            return None
        reader = self._readers[0]
        with self._changed:
            page, reader.page = reader.page, None
            if page is None and not reader.ended:
                return False
            self._changed.notify_all()
        if page is not None:
            reader.task.take(page)
            return True
        self._readers.popleft()
        if reader.error is not None and not isinstance(reader.error, Exception):
            raise reader.error
        if reader.task.end(reader.reading, reader.error):
            self._fill()
        else:
            self.drop()
        return True

    def drop(self) -> None:
        """Read no more of the organisation; the streams that are left end without a page."""
        self.abandon()
        left = [*(reader.task for reader in self._readers), *self._waiting]
        self._readers.clear()
        for task in left:
            task.leave()

    def abandon(self) -> None:
        """Stop the readers; the run is over."""
        for reader in self._readers:
            reader.drop()

    def _fill(self) -> None:
        while len(self._readers) < STREAMS_AHEAD:
            task = next(self._waiting, None)
            if task is None:
                break
            self._readers.append(_Reader(task, self._changed))
        if self._readers:
            self._readers[0].give_turn()


class Scheduler(Generic[T]):
    """Takes over what the readers of all organisations bring, a step at a time."""

    def __init__(self, organisations: Iterable[Iterable[T]]) -> None:
        """Prepare; nothing is begun before the first step.

        Args:
            organisations: The tasks of each organisation, in the order of their streams.
        """
        self._waiting = iter(organisations)
        self._changed = threading.Condition()
        self._lanes: list[_Lane[T]] = []
        self._interruption: Callable[[], None] | None = None

    def interrupt(self, action: Callable[[], None]) -> None:
        """Have `step` do something, from a signal handler, when nothing is half done.

        Args:
            action: Raises what ends the run.
        """
        self._interruption = action

    def step(self) -> bool:
        """Take over a page, or the end of a stream, of each organisation that has one.

        Returns:
            False when everything is taken over.

        Raises:
            Exception: What `Task.end` raises; nothing is read any more then.
        """
        try:
            return self._step()
        except BaseException:
            self.close()
            raise

    def _step(self) -> bool:
        lanes = self._lanes
        if self._interruption is not None:
            self._interruption()
        while len(lanes) < ORGANISATIONS and (tasks := next(self._waiting, None)) is not None:
            lanes.append(_Lane(tasks, self._changed))
        steps = [(lane, lane.step()) for lane in lanes]
        lanes[:] = [lane for lane, step in steps if step is not None]
        if lanes and not any(step or step is None for _, step in steps):
            with self._changed:
                # A page that came since the steps is seen within this time at the latest.
                self._changed.wait(0.01)
        return bool(steps)

    def close(self) -> None:
        """Stop the readers; the run is over. Safe to call again."""
        for lane in self._lanes:
            lane.abandon()
        self._lanes.clear()
        self._waiting = iter(())


def run(organisations: Iterable[Iterable[T]]) -> None:
    """Read everything, and return when it is taken over.

    Args:
        organisations: The tasks of each organisation, in the order of their streams.

    Raises:
        Exception: What `Task.end` raises.
    """
    schedule = Scheduler(organisations)
    while schedule.step():
        pass
