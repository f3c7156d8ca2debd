"""A Xero in which business goes on between any two calls, and a tap that is killed now and then.

The lists, pages and counts are the sandbox's own, called without a socket; reading, state and
records are the tap's own. Time is a number that each call moves on. All of it follows from a seed.
"""

from __future__ import annotations

import json
import logging
import random
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from tap_xero.api import wire
from tap_xero.api.client import Tenant
from tap_xero.api.errors import Refusal, classify
from tap_xero.models.resources import BY_STREAM, Paging
from tap_xero.sync.state import State
from tap_xero.sync.task import FAILURES, WindowTask
from tap_xero.tap import TapXero
from xero_sandbox.app.answers import ApiError, render
from xero_sandbox.app.reading import Reader
from xero_sandbox.app.request import AccountingCall
from xero_sandbox.clock import ManualClock
from xero_sandbox.identity import Tenant as XeroTenant
from xero_sandbox.irregularities import Irregularities
from xero_sandbox.store import Store
from xero_sandbox.wire import net_date, to_ms

MONDAY = datetime(2026, 2, 2, 9, 0, tzinfo=UTC)
KAURI = Tenant("11111111-1111-4111-8111-111111111111", "Kauri Trading")
AT_XERO = XeroTenant(KAURI.id, KAURI.name)
SIZE = 24
"""Rows of a page, instead of a thousand."""
MOST = 75
"""Rows that there are: about as many as pages that overlap have room for."""
FIXED = 10
"""Rows of a page whose size is fixed, instead of a hundred."""

ALL = {"edit": 6, "insert": 4, "swap": 3, "delete": 1, "late edit": 2, "late insert": 2}
DEEDS = (
    ALL,
    {"swap": 3, "edit": 1},
    {"insert": 2, "edit": 2},
    {"late edit": 2, "late insert": 2, "edit": 1},
)
"""What happens, and how often: a swap deletes and inserts; what is late is visible later."""
LONGEST_DELAY = 280.0
"""Seconds until what happened late is visible."""


class KilledError(BaseException):
    """Stands for a process that ends."""


class NoBooks:
    """Books in which nothing happens by itself."""

    def advance(self, tenant_id: str) -> None:
        """Nothing is due."""

    def write_journals(self, tenant_id: str) -> None:
        """They are in the store already."""


