"""From a report as Xero sends it, rows in rows of cells, to one flat row for each figure.

Pure, and forgiving wherever Xero's reports are known to differ: sections without rows or title,
cells without a value, columns beyond those that were asked for, types of rows nobody knows. Not
forgiving in one place: a column whose head names another date than the one it was asked for would
book figures into the wrong period, so that is an error.

Source: Xero, Reports; examples of the report operations in Xero's specification 16.1.0.
"""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_xero.api.errors import TemporaryError
from tap_xero.reports.table import Columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_xero.reports.calendar import Period
    from tap_xero.reports.calls import Call

AMOUNT = "Amount"
"""The measure where the columns of a report are periods or tracking options."""

_TOTAL = "Total"
"""Head of the last column by tracking category, the sum of the others."""

_NO_ACCOUNTS = frozenset(
    {"00000000-0000-0000-0000-000000000000", "abababab-abab-abab-abab-abababababab"}
)
"""What Xero puts where a line is no account of the chart: current year earnings."""

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_HEAD = re.compile(r"(?:(\d{1,2}) )?([A-Z][a-z]{2})[a-z]*[ -](\d{4}|\d{2})")
_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NUMBER = re.compile(r"(?P<minus>-)?\s*(?P<digits>\d+(?:\.\d*)?|\.\d+)\s*%?")

Row = dict[str, Any]


class UnexpectedReportError(TemporaryError):
    """Xero's answer is not the report that was asked for."""


class Column(NamedTuple):
    """What the figures of a column are."""

    period: Period
    measure: str = AMOUNT
    option: str = ""
    option_id: str | None = None


class _Line(NamedTuple):
    kind: str
    section: str
    label: str
    account: str | None
    values: list[str]


def flatten(report: Mapping[str, Any], call: Call) -> list[Row]:
    """The figures of a report, in its order.

    Args:
        report: An element of `Reports`.
        call: What was asked for.

    Returns:
        Rows with the fields of `tap_xero.models.reports`.

    Raises:
        UnexpectedReportError: The columns are not those that were asked for.
    """
    placed = columns(_heads(report), call)
    lines = list(_lines(report.get("Rows")))
    periods = call.category is None and call.report.columns is not Columns.MEASURES
    if not periods and any(any(line.values[len(placed) :]) for line in lines):
        # They would be no rows, and whoever has those of the last run would lose them.
        raise UnexpectedReportError(
            f"Xero's {call.report.name} has figures whose columns have no heads."
        )
    seen: Counter[str] = Counter()
    rows = []
    for position, line in enumerate(lines, 1):
        key = line.account or "/".join(filter(None, (line.section, line.label)))
        seen[key] += 1
        if seen[key] > 1:
            key = f"{key} #{seen[key]}"
        for place, column in enumerate(placed):
            if column is None:
                continue
            value = line.values[place] if place < len(line.values) else ""
            rows.append(
                {
                    "PeriodEnd": column.period.last.isoformat(),
                    "RowKey": key,
                    "Measure": column.measure,
                    "TrackingOption": column.option,
                    "PeriodStart": (
                        None if call.report.balances else column.period.first.isoformat()
                    ),
                    "Report": call.report.name,
                    "Timeframe": call.timeframe,
                    "Basis": call.basis or None,
                    "Position": position,
                    "RowType": line.kind,
                    "Section": line.section or None,
                    "AccountID": line.account,
                    "Account": line.label,
                    "TrackingCategoryID": call.category.id if call.category else None,
                    "TrackingOptionID": column.option_id,
                    "Amount": number(value, call.report.places),
                    "Value": value or None,
                }
            )
    return rows


def columns(heads: Sequence[str], call: Call) -> list[Column | None]:
    """What the columns are, None for those that nobody asked for.

    Args:
        heads: Their heads, that of the labels left out; empty when the report has none.
        call: What was asked for.

    Raises:
        UnexpectedReportError: A period has no column, or the column of another one.
    """
    if call.category is not None:
        return _by_option(heads, call)
    if call.report.columns is Columns.MEASURES:
        return [
            Column(call.periods[0], head or f"Column {place}")
            for place, head in enumerate(heads, 1)
        ]
    expected = [Column(period) for period in call.periods]
    if heads and len(heads) < len(expected):
        raise UnexpectedReportError(
            f"Xero's {call.report.name} has {len(heads)} columns instead of {len(expected)}."
        )
    for head, column in zip(heads, expected, strict=False):
        if not _may_end(head, column.period):
            raise UnexpectedReportError(
                f"Xero's {call.report.name} has a column {head!r} where the one of "
                f"{column.period.last} was asked for."
            )
    return [*expected]


def number(text: str, places: int) -> Decimal | None:
    """The number in a cell, rounded to so many decimals if it has more; None when it is none.

    Negative numbers may have a minus or stand in parentheses; thousands may be told apart by
    commas; a per cent sign is left out.
    """
    plain = text.replace(",", "").strip()
    negative = plain.startswith("(") and plain.endswith(")")
    match = _NUMBER.fullmatch(plain[1:-1].strip() if negative else plain)
    if match is None:
        return None
    value = Decimal(match["digits"])
    if -int(value.as_tuple().exponent) > places:
        value = value.quantize(Decimal(1).scaleb(-places))
    return -value if value and (negative or match["minus"]) else value


def _by_option(heads: Sequence[str], call: Call) -> list[Column | None]:
    """The options of a category, without the total that only repeats them."""
    option_ids = call.category.options if call.category else {}
    placed: list[Column | None] = [
        Column(call.periods[0], option=head, option_id=option_ids.get(head)) for head in heads
    ]
    if heads and heads[-1] == _TOTAL:
        placed[-1] = None
    return placed


def _may_end(head: str, period: Period) -> bool:
    """Whether a head, where it is a date or a month, is the end of a period."""
    match = _HEAD.fullmatch(head)
    if match is None or match[2] not in _NAMES:
        return True
    day, month, year = match.groups()
    last = period.last
    return (
        _NAMES.index(month) + 1 == last.month
        and int(year) in (last.year, last.year % 100)
        and (day is None or int(day) == last.day)
    )


def _heads(report: Mapping[str, Any]) -> list[str]:
    for row in _dicts(report.get("Rows")):
        if row.get("RowType") == "Header":
            return [_text(cell) for cell in _cells(row)][1:]
    return []


def _lines(rows: Any, section: str = "") -> Iterator[_Line]:
    for row in _dicts(rows):
        if row.get("RowType") == "Header":
            continue
        cells = _cells(row)
        if cells:
            label, *values = (_text(cell) for cell in cells)
            kind = str(row.get("RowType") or "Row")
            yield _Line(kind, section, label, _account(cells), values)
        title = row.get("Title")
        yield from _lines(row.get("Rows"), (title if type(title) is str else "").strip() or section)


def _account(cells: Sequence[Mapping[str, Any]]) -> str | None:
    for cell in cells:
        for attribute in _dicts(cell.get("Attributes")):
            value = attribute.get("Value")
            if attribute.get("Id") in ("account", "accountID") and type(value) is str:
                return value if _GUID.fullmatch(value) and value not in _NO_ACCOUNTS else None
    return None


def _cells(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The cells of a row; what is none is an empty one, so that the others keep their columns."""
    cells = row.get("Cells")
    return [each if type(each) is dict else {} for each in cells] if type(cells) is list else []


def _dicts(values: Any) -> list[dict[str, Any]]:
    return [each for each in values if type(each) is dict] if type(values) is list else []


def _text(cell: Mapping[str, Any]) -> str:
    value = cell.get("Value")
    return "" if value is None else str(value).strip()
