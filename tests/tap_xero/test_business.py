"""Nothing is skipped, whatever happens between any two calls, wherever the tap is killed.

Kinds 7 to 13 of the trials, all at once and at random: business goes on (rows are inserted,
edited, voided, deleted, and become visible late), Xero's counts, clocks, pages and orders are
irregular, and runs are killed. When business has stopped and one more run has come to its end, the
rows that were written up to the last state are those of the books.
"""

from __future__ import annotations

import random

import pytest
from business import FIXED, LONGEST_DELAY, SIZE, Output, Xero, run_once
from xero_sandbox.irregularities import PAST_THE_END

STREAMS = ("invoices", "manual_journals", "quotes", "linked_transactions", "journals", "accounts")
PARTS = 6
SEEDS = 300
MANY = 10_000


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Pages of few rows, and states after any of them."""
    monkeypatch.setattr("tap_xero.models.resources.PAGE_SIZE", SIZE)
    monkeypatch.setattr("tap_xero.models.resources.FIXED_PAGE_SIZE", FIXED)
    monkeypatch.setattr("xero_sandbox.app.reading._FIXED_PAGE", FIXED)
    monkeypatch.setattr("tap_xero.sync.state.SHARE", 1e6)


def irregular(chance: random.Random) -> dict[str, object]:
    """Some of what Xero may do."""
    every = {
        "count_error": [1, 2, SIZE],
        "clock_ahead": [-600, -30, 30, 600, 3000],
        "short_pages": [True],
        "most_sorted": [30],
        "slow_above": [SIZE // 2],
    }
    chosen = chance.sample(sorted(every), chance.choice([0, 0, 1, 2, 3]))
    usual = {
        "past_the_end": chance.choice(PAST_THE_END),
        "count_lag": chance.choice([0, 0, 20, 200]),
    }
    return {**usual, **{name: chance.choice(every[name]) for name in chosen}}


def missing_of(seed: int) -> str:
    """What is wrong after the story of a seed; nothing when all is there."""
    chance = random.Random(seed)
    xero = Xero(chance.choices(STREAMS, [12, 5, 3, 2, 2, 1])[0], chance)
    switches = irregular(chance)
    xero.irregularities.set(**switches)
    output = Output()
    for _ in range(chance.randint(1, 4)):
        run_once(xero, output, lasts=chance.choice([1, 3, 5, 9, 1e9, 1e9, 1e9, 1e9]))
        xero.pass_time(chance.choice([1, 60, LONGEST_DELAY, 3600, 40_000]))
        for _ in range(chance.choice([0, 1, 6])):
            xero.happen()
    xero.calm()
    before = xero.calls
    complete = run_once(xero, output)
    told = f"seed {seed}: {xero.stream} with {switches}, {xero.calls - before} calls at the end"
    if not complete:
        return f"{told}: the last run did not come to its end"
    wrong = [
        f"{key} {'stale' if key in output.table else 'missing'}"
        for key, version in xero.listed().items()
        if output.table.get(key) != str(version)
    ]
    xero.store.close()
    return f"{told}: {', '.join(wrong[:3])}" if wrong else ""


def failures(seeds: range) -> list[str]:
    return list(filter(None, map(missing_of, seeds)))


@pytest.mark.parametrize("part", range(PARTS))
def test_invariant_1_nothing_is_skipped_whatever_happens_between_two_calls(part):
    assert failures(range(part, SEEDS, PARTS)) == []


@pytest.mark.stress
@pytest.mark.parametrize("part", range(50))
def test_invariant_1_nothing_is_skipped_in_ten_thousand_stories(part):
    assert failures(range(SEEDS + part, SEEDS + MANY, 50)) == []
