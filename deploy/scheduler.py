"""Runs the jobs of `meltano.yml` as its schedules say, one after the other, for ever.

For containers, which have no cron; local time is that of `TZ`. A run that fails is said and the
next one takes place all the same. `healthy.py` looks at the file that is touched every minute.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any

from healthy import BEAT
from schedules import IntervalError, due, schedules_of


class Scheduler:
    """The loop.

    Args:
        schedules: Of `meltano.yml`: `name`, `interval`, `job`.
        clock: The local time.
        wait: Waits for so many seconds.
    """

    def __init__(
        self,
        schedules: Sequence[Mapping[str, Any]],
        clock: Callable[[], datetime] = lambda: datetime.now().astimezone(),
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._schedules = schedules
        self._clock = clock
        self._wait = wait
        self._running: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Go on until SIGTERM."""
        signal.signal(signal.SIGTERM, self._stop)
        BEAT.parent.mkdir(parents=True, exist_ok=True)
        done = minute_of(self._clock())
        while True:
            BEAT.touch()
            now = minute_of(self._clock())
            for each in due(self._schedules, done, now):
                self._start(each)
            done = now
            self._wait(60 - self._clock().second)

    def _start(self, schedule: Mapping[str, Any]) -> None:
        self._say(f"{schedule['name']}: meltano run {schedule['job']}")
        self._running = subprocess.Popen(["meltano", "run", schedule["job"]])  # noqa: S603, S607
        code = None
        while code is None:
            try:
                code = self._running.wait(timeout=60)
            except subprocess.TimeoutExpired:
                BEAT.touch()
        self._running = None
        self._say(f"{schedule['name']}: {'done' if code == 0 else f'failed, exit code {code}'}")

    def _stop(self, number: int, _: FrameType | None) -> None:
        """Hand SIGTERM on, as whoever stops a container expects, and wait for the end."""
        if self._running is not None:
            self._running.terminate()
            self._running.wait()
        sys.exit(128 + number)

    def _say(self, text: str) -> None:
        print(f"{self._clock():%Y-%m-%d %H:%M:%S} {text}", flush=True)


def minute_of(moment: datetime) -> datetime:
    """The minute that a time is in."""
    return moment.replace(second=0, microsecond=0)


def main() -> None:
    """Say what is run when, and go on."""
    try:
        schedules = schedules_of(Path("meltano.yml"))
    except IntervalError as error:
        sys.exit(f"meltano.yml: {error}")
    for each in schedules:
        print(f"{each['name']}, {each['interval']}: meltano run {each['job']}", flush=True)
    Scheduler(schedules).run()


if __name__ == "__main__":
    main()
