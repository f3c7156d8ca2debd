"""How fresh tables are: what the ledger and the tap's own notes say, judged. Pure.

The ledger (`_sdc_loads`) knows streams. Of organisations it takes a table in which the tap says
when it has read what: `stream_reads`, with `stream_reads: true` of tap-xero. What is right is what
was read to its end and loaded without an error; where a stream fails to load, the older of the two
counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

READS = "stream_reads"
READS_COLUMNS = ("tenant_id", "stream", "outcome", "begun_date_utc", "reason")
LOADS_COLUMNS = ("stream", "error", "rows_set_aside", "finished_at")

FRESH, STALE, WITHHELD, UNKNOWN = "fresh", "stale", "withheld", "unknown"
EXIT_CODES: Mapping[str, int] = {FRESH: 0, STALE: 1, UNKNOWN: 2}
"""What a monitor is told: all is fresh, something is not, or nobody can say."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Health:
    """One stream, of one organisation where that is known.

    Attributes:
        stream: The stream.
        organisation: Its id, empty for all of them together.
        right_at: As of when its table is right; None if it never was.
        failing_since: When it failed after that; None when it did not.
        reason: Why.
        status: `fresh`, `stale`, `withheld` (Xero does not hand it out) or `unknown`.
    """

    stream: str
    organisation: str = ""
    right_at: datetime | None = None
    failing_since: datetime | None = None
    reason: str = ""
    status: str = UNKNOWN

    def entry(self, names: Mapping[str, str]) -> dict[str, Any]:
        """The same for machines."""
        return {
            "organisation": names.get(self.organisation) or None,
            "tenant_id": self.organisation or None,
            "stream": self.stream,
            "status": self.status,
            "right_at": self.right_at and self.right_at.isoformat(),
            "failing_since": self.failing_since and self.failing_since.isoformat(),
            "reason": self.reason or None,
        }


def judged(
    loads: Iterable[Row],
    reads: Sequence[Row],
    now: datetime,
    within: timedelta,
    wanted: Callable[[str], bool] = lambda _: True,
) -> list[Health]:
    """The health of each stream, of each organisation that is known, the worst first.

    Args:
        loads: Rows of the ledger, `LOADS_COLUMNS`.
        reads: Rows of `stream_reads`, `READS_COLUMNS`; none where there is no such table.
        now: The time.
        within: How old what is right may be.
        wanted: Whether a stream is looked at.
    """
    loaded, failed = _loads(loads)
    found = []
    by_place: dict[tuple[str, str], list[Row]] = {}
    for row in reads:
        if wanted(row["stream"]):
            by_place.setdefault((row["stream"], row["tenant_id"]), []).append(row)
    for (stream, organisation), rows in by_place.items():
        at = {row["outcome"]: row for row in rows}
        complete = at["complete"]["begun_date_utc"] if "complete" in at else None
        ends = [row for row in rows if row["outcome"] != "complete"]
        later = [row for row in ends if complete is None or row["begun_date_utc"] > complete]
        last = max(later, key=lambda row: row["begun_date_utc"], default=None)
        health = _with_load(
            Health(
                stream,
                organisation,
                complete,
                last["begun_date_utc"] if last else None,
                str((last["reason"] if last else None) or ""),
            ),
            loaded.get(stream),
            failed.get(stream),
        )
        gone = last is not None and last["outcome"] == "withheld" and stream not in failed
        found.append(_judged(health, now, within, withheld=gone))
    told = {stream for stream, _ in by_place}
    for stream in sorted({*loaded, *failed} - told - {READS}):
        if wanted(stream):
            health = _with_load(Health(stream), loaded.get(stream), failed.get(stream))
            found.append(_judged(health, now, within))
    order = (STALE, UNKNOWN, WITHHELD, FRESH)
    return sorted(found, key=lambda h: (order.index(h.status), h.organisation, h.stream))


def overall(found: Sequence[Health]) -> str:
    """The status of all together: nothing at all is unknown."""
    statuses = {health.status for health in found} - {WITHHELD}
    return next((each for each in (STALE, UNKNOWN, FRESH) if each in statuses), UNKNOWN)


def _loads(
    rows: Iterable[Row],
) -> tuple[dict[str, datetime], dict[str, tuple[datetime, str]]]:
    """When each stream was last loaded, and when and why that failed since."""
    loaded: dict[str, datetime] = {}
    failed: dict[str, tuple[datetime, str]] = {}
    for row in rows:
        stream, at = row["stream"], row["finished_at"]
        if row["error"] or row["rows_set_aside"]:
            why = row["error"] or f"rows set aside: {row['rows_set_aside']:,}"
            if stream not in failed or failed[stream][0] < at:
                failed[stream] = (at, str(why))
        elif stream not in loaded or loaded[stream] < at:
            loaded[stream] = at
    still = {s: f for s, f in failed.items() if s not in loaded or f[0] >= loaded[s]}
    return loaded, still


def _with_load(
    health: Health, loaded: datetime | None, failed: tuple[datetime, str] | None
) -> Health:
    """A reading with what became of it on its way into the table."""
    right = health.right_at if health.organisation else loaded
    if failed is None:
        return Health(
            health.stream, health.organisation, right, health.failing_since, health.reason
        )
    moments = [each for each in (right, loaded) if each is not None]
    right = min(moments) if moments and loaded is not None else None
    return Health(health.stream, health.organisation, right, failed[0], failed[1])


def _judged(health: Health, now: datetime, within: timedelta, *, withheld: bool = False) -> Health:
    if withheld:
        status = WITHHELD
    elif health.failing_since is not None or health.right_at is None:
        status = STALE
    else:
        status = FRESH if now - health.right_at <= within else STALE
    return Health(
        health.stream,
        health.organisation,
        health.right_at,
        health.failing_since,
        health.reason,
        status,
    )
