"""When the pipeline is to run next. Pure: it is told the time and what happened."""

from __future__ import annotations

from dataclasses import dataclass

from tap_xero.api.retries import Backoff

BACKOFF = Backoff(first=5.0, longest=300.0)


@dataclass(frozen=True)
class Timing:
    """How runs follow each other.

    Attributes:
        gather: Seconds in which further events are gathered before a run.
        backoff: Pauses after runs that failed.
    """

    gather: float = 0.3
    backoff: Backoff = BACKOFF


class Schedule:
    """Says when the next run is due.

    After a failure that is when the pause is over, whatever has come meanwhile. A run that
    succeeded but left events pending, because an organisation's calls of the day are used up for
    instance, is repeated after a pause as well; new events do not wait for that.
    """

    def __init__(self, timing: Timing, seen: int) -> None:
        """Start.

        Args:
            timing: How runs follow each other.
            seen: The last position in the inbox that no run is needed for; -1 to begin with one.
        """
        self._timing = timing
        self._seen = seen
        self._failures = 0
        self._failed = False
        self._again_at: float | None = None

    @property
    def gather(self) -> float:
        """Seconds to gather further events before a run."""
        return self._timing.gather

    @property
    def failing(self) -> bool:
        """Whether the last run failed."""
        return self._failed

    def due_in(self, last_position: int, now: float) -> float | None:
        """Seconds until the next run is due; None when nothing calls for one.

        Args:
            last_position: Position of the event that came last.
            now: Seconds of a clock that never goes back.
        """
        if not self._failed and last_position > self._seen:
            return 0.0
        return None if self._again_at is None else max(0.0, self._again_at - now)

    def succeeded(self, through: int, left: int, now: float) -> None:
        """Take note of a run that succeeded.

        Args:
            through: Position of the last event that was there when it began.
            left: Events up to there that it left pending.
            now: The time.
        """
        self._failed, self._seen = False, through
        if left:
            self._repeat(now)
        else:
            self._failures, self._again_at = 0, None

    def failed(self, now: float) -> float:
        """Take note of a run that failed.

        Returns:
            Seconds until the next one.
        """
        self._failed = True
        return self._repeat(now)

    def _repeat(self, now: float) -> float:
        self._failures += 1
        pause = self._timing.backoff.pause(self._failures)
        self._again_at = now + pause
        return pause
