"""Periods of reports: months, and quarters and years as the organisation's books have them."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from typing import NamedTuple

MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}
"""Months of each time frame."""


class Period(NamedTuple):
    """A span of calendar days, both ends included."""

    first: date
    last: date


class YearEnd(NamedTuple):
    """Month and day on which the organisation's financial years end."""

    month: int = 12
    day: int = 31

    def last(self, year: int) -> date:
        """The day on which a financial year ends that ends in `year`."""
        whole = self.day >= monthrange(2001, self.month)[1]
        days = monthrange(year, self.month)[1]
        return date(year, self.month, days if whole else min(self.day, days))

    def at_month_end(self) -> YearEnd:
        """The same month's last day."""
        return self._replace(day=31)


def months_later(day: date, months: int) -> date:
    """The same day so many months later, or the last one of a month that has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def periods(
    today: date, timeframe: str, year_end: YearEnd, *, back: int, ahead: int = 0
) -> list[Period]:
    """The period that today is in, and those around it, latest first.

    Args:
        today: A day.
        timeframe: One of `MONTHS`.
        year_end: Where quarters and years begin; months are calendar months.
        back: How many periods to return up to today's, that one included.
        ahead: How many to return after it.
    """
    step = MONTHS[timeframe]
    start = today.replace(day=1) if timeframe == "MONTH" else _year_start(today, year_end)

    def begins(number: int) -> date:
        return months_later(start, number * step)

    current = 0
    while begins(current + 1) <= today:
        current += 1
    return [
        Period(begins(number), begins(number + 1) - timedelta(days=1))
        for number in range(current + ahead, current - back, -1)
    ]


def _year_start(today: date, year_end: YearEnd) -> date:
    last = year_end.last(today.year)
    return (last if last < today else year_end.last(today.year - 1)) + timedelta(days=1)
