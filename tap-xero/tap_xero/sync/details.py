"""What only the single GETs of rows have: how it is asked for, and how the answers become one row.

A budget shows its months in answers of at most 24, so several requests make up one budget.

Source: Xero, Budgets ("a maximum of 24 months of data in a single request"; three months when
none are asked for).
"""

from __future__ import annotations

from collections import deque
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from tap_xero.api.errors import NotFoundError
from tap_xero.reports.calendar import months_later

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tap_xero.api.envelope import Row

Params = dict[str, str]

BUDGET_MONTHS = 24
"""The most months of a budget that one request gives."""


def budget_requests(first: date, last: date) -> list[Params]:
    """Parameters of the requests that together show the months from one day's to another's.

    They are whole months, none in two requests, as Xero's budgets are monthly.
    """
    starts, start = [], first.replace(day=1)
    while start <= last:
        starts.append(start)
        start = months_later(start, BUDGET_MONTHS)
    end = months_later(last.replace(day=1), 1)
    return [
        {
            "DateFrom": start.isoformat(),
            "DateTo": (
                min(months_later(start, BUDGET_MONTHS), end) - timedelta(days=1)
            ).isoformat(),
        }
        for start in starts
    ]


def with_details(
    rows: Sequence[Row],
    requests: Sequence[Params],
    start: Callable[[Row, Params], Callable[[], list[Row]]],
    ahead: Callable[[], int],
) -> Iterator[Row]:
    """Listed rows with what their single GETs have; those that are gone meanwhile as listed.

    Args:
        rows: The rows of the list.
        requests: Parameters of the single GETs of each row, in the order of what they show.
        start: Starts such a GET; what it returns waits for the answer.
        ahead: How many may be on their way while a row is used.
    """
    planned = [(row, params) for row in rows for params in requests]
    calls: deque[Callable[[], list[Row]]] = deque()
    requested = 0
    for row in rows:
        answers: list[Row] = []
        for _ in requests:
            while requested < len(planned) and len(calls) < max(1, ahead()):
                calls.append(start(*planned[requested]))
                requested += 1
            try:
                answers += calls.popleft()()[:1]
            except NotFoundError:
                continue
        yield {**row, **merged(answers)} if answers else row


def merged(answers: Sequence[Row]) -> Row:
    """One row of the answers for it, which show different months of the same budget lines.

    A month that an answer before has shown already is left out.
    """
    if len(answers) == 1 or not any("BudgetLines" in answer for answer in answers):
        return answers[0]
    lines: dict[str, Row] = {}
    for answer in answers:
        shown = {
            account: {_month(balance) for balance in line["BudgetBalances"]}
            for account, line in lines.items()
        }
        for line in _objects(answer.get("BudgetLines")):
            account = str(line.get("AccountID") or line.get("AccountCode"))
            whole = lines.setdefault(account, {**line, "BudgetBalances": []})
            whole["BudgetBalances"] += [
                balance
                for balance in _objects(line.get("BudgetBalances"))
                if _month(balance) not in shown.get(account, ())
            ]
    return {**answers[0], "BudgetLines": list(lines.values())}


def _objects(listed: Any) -> list[Row]:
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def _month(balance: Row) -> str:
    return str(balance.get("Period"))
