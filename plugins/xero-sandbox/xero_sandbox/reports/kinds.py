"""Which types of accounts make up the blocks of the balance sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Block = tuple[str, tuple[str, ...]]
"""Title of a section, and the types of its accounts."""

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


def of_blocks(blocks: Sequence[Block]) -> tuple[str, ...]:
    """Return the types of accounts of all these blocks."""
    return tuple(kind for _, kinds in blocks for kind in kinds)
