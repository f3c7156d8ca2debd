"""Cuts: which pages of a list are asked for so that they overlap.

The list is in the order of an immutable id.

Two pages that share a row leave nothing out between them, whenever each was cut and whatever was
added, edited or deleted meanwhile: in the order of an immutable id, every row that was there all
the time is before the shared row in both, or after it in both. So each page begins with rows of the
one before, which takes pages of another size each time, as Xero knows pages by number and size
alone: page 2 of 999 begins with the last row of page 1 of 1000, page 3 of 998 with the last two
before it.

A page thus has a row less than the one before and costs a row more. After `overlapping(size)` pages
(32 of a thousand rows) that would come to more than all their pages are worth, so from there on
they have their full size and do not overlap; 32,000 rows take half a call more than they need.

Source: Xero, Requests and responses (`page`, `pageSize` from 1 to 1000, `order`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import isqrt


@dataclass(frozen=True)
class Cut:
    """A page as Xero knows it.

    Attributes:
        page: Its number, from 1.
        size: Rows of a page.
    """

    page: int
    size: int

    @property
    def start(self) -> int:
        """Rows of the list before it."""
        return (self.page - 1) * self.size

    @property
    def end(self) -> int:
        """Rows of the list to its last."""
        return self.page * self.size


@cache
def overlapping(size: int) -> int:
    """How many pages overlap, of a list whose first page has so many rows."""
    return (1 + isqrt(max(0, 4 * size - 3))) // 2 if size > 2 else 1


def cut(number: int, size: int) -> Cut:
    """The page that comes at a place, from 1, when the first has so many rows."""
    most = overlapping(size)
    if number <= most:
        return Cut(number, size + 1 - number)
    return Cut(number - (most > 1), size)


def overlaps(number: int, size: int) -> bool:
    """Whether the page at a place begins with rows of the one before."""
    return (
        1 < number <= overlapping(size) + 1 and cut(number, size).start < cut(number - 1, size).end
    )


def number_of(items: int, size: int) -> int:
    """How many pages it takes to so many rows; one for none."""
    most = overlapping(size)
    if items > cut(most, size).end:
        return -(-items // size) + (most > 1)
    return next(number for number in range(1, most + 1) if cut(number, size).end >= items)


def bridge(number: int, size: int) -> Cut:
    """A page with rows of the one at a place and of the one before, as many of each as can be."""
    border = cut(number - 1, size).end
    candidates = (Cut(border // each + 1, each) for each in range(max(2, size // 2), size + 1))
    return max(candidates, key=lambda each: min(border - each.start, each.end - border))
