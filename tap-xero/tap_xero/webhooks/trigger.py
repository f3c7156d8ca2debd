"""Runs the pipeline when events arrive.

A thread beside the receiver: it gathers events for a moment, runs the command, never two at once,
with growing pauses after failures, and begins with a run when an earlier process left something
behind. On standby, the command is started ahead of time and released when there is something to do:
what Python, Meltano, the tap and the target need to get going is over by then. Whatever goes wrong,
the thread begins again after a pause.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from typing import TYPE_CHECKING

from tap_xero.webhooks.inbox import Inbox
from tap_xero.webhooks.parts import Parts, Worker
from tap_xero.webhooks.pipeline import Pipeline, PipelineLock
from tap_xero.webhooks.schedule import Schedule, Timing

if TYPE_CHECKING:
    from pathlib import Path

    from tap_xero.webhooks.metrics import Metrics

_log = logging.getLogger(__name__)

PART = "trigger"

_LOOK_EVERY = 1.0
"""Seconds between two looks at what others do: `retry`, or a standby that ends."""

_POLL = 0.02
_TOO_SOON = 60.0
"""Seconds that a standby lives at least, or else it does not wait as it should."""


class Trigger:
    """Runs a command when there are events in the inbox.

    Args:
        path: The inbox.
        command: The command.
        metrics: Is told about runs.
        parts: Told whether it works.
        standby: Whether to start the command ahead of time.
        timing: How runs follow each other.
    """

    def __init__(
        self,
        path: Path,
        command: str,
        metrics: Metrics,
        parts: Parts | None = None,
        *,
        standby: bool = False,
        timing: Timing | None = None,
    ) -> None:
        self._path = path
        self._command = command
        self._metrics = metrics
        self._parts = parts or Parts()
        self._standby = standby
        self._timing = timing or Timing()
        self._pipeline: Pipeline | None = None
        self._began = self._stand_by_at = 0.0
        self._did_not_wait = 0
        self._lock = PipelineLock(path.with_name(f"{path.name}.turn"))
        self._look = threading.Event()
        self._stopping = threading.Event()
        self._worker = Worker(PART, self._work, self._parts, self._stopping)

    def start(self) -> None:
        """Begin to look."""
        self._worker.start()

    def look(self) -> None:
        """There are new events; from any thread."""
        self._look.set()

    def stop(self) -> None:
        """Stop, and stop the pipeline: what it has not loaded is loaded by the next run."""
        self._stopping.set()
        self._look.set()
        self._worker.join()
        self._lock.close()

    # -- the thread --

    def _work(self) -> None:
        with Inbox(self._path) as inbox:
            try:
                if self._wait_for_lock(inbox):
                    pending, _ = inbox.pending()
                    seen = -1 if pending else inbox.last_position()
                    self._follow(inbox, Schedule(self._timing, seen))
            finally:
                pipeline, self._pipeline = self._pipeline, None
                if pipeline is not None:
                    pipeline.stop()

    def _wait_for_lock(self, inbox: Inbox) -> bool:
        """Wait until no pipeline of an earlier process runs; False when told to stop instead."""
        warned = False
        # One that stands by for a process that is gone ends when it hears of another.
        inbox.stand_by(None)
        while not self._lock.acquire():
            if not warned:
                _log.warning("Waiting: a pipeline of another process still runs")
                warned = True
            if self._stopping.wait(_POLL * 5):
                return False
        return True

    def _follow(self, inbox: Inbox, schedule: Schedule) -> None:
        while not self._stopping.is_set():
            self._look.clear()
            now = time.monotonic()
            due = schedule.due_in(inbox.last_position(), now)
            if due == 0.0:
                self._stopping.wait(schedule.gather)
                self._run(inbox, schedule)
                continue
            # After a failure nothing is started before the pause is over.
            if self._standby and not schedule.failing:
                self._keep_standing_by(inbox)
            self._parts.works(PART)
            self._look.wait(_LOOK_EVERY if due is None else min(due, _LOOK_EVERY))

    def _run(self, inbox: Inbox, schedule: Schedule) -> None:
        """Run the pipeline to its end, and see what is left."""
        if self._stopping.is_set():
            return
        pipeline = self._pipeline or self._begin(inbox)
        self._parts.works(PART)
        through, released = inbox.last_position(), time.monotonic()
        if pipeline.standby is not None:
            inbox.release(pipeline.standby)
        _log.info("run begins", extra={"pending": inbox.pending()[0]})
        while (code := pipeline.wait(_POLL)) is None and not self._stopping.is_set():
            pass
        if code is None:
            return
        self._pipeline = None
        now = time.monotonic()
        self._metrics.set("last_run_seconds", now - released)
        self._metrics.count("runs", "failed" if code else "succeeded")
        if code:
            pause = schedule.failed(now)
            _log.error(
                "run failed",
                extra={"code": code, "seconds": round(now - released, 1), "again_in": pause},
            )
            return
        inbox.confirm()
        left, _ = inbox.pending(through)
        schedule.succeeded(through, left, now)
        _log.info("run ends", extra={"seconds": round(now - released, 1), "left": left})

    def _begin(self, inbox: Inbox) -> Pipeline:
        """Start the command; on standby it waits for its release."""
        name = str(uuid.uuid4()) if self._standby else None
        if name is not None:
            inbox.stand_by(name)
        self._began = time.monotonic()
        self._pipeline = Pipeline(self._command, self._lock, name)
        return self._pipeline

    def _keep_standing_by(self, inbox: Inbox) -> None:
        """See that a pipeline waits for its release, and do not insist if it does not wait."""
        now = time.monotonic()
        if self._pipeline is None:
            if now >= self._stand_by_at:
                self._begin(inbox)
            return
        code = self._pipeline.wait(0)
        if code is None:
            return
        self._pipeline = None
        if code == 0 and now - self._began >= _TOO_SOON:
            self._did_not_wait = 0
            return
        self._did_not_wait += 1
        pause = self._timing.backoff.pause(self._did_not_wait)
        self._stand_by_at = now + pause
        _log.error(
            "The pipeline did not stand by: see what it said, and that it runs tap-xero",
            extra={"code": code, "again_in": pause},
        )
