"""The group view: all organisations in one currency, at rates that Xero's own documents state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from conftest import Project

Conversion = Callable[[Decimal], Decimal]
DOCUMENTS = (
    *("invoices", "credit_notes", "bank_transactions", "purchase_orders"),
    *("prepayments", "overpayments"),
)
CENT = Decimal("0.01")


class Rates:
    """What the rows of the lakehouse say of a pair of currencies, looked up without SQL."""

    def __init__(self, project: Project, base: dict[str, str], currency: str) -> None:
        self._currency = currency
        self._stated: dict[str, list[tuple[date, bool, Any, Decimal]]] = defaultdict(list)
        for table in DOCUMENTS:
            for row in project.rows(table):
                own, theirs, rate = (
                    base[row["tenant_id"]],
                    row["currency_code"],
                    row["currency_rate"],
                )
                if (
                    own == theirs
                    or row["status"] not in ("AUTHORISED", "PAID")
                    or rate in (None, 1)
                ):
                    continue
                if currency in (own, theirs):
                    other = theirs if own == currency else own
                    changed = row["updated_date_utc"]
                    self._stated[other].append((row["date"], own == currency, changed, rate))

    def conversion(self, currency: str, day: date) -> Conversion | None:
        """From a currency to the group's at the latest rate up to a day; None without one."""
        if currency == self._currency:
            return lambda amount: amount
        before = [each for each in self._stated[currency] if each[0] <= day]
        if not before:
            return None
        _, is_direct, _, rate = max(before)

        def convert(amount: Decimal) -> Decimal:
            exact = amount / rate if is_direct else amount * rate
            return exact.quantize(CENT, ROUND_HALF_UP)

        return convert


def _base_currencies(project: Project) -> dict[str, str]:
    return {row["tenant_id"]: row["base_currency"] for row in project.rows("organisations")}


def test_the_groups_balance_sheet_is_at_the_rates_of_the_periods_ends(marts) -> None:
    project, _, connection = marts
    base = _base_currencies(project)
    ((currency,),) = connection.execute("SELECT currency FROM marts.group_currency").fetchall()
    assert currency == min(base.values())
    rates = Rates(project, base, currency)
    own = connection.execute("""
        SELECT tenant_id, month_end, account, account_key, amount FROM marts.balance_sheet
        WHERE basis = 'accrual'
    """).fetchall()
    expected, unconverted = {}, set()
    for tenant, month_end, account, key, amount in own:
        convert = rates.conversion(base[tenant], month_end)
        kind = base[tenant] if convert is None else currency
        unconverted |= {(month_end, kind)} if convert is None else set()
        expected[tenant, month_end, account, key, kind] = convert(amount) if convert else amount
    rows = connection.execute("""
        SELECT tenant_id, month_end, account, account_key, currency, amount
        FROM marts.group_balance_sheet WHERE account <> 'Rounding of the conversion'
    """).fetchall()
    assert {tuple(key): amount for *key, amount in rows} == expected
    assert len({key for key in expected if base[key[0]] != currency}) > 100
    # Totals say for which months, and in which currencies, something is not in them.
    incomplete = connection.execute("""
        SELECT DISTINCT month_end, missing_currencies FROM marts.group_totals
        WHERE statement = 'balance_sheet' AND NOT is_complete
    """).fetchall()
    assert unconverted
    assert set(incomplete) == unconverted


def test_the_groups_profit_and_loss_is_at_the_rates_of_its_days(marts) -> None:
    project, _, connection = marts
    base = _base_currencies(project)
    ((currency,),) = connection.execute("SELECT currency FROM marts.group_currency").fetchall()
    rates = Rates(project, base, currency)
    days = connection.execute("""
        SELECT l.tenant_id, l.journal_date, l.account_key,
          sum(CASE WHEN a.class = 'REVENUE' THEN -net_amount ELSE net_amount END)
        FROM marts.general_ledger AS l JOIN marts.dim_account AS a USING (account_key)
        WHERE l.basis = 'accrual' AND a.is_profit_and_loss GROUP BY ALL
    """).fetchall()
    expected: dict[Any, Decimal] = defaultdict(Decimal)
    for tenant, day, account, amount in days:
        convert = rates.conversion(base[tenant], day)
        kind = base[tenant] if convert is None else currency
        expected[tenant, (day.year, day.month), account, kind] += (
            convert(amount) if convert else amount
        )
    rows = connection.execute("""
        SELECT tenant_id, month_end, account_key, currency, amount FROM marts.group_profit_and_loss
    """).fetchall()
    ours = {(t, (m.year, m.month), a, kind): amount for t, m, a, kind, amount in rows}
    assert ours == expected
    # A month in which the first rate came is in both currencies.
    months = {(t, m, kind) for t, m, _, kind in ours}
    assert any((t, m, currency) in months for t, m, kind in months if kind != currency)
