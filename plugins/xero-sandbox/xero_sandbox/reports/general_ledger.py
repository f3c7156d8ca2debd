"""Sums over the lines of the general ledger, by account, on accrual or cash basis."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

from xero_sandbox.ledger.cash_basis import CashBasis
from xero_sandbox.ledger.revaluation import revaluation
from xero_sandbox.reports import periods
from xero_sandbox.reports.account_types import RESULT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from xero_sandbox.ledger.chart import Chart
    from xero_sandbox.store import Store
    from xero_sandbox.stories.organisation import Organisation

BEGINNING = date(1900, 1, 1)
Amounts = dict[str, int]
"""Cents by account id, debit positive."""


class _Line(NamedTuple):
    date: int
    account: str
    cents: int
    options: str


class GeneralLedger:
    """The lines of an organisation's journals, ready to be summed up.

    Args:
        organisation: Whose they are.
        store: Where the table `ledger` is.
        chart: Its accounts.
        cash: Whether documents count when they are paid, instead of when they are approved.
    """

    def __init__(
        self,
        organisation: Organisation,
        store: Store,
        chart: Chart,
        *,
        cash: bool = False,
    ) -> None:
        self.organisation, self.store, self.chart = organisation, store, chart
        self.cash = cash
        self._cash_lines = list(self._cash_basis_lines()) if cash else None

    def movements(self, first: date, last: date, options: Sequence[str] = ()) -> Amounts:
        """Return cents by account id (debit positive) of the days from `first` to `last`.

        Args:
            first: First day.
            last: Last day.
            options: Only lines that carry all these tracking options.
        """
        amounts = self._posted(first, last, options)
        # A revaluation has no tracking.
        for account, cents in () if options else self._revalued(first, last):
            amounts[account] = amounts.get(account, 0) + cents
        return {account: cents for account, cents in amounts.items() if cents}

    def _revalued(self, first: date, last: date) -> Iterator[tuple[str, int]]:
        """What revaluation at the end of some days has over that before them."""
        for day, sign in ((last, 1), (first - timedelta(days=1), -1)):
            if day >= BEGINNING:
                ms = periods.ms_of(day)
                amounts = revaluation(self.organisation, self.store, ms, cash=self.cash)
                yield from ((account, sign * cents) for account, cents in amounts.items())

    def _posted(self, first: date, last: date, options: Sequence[str]) -> Amounts:
        span = (periods.ms_of(first), periods.ms_of(last))
        if self._cash_lines is not None:
            amounts: defaultdict[str, int] = defaultdict(int)
            for line in self._cash_lines:
                if span[0] <= line.date <= span[1] and all(o in line.options for o in options):
                    amounts[line.account] += line.cents
            return amounts
        tracked = "".join(" AND instr(options, ?)" for _ in options)
        rows = self.store.rows(
            "SELECT account, sum(cents) FROM ledger WHERE tenant = ? AND date BETWEEN ? AND ?"  # noqa: S608
            f"{tracked} GROUP BY account",
            (self.organisation.tenant_id, *span, *options),
        )
        return {account: int(cents) for account, cents in rows}

    def flows(self, first: date, last: date) -> dict[str, tuple[int, int]]:
        """Return cents received and spent by account id; what was taken back counts in neither."""
        rows = self.store.rows(
            "SELECT account, sum(max(net, 0)), sum(max(-net, 0)) FROM ("
            "SELECT account, sum(cents) AS net FROM ledger"
            " WHERE tenant = ? AND date BETWEEN ? AND ? GROUP BY account, source) GROUP BY account",
            (self.organisation.tenant_id, periods.ms_of(first), periods.ms_of(last)),
        )
        return {account: (int(received), int(spent)) for account, received, spent in rows}

    def sales_invoices(self, first: date, last: date) -> tuple[int, int]:
        """Return how many sales invoices were issued from `first` to `last`, and their cents."""
        rows = self.store.rows(
            "SELECT count(*), coalesce(sum(net), 0) FROM (SELECT sum(cents) AS net FROM ledger"
            " WHERE tenant = ? AND accrual_only AND account = ? AND date BETWEEN ? AND ?"
            " GROUP BY source HAVING net > 0)",
            (
                self.organisation.tenant_id,
                self.organisation.accounts["debtors"].id,
                periods.ms_of(first),
                periods.ms_of(last),
            ),
        )
        count, cents = rows[0]
        return int(count), int(cents)

    def balances(self, day: date, options: Sequence[str] = ()) -> Amounts:
        """Return balances at the end of `day`, with the results of past years in their place.

        Revenue and expenses hold the financial year so far; what came before is part of retained
        earnings, as in Xero.
        """
        start = periods.year_start(day, self.organisation.country.year_end)
        amounts = self.movements(BEGINNING, day, options)
        past = self.movements(BEGINNING, start - timedelta(days=1), options)
        retained = self.organisation.accounts["retained"].id
        for account, cents in past.items():
            if self.chart.account(account).type in RESULT:
                amounts[account] = amounts.get(account, 0) - cents
                amounts[retained] = amounts.get(retained, 0) + cents
        return {account: cents for account, cents in amounts.items() if cents}

    def accounts(self, types: Sequence[str], *columns: Amounts) -> list[str]:
        """Return ids of the accounts of these types with an amount in any column, by code."""
        chart = {account: self.chart.account(account) for column in columns for account in column}
        return sorted(
            (account for account in chart if chart[account].type in types),
            key=lambda account: (chart[account].code, chart[account].name),
        )

    def total(self, types: Sequence[str], amounts: Amounts) -> int:
        """Return the sum over all accounts of these types."""
        account = self.chart.account
        return sum(cents for key, cents in amounts.items() if account(key).type in types)

    def _cash_basis_lines(self) -> Iterator[_Line]:
        """The lines of the books on cash basis."""
        basis = CashBasis(self.organisation, self.store)
        for settles, day, account, cents, options in self.store.rows(
            "SELECT settles, date, account, sum(cents), options FROM ledger"
            " WHERE tenant = ? AND NOT accrual_only"
            " GROUP BY source, settles, date, account, options",
            (self.organisation.tenant_id,),
        ):
            parts = basis.spread(settles, account, cents)
            if parts is None:
                yield _Line(day, account, cents, options)
            else:
                yield from (_Line(day, each.account, each.cents, each.options) for each in parts)