@dataclass
class Xero:
    """One resource of one organisation.

    Attributes:
        stream: Which.
        chance: Decides what happens.
        rows: What is visible, by id: the version of each row.
        busy: Whether anything happens.
        calls: How many were answered.
    """

    stream: str
    chance: random.Random
    rows: dict[str, int] = field(default_factory=dict)
    busy: bool = True
    calls: int = 0

    def __post_init__(self) -> None:
        self.resource = BY_STREAM[self.stream]
        self.clock = ManualClock(MONDAY)
        self.store = Store()
        self.irregularities = Irregularities()
        self.reader = Reader(NoBooks(), self.store, self.clock, 10**9, self.irregularities)
        self.late: list[tuple[datetime, str, int, datetime]] = []
        self.numbers = 0
        self.deeds = self.chance.choice(DEEDS)
        self.bustle = self.chance.choice([0.1, 0.4, 0.6])
        for _ in range(self.chance.choice([3, SIZE, SIZE + 1, 2 * SIZE - 1, 2 * SIZE, 60, 64, 68])):
            ago = self.chance.choice([10, 1_000, 10_000, 1_000_000])
            self._show(self._name(), 0, MONDAY - timedelta(seconds=self.chance.uniform(0, ago)))

    # What happens -------------------------------------------------------------------------

    def _name(self) -> str:
        return str(UUID(int=self.chance.getrandbits(128), version=4))

    def _show(self, key: str, version: int, stamp: datetime) -> None:
        """Make a version of a row visible, whenever it is from."""
        self.rows[key] = version
        resource = self.resource
        document = {
            resource.identity: key,
            resource.updated: net_date(to_ms(stamp)),
            "Reference": str(version),
            "Status": "VOIDED" if version % 3 == 2 else "AUTHORISED",
        }
        if resource.paging is Paging.OFFSET:
            self.numbers += 1
            document["JournalNumber"] = self.numbers
        self.store.put(KAURI.id, resource.path, key, document, stamp)

    def pass_time(self, seconds: float) -> None:
        """Move the clock, and show what was late."""
        now = self.clock.advance(seconds)
        due = [each for each in self.late if each[0] <= now]
        self.late = [each for each in self.late if each[0] > now]
        for _, key, version, stamp in due:
            self._show(key, version, stamp)

    def happen(self) -> None:
        """Do what may happen between two calls."""
        while self.busy and self.chance.random() < self.bustle:
            self.pass_time(self.chance.choice([0.01, 0.1, 1, 20]))
            (deed,) = self.chance.choices(list(self.deeds), self.deeds.values())
            waiting = {key for _, key, _, _ in self.late}
            free = [key for key in self.rows if key not in waiting]
            adds = "insert" in deed or self.resource.paging is Paging.OFFSET
            if not free or (adds and len(self.rows) >= MOST):
                continue

            if deed == "swap":
                # What is read first is missed most when it goes.
                free = sorted(free)[: 1 + len(free) // 3]
            key = self._name() if adds else self.chance.choice(free)
            version = self.rows.get(key, -1) + 1
            now = self.clock.now()
            if deed in ("delete", "swap") and not adds and self.may_delete:
                del self.rows[key]
                self.store.delete(KAURI.id, self.resource.path, key)
                if deed == "swap":
                    self._show(self._name(), 0, now)
            elif deed.startswith("late"):
                delay = self.chance.uniform(0, LONGEST_DELAY)
                self.late.append((now + timedelta(seconds=delay), key, version, now))
            else:
                self._show(key, version, now)

    def listed(self) -> dict[str, int]:
        """What Xero lists, by id: the version of each row."""
        rows, _ = self.store.page(KAURI.id, self.resource.path)
        documents = map(json.loads, rows)
        hidden = self.stream == "linked_transactions"
        return {
            each[self.resource.identity]: int(each["Reference"])
            for each in documents
            if not (hidden and each["Status"] == "VOIDED")
        }

    @property
    def may_delete(self) -> bool:
        """Whether a row may vanish: not where Xero has neither count nor page size."""
        return self.resource.paging is Paging.PAGES or self.resource.order is None

    def calm(self) -> None:
        """End all business."""
        self.busy = False
        self.pass_time(LONGEST_DELAY)

    # What a client sees -------------------------------------------------------------------

    def answer(self, path: str, params: dict[str, str], since: str | None) -> bytes:
        """Answer a GET, as `Client.ask` hands it on."""
        self.calls += 1
        self.pass_time(self.chance.uniform(0.2, 1.5))
        headers = {} if since is None else {"if-modified-since": since[:19]}
        query = {name.lower(): value for name, value in params.items()}
        call = AccountingCall("GET", tuple(path.split("/")), query, headers, AT_XERO)
        try:
            found = self.reader.read(call)
        except ApiError as error:
            body = dict(error.body) if isinstance(error.body, dict) else None
            raise classify(Refusal(error.status, {}, body, path)) from None
        ahead = timedelta(seconds=self.irregularities.switches.clock_ahead)
        body, _ = render(found, self.clock.now() + ahead, json=True)
        self.happen()
        return body


class Calls:
    """Calls on their way, which Xero takes in any order."""

    def __init__(self, xero: Xero, lasts: float) -> None:
        """Start; the tap is killed after so many calls."""
        self._xero, self._lasts = xero, lasts
        self._waiting: list[int] = []
        self._asked: dict[int, tuple[Any, ...]] = {}
        self._came: dict[int, Any] = {}

    def fetch(self, path: str, params: dict[str, str], since: str | None) -> Any:
        """Start a call."""
        number = len(self._asked)
        self._asked[number] = (path, params, since)
        self._waiting.append(number)

        def wait() -> dict[str, Any]:
            while number not in self._came:
                self._carry_out()
            came = self._came[number]
            if isinstance(came, Exception):
                raise came
            return came

        return wait

    def _carry_out(self) -> None:
        self._lasts -= 1
        if self._lasts < 0:
            raise KilledError
        taken = self._waiting.pop(self._xero.chance.randrange(len(self._waiting)))
        try:
            content = self._xero.answer(*self._asked[taken])
            self._came[taken] = wire.decode(content, verbatim=True)
        except FAILURES as error:
            self._came[taken] = error


class Output:
    """What the tap writes, as a target keeps it: the records up to the last state."""

    def __init__(self) -> None:
        self.volume = 0
        self.table: dict[str, str] = {}
        self._open: list[bytes] = []
        self.state: dict[str, Any] = {}

    def write_lines(self, lines: bytes) -> None:
        """Take records over."""
        self.volume += len(lines)
        self._open.append(lines)

    def write_state(self, state: Any, identity: str) -> None:
        """Keep the records before a state, and the state."""
        self.state = deepcopy(state)
        for line in b"".join(self._open).splitlines():
            message = json.loads(line)
            if message["type"] == "RECORD":
                self.table[message["record"][identity]] = message["record"]["Reference"]
        self._open.clear()

    def forget(self) -> None:
        """Lose what no state was written after."""
        self._open.clear()


@cache
def tap_of(stream: str) -> TapXero:
    """A tap with one stream selected, whose runs share nothing but the schema."""
    catalog = deepcopy(TapXero(config={}, validate_config=False).catalog_dict)
    catalog["streams"] = [each for each in catalog["streams"] if each["tap_stream_id"] == stream]
    for each in catalog["streams"][0]["metadata"]:
        if not each["breadcrumb"]:
            each["metadata"]["selected"] = True
    tap = TapXero(config={"client_id": "app", "refresh_token": "seed"}, catalog=catalog)
    tap.run.__dict__["tenants"] = [KAURI]
    tap.run.logger = logging.getLogger("business")
    tap.run.logger.setLevel(logging.CRITICAL)
    return tap


def run_once(xero: Xero, output: Output, *, lasts: float = float("inf")) -> bool:
    """Run the tap from the last state; whether it came to its end.

    Args:
        xero: What to read.
        output: What the runs before have written.
        lasts: Calls after which it is killed.
    """
    tap = tap_of(xero.stream)
    stream, run = tap.streams[xero.stream], tap.run
    pause = xero.chance.choice([0.0, 0.5, 3.0])
    run.writer = output
    content = deepcopy(output.state)
    run.state = State(
        content,
        lambda state: output.write_state(state, xero.resource.identity),
        lambda: output.volume,
        monotonic=lambda: xero.clock.now().timestamp() * (1 / pause if pause else 1e6),
    )
    stream.end_reading()
    stream._announced, stream.complete = True, True
    task = WindowTask(stream, KAURI)
    calls = Calls(xero, lasts)
    task.fetch = lambda _: calls.fetch
    ahead = xero.chance.randint(1, 5)
    error = reading = None
    try:
        reading = task.start(lambda: ahead)
        for page in reading.pages() if reading else ():
            task.take(page)
    except FAILURES as failure:
        error = failure
    except KilledError:
        output.forget()
        stream.pending = 0
        return False
    task.end(reading, error)
    run.state.write_now()
    output.write_state(content, xero.resource.identity)
    return error is None and (reading is None or reading.complete)
