"""Records that cannot become rows: for want of a key that a column can hold.

Everything else that does not fit goes to `_rescued_data`, beside its row. A record without a key
has no row, so it is set aside as it came, with the reason (`loading/quarantine.py`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Unfit:
    """A record that cannot become a row.

    Attributes:
        line: Its RECORD message, as JSON.
        number: Its place in the input, from 1.
        digest: Its record hash: the same content has the same one.
        reason: Why, as a sentence.
    """

    line: bytes
    number: int
    digest: str
    reason: str
