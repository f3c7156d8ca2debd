"""When a list that comes in pages is known to be there as a whole: rules, and nothing but rules.

What is assumed of Xero: each answer is of one moment; rows that nobody touches keep their order,
where one is asked for and where none is; an id never changes. Where pages cannot overlap, also: a
quote is not deleted for good while quotes are read (Xero keeps deleted ones, with their status),
and of a list of more than 32 pages no row vanishes between the same two calls as one is added
further on.

What is not assumed: that rows do not leave a list; that `itemCount` is right, of the same moment as
the rows, or the same under If-Modified-Since; that a page which is not full is the last; that
clocks agree; that an order can be had.
"""

from __future__ import annotations

from dataclasses import dataclass

LONG = 10
"""Pages of a list above which it is not read a second time only because somebody works on it."""


@dataclass(frozen=True)
class Pass:
    """What was seen while a list was read from its first page to its last.

    Attributes:
        pages: Answers.
        broken: Whether two neighbours should have shared a row and did not.
        proven: Whether every two neighbours shared a row, so that nothing slipped in between.
        fell: Whether a page counted fewer rows than one that was cut before it.
        news: Whether rows came that may not have been there at its beginning, or were edited: in
            the first pass those that may be so by their timestamp, later those not seen before.
    """

    pages: int
    broken: bool
    proven: bool
    fell: bool
    news: bool


def nothing_slipped(read: Pass, *, ordered: bool, counted: bool) -> bool:
    """Whether every row that was there all the time was received, or its absence can be counted.

    Args:
        read: The pass.
        ordered: Whether the list is in the order of an immutable id.
        counted: Whether Xero counts the rows.
    """
    if read.broken:
        return False
    if read.pages <= 1 or read.proven:
        return True
    if read.fell:
        return False
    if not read.news:
        # A row slips only when others move: one that was edited comes again, behind the rest, and
        # one that was deleted is not counted any more.
        return True
    # What was added can stand for what has slipped, in the eyes of whoever counts. Where order
    # and number are all there is, and it would cost many calls to read again, they have to do.
    return read.pages > LONG and (ordered or counted)


def may_go_on(rows: int, size: int) -> bool:
    """Whether a list without a count may go on after a page.

    Args:
        rows: Rows of the page.
        size: Rows of a full one.
    """
    return 10 * rows >= 9 * size


def is_full(rows: int, size: int) -> bool:
    """Whether a counted list may go on after the page that its count says is the last."""
    return rows >= size - max(1, size // 100)
