"""One run at a time per schema of a local lakehouse.

The operating system releases the lock when the process ends, however it ends. Beside the lock
lies a note on who holds it, so that whoever waits can say for whom.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import socket
from pathlib import Path

from filelock import FileLock, Timeout

from target_databricks.errors import BusyError


class SchemaLock:
    """Exclusive use of a schema's folder.

    Args:
        folder: Where lock and note lie.
        job_id: Named in the note.
        seconds: Seconds to wait for another run.
        logger: Told once when there is somebody to wait for.
    """

    def __init__(
        self, folder: Path, *, job_id: str, seconds: float, logger: logging.Logger
    ) -> None:
        self._folder = folder
        self._lock = FileLock(folder / "lock", thread_local=False)
        self._note = folder / "holder.json"
        self._job_id = job_id
        self._seconds = seconds
        self._logger = logger

    def acquire(self) -> None:
        """Take the lock, waiting if need be.

        Raises:
            BusyError: The other run did not finish in time.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            self._wait()
        note = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "job_id": self._job_id,
            "since": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        }
        self._note.write_text(json.dumps(note), encoding="utf-8")

    def release(self) -> None:
        """Let others in."""
        if self._lock.is_locked:
            self._note.unlink(missing_ok=True)
            self._lock.release()

    def _wait(self) -> None:
        self._logger.info(
            "%s is in use by %s; waiting up to %d s.",
            self._folder.parent,
            self._holder(),
            self._seconds,
        )
        try:
            self._lock.acquire(timeout=self._seconds)
        except Timeout as error:
            raise BusyError(
                f"{self._folder.parent} is still in use by {self._holder()} after "
                f"{self._seconds:.0f} s. Run again when that run is done, or raise "
                "'lock_timeout'. Nothing was loaded; the tap will send the rows again."
            ) from error

    def _holder(self) -> str:
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return "another run"
        return (
            f"process {note.get('pid')} on {note.get('host')} (job {note.get('job_id')}, since "
            f"{note.get('since')})"
        )
