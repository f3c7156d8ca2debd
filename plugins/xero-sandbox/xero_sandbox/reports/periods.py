"""Calendar arithmetic of reports: months, financial years, periods to compare, titles.

Days are milliseconds at midnight UTC, as everywhere in the sandbox.
"""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from typing import NamedTuple

from xero_sandbox.wire import to_datetime

_EPOCH = date(1970, 1, 1)
_MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}


class Period(NamedTuple):
    """A span of calendar days, both ends included."""

    first: date
    last: date


def day_of(ms: int) -> date:
    """Return the calendar date of an instant in UTC."""
    return to_datetime(ms).date()


def ms_of(day: date) -> int:
    """Return midnight UTC of a calendar date."""
    return (day - _EPOCH).days * 86_400_000


def month_end(day: date) -> date:
    """Return the last day of a month."""
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def months_before(day: date, months: int) -> date:
    """Return the same day `months` months earlier, or the last one of a month without it."""
    index = day.year * 12 + day.month - 1 - months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def year_start(day: date, year_end: tuple[int, int]) -> date:
    """Return the first day of the financial year that `day` is in.

    Args:
        day: Any day.
        year_end: Month and day of the last day of a financial year.
    """
    month, last = year_end
    ended = date(day.year, month, last)
    if ended >= day:
        ended = date(day.year - 1, month, last)
    return ended + timedelta(days=1)


def compared(last: date, periods: int, timeframe: str) -> list[date]:
    """Return the closing dates of a report's columns, ends of months, latest first."""
    step = _MONTHS[timeframe]
    return [month_end(months_before(last, step * number)) for number in range(periods + 1)]


def compared_periods(period: Period, periods: int, timeframe: str) -> list[Period]:
    """Return the spans of a report's columns, latest first.

    The days of the first span hold for all: a comparison of 30 days' months leaves out the 31st.

    Source: Xero, Reports (`periods` of the profit and loss).
    """
    step = _MONTHS[timeframe]
    return [
        Period(
            months_before(period.first, step * number), months_before(period.last, step * number)
        )
        for number in range(periods + 1)
    ]


def ahead(first: date, number: int, months: int) -> list[Period]:
    """Return `number` spans of so many months, one after the other, from the month of `first`."""
    start = first.replace(day=1)
    return [
        Period(
            months_before(start, -months * place),
            months_before(start, -months * (place + 1)) - timedelta(days=1),
        )
        for place in range(number)
    ]


def long(day: date) -> str:
    """Return a date as titles have it: `30 April 2019`."""
    return f"{day.day} {day:%B %Y}"


def short(day: date) -> str:
    """Return a date as column heads of the balance sheet have it: `30 Apr 2019`."""
    return f"{day.day} {day:%b %Y}"


def shorter(day: date) -> str:
    """Return a date as column heads of the profit and loss have it: `30 Apr 19`."""
    return f"{day.day} {day:%b %y}"
