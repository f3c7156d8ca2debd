"""Running a command and reading off what it cost."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
MIB = 1024  # ru_maxrss is in KiB on Linux


@dataclass(frozen=True)
class Cost:
    """What a command cost: wall-clock seconds, peak resident memory in MiB, CPU seconds."""

    seconds: float
    peak: float
    output: str
    cpu: float = 0.0

    def rate(self, rows: int) -> float:
        """Rows a second."""
        return rows / self.seconds


def run(command: Sequence[str | Path], source: Path | None = None, **env: str) -> Cost:
    """Run a command with a file as its input.

    Raises:
        RuntimeError: It failed; the message is the end of what it printed.
    """
    started = time.perf_counter()
    with open(source or os.devnull, "rb") as stdin:  # noqa: PTH123 - a device is no Path
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **env},
        )
    printed: list[bytes] = []
    reader = threading.Thread(target=lambda: printed.append(process.stdout.read()))
    reader.start()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    reader.join()
    output = printed[0].decode(errors="replace")
    if process.returncode:
        raise RuntimeError(output[-3000:])
    cpu = usage.ru_utime + usage.ru_stime
    return Cost(time.perf_counter() - started, usage.ru_maxrss / MIB, output, cpu)


def script(name: str) -> list[str | Path]:
    """A script of this folder, as a command."""
    return [sys.executable, HERE / name]


def installed(name: str) -> Path:
    """A console script of this environment."""
    return Path(sys.executable).with_name(name)


def show(title: str, rows: Sequence[tuple[str, str]]) -> None:
    """Print figures as a table."""
    width = max(len(name) for name, _ in rows)
    print(f"\n{title}")
    for name, value in rows:
        print(f"  {name.ljust(width)}  {value}")
