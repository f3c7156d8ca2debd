"""Xero's limits kept by ourselves: a slot for each call, shared by threads and processes.

The calls of the last minute are rows of a small SQLite database beside the credential
store, so every tap process of this machine that uses the same store counts the same calls.
A minute here is any sixty seconds, which holds whenever Xero's fixed ones begin. When Xero
counts more than we do, somebody else uses the app too, and their calls are counted in.

Source: Xero, Rate limits (5 calls in flight and 60 a minute for each organisation, 10,000
a minute for the app; 1,000 a day on the Starter tier, 5,000 above; the `X-…-Remaining` headers).
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_xero.api.envelope import number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tap_xero.api.retries import Clock

WINDOW = 60.5
"""Seconds in which calls count together: a minute, and what the way to Xero may vary."""

DAILY_CALLS = (1_000, 5_000)
"""Calls of an organisation's day, by tier of the app."""

_POLL = 0.05
"""Seconds between two looks for a slot that another process may have left."""

_ABANDONED = 300.0
"""Seconds after which a call in flight is taken for one of a process that is gone."""

_LINGERING = 20.0
"""Seconds that Xero may still work on a call after the process that made it is gone."""

_APP = ""
"""Stands for all organisations in the table of holds."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
    id INTEGER PRIMARY KEY, tenant TEXT, started REAL, process INTEGER, in_flight INTEGER
);
CREATE INDEX IF NOT EXISTS calls_of_tenant ON calls (tenant, started);
CREATE TABLE IF NOT EXISTS holds (tenant TEXT PRIMARY KEY, until REAL);
"""


@dataclass(frozen=True)
class Allowance:
    """How many calls may be made.

    Attributes:
        in_flight: At once, for each organisation.
        minute: In a minute, for each organisation.
        app_minute: In a minute, for all organisations together.
    """

    in_flight: int = 5
    minute: int = 60
    app_minute: int = 10_000


XERO = Allowance()


def daily_calls(most_left: int) -> int:
    """The calls of an organisation's day, from the most that an answer said were left."""
    return next((calls for calls in DAILY_CALLS if most_left <= calls), max(DAILY_CALLS))


