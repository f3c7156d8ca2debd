"""Records that cannot become rows: for want of a key that a column can hold, or by their depth.

Everything else that does not fit goes to `_rescued_data`, beside its row. What has no row is set
aside as it came, with the reason (`loading/quarantine.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

NO_KEY = "It has no value for its key property"
"""How the reason begins where a record lacks a key, or has null there."""


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
