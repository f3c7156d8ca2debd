"""The parameters of a request for a report, read and checked as Xero does.

Source: Xero, Reports.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from xero_sandbox.reports import periods
from xero_sandbox.reports.periods import Period

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIMEFRAMES = ("MONTH", "QUARTER", "YEAR")
_BUDGET_TIMEFRAMES = ("1", "3", "12")
_LONGEST = 365
"""Days that may lie between the first and the last of a report."""


class Parameters:
    """The parameters of a request for a report.

    Args:
        values: Query parameters; their names in any case.
        today: The organisation's calendar date, on which what is not given depends.
    """

    def __init__(self, values: Mapping[str, str], today: date) -> None:
        self._values = {key.lower(): value for key, value in values.items()}
        self.today = today

    def text(self, name: str) -> str | None:
        """Return a parameter in small letters, None when it is not given."""
        value = self._values.get(name.lower())
        return value.lower() if value else None

    def day(self, name: str, default: date) -> date:
        """Return a date.

        Raises:
            ValueError: It is none.
        """
        text = self._values.get(name.lower())
        if not text:
            return default
        try:
            return date.fromisoformat(text[:10])
        except ValueError:
            raise ValueError(f"The parameter {name} is not a date: '{text}'.") from None

    def span(self) -> Period:
        """Return the days from `fromDate` to `toDate`, by default those of this month.

        Raises:
            ValueError: They are in the wrong order, or more than a year apart.
        """
        last = self.day("toDate", periods.month_end(self.today))
        first = self.day("fromDate", last.replace(day=1))
        if first > last:
            raise ValueError("The parameter fromDate must not be after toDate.")
        if (last - first).days > _LONGEST:
            raise ValueError(
                f"The parameters fromDate and toDate must be within {_LONGEST} days of each other."
            )
        return Period(first, last)

    def number(self, name: str, highest: int) -> int:
        """Return a number of at most `highest`, 0 when it is not given.

        Raises:
            ValueError: It is something else.
        """
        text = self._values.get(name.lower(), "0")
        if not text.isdigit() or int(text) > highest:
            raise ValueError(f"The parameter {name} must be from 1 to {highest}, not '{text}'.")
        return int(text)

    @property
    def timeframe(self) -> str:
        """The size of the periods to compare with.

        Raises:
            ValueError: It is none of the three.
        """
        return self._one_of(_TIMEFRAMES, "MONTH")

    @property
    def budget_months(self) -> int:
        """Months of a budget's period.

        Raises:
            ValueError: It is none of the three.
        """
        return int(self._one_of(_BUDGET_TIMEFRAMES, "1"))

    @property
    def cash(self) -> bool:
        """Whether documents count when they are paid."""
        return self.text("paymentsOnly") == "true"

    def _one_of(self, choices: tuple[str, ...], default: str) -> str:
        text = self._values.get("timeframe", default).upper()
        if text not in choices:
            raise ValueError(
                f"The parameter timeframe is one of {', '.join(choices)}, not '{text}'."
            )
        return text