class Limiter:
    """Lets calls pass at the pace that Xero allows."""

    def __init__(
        self,
        path: Path | None,
        clock: Clock,
        *,
        allowance: Allowance = XERO,
        warn: Callable[[str], None],
    ) -> None:
        """Open the database.

        Args:
            path: Its file; None to count the calls of this process only.
            clock: Time.
            allowance: How many calls may be made.
            warn: Told when the file cannot be used.
        """
        self._clock = clock
        self._allowance = allowance
        self._lock = threading.Lock()
        self._left = threading.Condition(self._lock)
        self._gates: dict[str, threading.Semaphore] = defaultdict(
            lambda: threading.Semaphore(allowance.in_flight)
        )
        self._database = _open(path, warn)
        self._mine: set[int] = set()
        self._closing = self._closed = False

    @contextmanager
    def slot(self, tenant: str, waited: Callable[[float], None]) -> Iterator[None]:
        """Wait for a slot of an organisation and keep it for the length of a call.

        Args:
            tenant: Id of the organisation.
            waited: Told the seconds that were waited, when there were any.
        """
        with self._lock:
            gate = self._gates[tenant]
        began = self._clock.monotonic()
        with gate:
            while isinstance(entered := self._enter(tenant), float):
                if entered > _POLL:
                    self._clock.sleep(entered)
                else:
                    with self._left:
                        self._left.wait(_POLL)
            if (seconds := self._clock.monotonic() - began) > 0.01:
                waited(seconds)
            try:
                yield
            finally:
                self._leave(entered)

    def answered(self, tenant: str, headers: Mapping[str, str]) -> None:
        """Learn from an answer how many calls Xero has counted in this minute."""
        left = number(headers.get("X-MinLimit-Remaining", ""))
        if left is None:
            return
        counted = Allowance.minute - left
        with self._transaction() as database:
            ours = _count(database, tenant)
            now = self._clock.time()
            database.executemany(
                "INSERT INTO calls (tenant, started, process, in_flight) VALUES (?, ?, 0, 0)",
                [(tenant, now)] * (counted - ours),
            )

    def hold(self, tenant: str | None, seconds: float) -> None:
        """Let nobody call for a while: an organisation, or with None all of them."""
        until = self._clock.time() + seconds
        with self._transaction() as database:
            database.execute(
                "INSERT INTO holds VALUES (?, ?) ON CONFLICT DO UPDATE SET until = ?",
                (tenant or _APP, until, until),
            )

    def close(self) -> None:
        """Close the database, once no call is in flight any more. Safe to call again.

        Of a process that ends meanwhile, the calls stay in the way of others for a while.
        """
        self._closing = True
        self._close_at_rest()

    def _close_at_rest(self) -> None:
        with self._lock:
            if self._closing and not self._mine and not self._closed:
                self._closed = True
                self._database.close()

    def _enter(self, tenant: str) -> int | float:
        """The number of the call that may be made now, or the seconds to wait (a float)."""
        allowance, now = self._allowance, self._clock.time()
        with self._transaction() as database:
            # What lies in the future was written before the clock was set back.
            database.execute(
                "DELETE FROM calls WHERE (in_flight = 0 AND started <= ?) OR started > ?",
                (now - WINDOW, now + WINDOW),
            )
            ask = database.execute
            (until,) = ask(
                "SELECT max(until) FROM holds WHERE tenant IN (?, ?)", (tenant, _APP)
            ).fetchone()
            if until is not None and until > now:
                return max(float(until) - now, _POLL) + 0.001
            busy = ask(
                "SELECT id, started, process FROM calls WHERE tenant = ? AND in_flight", (tenant,)
            ).fetchall()
            if len(busy) >= allowance.in_flight and (wait := self._linger(database, busy, now)):
                return wait
            # The call after which there was one slot left in the minute; its end opens the next.
            for condition, values, most in (
                ("tenant = ?", (tenant,), allowance.minute),
                ("1", (), allowance.app_minute),
            ):
                full = ask(
                    f"SELECT started FROM calls WHERE {condition} "  # noqa: S608 (our own text)
                    "ORDER BY started DESC LIMIT 1 OFFSET ?",
                    (*values, most - 1),
                ).fetchone()
                if full is not None:
                    return max(float(full[0]) + WINDOW - now, _POLL) + 0.001
            entered = ask(
                "INSERT INTO calls (tenant, started, process, in_flight) VALUES (?, ?, ?, 1)",
                (tenant, now, os.getpid()),
            ).lastrowid
            self._mine.add(entered or 0)
        return entered or 0

    def _linger(
        self, database: sqlite3.Connection, busy: list[tuple[int, float, int]], now: float
    ) -> float:
        """Seconds to wait for one of the calls in flight; 0 when enough of them are over.

        Calls of processes that are gone end when Xero must have ended them.
        """
        ends = {
            number: started + (_ABANDONED if _is_alive(process) else _LINGERING)
            for number, started, process in busy
        }
        over = [number for number, end in ends.items() if end <= now]
        database.executemany(
            "UPDATE calls SET in_flight = 0 WHERE id = ?", [(number,) for number in over]
        )
        if len(busy) - len(over) < self._allowance.in_flight:
            return 0.0
        if any(_is_alive(process) for _, _, process in busy):
            return _POLL
        return max(min(end for end in ends.values() if end > now) - now, _POLL) + 0.001

    def _leave(self, number: int) -> None:
        with self._transaction() as database:
            database.execute("UPDATE calls SET in_flight = 0 WHERE id = ?", (number,))
            self._mine.discard(number)
            self._left.notify_all()
        self._close_at_rest()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """The database, for this thread and process alone."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            finally:
                self._database.execute("COMMIT")


def _open(path: Path | None, warn: Callable[[str], None]) -> sqlite3.Connection:
    try:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            return _connect(str(path))
    except (OSError, sqlite3.Error) as error:
        warn(
            f"The calls of other tap processes cannot be counted ({path}: {error}): keep to one "
            "process at a time, or delete that file."
        )
    return _connect(":memory:")


def _connect(name: str) -> sqlite3.Connection:
    database = sqlite3.connect(name, timeout=60, isolation_level=None, check_same_thread=False)
    # A machine that loses its power forgets the last minute, which is over by then.
    database.execute("PRAGMA synchronous = OFF")
    database.executescript(_SCHEMA)
    return database


def _count(database: sqlite3.Connection, tenant: str) -> int:
    (count,) = database.execute("SELECT count(*) FROM calls WHERE tenant = ?", (tenant,)).fetchone()
    return int(count)


def _is_alive(process: int) -> bool:
    if os.name == "nt":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
