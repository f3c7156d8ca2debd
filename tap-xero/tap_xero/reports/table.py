"""The table of Xero's reports, and the setting `reports` that names and shapes them.

A row states the facts in which reports differ; `tap_xero.reports.calls` and
`tap_xero.reports.flatten` have the behaviour, written once.

Source: Xero, Reports; Xero's Accounting API specification 16.1.0; Xero, Granular scopes FAQ.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any

from tap_xero.models import reports as models
from tap_xero.models.fields import Kind
from tap_xero.models.resources import BY_STREAM, Resource
from tap_xero.models.schema import stream_schema
from tap_xero.reports.calendar import MONTHS, Period, months_later

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_xero.models.fields import Model

MOST_PERIODS = 60
"""Periods that may be asked for: five years of months."""

BASES = ("accrual", "cash")


class Columns(Enum):
    """What the columns of a report are."""

    PERIODS = "a column for each period, latest first"
    PERIODS_AHEAD = "a column for each period, latest last"
    MEASURES = "several figures of one period"


@dataclass(frozen=True)
class Report:
    """One report, and the stream made of it.

    Attributes:
        stream: Name of the stream.
        name: Xero's name, in the path `Reports/<name>`.
        granular: Last part of the scope since March 2026, `accounting.reports.<granular>.read`.
        columns: What its columns are.
        begins: Parameter for the first day of the period; None when the last day is enough.
        ends: Parameter for the last day, or None when the first day is enough.
        fixed: Parameters of every call.
        in_one_call: Periods that one call can show.
        same_days: A comparison takes the days of the first period over to every other.
        timeframes: Lengths of periods to choose from.
        whole_months: Its periods end with a month, also where financial years do not.
        balances: Figures are those of the last day, so a period has no first one.
        options: What the setting can say about it, besides `periods` and `timeframe`.
        model: Fields of a row.
        basis: Basis of a stream that has one only; else the setting's counts.
    """

    stream: str
    name: str
    granular: str
    columns: Columns
    model: Model
    begins: str | None = None
    ends: str | None = "date"
    fixed: tuple[tuple[str, str], ...] = ()
    in_one_call: int = 1
    same_days: bool = False
    timeframes: tuple[str, ...] = ("MONTH",)
    whole_months: bool = False
    balances: bool = False
    options: tuple[str, ...] = ()
    basis: str = ""

    @property
    def places(self) -> int:
        """Decimals of a figure."""
        (figure,) = (field for field in self.model.fields if field.name == "Amount")
        return 10 if figure.kind is Kind.RATE else 4

    def compared(self, anchor: Period, number: int, timeframe: str) -> Period | None:
        """The period that stands so many columns after the first; None where any may."""
        if not self.same_days:
            return None
        months = -MONTHS[timeframe] * number
        return Period(months_later(anchor.first, months), months_later(anchor.last, months))

    @property
    def allowed(self) -> tuple[str, ...]:
        """What the setting can say about it."""
        frame = ("timeframe",) if len(self.timeframes) > 1 else ()
        return ("periods", *frame, *self.options)


_STANDARD = (("standardLayout", "true"),)
"""Without layouts that people made, so that the rows of all organisations compare."""

_EITHER_BASIS: tuple[Report, ...] = (
    Report(
        "trial_balance",
        "TrialBalance",
        "trialbalance",
        Columns.MEASURES,
        models.TRIAL_BALANCE,
        options=("basis",),
    ),
    Report(
        "profit_and_loss",
        "ProfitAndLoss",
        "profitandloss",
        Columns.PERIODS,
        models.PROFIT_AND_LOSS,
        begins="fromDate",
        ends="toDate",
        fixed=_STANDARD,
        in_one_call=12,
        same_days=True,
        timeframes=tuple(MONTHS),
        options=("basis", "tracking_category"),
    ),
    Report(
        "balance_sheet",
        "BalanceSheet",
        "balancesheet",
        Columns.PERIODS,
        models.BALANCE_SHEET,
        fixed=_STANDARD,
        in_one_call=12,
        timeframes=tuple(MONTHS),
        whole_months=True,
        balances=True,
        options=("basis",),
    ),
)

REPORTS: tuple[Report, ...] = (
    *_EITHER_BASIS,
    *(
        # Beside those of the setting's basis, for whoever needs both at once.
        replace(
            report,
            stream=f"{report.stream}_cash",
            model=replace(
                report.model, about=report.model.about.removesuffix(".") + "; on cash basis."
            ),
            options=tuple(name for name in report.options if name != "basis"),
            basis="cash",
        )
        for report in _EITHER_BASIS
    ),
    Report(
        "bank_summary",
        "BankSummary",
        "banksummary",
        Columns.MEASURES,
        models.BANK_SUMMARY,
        begins="fromDate",
        ends="toDate",
        timeframes=tuple(MONTHS),
    ),
    Report(
        "budget_summary",
        "BudgetSummary",
        "budgetsummary",
        Columns.PERIODS_AHEAD,
        models.BUDGET_SUMMARY,
        begins="date",
        ends=None,
        in_one_call=12,
        timeframes=tuple(MONTHS),
        whole_months=True,
        options=("ahead",),
    ),
    Report(
        "executive_summary",
        "ExecutiveSummary",
        "executivesummary",
        Columns.PERIODS,
        models.EXECUTIVE_SUMMARY,
        in_one_call=2,
    ),
)
"""Every report the tap reads, in the order of its streams."""

REPORT_NAMES = tuple(report.stream for report in REPORTS)


@dataclass(frozen=True)
class Options:
    """What the setting says about one report.

    Attributes:
        periods: How many periods to read, today's included.
        timeframe: How long they are, one of `MONTHS`.
        basis: One of `BASES`.
        tracking_category: Name or id of the category whose options are told apart.
        ahead: Periods after today's to read too.
    """

    periods: int = 3
    timeframe: str = "MONTH"
    basis: str = "accrual"
    tracking_category: str | None = None
    ahead: int = 0


class ReportResource(Resource):
    """A report in the shape in which the rest of the tap knows its resources."""

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of the stream's records."""
        return _schema(self.stream)


