"""The books of the sandbox's organisations: what they hold and how they go on.

`Books` is the whole of it for users; the modules below tell the stories (`deals`, `banking`,
`orders`, `office`, `contacts`, `reference`), book them (`ledger`, `journals`) and sum them up
(`balances`, `reports`).
"""

from __future__ import annotations

from xero_sandbox.books.books import Books
from xero_sandbox.books.organisation import Organisation

__all__ = ["Books", "Organisation"]
