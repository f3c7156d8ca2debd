"""Rows and cells of reports, and sections made of the accounts of some types.

A report is rows in rows: a Header, Sections with Rows and a SummaryRow; every cell is text, and
cells that belong to an account carry its id as an attribute.

Source: Xero's OpenAPI description 16.1.0, examples of the report operations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xero_sandbox.wire import money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xero_sandbox.reports.general_ledger import Amounts, GeneralLedger

Row = dict[str, Any]
Content = tuple[str, list[str], list[Row]]
"""Name, titles and rows of a report."""


def cell(value: str, account: str | None = None, attribute: str = "account") -> Row:
    """Return a cell, with the id of the account it belongs to."""
    if account is None:
        return {"Value": value}
    return {"Value": value, "Attributes": [{"Value": account, "Id": attribute}]}


def header(*values: str) -> Row:
    """Return the row of column heads."""
    return {"RowType": "Header", "Cells": [cell(value) for value in values]}


def row(label: str, values: Sequence[str], account: str | None = None) -> Row:
    """Return a row of figures."""
    cells = [cell(label, account), *(cell(value, account) for value in values)]
    return {"RowType": "Row", "Cells": cells}


def summary(label: str, amounts: Sequence[int]) -> Row:
    """Return a row of totals, given in cents."""
    cells = [cell(label), *(cell(text) for text in texts(amounts))]
    return {"RowType": "SummaryRow", "Cells": cells}


def section(title: str, rows: list[Row]) -> Row:
    """Return a section."""
    return {"RowType": "Section", "Title": title, "Rows": rows}


def texts(amounts: Sequence[int]) -> list[str]:
    """Return cents as the text of cells."""
    return [str(money(amount)) for amount in amounts]


def totals_of(*columns: Sequence[int]) -> list[int]:
    """Return the sums of amounts that stand in the same column."""
    return [sum(amounts) for amounts in zip(*columns, strict=True)]


def block(
    ledger: GeneralLedger, title: str, types: Sequence[str], columns: Sequence[Amounts], sign: int
) -> tuple[list[Row], list[int]]:
    """Return a section with its accounts and total, nothing where there is no account.

    Args:
        ledger: Knows the accounts.
        title: Title of the section.
        types: Types of the accounts that belong to it.
        columns: Cents by account, one for each column.
        sign: 1 where debits are shown as positive figures, -1 where credits are.
    """
    accounts = ledger.accounts(types, *columns)
    totals = [sign * ledger.total(types, column) for column in columns]
    if not accounts:
        return [], totals
    rows = [
        row(
            ledger.chart.account(account).name,
            texts([sign * column.get(account, 0) for column in columns]),
            account,
        )
        for account in accounts
    ]
    name = title.removeprefix("Less ").removeprefix("Plus ")
    return [section(title, [*rows, summary(f"Total {name}", totals)])], totals
