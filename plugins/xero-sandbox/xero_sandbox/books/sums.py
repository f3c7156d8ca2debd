"""Sums over the lines of the general ledger, by account."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from xero_sandbox.books import periods

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from xero_sandbox.books.journals import AccountFace
    from xero_sandbox.books.organisation import Organisation
    from xero_sandbox.store import Store

BEGINNING = date(1900, 1, 1)
INCOME = ("REVENUE", "SALES")
OTHER_INCOME = ("OTHERINCOME",)
DIRECT = ("DIRECTCOSTS",)
OVERHEADS = ("EXPENSE", "OVERHEADS", "DEPRECIATN")
RESULT = (*INCOME, *OTHER_INCOME, *DIRECT, *OVERHEADS)
Sums = dict[str, int]
"""Cents by account id, debit positive."""


class Ledger:
    """The lines of an organisation's journals, ready to be summed up.

    Args:
        organisation: Whose they are.
        store: Where the table `ledger` is.
        face: Gives code, type and name of an account by its id.
    """

    def __init__(
        self, organisation: Organisation, store: Store, face: Callable[[str], AccountFace]
    ) -> None:
        self.organisation, self.store, self.face = organisation, store, face

    def sums(self, first: date, last: date, options: Sequence[str] = ()) -> Sums:
        """Return cents by account id (debit positive) of the days from `first` to `last`.

        Args:
            first: First day.
            last: Last day.
            options: Only lines that carry all these tracking options.
        """
        tracked = "".join(" AND instr(options, ?)" for _ in options)
        rows = self.store.rows(
            "SELECT account, sum(cents) FROM ledger WHERE tenant = ? AND date BETWEEN ? AND ?"  # noqa: S608
            f"{tracked} GROUP BY account",
            (self.organisation.tenant_id, periods.ms_of(first), periods.ms_of(last), *options),
        )
        return {account: int(cents) for account, cents in rows if cents}

    def flows(self, first: date, last: date) -> dict[str, tuple[int, int]]:
        """Return cents received and spent by account id; what was taken back counts in neither."""
        rows = self.store.rows(
            "SELECT account, sum(max(net, 0)), sum(max(-net, 0)) FROM ("
            "SELECT account, sum(cents) AS net FROM ledger"
            " WHERE tenant = ? AND date BETWEEN ? AND ? GROUP BY account, source) GROUP BY account",
            (self.organisation.tenant_id, periods.ms_of(first), periods.ms_of(last)),
        )
        return {account: (int(came), int(went)) for account, came, went in rows}

    def position(self, day: date, options: Sequence[str] = ()) -> Sums:
        """Return balances at the end of `day`, with the results of past years in their place.

        Revenue and expenses hold the financial year so far; what came before is part of retained
        earnings, as in Xero.
        """
        start = periods.year_start(day, self.organisation.country.year_end)
        found = self.sums(BEGINNING, day, options)
        past = self.sums(BEGINNING, start - timedelta(days=1), options)
        retained = self.organisation.accounts["retained"].id
        for account, cents in past.items():
            if self.face(account)[1] in RESULT:
                found[account] = found.get(account, 0) - cents
                found[retained] = found.get(retained, 0) + cents
        return {account: cents for account, cents in found.items() if cents}

    def of(self, kinds: Sequence[str], *columns: Sums) -> list[str]:
        """Return ids of the accounts of these types with an amount in any column, by code."""
        ids = {account for column in columns for account in column}
        found = [account for account in ids if self.face(account)[1] in kinds]
        return sorted(found, key=lambda account: (self.face(account)[0], self.face(account)[2]))

    def total(self, kinds: Sequence[str], sums: Sums) -> int:
        """Return the sum over all accounts of these types."""
        return sum(cents for account, cents in sums.items() if self.face(account)[1] in kinds)
