"""Which types of accounts make up the sections of the profit and loss and the balance sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Block = tuple[str, tuple[str, ...]]
"""Title of a section, and the types of its accounts."""

INCOME = ("REVENUE", "SALES")
OTHER_INCOME = ("OTHERINCOME",)
DIRECT = ("DIRECTCOSTS",)
OVERHEADS = ("EXPENSE", "OVERHEADS", "DEPRECIATN")
RESULT = (*INCOME, *OTHER_INCOME, *DIRECT, *OVERHEADS)
ASSETS: tuple[Block, ...] = (
    ("Bank", ("BANK",)),
    ("Current Assets", ("CURRENT", "INVENTORY", "PREPAYMENT")),
    ("Fixed Assets", ("FIXED",)),
    ("Non-current Assets", ("NONCURRENT",)),
)
LIABILITIES: tuple[Block, ...] = (
    ("Current Liabilities", ("CURRLIAB", "LIABILITY", "PAYG")),
    ("Non-Current Liabilities", ("TERMLIAB",)),
)


def types_of(blocks: Sequence[Block]) -> tuple[str, ...]:
    """Return the types of accounts of all these blocks."""
    return tuple(kind for _, types in blocks for kind in types)
