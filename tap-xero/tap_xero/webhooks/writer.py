"""Puts deliveries on the disk, as many in one transaction as have come while the last was written.

A disk takes a few hundred transactions a second, and a burst brings more deliveries than that: one
thread commits, and whoever came meanwhile goes into the next commit together.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_xero.webhooks.inbox import Inbox
from tap_xero.webhooks.parts import Parts, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tap_xero.webhooks.events import Event

PART = "inbox writer"

STORED_WITHIN = 4.0
"""Seconds that a delivery waits for the disk: Xero waits five for the answer."""

_MOST = 1_000
"""Deliveries in one transaction."""

_TRIED_EVERY = 1.0
"""Seconds between two tries to write after a failure: it is over before the next delivery then."""


class NotStoredError(Exception):
    """A delivery is not on the disk, as far as anybody knows."""


@dataclass(frozen=True)
class _Job:
    events: Sequence[Event]
    loop: asyncio.AbstractEventLoop
    stored: asyncio.Future[None]


class Writer:
    """The one thread that writes to the inbox.

    Args:
        path: The inbox's file.
        notify: Called after each commit with the number of events that were not there already,
            from the writing thread.
        parts: Told whether it works.
        within: Seconds that a delivery waits at most.
    """

    def __init__(
        self,
        path: Path,
        notify: Callable[[int], None] = lambda _: None,
        parts: Parts | None = None,
        *,
        within: float = STORED_WITHIN,
    ) -> None:
        self._path = path
        self._notify = notify
        self._parts = parts or Parts()
        self._within = within
        self._inbox: Inbox | None = Inbox(path)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._worker = Worker(PART, self._work, self._parts, self._stopping)
        self._worker.start()

    async def store(self, events: Sequence[Event]) -> None:
        """Keep the events of a delivery; returns when they are on the disk.

        Raises:
            NotStoredError: They are not, or it takes too long to tell.
        """
        loop = asyncio.get_running_loop()
        job = _Job(events, loop, loop.create_future())
        timer = loop.call_later(self._within, self._give_up, job)
        self._jobs.put(job)
        try:
            await job.stored
        finally:
            timer.cancel()

    def close(self) -> None:
        """Write what was handed over, and end. Safe to call again."""
        self._jobs.put(None)
        self._stopping.set()
        self._worker.join()

    def _give_up(self, job: _Job) -> None:
        late = NotStoredError("the disk takes too long")
        self._parts.fails(PART, late)
        _settle([job], late)

    def _work(self) -> None:
        going_on = True
        while going_on:
            taken: list[_Job | None] = []
            with suppress(queue.Empty):
                taken.append(self._jobs.get(timeout=_TRIED_EVERY))
                while len(taken) < _MOST:
                    taken.append(self._jobs.get_nowait())
            going_on = None not in taken
            jobs = [job for job in taken if job is not None]
            if jobs or PART in self._parts.failing():
                self._write(jobs)
        if self._inbox is not None:
            self._inbox.close()

    def _write(self, jobs: list[_Job]) -> None:
        """Write the events of deliveries; without any, see whether that would work."""
        try:
            if self._inbox is None:
                self._inbox = Inbox(self._path)
            if jobs:
                new = self._inbox.add([event for job in jobs for event in job.events])
                self._notify(new)
            else:
                self._inbox.try_to_write()
        except Exception as error:  # noqa: BLE001 (whoever waits is told, whatever it was)
            self._parts.fails(PART, error, doing=f"{self._path} cannot be written")
            self._reopen()
            _answer(jobs, NotStoredError(str(error)))
            return
        self._parts.works(PART)
        _answer(jobs, None)

    def _reopen(self) -> None:
        """Start afresh with the next delivery: after some failures a connection is of no use."""
        inbox, self._inbox = self._inbox, None
        if inbox is not None:
            with suppress(sqlite3.Error):
                inbox.close()


def _answer(jobs: list[_Job], error: NotStoredError | None) -> None:
    """Tell everybody, with one visit to each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
    for job in jobs:
        by_loop.setdefault(job.loop, []).append(job)
    for loop, waiting in by_loop.items():
        # A loop that has ended has nobody who waits.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_settle, waiting, error)


def _settle(jobs: list[_Job], error: NotStoredError | None) -> None:
    for job in jobs:
        if job.stored.done():
            continue
        if error is None:
            job.stored.set_result(None)
        else:
            job.stored.set_exception(error)
