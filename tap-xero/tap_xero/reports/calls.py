"""Which calls show the periods of a report, and what the columns of each answer are.

Xero compares up to twelve periods in one call. Of the profit and loss it takes the days of the
first period over to all others, so a comparison from a month of 30 days would leave the 31st out
of the months before. Only periods that come out right are asked for together: from November,
November alone and the eleven months before it with October.

Source: Xero, Reports (`periods`, `timeframe`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_xero.reports.calendar import MONTHS, periods
from tap_xero.reports.table import Columns

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from tap_xero.reports.calendar import Period, YearEnd
    from tap_xero.reports.table import Options, Report


@dataclass(frozen=True)
class Category:
    """A tracking category of an organisation.

    Attributes:
        id: TrackingCategoryID.
        options: Ids of its options by their names.
    """

    id: str
    options: Mapping[str, str]


@dataclass(frozen=True)
class Call:
    """One call for a report.

    Attributes:
        report: Which report.
        params: Query.
        periods: Periods it shows, in the order of the columns where columns are periods.
        timeframe: How long they are.
        basis: Basis of the figures.
        category: Tracking category whose options are the columns, if they are.
    """

    report: Report
    params: dict[str, str]
    periods: tuple[Period, ...]
    timeframe: str
    basis: str
    category: Category | None = None


def calls(
    report: Report,
    options: Options,
    today: date,
    year_end: YearEnd,
    category: Category | None = None,
) -> list[Call]:
    """The calls for everything that was asked of a report, latest periods first.

    Args:
        report: The report.
        options: What was asked.
        today: Xero's date.
        year_end: The organisation's.
        category: Tracking category to tell apart.
    """
    wanted = periods(
        today,
        options.timeframe,
        year_end.at_month_end() if report.whole_months else year_end,
        back=options.periods,
        ahead=options.ahead,
    )
    basis = report.basis or (options.basis if "basis" in report.options else "")
    made = []
    for group in _grouped(report, wanted, options.timeframe, 1 if category else report.in_one_call):
        params = _params(report, group, options.timeframe)
        if basis == "cash":
            params["paymentsOnly"] = "true"
        if category is not None:
            params["trackingCategoryID"] = category.id
        if report.columns is Columns.PERIODS_AHEAD:
            group.reverse()
        made.append(Call(report, params, tuple(group), options.timeframe, basis, category))
    return made


def _grouped(report: Report, wanted: list[Period], timeframe: str, most: int) -> list[list[Period]]:
    groups: list[list[Period]] = []
    for period in wanted:
        group = groups[-1] if groups else []
        if group and len(group) < most:
            shown = report.compared(group[0], len(group), timeframe)
            if shown in (None, period):
                group.append(period)
                continue
        groups.append([period])
    return groups


def _params(report: Report, group: list[Period], timeframe: str) -> dict[str, str]:
    params = dict(report.fixed)
    ahead = report.columns is Columns.PERIODS_AHEAD
    if report.begins:
        params[report.begins] = group[-1 if ahead else 0].first.isoformat()
    if report.ends:
        params[report.ends] = group[0].last.isoformat()
    if ahead:
        # Here Xero counts the periods to show, and gives their length in months.
        params |= {"periods": str(len(group)), "timeframe": str(MONTHS[timeframe])}
    elif len(group) > 1 and len(report.timeframes) > 1:
        # Here it counts those to compare the first one with.
        params |= {"periods": str(len(group) - 1), "timeframe": timeframe}
    return params
