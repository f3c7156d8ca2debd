"""Finding the rows of a batch that cannot be applied, by halves.

A batch that fails is cut in two, and so is every part that fails, until the rows at fault are
alone. Among a thousand rows one costs twenty attempts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from target_databricks.loading.backend import Blame, Failure

PATIENCE = 8
"""Attempts beyond the way down to one row and back, after which a batch of which nothing went in
counts as bad altogether."""


@dataclass(frozen=True)
class Isolation:
    """What came of it.

    Attributes:
        bad: Rows that cannot be applied, or were not tried any more.
        failure: Why the last of them failed.
        attempts: How many there were.
    """

    bad: pa.Table
    failure: Failure
    attempts: int


def isolate(
    rows: pa.Table,
    failure: Failure,
    attempt: Callable[[pa.Table], Failure | None],
    *,
    most: int,
) -> Isolation:
    """Apply what can be applied of rows that failed together.

    Args:
        rows: The rows; what goes in goes in their order.
        failure: Why they failed together.
        attempt: Applies some of them, all or none. Returns why not, or None.
        most: Attempts at most.
    """
    waiting, bad = _halves(rows), []
    attempts = successes = 0
    futile = min(most, 2 * rows.num_rows.bit_length() + PATIENCE)
    while waiting:
        part = waiting.pop()
        if attempts >= (most if successes else futile) or failure.blame is not Blame.ROWS:
            bad.append(part)
            continue
        attempts += 1
        latest = attempt(part)
        if latest is None:
            successes += 1
            continue
        failure = latest
        if part.num_rows > 1 and failure.blame is Blame.ROWS:
            waiting += _halves(part)
        else:
            bad.append(part)
    return Isolation(pa.concat_tables(bad) if bad else rows.slice(0, 0), failure, attempts)


def _halves(rows: pa.Table) -> list[pa.Table]:
    """Both halves, the first one last; of a single row the row."""
    middle = rows.num_rows // 2
    return [rows.slice(middle), rows.slice(0, middle)] if middle else [rows]
