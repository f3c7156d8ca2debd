"""The chart of accounts as the ledger and the reports read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from xero_sandbox.wire import decode

if TYPE_CHECKING:
    from xero_sandbox.store import Store
    from xero_sandbox.stories.organisation import Organisation


class ChartAccount(NamedTuple):
    """What journals and reports say of an account; `code` is empty where it has none."""

    code: str
    type: str
    name: str


class Chart:
    """The accounts of one organisation, also those that a client has added.

    Args:
        organisation: Whose they are.
        store: Where added accounts are.
    """

    def __init__(self, organisation: Organisation, store: Store) -> None:
        self._organisation, self._store = organisation, store
        self._accounts = {
            account.id: ChartAccount(account.fact.code, account.fact.type, account.fact.name)
            for account in organisation.accounts.values()
        }

    def account(self, account_id: str) -> ChartAccount:
        """Return code, type and name of an account as they were when it was first asked for.

        Raises:
            LookupError: There is no such account.
        """
        if account_id not in self._accounts:
            text = self._store.get(self._organisation.tenant_id, "Accounts", account_id)
            if text is None:
                raise LookupError(
                    f"{self._organisation.name} has no account {account_id}; post to one it has."
                )
            account = decode(text)
            self._accounts[account_id] = ChartAccount(
                account.get("Code", ""), account["Type"], account["Name"]
            )
        return self._accounts[account_id]
