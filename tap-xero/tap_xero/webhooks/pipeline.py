"""The pipeline as a process: one at a time on this machine, whoever started it.

A lock on a file beside the inbox is inherited by the command, so it holds for as long as the
command runs, even when the process that started it was killed.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

STANDBY = "TAP_XERO_WEBHOOK_STANDBY"
"""Environment variable, and setting of the tap, that names a run which stands by."""

_STOPS_WITHIN = 60.0


class PipelineLock:
    """The right to run the pipeline, shared by this process and by the commands it starts."""

    def __init__(self, path: Path) -> None:
        """Prepare; it is not acquired yet.

        Args:
            path: The lock's file.
        """
        self.number = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def acquire(self) -> bool:
        """Acquire it; False when a pipeline of somebody else still runs."""
        try:
            fcntl.flock(self.number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Give it back, once nothing runs any more."""
        os.close(self.number)


class Pipeline:
    """A run of the command."""

    def __init__(self, command: str, lock: PipelineLock, standby: str | None = None) -> None:
        """Start the command in a shell; what it prints goes to standard error.

        Args:
            command: As somebody would type it.
            lock: The lock, which must have been acquired.
            standby: Name of the run when it is to wait for its release.
        """
        self.standby = standby
        self._process = subprocess.Popen(  # noqa: S602 (it is the operator's own command line)
            command,
            shell=True,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr.fileno(),
            env={**os.environ, **({STANDBY: standby} if standby else {})},
            pass_fds=(lock.number,),
            start_new_session=True,
        )

    def wait(self, seconds: float) -> int | None:
        """The exit code, or None when it still runs after so many seconds."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(seconds)
        return None

    def stop(self) -> None:
        """Ask it to stop, and wait until it has. Safe to call again."""
        for number, seconds in ((signal.SIGTERM, _STOPS_WITHIN), (signal.SIGKILL, None)):
            if self._process.poll() is not None:
                return
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