def resource(report: Report) -> ReportResource:
    """The resource of a report."""
    return ReportResource(
        stream=report.stream,
        path=f"Reports/{report.name}",
        envelope="Reports",
        key=models.KEY,
        model=report.model,
        scope="accounting.reports.read",
        granular=f"accounting.reports.{report.granular}.read",
    )


def named(config: Mapping[str, Any]) -> list[Report]:
    """The reports that the setting names, in the order of the table."""
    wanted = config.get("reports")
    return [each for each in REPORTS if isinstance(wanted, dict) and each.stream in wanted]


def options(config: Mapping[str, Any], report: Report) -> Options:
    """What the setting, which has been checked, says about a report that it names."""
    given = config["reports"][report.stream] or {}
    return replace(Options(), **{name: _plain(name, value) for name, value in given.items()})


def problems(wanted: Mapping[str, Any]) -> list[str]:
    """What is wrong with the setting, one sentence each."""
    reports = {report.stream: report for report in REPORTS}
    errors = []
    for stream, given in wanted.items():
        report = reports.get(stream)
        if report is None:
            names = ", ".join(REPORT_NAMES)
            errors.append(f"Setting reports: {stream} is no report; there are {names}.")
            continue
        for name, value in (given or {}).items():
            if name not in report.allowed:
                names = ", ".join(report.allowed)
                errors.append(f"Setting reports: {stream} has no {name}; it takes {names}.")
            elif expected := _expected(report, name, value):
                errors.append(f"Setting reports: {stream}: {name} is {expected}, not {value!r}.")
    return errors


def _plain(name: str, value: Any) -> Any:
    """A value as the code compares it: choices may be written in any case."""
    if name == "timeframe":
        return value.upper()
    return value.lower() if name == "basis" else value


def _expected(report: Report, name: str, value: Any) -> str:
    """What a value should be, when it is not that; else nothing."""
    text = value if isinstance(value, str) else ""
    if name in ("periods", "ahead"):
        least = 1 if name == "periods" else 0
        whole = isinstance(value, int) and not isinstance(value, bool)
        right = whole and least <= value <= MOST_PERIODS
        return "" if right else f"a number from {least} to {MOST_PERIODS}"
    if name == "timeframe":
        return "" if text.upper() in report.timeframes else f"one of {', '.join(report.timeframes)}"
    if name == "basis":
        return "" if text.lower() in BASES else " or ".join(BASES)
    return "" if text else "the name or id of a tracking category"


@cache
def _schema(stream: str) -> dict[str, Any]:
    model = next(report.model for report in REPORTS if report.stream == stream)
    return stream_schema(model, models.KEY, {each: r.key for each, r in BY_STREAM.items()})
