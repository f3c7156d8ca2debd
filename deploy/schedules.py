"""When the schedules of `meltano.yml` are due.

Source: crontab(5); Meltano, *Schedules* (`interval`: a cron expression or one of its names).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

NAMED = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
NEVER = {"@once", "@manual", "@none"}
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
"""Minute, hour, day of the month, month, day of the week (0 and 7 are Sunday)."""
_MINUTE = timedelta(minutes=1)


class IntervalError(ValueError):
    """An interval that says no time; the message names it."""


def schedules_of(project: Path) -> list[dict[str, Any]]:
    """The schedules of jobs that a `meltano.yml` has.

    Raises:
        IntervalError: One says no time.
    """
    stated = yaml.safe_load(project.read_text(encoding="utf-8"))
    schedules = [each for each in stated.get("schedules") or [] if "job" in each]
    for each in schedules:
        is_due(each["interval"], datetime.now().astimezone())
    return schedules


def cron(interval: str) -> str | None:
    """The five fields that an interval means; None if it means no time."""
    return None if interval in NEVER else NAMED.get(interval, interval)


def numbers(field: str, low: int, high: int) -> set[int]:
    """What a field of an expression means: `*`, `5`, `1-5`, `*/15`, and several with commas.

    Raises:
        ValueError: Nothing, or numbers out of range.
    """
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        start, end = (low, high) if span == "*" else (int(first), int(last if dash else first))
        if not dash and step and span != "*":
            end = high
        if not low <= start <= end <= high or int(step or 1) < 1:
            raise ValueError(part)
        found.update(range(start, end + 1, int(step or 1)))
    return found


def is_due(interval: str, moment: datetime) -> bool:
    """Whether an interval means this minute.

    Raises:
        IntervalError: The interval cannot be understood.
    """
    if interval in NEVER:
        return False
    fields = NAMED.get(interval, interval).split()
    try:
        minutes, hours, days, months, weekdays = (
            numbers(field, *limits) for field, limits in zip(fields, _RANGES, strict=True)
        )
    except ValueError as error:
        raise IntervalError(
            f"The interval '{interval}' is neither five fields as in a crontab nor one of "
            f"{', '.join([*NAMED, *sorted(NEVER)])}."
        ) from error
    of_month = moment.day in days
    of_week = moment.isoweekday() in weekdays or (0 in weekdays and moment.isoweekday() == 7)
    # Where both are stated, cron takes either of them.
    either = not (fields[2].startswith("*") or fields[4].startswith("*"))
    day = of_month or of_week if either else of_month and of_week
    return moment.minute in minutes and moment.hour in hours and moment.month in months and day


def due(
    schedules: Sequence[Mapping[str, Any]], since: datetime, until: datetime
) -> Iterator[Mapping[str, Any]]:
    """The schedules that were due after one minute and until another, each once, as they stand.

    What fell due while another one ran is due now; that it fell due twice makes no second run.
    """
    minutes = [since + _MINUTE * n for n in range(1, int((until - since) / _MINUTE) + 1)]
    return (
        each for each in schedules if any(is_due(each["interval"], minute) for minute in minutes)
    )
