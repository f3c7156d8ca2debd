"""tap-xero into target-databricks, as processes; states as they are confirmed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

STATE_SECONDS = 10.0
"""How often a state is kept while there are more; the last one always is."""


@dataclass(frozen=True)
class Ending:
    """How a load ended.

    Attributes:
        tap: Exit code of the tap.
        target: Exit code of the target.
    """

    tap: int
    target: int

    @property
    def code(self) -> int:
        """The exit code of the job: 0 when both did well."""
        return self.target or self.tap


def run(
    tap: Sequence[str | Path],
    target: Sequence[str | Path],
    environment: Mapping[str, str],
    keep: Callable[[dict[str, Any]], None],
    require: Callable[[], None] = lambda: None,
    now: Callable[[], float] = time.monotonic,
) -> Ending:
    """Run both to their end.

    Args:
        tap: Its command.
        target: Its command.
        environment: Of both.
        keep: Gets a state that the target has confirmed.
        require: Called before that; what it raises ends both at once.
        now: Seconds of a clock that only goes forward.

    Raises:
        Exception: What `keep` and `require` raise; both processes have ended then.
    """
    reading = subprocess.Popen(  # noqa: S603
        [str(part) for part in tap], stdout=subprocess.PIPE, env=environment, **_GROUP
    )
    loading = subprocess.Popen(  # noqa: S603
        [str(part) for part in target],
        stdin=reading.stdout,
        stdout=subprocess.PIPE,
        env=environment,
        **_GROUP,
    )
    if reading.stdout:
        reading.stdout.close()  # so that the tap learns of a target that has ended
    try:
        last, pending = now() - STATE_SECONDS, b""
        for line in loading.stdout or ():
            if now() - last < STATE_SECONDS:
                pending = line
                continue
            require()
            keep(json.loads(line))
            last, pending = now(), b""
        target_code = loading.wait()
        if pending.strip():
            require()
            keep(json.loads(pending))
        return Ending(reading.wait(), target_code)
    except BaseException:
        for process in (reading, loading):
            _end(process)
        raise


_GROUP: dict[str, Any] = {} if sys.platform == "win32" else {"start_new_session": True}


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and what it has started."""
    if process.poll() is None:
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
