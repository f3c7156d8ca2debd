"""Xero's dates, in every spelling it uses, as the dates and instants of JSON Schema.

Source: Xero, Requests and responses; the spellings beyond it from Xero's published
examples: `/Date(1539993600000+0000)/`, `/Date(1551399323399)/`, milliseconds before 1970
with a minus, `2019-03-05T18:59:06Z`, `2018-10-20T00:00:00`, `2017-08-14T01:18:26.74`.

Rules:

- The milliseconds are UTC already; an offset after them is for display and is ignored.
- A calendar date is midnight UTC of a local date: its date part is the value, and no
  time zone may ever shift it.
- `/Date(0+0000)/` and the first day of .NET's calendar are what Xero writes where no date
  was ever set (on some voided documents), so they are read as null: 1 January 1970 would
  be a fact that is not in the books.
- What is not a date in any spelling is passed through untouched, for the target to rescue.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

_NET = re.compile(r"/Date\((-?\d{1,18})(?:[+-]\d{4})?\)/")
_ISO = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?)? ?(Z|[+-]\d\d:?\d\d)?")
_EPOCH = date(1970, 1, 1)
_DAY_MS = 86_400_000
_DOTNET_MIN_MS = -62_135_596_800_000
_NEVER = frozenset({0, _DOTNET_MIN_MS})
_CACHED = 1 << 16


def milliseconds(text: str) -> int | None:
    """Milliseconds since 1970 in UTC of a `/Date(…)/`, or None if it is not one."""
    match = _NET.fullmatch(text)
    return int(match[1]) if match else None


@lru_cache(maxsize=_CACHED)
def _day_text(days: int) -> str:
    return (_EPOCH + timedelta(days=days)).isoformat()


@lru_cache(maxsize=_CACHED)
def _calendar(text: str) -> str | None:
    ms = milliseconds(text)
    if ms is not None:
        if ms in _NEVER:
            return None
        try:
            return _day_text(ms // _DAY_MS)
        except OverflowError:
            return text
    match = _ISO.fullmatch(text)
    return match[1] if match else text


def calendar_date(value: Any) -> Any:
    """A calendar date as `YYYY-MM-DD`.

    Args:
        value: What Xero sent.

    Returns:
        The date part, None for a date that was never set, or the value itself when it
        is no date.
    """
    return _calendar(value) if type(value) is str else value


def instant(value: Any) -> Any:
    """An instant as ISO 8601 in UTC, `2019-03-05T18:59:06.123Z`.

    Milliseconds are written only when there are any.

    Args:
        value: What Xero sent.

    Returns:
        The instant, None for one that never was, or the value itself when it is none.
    """
    if type(value) is not str:
        return value
    ms = milliseconds(value)
    if ms is None:
        return _iso_instant(value)
    if ms in _NEVER:
        return None
    days, rest = divmod(ms, _DAY_MS)
    try:
        day = _day_text(days)
    except OverflowError:
        return value
    seconds, fraction = divmod(rest, 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    if fraction:
        return f"{day}T{hour:02d}:{minute:02d}:{second:02d}.{fraction:03d}Z"
    return f"{day}T{hour:02d}:{minute:02d}:{second:02d}Z"


def _iso_instant(text: str) -> str:
    if len(text) == 20 and text[10] == "T" and text[19] == "Z":
        return text
    match = _ISO.fullmatch(text)
    if match is None:
        return text
    day, clock, fraction, zone = match.groups()
    # Xero's identity service writes seven digits; more than microseconds is noise.
    tail = f".{fraction[:6]}" if fraction and fraction.strip("0") else ""
    if zone in {None, "Z", "+00:00", "+0000"}:
        return f"{day}T{clock or '00:00:00'}{tail}Z"
    offset = zone if ":" in zone else f"{zone[:3]}:{zone[3:]}"
    try:
        local = datetime.fromisoformat(f"{day}T{clock or '00:00:00'}{offset}")
        utc = local.astimezone(UTC)
    except (ValueError, OverflowError):
        return text
    return f"{utc:%Y-%m-%dT%H:%M:%S}{tail}Z"


def month(value: Any) -> Any:
    """A year and month as `YYYY-MM`, however Xero wrote it."""
    day = calendar_date(value)
    if type(day) is str and _ISO.fullmatch(day):
        return day[:7]
    return day


def parse_instant(text: str) -> datetime:
    """An ISO date or instant as an aware datetime in UTC; without a zone it is UTC.

    Raises:
        ValueError: The text is neither.
    """
    moment = instant(text) or ""
    shape = "%Y-%m-%dT%H:%M:%S.%fZ" if "." in moment else "%Y-%m-%dT%H:%M:%SZ"
    try:
        return datetime.strptime(moment, shape).replace(tzinfo=UTC)
    except ValueError:
        raise ValueError(
            f"{text!r} is not a date such as 2024-07-01 or 2024-07-01T00:00:00Z"
        ) from None


def format_instant(moment: datetime) -> str:
    """An aware datetime as `2019-03-05T18:59:06Z`, whole seconds, rounded down."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"
