"""Books on cash basis: payments spread over what they settle, in reports and journals alike."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from trial_balance import balances
from xero_sandbox.ledger.cash_basis import proportional
from xero_sandbox.wire import cents

WEIGHTS = st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=12).filter(sum)


@given(st.integers(-(10**9), 10**9), WEIGHTS)
def test_parts_add_up_and_none_is_a_cent_off_its_proportion(amount, weights):
    parts = proportional(amount, weights)
    assert sum(parts) == amount
    total = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * total - amount * weight) < abs(total)
    assert proportional(-amount, weights) == [-part for part in parts]


def test_odd_cents_go_to_the_largest_fractions():
    assert proportional(100, [1, 1, 1]) == [34, 33, 33]
    assert proportional(-100, [-50, -100, -50]) == [-25, -50, -25]
    assert proportional(11, [10, 20, 70]) == [1, 2, 8]


def test_journals_on_cash_basis_balance_and_add_up_to_the_trial_balance(reader: Any) -> None:
    offset, journals = 0, []
    while page := [
        row
        for row in reader.rows("Journals", paymentsOnly="true", offset=offset)
        if row["JournalNumber"] > offset
    ]:
        journals += page
        offset = page[-1]["JournalNumber"]
    lines = [line for journal in journals for line in journal["JournalLines"]]
    assert len(lines) == len({line["JournalLineID"] for line in lines})
    assert any(line["TrackingCategories"] for line in lines)
    for journal in journals:
        assert sum(line["NetAmount"] for line in journal["JournalLines"]) == 0
    amounts: defaultdict[str, int] = defaultdict(int)
    for line in lines:
        amounts[line["AccountID"]] += cents(line["NetAmount"])
    lasting = {
        account["AccountID"]
        for account in reader.stored("Accounts")
        if account["Class"] in ("ASSET", "LIABILITY")
    }
    ours = {account: n for account, n in amounts.items() if n and account in lasting}
    asked = {"paymentsOnly": "true"}
    trial = balances(reader.sandbox.books.report(reader.tenant_id, "TrialBalance", asked))
    assert ours == {account: n for account, n in trial.items() if account in lasting}
    assert len(ours) > 5
