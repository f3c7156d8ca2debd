"""What balances in other currencies are worth on a day, besides what the ledger says.

Xero revalues foreign bank accounts, receivables and payables whenever a report is made, at the
rates of the report's date, and shows the gains on two accounts of its own. No journal says so.

Source: Xero Central on foreign currency gains and losses; integrators who look for accounts 497 and
498 among journal lines in vain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xero_sandbox.stories.features import CURRENCY
from xero_sandbox.stories.lines import to_base

if TYPE_CHECKING:
    from xero_sandbox.store import Store
    from xero_sandbox.stories.organisation import Organisation


def revaluation(
    organisation: Organisation, store: Store, day: int, *, cash: bool = False
) -> dict[str, int]:
    """Return cents by account id, debit positive, that the books lack at the end of a day.

    They add up to zero. Nothing without the feature.

    Args:
        organisation: Whose books.
        store: Where the table `ledger` is.
        day: Midnight of the day, milliseconds.
        cash: On cash basis nothing is owed, and only bank accounts are revalued.
    """
    if CURRENCY not in organisation.features:
        return {}
    accounts = organisation.accounts
    owed = {accounts["debtors"].id, accounts["creditors"].id}
    amounts: dict[str, int] = {}
    for account, currency, foreign, cents in store.rows(
        "SELECT account, currency, sum(foreign_cents), sum(cents) FROM ledger"
        " WHERE tenant = ? AND currency <> '' AND date <= ? GROUP BY account, currency",
        (organisation.tenant_id, day),
    ):
        if cash and account in owed:
            continue
        gain = to_base(foreign, organisation.rate(currency, day)) - cents
        counter = accounts["unrealised" if account in owed else "bank_gain"].id
        for each, amount in ((account, gain), (counter, -gain)):
            amounts[each] = amounts.get(each, 0) + amount
    return amounts
