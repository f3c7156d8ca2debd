"""Runs the target in this process, against a sandbox and a lakehouse that was loaded from it."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tap_xero.api.retries import Retries
from tap_xero.tap import TapXero
from target_databricks.target import TargetDatabricks
from target_xero.commands import Planner
from target_xero.ledger import Entry, Ledger
from target_xero.resources import RESOURCES
from target_xero.target import TargetXero
from xero_sandbox import wire
from xero_sandbox.clock import ManualClock
from xero_sandbox.sandbox import Sandbox

LOG_OF_PLAN = "as they should be"
"""What the last lines of a plan say, which is shown before anything is sent."""

START = datetime(2026, 2, 2, 9, 0, tzinfo=UTC)
LOADED = {*RESOURCES} - {"tracking_options"}
"""Streams of the tap that say what was loaded; options come with their categories."""


class SandboxTime:
    """The sandbox's clock as the target's: who waits makes time pass."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock

    def time(self) -> float:
        return self._clock.now().timestamp()

    monotonic = time

    def sleep(self, seconds: float) -> None:
        self._clock.advance(seconds)


@dataclass
class Run:
    """What a run of the target came to."""

    code: int
    lines: list[str] = field(default_factory=list)
    states: list[Any] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def load(xero: Sandbox, folder: Path, catalog: Any) -> None:
    """Bring the tables up to what Xero has."""
    printed = io.TextIOWrapper(io.BytesIO(), write_through=True)
    tap = TapXero(config=access(xero), catalog=catalog)
    with redirect_stdout(printed):
        tap.run_sync()
        tap.run.close()
    printed.seek(0)
    target = TargetDatabricks(
        config={"lakehouse_path": str(folder), "default_target_schema": "xero"}
    )
    with redirect_stdout(io.StringIO()):
        target.listen(printed)


def access(xero: Sandbox) -> dict[str, Any]:
    return {
        "client_id": xero.client_id,
        "client_secret": xero.client_secret,
        "refresh_token": xero.refresh_token,
        "api_url": xero.url,
        "identity_url": xero.url,
    }


class Way:
    """The way back: a Xero, the tables loaded from it, and the target between them."""

    def __init__(self, xero: Sandbox, folder: Path, catalog: Any) -> None:
        self.xero, self.folder, self._catalog = xero, folder, catalog
        self.clock = SandboxTime(xero.clock)
        self.one, self.two = (tenant.tenant_id for tenant in xero.tenants)

    def load(self) -> None:
        load(self.xero, self.folder, self._catalog)

    def config(self, **settings: Any) -> dict[str, Any]:
        return {**access(self.xero), "lakehouse_path": str(self.folder), **settings}

    def write(self, stream: str, *records: dict[str, Any], **settings: Any) -> Run:
        """Run the target with one stream on."""
        return self.run({stream: list(records)}, streams=[stream], **settings)

    def run(self, desired: dict[str, list[dict[str, Any]]], **settings: Any) -> Run:
        return self.take(messages(desired), **settings)

    def take(self, text: str, **settings: Any) -> Run:
        """Run the target with the messages of a tap."""
        return self._listen(TargetXero(config=self.config(**settings)), text)

    def plan(self, desired: dict[str, list[dict[str, Any]]], **settings: Any) -> Run:
        return self._listen(Planner(config=self.config(**settings)), messages(desired))

    def _listen(self, target: TargetXero, text: str) -> Run:
        target.retries = Retries(clock=self.clock)
        run = Run(0)
        target._say = lambda lines: run.lines.extend(lines)
        printed = io.StringIO()
        with redirect_stdout(printed):
            try:
                target.listen(io.StringIO(text))
            except SystemExit as error:
                run.code = error.code
        for line in printed.getvalue().splitlines():
            if line.startswith("{"):
                run.states.append(json.loads(line))
            else:
                run.lines.append(line)
        return run

    @property
    def ledger(self) -> list[Entry]:
        return Ledger(str(self.folder / "xero_writeback" / "xero_writes"), "reader").entries()

    def statuses(self) -> list[str]:
        """The last status of each record, as often as there are such records."""
        return sorted(each.status for each in {each.record: each for each in self.ledger}.values())

    def writes(self) -> list[str]:
        """Calls that write, so far."""
        return [
            f"{call.method} {call.path}"
            for call in self.xero.calls.of()
            if call.method in ("PUT", "POST", "DELETE") and call.tenant_id
        ]

    def documents(self, resource: str, tenant: str | None = None) -> list[dict[str, Any]]:
        self.xero.books.advance(tenant or self.one)
        page = self.xero.store.page(tenant or self.one, resource)
        return [wire.decode(text) for text in page.documents]

    def contact(self, at: int = 0) -> dict[str, Any]:
        active = [each for each in self.documents("Contacts") if each["ContactStatus"] == "ACTIVE"]
        return active[at]

    def document(self, resource: str, identity: str, tenant: str | None = None) -> dict[str, Any]:
        return self.xero.books.get(tenant or self.one, resource, identity)


def messages(desired: dict[str, list[dict[str, Any]]]) -> str:
    lines = []
    for stream, records in desired.items():
        names = {name for record in records for name in record}
        schema = {"type": "object", "properties": {name: {} for name in names or {"tenant_id"}}}
        lines.append({"type": "SCHEMA", "stream": stream, "schema": schema, "key_properties": []})
        lines += [{"type": "RECORD", "stream": stream, "record": each} for each in records]
    lines.append({"type": "STATE", "value": {"bookmarks": {}}})
    return "\n".join(map(json.dumps, lines)) + "\n"
