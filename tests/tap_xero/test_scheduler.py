"""Organisations and streams side by side: in order, within bounds, and left when told to."""

from __future__ import annotations

import threading
import time
from collections import defaultdict

import pytest
from tap_xero.sync import scheduler
from tap_xero.sync.scheduler import ORGANISATIONS, PAGES_AHEAD, STREAMS_AHEAD


class Ledger:
    """What happened, and how many pages were in memory at once."""

    def __init__(self):
        self.events = []
        self.begun = set()
        self.pages = 0
        self.most = 0
        self._lock = threading.Lock()

    def page(self, change):
        with self._lock:
            self.pages += change
            self.most = max(self.most, self.pages)


class FakeTask:
    """A stream of so many pages; reading one takes a moment."""

    def __init__(self, ledger, organisation, stream, pages, error=None, goes_on=True):
        self.name = (organisation, stream)
        self.ledger, self.count, self.error, self.goes_on = ledger, pages, error, goes_on
        self.aheads = []

    def start(self, ahead, turn):
        self.ledger.begun.add(self.name)
        self.ahead, self.turn = ahead, turn
        return self

    def pages(self):
        for number in range(self.count):
            time.sleep(0.001)
            self.turn()
            self.ledger.page(+1)
            self.aheads.append(self.ahead())
            yield number
        if self.error:
            raise self.error

    def take(self, page):
        self.ledger.events.append((*self.name, page))
        time.sleep(0.001)
        self.ledger.page(-1)

    def end(self, reading, error):
        self.ledger.events.append((*self.name, error or "end"))
        return self.goes_on

    def leave(self):
        self.ledger.events.append((*self.name, "left"))


def plan(ledger, organisations, streams, pages):
    return [
        [FakeTask(ledger, organisation, stream, pages) for stream in range(streams)]
        for organisation in range(organisations)
    ]


def test_each_organisation_is_taken_over_in_the_order_of_its_streams_and_pages():
    ledger = Ledger()
    scheduler.run(plan(ledger, organisations=3, streams=7, pages=2))
    of = defaultdict(list)
    for organisation, *event in ledger.events:
        of[organisation].append(tuple(event))
    expected = [(stream, page) for stream in range(7) for page in (0, 1, "end")]
    assert dict(of) == dict.fromkeys(range(3), expected)


@pytest.mark.parametrize(("organisations", "pages"), [(1, 40), (3, 5), (3, 40), (20, 3)])
def test_no_more_pages_are_in_memory_than_organisations_are_read(organisations, pages):
    """One page of rows for each organisation, and the one that is being written."""
    ledger = Ledger()
    scheduler.run(plan(ledger, organisations, streams=4, pages=pages))
    assert ledger.most <= min(organisations, ORGANISATIONS) + 1
    assert ledger.pages == 0
    assert len(ledger.events) == organisations * 4 * (pages + 1)


def test_the_next_streams_are_begun_while_one_drains_and_only_its_turn_lets_one_read_far_ahead():
    ledger = Ledger()
    (tasks,) = plan(ledger, organisations=1, streams=STREAMS_AHEAD + 2, pages=3)
    begun = []
    take = tasks[0].take
    tasks[0].take = lambda page: (begun.append(len(ledger.begun)), take(page))
    scheduler.run([tasks])
    assert begun == [STREAMS_AHEAD] * 3
    assert {number for task in tasks for number in task.aheads} == {PAGES_AHEAD}


def test_an_error_is_told_to_its_task_and_the_rest_goes_on():
    ledger, problem = Ledger(), ValueError("broken")
    tasks = [FakeTask(ledger, "a", 0, 2, problem), FakeTask(ledger, "a", 1, 1)]
    scheduler.run([tasks, [FakeTask(ledger, "b", 0, 1)]])
    mine = [event for event in ledger.events if event[0] == "a"]
    assert mine == [("a", 0, 0), ("a", 0, 1), ("a", 0, problem), ("a", 1, 0), ("a", 1, "end")]
    assert ("b", 0, "end") in ledger.events


def test_an_organisation_that_is_left_ends_its_threads_and_not_the_others():
    ledger = Ledger()
    before = threading.active_count()
    left = [FakeTask(ledger, "a", stream, 3, goes_on=False) for stream in range(9)]
    scheduler.run([left, [FakeTask(ledger, "b", 0, 5)]])
    mine = [event for event in ledger.events if event[0] == "a"]
    assert mine == [
        *[("a", 0, page) for page in (0, 1, 2, "end")],
        *[("a", stream, "left") for stream in range(1, 9)],
    ]
    assert ("b", 0, "end") in ledger.events
    deadline = time.monotonic() + 10
    while threading.active_count() > before:
        assert time.monotonic() < deadline, "readers of the organisation that was left hang"
        time.sleep(0.01)
