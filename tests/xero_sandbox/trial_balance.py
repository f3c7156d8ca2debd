"""The trial balance that the sandbox reports, as figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xero_sandbox.wire import cents


def balances(report: Mapping[str, Any]) -> dict[str, int]:
    """Balances in cents by account id, debit positive; accounts without one are left out."""
    amounts = {}
    for section in report["Rows"]:
        for row in section.get("Rows", ()):
            head, *figures = row["Cells"]
            if "Attributes" in head:
                debit, credit = (cents(cell["Value"] or 0) for cell in figures[2:])
                amounts[head["Attributes"][0]["Value"]] = debit - credit
    return {account: amount for account, amount in amounts.items() if amount}
