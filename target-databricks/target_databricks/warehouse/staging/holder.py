"""Who holds a lease: a run, and the process that it is, if that can be told from another process.

Process ids mean something within one boot of one machine and one namespace of it only, and are used
again: a process is told by all of these and by when it began.

Source: proc(5), `/proc/<pid>/stat` field 22, `/proc/sys/kernel/random/boot_id`; namespaces(7).
"""

from __future__ import annotations

import hashlib
import os
import socket
import uuid
from dataclasses import dataclass
from pathlib import Path

_UNKNOWN = "-"


@dataclass(frozen=True)
class Holder:
    """What a lease says of its holder.

    Attributes:
        run: The run's id.
        token: One taking of the lease.
        machine: What tells one set of process ids from another; `-` where nobody knows.
        process: Process id and when it began, on that machine.
        host: The machine's name, for people.
    """

    run: str
    token: str
    machine: str = _UNKNOWN
    process: str = _UNKNOWN
    host: str = _UNKNOWN

    @classmethod
    def of_this_process(cls, run: str) -> Holder:
        """A new taking of a lease by this process."""
        pid = os.getpid()
        process = f"{pid}.{_began(pid) or _UNKNOWN}"
        host = "".join(socket.gethostname().split()) or _UNKNOWN
        return cls("_".join(run.split()) or _UNKNOWN, str(uuid.uuid4()), _machine(), process, host)

    @classmethod
    def read(cls, text: str) -> Holder:
        """The holder in the text of a lease; an earlier version wrote run and token only."""
        parts = (text.split() + [_UNKNOWN] * 5)[:5]
        return cls(*parts) if parts[2] != _UNKNOWN else cls(*parts[:2])

    def text(self, renewal: int = 0) -> str:
        """The text of a lease that was renewed so many times."""
        return f"{self.run} {self.token} {self.machine} {self.process} {self.host} {renewal}"

    def has_ended(self) -> bool:
        """Whether the process is certainly gone, which only its own machine can tell."""
        if self.machine == _UNKNOWN or self.machine != _machine():
            return False
        pid, _, began = self.process.partition(".")
        return began != _UNKNOWN and _began(int(pid)) != began

    def __str__(self) -> str:
        if self.process == _UNKNOWN:
            return f"run {self.run}"
        return f"run {self.run} (process {self.process.partition('.')[0]} on {self.host})"


def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - its target is no path
    except OSError:
        return _UNKNOWN
    return hashlib.sha256(f"{boot} {namespace}".encode()).hexdigest()[:32]


def _began(pid: int) -> str | None:
    """When a process began, in ticks since the boot; None if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name of the program, in parentheses, may have spaces.
    state, *rest = stat.rpartition(")")[2].split()
    return None if state in "ZX" else rest[18]
