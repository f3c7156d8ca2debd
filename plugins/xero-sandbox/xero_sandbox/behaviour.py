"""How the HTTP face behaves, apart from the rules of Xero that never change."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Behaviour:
    """What the keywords of `Sandbox` decide beyond the books.

    Attributes:
        latency: Seconds that every Accounting call takes at least.
        latency_per_row: Seconds more for each record in the answer.
        journals: Whether the app may read journals (Advanced tier, or an old custom connection).
        auto_approve: Whether the consent page approves by itself, for all organisations.
        high_volume: Rows above which an unpaged list is refused.
    """

    latency: float = 0.0
    latency_per_row: float = 0.0
    journals: bool = True
    auto_approve: bool = False
    high_volume: int = 100_000
