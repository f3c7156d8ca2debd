"""The marts on the lakehouse folder: what they say is what Xero's own reports say."""

from __future__ import annotations

import pytest
from statements import statements, trial_balances

BASES = pytest.mark.parametrize("basis", ["accrual", "cash"])


@BASES
def test_invariant_15_the_trial_balance_is_xeros_to_the_cent(marts, basis) -> None:
    """Movement and balance of every account at 24 month ends, of every organisation."""
    _, xero, connection = marts
    figures = trial_balances(xero, connection, basis)
    assert len({each.month_end for each in figures}) == 24
    assert [each for each in figures if each.ours != each.theirs] == []
    assert len(figures) > 1_500


@BASES
def test_invariant_15_the_statements_are_xeros_to_the_cent(marts, basis) -> None:
    """Every account of twelve months, the earnings lines of the balance sheet among them."""
    _, xero, connection = marts
    figures = statements(xero, connection, basis)
    assert len({each.month_end for each in figures}) == 12
    assert [each for each in figures if each.ours != each.theirs] == []
    assert len(figures) > 400
