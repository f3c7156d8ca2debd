"""The inbox: events on disk, in the order of their arrival, until the target has confirmed them.

A SQLite database, so that the receiver, the tap and the commands may use it at once and none of
them can lose or tear anything. An event is there once, however often it was delivered. How far the
tap has come is counted for each organisation, so that one that cannot be read keeps none waiting.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from tap_xero.webhooks.database import Database
from tap_xero.webhooks.events import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path
    from typing import Self

SET_ASIDE_FOR = 90 * 86_400
"""Seconds that an event which could not be fetched is kept for somebody to put it back."""

STANDS_BY_FOR = 3_600.0
"""Seconds after which a run that stands by ends, for a fresh one to take its place."""

_POLL = 0.02
_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS organisations (
    tenant_id TEXT PRIMARY KEY, name TEXT NOT NULL DEFAULT '',
    emitted INTEGER NOT NULL DEFAULT 0, confirmed INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS events (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id TEXT NOT NULL, category TEXT NOT NULL, resource_id TEXT NOT NULL,
    type TEXT NOT NULL, at TEXT NOT NULL, received REAL NOT NULL, reason TEXT,
    UNIQUE (tenant_id, category, resource_id, at)
);
CREATE INDEX IF NOT EXISTS events_of_tenant ON events (tenant_id, position);
CREATE INDEX IF NOT EXISTS events_set_aside ON events (position) WHERE reason IS NOT NULL;
"""

_ADD = """
INSERT INTO events (tenant_id, category, resource_id, type, at, received)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
    json_extract(value, '$[3]'), json_extract(value, '$[4]'), ?
FROM json_each(?) WHERE true ORDER BY key
ON CONFLICT (tenant_id, category, resource_id, at) DO NOTHING
"""


@dataclass(frozen=True)
class PendingEvent:
    """An event that is to be fetched.

    Attributes:
        position: Its place in the inbox.
        event: What happened.
    """

    position: int
    event: Event


@dataclass(frozen=True)
class Tally:
    """What the inbox holds of one category of one organisation.

    Attributes:
        tenant_id: The organisation.
        name: Its name, once the tap has seen it.
        category: The category of its events.
        pending: Events that the target has not confirmed.
        failed: Events that were set aside.
        reasons: Why, each reason once.
        last_event: When the latest change happened, by Xero's clock.
        last_received: When the latest event came, seconds since 1970.
    """

    tenant_id: str
    name: str
    category: str
    pending: int
    failed: int
    reasons: tuple[str, ...]
    last_event: str
    last_received: float


