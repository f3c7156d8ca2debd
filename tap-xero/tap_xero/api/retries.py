"""Trying again: how often, how long to wait, and with which clock.

Time is a parameter, so that tests need not wait.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from tap_xero.api.errors import SlowAnswerError, TemporaryError, ThrottledError

if TYPE_CHECKING:
    from collections.abc import Callable

TIMEOUT = (10, 60)
"""Seconds to connect to Xero, and to wait for an answer."""

T = TypeVar("T")


class Clock(Protocol):
    """Time as the tap sees it."""

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""

    def time(self) -> float:
        """Seconds since 1970."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""


@dataclass(frozen=True)
class Backoff:
    """Pauses that double with each failure in a row.

    Attributes:
        first: Seconds after the first failure.
        longest: Seconds after any number of failures.
    """

    first: float
    longest: float

    def pause(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row."""
        return float(min(self.longest, self.first * 2.0 ** min(failures - 1, 30)))


@dataclass
class Retries:
    """Repeats a call that failed for a moment, within bounds.

    Attributes:
        clock: Time.
        attempts: Tries in all for failures of the network or of Xero.
        slow: Tries in all for a page that takes too long and can be asked for smaller.
        throttled: Tries in all while Xero says there are too many calls; more, because
            a minute limit is certain to pass.
        base: Seconds of the first pause; each further one is twice as long.
        longest: Seconds of the longest pause.
        chance: Source of jitter.
        notify: Told about every pause of five seconds or more.
    """

    clock: Clock = time
    attempts: int = 6
    slow: int = 3
    throttled: int = 20
    base: float = 0.5
    longest: float = 30.0
    chance: random.Random = field(default_factory=random.Random)
    notify: Callable[[str], None] = lambda _: None

    def run(
        self,
        call: Callable[[], T],
        again: Callable[[float], None] = lambda _: None,
        *,
        large: bool = False,
    ) -> T:
        """Call until it works.

        Args:
            call: What to do.
            again: Told about every further try, with the seconds waited before it.
            large: Whether less could be asked for, if the answer takes too long.

        Raises:
            TemporaryError: It did not, in all attempts; the last failure.
        """
        failures = waits = 0
        while True:
            try:
                return call()
            except ThrottledError as error:
                waits += 1
                if waits >= self.throttled:
                    raise
                seconds = error.wait if error.wait is not None else self._pause(waits)
                self._wait(error, seconds)
                again(seconds)
            except TemporaryError as error:
                failures += 1
                most = self.slow if large and isinstance(error, SlowAnswerError) else self.attempts
                if failures >= most:
                    raise
                seconds = self._pause(failures)
                self._wait(error, seconds)
                again(seconds)

    def _wait(self, error: TemporaryError, seconds: float) -> None:
        if seconds >= 5:
            self.notify(f"{error} Waiting {seconds:.0f} seconds.")
        self.clock.sleep(seconds)

    def _pause(self, failures: int) -> float:
        """Between half and all of a doubling pause, so that callers do not march in step."""
        pause = Backoff(self.base, self.longest).pause(failures)
        return pause * (0.5 + 0.5 * self.chance.random())
