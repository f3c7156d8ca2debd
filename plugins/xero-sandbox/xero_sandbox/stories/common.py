"""Properties that documents of several kinds share, as Xero writes them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from xero_sandbox.wire import iso_day, iso_second, money, net_date

if TYPE_CHECKING:
    from xero_sandbox.stories.lines import Totals
    from xero_sandbox.stories.organisation import Account

_MILLIONTH = Decimal("0.000001")
_ONE = Decimal("1.000000")


def exchange_rate(millionths: int) -> Decimal:
    """Return an exchange rate with six places."""
    return _ONE if millionths == 1_000_000 else millionths * _MILLIONTH


def date_properties(day: int, name: str = "Date") -> dict[str, str]:
    """Return a calendar date and its `String` twin."""
    return {name: net_date(day), f"{name}String": iso_day(day)}


def update_properties(updated: int) -> dict[str, str]:
    """Return the time of the last change and its `String` twin."""
    return {"UpdatedDateUTC": net_date(updated), "UpdatedDateUTCString": iso_second(updated)}


def total_properties(amounts: Totals) -> dict[str, Any]:
    """Return SubTotal, TotalTax and Total."""
    return {
        "SubTotal": money(amounts.sub),
        "TotalTax": money(amounts.tax),
        "Total": money(amounts.total),
    }


def bank_account_copy(account: Account) -> dict[str, Any]:
    """Return the copy of a bank account that bank documents embed; a code only if it has one."""
    copy = {"AccountID": account.id, "Name": account.fact.name}
    if account.fact.code:
        copy["Code"] = account.fact.code
    if account.foreign is not None:
        copy["CurrencyCode"] = account.foreign
    return copy