class Inbox:
    """One connection to the inbox; may be used from several threads."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        """Open the inbox, and make it if it is not there.

        Args:
            path: Its file.
            clock: Seconds since 1970.

        Raises:
            OSError: The file cannot be made.
            sqlite3.Error: The file is no inbox, or cannot be written.
        """
        self.path = path
        self._clock = clock
        self._known: set[str] = set()
        self._database = Database(path, _SCHEMA)
        try:
            with self._database.transaction() as database:
                database.execute(
                    "INSERT OR IGNORE INTO facts VALUES ('id', ?)", (str(uuid.uuid4()),)
                )
            self.id: str = self._facts()["id"]
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection. Safe to call again."""
        self._database.close()

    # -- what the receiver does --

    def add(self, events: Sequence[Event]) -> int:
        """Keep events, all of them or, if that fails, none.

        Returns:
            How many of them were not there already.

        Raises:
            sqlite3.Error: They are not kept, because the disk is full for instance.
        """
        unknown = {event.tenant_id for event in events} - self._known
        # In one statement, so that the interpreter need not be asked for between events.
        rows = msgspec.json.encode(
            [
                (each.tenant_id, each.category, each.resource_id, each.type, each.at)
                for each in events
            ]
        ).decode()
        with self._database.transaction() as database:
            database.executemany(
                "INSERT OR IGNORE INTO organisations (tenant_id) VALUES (?)",
                [(tenant_id,) for tenant_id in unknown],
            )
            new = database.execute(_ADD, (self._clock(), rows)).rowcount
        self._known |= unknown
        return new

    def try_to_write(self) -> None:
        """See whether events could be kept.

        Raises:
            sqlite3.Error: They could not.
        """
        self._note("tried", str(self._clock()))

    # -- what the tap does --

    def begin(self, positions: Mapping[str, int]) -> None:
        """Take over what the target has confirmed: the positions of the state of a run."""
        with self._database.transaction() as database:
            database.execute("UPDATE organisations SET emitted = 0, confirmed = 0")
            database.executemany(
                "INSERT INTO organisations (tenant_id, emitted, confirmed) VALUES (?, ?, ?)"
                " ON CONFLICT (tenant_id) DO UPDATE"
                " SET emitted = excluded.emitted, confirmed = excluded.confirmed",
                [(tenant_id, position, position) for tenant_id, position in positions.items()],
            )

    def name(self, names: Mapping[str, str]) -> None:
        """Remember the names of organisations, for people."""
        with self._database.transaction() as database:
            database.executemany(
                "UPDATE organisations SET name = ? WHERE tenant_id = ?",
                [(name, tenant_id) for tenant_id, name in names.items()],
            )

    def waiting(
        self,
        positions: Mapping[str, int],
        through: int,
        *,
        most: int,
        without: Collection[str] = (),
    ) -> list[PendingEvent]:
        """Events to fetch, in the order of their arrival.

        Args:
            positions: How far each organisation has been read.
            through: The last position of interest.
            most: How many events are enough.
            without: Organisations to leave out.
        """
        pending: list[PendingEvent] = []
        for tenant_id in self._tenants():
            if tenant_id not in without:
                rows = self._database.rows(
                    "SELECT position, tenant_id, category, resource_id, type, at FROM events"
                    " WHERE tenant_id = ? AND position > ? AND position <= ? AND reason IS NULL"
                    " ORDER BY position LIMIT ?",
                    (tenant_id, positions.get(tenant_id, 0), through, most),
                )
                pending += [PendingEvent(position, Event(*parts)) for position, *parts in rows]
        return sorted(pending, key=lambda each: each.position)[:most]

    def emitted(self, positions: Mapping[str, int]) -> None:
        """Note how far the state that was just written says each organisation is read."""
        with self._database.transaction() as database:
            database.executemany(
                "UPDATE organisations SET emitted = ? WHERE tenant_id = ?",
                [(position, tenant_id) for tenant_id, position in positions.items()],
            )

    def set_aside(self, reasons: Mapping[int, str]) -> None:
        """Leave events aside, by position, with the reason why they cannot be fetched."""
        with self._database.transaction() as database:
            database.executemany(
                "UPDATE events SET reason = ? WHERE position = ?",
                [(reason, position) for position, reason in reasons.items()],
            )

    def forget(self, seconds: float) -> int:
        """Forget what was confirmed and came longer ago than that, and old failures.

        Returns:
            How many events were forgotten.
        """
        now = self._clock()
        with self._database.transaction() as database:
            confirmed = database.execute(
                "DELETE FROM events WHERE received < ? AND reason IS NULL AND position <="
                " (SELECT confirmed FROM organisations o WHERE o.tenant_id = events.tenant_id)",
                (now - seconds,),
            )
            aside = database.execute(
                "DELETE FROM events WHERE reason IS NOT NULL AND received < ?",
                (now - max(seconds, SET_ASIDE_FOR),),
            )
            return confirmed.rowcount + aside.rowcount

    # -- what the trigger does --

    def last_position(self) -> int:
        """The position of the event that came last; 0 when there is none."""
        return int(self._database.rows("SELECT coalesce(max(position), 0) FROM events")[0][0])

    def confirm(self) -> None:
        """Take what was emitted for confirmed: the whole pipeline has succeeded."""
        with self._database.transaction() as database:
            database.execute("UPDATE organisations SET confirmed = max(confirmed, emitted)")

    def stand_by(self, run: str | None) -> None:
        """Name the run that stands by, or that none does; any other is to end."""
        self._note("standby", run)

    def release(self, run: str) -> None:
        """Let the run begin that stands by."""
        self._note("released", run)

    def is_warm(self) -> bool:
        """Whether a run has started up and waits for its release."""
        facts = self._facts()
        waits = facts.get("waits")
        return waits is not None and waits == facts.get("standby") != facts.get("released")

    def wait_for_release(self, run: str) -> bool:
        """Wait until a run that stands by may begin.

        Returns:
            Whether it may; False when another has taken its place, or when it has waited for so
            long that a fresh one had better do so.
        """
        self._note("waits", run)
        until = time.monotonic() + STANDS_BY_FOR
        while (begins := self._may_begin(run)) is False and time.monotonic() < until:
            time.sleep(_POLL)
        return bool(begins)

    def _may_begin(self, run: str) -> bool | None:
        """Whether a run that stands by may begin; None when another has taken its place."""
        facts = self._facts()
        if facts.get("released") == run:
            return True
        return False if facts.get("standby") == run else None

    # -- what people ask --

    def pending(self, through: int | None = None) -> tuple[int, float | None]:
        """How many events are not confirmed, and when the oldest came, seconds since 1970.

        Args:
            through: The last position of interest; None for all.
        """
        counts = [
            self._database.rows(
                "SELECT count(*), min(received) FROM events"
                " WHERE tenant_id = ? AND position > ? AND position <= coalesce(?, position)"
                " AND reason IS NULL",
                (tenant_id, confirmed, through),
            )[0]
            for tenant_id, confirmed in self._database.rows(
                "SELECT tenant_id, confirmed FROM organisations"
            )
        ]
        oldest = [received for count, received in counts if count]
        return sum(count for count, _ in counts), min(oldest, default=None)

    def failed(self) -> int:
        """How many events are set aside."""
        return int(
            self._database.rows("SELECT count(*) FROM events WHERE reason IS NOT NULL")[0][0]
        )

    def tallies(self) -> list[Tally]:
        """What the inbox holds, by organisation and category."""
        rows = self._database.rows(
            "SELECT tenant_id, max(name), category, sum(reason IS NULL AND position > confirmed),"
            " sum(reason IS NOT NULL), json_group_array(DISTINCT reason), max(at), max(received)"
            " FROM events JOIN organisations USING (tenant_id)"
            " GROUP BY tenant_id, category ORDER BY 2, 1, 3"
        )
        return [
            Tally(tenant, name, category, pending, failed, _texts(reasons), at, received)
            for tenant, name, category, pending, failed, reasons, at, received in rows
        ]

    def put_back(self, tenant_id: str | None = None, category: str | None = None) -> int:
        """Put what was set aside to the end of the line.

        Args:
            tenant_id: Only of this organisation.
            category: Only of this category.

        Returns:
            How many events there were.
        """
        with self._database.transaction() as database:
            rows = database.execute(
                "SELECT position FROM events WHERE reason IS NOT NULL"
                " AND coalesce(?, tenant_id) = tenant_id AND coalesce(?, category) = category"
                " ORDER BY position",
                (tenant_id, category),
            ).fetchall()
            for (position,) in rows:
                # The database hands positions out from here, and none of them twice.
                database.execute("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'events'")
                database.execute(
                    "UPDATE events SET reason = NULL, position ="
                    " (SELECT seq FROM sqlite_sequence WHERE name = 'events') WHERE position = ?",
                    (position,),
                )
        return len(rows)

    def _tenants(self) -> list[str]:
        return [
            tenant_id for (tenant_id,) in self._database.rows("SELECT tenant_id FROM organisations")
        ]

    def _facts(self) -> dict[str, str]:
        return dict(self._database.rows("SELECT name, value FROM facts"))

    def _note(self, fact: str, value: str | None) -> None:
        with self._database.transaction() as database:
            database.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (fact, value))


def _texts(listed: str) -> tuple[str, ...]:
    return tuple(sorted(filter(None, msgspec.json.decode(listed))))
