"""Rows of reports: one figure of one line in one period.

Xero's reports are made to be looked at; these are the fields that the tap makes of them.

Source: Xero, Reports; examples of the report operations in Xero's specification 16.1.0.
"""

from __future__ import annotations

from tap_xero.models.fields import Field, Model, amount, day, rate, text, whole

KEY = ("PeriodEnd", "RowKey", "Measure", "TrackingOption")
"""What identifies a figure within its organisation and report.

`RowKey` is the account's id where a line has one, so that renaming an account changes nothing.
"""


def _rows_of(report: str, about: str, figure: Field) -> Model:
    return Model(
        name=report,
        about=about,
        fields=(
            day("PeriodEnd", "Last day of the period."),
            text(
                "RowKey",
                "Identifies the line within the report: the account's id, or else section and "
                "label; with a number added where one report repeats it.",
            ),
            text(
                "Measure",
                "Which figure of the line it is: the head of its column (Debit, YTD Credit, "
                "Opening Balance), or Amount where columns are periods.",
            ),
            text(
                "TrackingOption",
                "Tracking option the figure belongs to, Unassigned for what has none; empty when "
                "the report is not told apart by tracking category.",
            ),
            day(
                "PeriodStart",
                "First day of the period; empty for a balance, which has only a last one.",
            ),
            text("Report", "Xero's name of the report."),
            text("Timeframe", "Length of the period: MONTH, QUARTER or YEAR."),
            text("Basis", "accrual or cash; empty for a report that has no choice."),
            whole("Position", "Place of the line in the report, from 1."),
            text("RowType", "Row for a line, SummaryRow for a total of lines above it."),
            text("Section", "Title of the section that the line is in."),
            text(
                "AccountID",
                "The account; empty for totals and for lines that are no account of the chart, "
                "such as current year earnings.",
                refers="accounts",
            ),
            text("Account", "Label of the line, with an account its name."),
            text(
                "TrackingCategoryID",
                "Tracking category of the option.",
                refers="tracking_categories",
            ),
            text("TrackingOptionID", "The tracking option; empty for Unassigned."),
            figure,
            text("Value", "The figure as Xero wrote it, with its per cent sign if it has one."),
        ),
    )


_AMOUNT = amount("Amount", "The figure in the organisation's base currency; empty when Xero's is.")

TRIAL_BALANCE = _rows_of(
    "TrialBalance",
    "Trial balance at the end of each month: debits and credits of the month, and of the year so "
    "far.",
    _AMOUNT,
)
PROFIT_AND_LOSS = _rows_of("ProfitAndLoss", "Profit and loss of each period.", _AMOUNT)
BALANCE_SHEET = _rows_of("BalanceSheet", "Balance sheet at the end of each period.", _AMOUNT)
BANK_SUMMARY = _rows_of(
    "BankSummary", "Balances and cash movements of the bank accounts in each period.", _AMOUNT
)
BUDGET_SUMMARY = _rows_of("BudgetSummary", "The overall budget of each period.", _AMOUNT)
EXECUTIVE_SUMMARY = _rows_of(
    "ExecutiveSummary",
    "Monthly totals and business ratios of each month.",
    rate(
        "Amount",
        "The figure in base currency, a number, per cent or a ratio of at most ten decimals; empty "
        "when Xero's is.",
    ),
)
