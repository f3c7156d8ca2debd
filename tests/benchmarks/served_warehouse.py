"""A warehouse sandbox in a process of its own, and what a run costs there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import requests

IDLE = 60.0
"""Seconds without a call after which the warehouse stops."""
BATCHES = (".parquet", ".seen", ".ledger")
"""What is staged, among the files of a volume."""


@dataclass
class Usage:
    """What was asked of a workspace.

    Attributes:
        kinds: Statements by their first word.
        calls: Calls of the REST API.
        staged: Bytes of the batches that were uploaded.
        awake: Seconds from the first call of the SQL protocol to the last, by the sandbox's clock;
            pauses in which the warehouse had stopped are not in it.
        starts: How often the warehouse was woken.
        cpu: CPU seconds of the sandbox, its JVM included.
        statements: The statements, as the sandbox's log has them.
    """

    kinds: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    staged: int = 0
    awake: float = 0.0
    starts: int = 0
    cpu: float = 0.0
    statements: list[dict[str, Any]] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Statements."""
        return sum(self.kinds.values())


class Warehouse:
    """A sandbox whose Spark is set up for large tables, or for many statements."""

    def __init__(self, *, large: bool = True, memory: str = "6g") -> None:
        self._process = subprocess.Popen(
            [
                *[sys.executable, "-m", "databricks_sandbox", "serve", "--memory", memory],
                *(["--large"] if large else []),
                "--until-stdin-closes",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout
        self.details: dict[str, Any] = json.loads(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def statements(self) -> list[dict[str, Any]]:
        """Statements since the last call."""
        return list(self._log()["statements"])

    @contextmanager
    def usage(self) -> Iterator[Usage]:
        """What is asked meanwhile, of a warehouse that sleeps at first; filled in at the end."""
        self._log()
        self._control("warehouse", state="STOPPED", auto_stop_seconds=IDLE)
        before, cpu = self._control("warehouse"), _cpu_seconds(self._process.pid)
        usage = Usage()
        yield usage
        usage.cpu = _cpu_seconds(self._process.pid) - cpu
        self._control("clock", seconds=IDLE)
        after, log = self._control("warehouse"), self._log()
        usage.starts = after["starts"] - before["starts"]
        usage.awake = after["awake_seconds"] - before["awake_seconds"] - IDLE * usage.starts
        usage.statements, usage.calls = log["statements"], len(log["calls"])
        usage.kinds.update(s["text"].split(None, 1)[0].upper() for s in usage.statements)
        uploads = (s for s in log["stagings"] if s["operation"] == "PUT")
        usage.staged = sum(s["size"] for s in uploads if s["path"].endswith(BATCHES))

    def config(self, schema: str) -> dict[str, Any]:
        """The target's settings."""
        return {
            "server_hostname": self.details["url"],
            "http_path": self.details["http_path"],
            "access_token": self.details["access_token"],
            "catalog": self.details["catalog"],
            "default_target_schema": schema,
        }

    def _log(self) -> dict[str, Any]:
        url = f"{self.details['url']}/sandbox/log"
        log: dict[str, Any] = requests.get(url, timeout=60).json()
        requests.delete(url, timeout=60)
        return log

    def _control(self, what: str, **values: Any) -> dict[str, Any]:
        url = f"{self.details['url']}/sandbox/{what}"
        answer: dict[str, Any] = requests.post(url, json=values, timeout=60).json()
        return answer


def _cpu_seconds(pid: int) -> float:
    """CPU seconds of a process and its descendants that are there."""
    total, ticks = 0.0, os.sysconf("SC_CLK_TCK")
    waiting = [pid]
    while waiting:
        folder = Path(f"/proc/{waiting.pop()}")
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / ticks
        for children in folder.glob("task/*/children"):
            waiting += map(int, children.read_text().split())
    return total
