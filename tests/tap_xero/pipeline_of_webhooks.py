"""Stands for `tap | target` in tests of the trigger: takes over what the inbox holds.

    python pipeline_of_webhooks.py <inbox> <folder>

Writes a line when it begins and one when it ends into <folder>/runs. A file <folder>/seconds says
how long it takes, <folder>/hold that it goes on while that file is there, <folder>/fail that it
fails, and <folder>/leave that it leaves everything.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from tap_xero.webhooks.inbox import Inbox


def main(path: Path, folder: Path) -> int:
    def note(what: str) -> None:
        with (folder / "runs").open("a") as file:
            file.write(f"{what} {time.monotonic()} {os.getpid()}\n")

    with Inbox(path) as inbox:
        standby = os.environ.get("TAP_XERO_WEBHOOK_STANDBY")
        if standby:
            note("waits")
            if not inbox.wait_for_release(standby):
                note("leaves")
                return 0
        note("begins")
        positions = {
            each.event.tenant_id: each.position
            for each in inbox.waiting({}, inbox.last_position(), most=1_000_000)
        }
        seconds, hold = folder / "seconds", folder / "hold"
        time.sleep(float(seconds.read_text()) if seconds.exists() else 0)
        while hold.exists():
            time.sleep(0.02)
        failed, left = (folder / "fail").exists(), (folder / "leave").exists()
        if not failed and not left:
            inbox.emitted(positions)
        note("fails" if failed else "ends")
        return int(failed)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
