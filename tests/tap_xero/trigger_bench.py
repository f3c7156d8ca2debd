"""A trigger of webhooks on a bench: its inbox, its pipeline, and what that has done."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from tap_xero.api.retries import Backoff
from tap_xero.webhooks.events import Event
from tap_xero.webhooks.inbox import Inbox
from tap_xero.webhooks.metrics import Metrics
from tap_xero.webhooks.schedule import Timing
from tap_xero.webhooks.trigger import Trigger
from webhook_receiving import TENANT

SCRIPT = Path(__file__).with_name("pipeline_of_webhooks.py")
QUICK = Timing(gather=0.05, backoff=Backoff(0.3, 1.0))


def wait_until(met: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)


class Bench:
    """An inbox, a trigger, and what its pipeline has done."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "inbox.db"
        self.inbox = Inbox(self.path)
        self.metrics = Metrics()
        self.command = f"exec {sys.executable} {SCRIPT} {self.path} {folder}"
        self.triggers: list[Trigger] = []

    def start(self, **options: object) -> Trigger:
        trigger = Trigger(self.path, self.command, self.metrics, timing=QUICK, **options)
        self.triggers.append(trigger)
        trigger.start()
        return trigger

    def arrive(self, *numbers: int) -> None:
        self.inbox.add(
            [
                Event(TENANT, "INVOICE", f"id-{number}", "UPDATE", f"2026-02-02T09:{number:02d}:00")
                for number in numbers
            ]
        )
        for trigger in self.triggers:
            trigger.look()

    @property
    def runs(self) -> list[tuple[str, float]]:
        path = self.folder / "runs"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(line.split()[0], float(line.split()[1])) for line in lines]

    def times(self, what: str) -> list[float]:
        return [at for done, at in self.runs if done == what]

    def count(self, what: str) -> int:
        return len(self.times(what))

    def do(self, what: str, value: str = "") -> None:
        (self.folder / what).write_text(value)

    def dont(self, what: str) -> None:
        (self.folder / what).unlink()

    @property
    def pending(self) -> int:
        return self.inbox.pending()[0]

    def never_two_at_once(self) -> bool:
        kinds = [what for what, _ in self.runs if what in ("begins", "ends", "fails")]
        return all(kind == "begins" for kind in kinds[::2]) and all(
            kind != "begins" for kind in kinds[1::2]
        )

    def close(self) -> None:
        for trigger in self.triggers:
            trigger.stop()
        self.inbox.close()
