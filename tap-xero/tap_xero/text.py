"""Text for people: numbers with their nouns, sizes, tables, and errors as lines."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from singer_sdk.exceptions import (
    ConfigValidationError,
    FatalAPIError,
    RetriableAPIError,
    SkippableAPIError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator


def plural(number: int, noun: str) -> str:
    """`1 row`, `1,234 rows`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def size(number: int) -> str:
    """A number of bytes for people, in powers of 1,000."""
    value = float(number)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def duration(seconds: float) -> str:
    """`25 s`, `12 min`, `3.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def table(rows: Iterable[tuple[str, ...]], *, figures: Collection[int] = ()) -> list[str]:
    """Rows as lines with their columns aligned; a row of one cell stays as it is.

    Args:
        rows: Cells; all rows of more than one have equally many.
        figures: Columns whose cells end at the same place instead of beginning there.
    """
    listed = list(rows)
    widths = [
        max(map(len, column))
        for column in zip(*(row for row in listed if len(row) > 1), strict=True)
    ]
    return [
        row[0].rstrip()
        if len(row) == 1
        else "  ".join(
            cell.rjust(width) if column in figures else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in listed
    ]


@contextmanager
def errors_as_lines(say: Callable[[str], None]) -> Iterator[None]:
    """Turn the errors people can act on into lines and exit code 1.

    Args:
        say: Takes each line.
    """
    try:
        yield
    except ConfigValidationError as error:
        for each in error.errors or [str(error)]:
            say(each)
        sys.exit(1)
    except (FatalAPIError, RetriableAPIError, SkippableAPIError) as error:
        say(str(error))
        sys.exit(1)
