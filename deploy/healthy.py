"""Whether a container does its work: exit code 0, or 1 and what is wrong.

python deploy/healthy.py scheduler|receiver
"""

from __future__ import annotations

import http.client
import os
import sys
import time
from pathlib import Path

BEAT = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state", "xero-scheduler")
"""Touched by the scheduler every minute."""
SILENT_FOR = 300
"""Seconds after which a scheduler that touches nothing counts as dead."""
PORT = 8750


def scheduler() -> str | None:
    """What is wrong with the scheduler."""
    try:
        silent = time.time() - BEAT.stat().st_mtime
    except FileNotFoundError:
        return f"The scheduler has not started: {BEAT} is not there."
    return f"The scheduler has been silent for {silent:.0f} s." if silent > SILENT_FOR else None


def receiver() -> str | None:
    """What is wrong with the receiver of webhooks: what its `/healthz` says."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace").strip()
    except OSError as error:
        return f"The receiver does not answer on port {PORT}: {error}."
    finally:
        connection.close()
    return None if answer.status == 200 else f"The receiver says {answer.status}: {text}"


def main() -> None:
    """Look at what is asked for."""
    looks = {"scheduler": scheduler, "receiver": receiver}
    if len(sys.argv) != 2 or sys.argv[1] not in looks:
        sys.exit("healthy.py scheduler|receiver")
    sys.exit(looks[sys.argv[1]]())


if __name__ == "__main__":
    main()
