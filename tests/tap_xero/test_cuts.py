"""Kind 9 of the trials: pages overlap, whatever their size, and this costs next to nothing."""

from __future__ import annotations

import pytest
from tap_xero.sync.cuts import Cut, bridge, cut, number_of, overlapping, overlaps

SIZES = [1, 2, 3, 10, 24, 100, 250, 500, 1000]


def least(rows: int, size: int = 1000) -> int:
    return max(1, -(-rows // size))


def test_kind_9_each_page_begins_with_rows_of_the_one_before():
    assert [cut(number, 1000) for number in (1, 2, 3)] == [Cut(1, 1000), Cut(2, 999), Cut(3, 998)]
    assert overlapping(1000) == 32
    assert [number for number in range(1, 60) if overlaps(number, 1000)] == list(range(2, 34))
    for number in range(2, 34):
        shared = cut(number - 1, 1000).end - cut(number, 1000).start
        assert 1 <= shared <= 31


@pytest.mark.parametrize("size", SIZES)
def test_kind_9_pages_of_any_size_leave_nothing_out(size):
    for number in range(2, 3 * overlapping(size) + 5):
        assert cut(number, size).start <= cut(number - 1, size).end < cut(number, size).end
        assert 1 <= cut(number, size).size <= size


@pytest.mark.parametrize("size", SIZES)
def test_kind_9_what_lies_between_two_pages_is_a_page_too(size):
    for number in range(2, overlapping(size) + 2):
        if overlaps(number, size):
            border = cut(number - 1, size).end
            assert bridge(number, size).start < border < bridge(number, size).end
            assert bridge(number, size).size <= size


@pytest.mark.parametrize("size", SIZES)
def test_as_many_pages_are_asked_for_as_the_rows_take(size):
    for rows in range(0, 5 * size * overlapping(size), max(1, size // 7)):
        number = number_of(rows, size)
        assert cut(number, size).end >= rows
        assert number == 1 or cut(number - 1, size).end < rows


def test_overlapping_costs_a_call_a_stream_at_the_most():
    assert all(number_of(rows, 1000) - least(rows) in (0, 1) for rows in range(0, 300_000, 37))


def test_a_backfill_makes_no_more_than_1_02_of_the_calls_it_cannot_spare():
    """What the benchmark's organisations have, of 50,000 invoices in two years."""
    lists = [3_825, 72_505, 5_793, 60_125, 25_240]
    whole = 2  # accounts and items, each in one response
    calls = whole + sum(number_of(rows, 1000) for rows in lists)
    assert calls <= 1.02 * (whole + sum(map(least, lists)))
