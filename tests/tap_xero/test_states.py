"""When a state is written: seldom enough to cost nothing, often enough to lose little.

Kind 16 of the trials: with forty organisations, states after each page were 82 of 115 MB of output.
"""

from __future__ import annotations

from tap_xero.api import wire
from tap_xero.sync.state import FREE, PAUSE, SHARE, State


class Output:
    """What a run has written, by its bytes, and the time."""

    def __init__(self, size: int, expected: int = 0) -> None:
        self.size = size
        self.volume = 0
        self.seconds = 0.0
        self.states = 0
        content = {"bookmarks": {"invoices": {"partitions": [{}]}}, "rest": ""}
        content["rest"] = "." * (size - len(wire.encode(content)))
        self.state = State(content, self.write, lambda: self.volume, monotonic=self.now)
        self.state.expected = expected

    def now(self) -> float:
        return self.seconds

    def write(self, content: object) -> None:
        self.states += 1

    def page(self, size: int, seconds: float = 10 * PAUSE) -> None:
        """A page of records, and the state after it, if one is due."""
        self.volume += size
        self.seconds += seconds
        self.state.write()


def test_kind_16_the_first_page_is_followed_by_a_state():
    output = Output(size=1_000)
    output.page(1)
    assert output.states == 1


def test_kind_16_states_are_a_hundredth_of_the_output_and_the_last_is_among_them():
    output = Output(size=1_000)
    for _ in range(1_000):
        output.page(50_000)
    assert output.states * output.size > 0.9 * SHARE * output.volume
    output.state.write_now()
    assert output.states * output.size <= SHARE * output.volume


def test_kind_16_a_large_state_waits_until_it_and_the_last_one_are_a_hundredth():
    """Of 200 organisations it is a megabyte, and few of their runs write a hundred of these."""
    output = Output(size=1_000_000)
    for _ in range(199):
        output.page(1_000_000)
    assert output.states == 0
    output.page(1_000_000)
    output.state.write_now()
    assert output.states == 2
    assert output.states * output.size <= SHARE * output.volume


def test_kind_16_a_state_that_is_to_grow_leaves_room_for_what_it_will_be():
    """A first run has few partitions to begin with, and all of them in its last state."""
    output = Output(size=100_000, expected=7)
    for _ in range(79):
        output.page(1_000_000)
    assert output.states == 0
    output.page(1_000_000)
    assert output.states == 1


def test_kind_16_small_states_are_written_however_little_comes():
    output = Output(size=1_000)
    for _ in range(1_000):
        output.page(1)
    assert output.states == FREE // output.size - 1


def test_kind_16_there_is_at_most_one_state_a_second():
    output = Output(size=100)
    for _ in range(1_000):
        output.page(1_000_000, seconds=PAUSE / 8)
    assert output.states == 125


def test_kind_16_no_state_is_written_where_no_record_was():
    output = Output(size=1_000)
    output.page(100_000)
    for _ in range(10):
        output.page(0)
    assert output.states == 1


def test_kind_16_a_run_without_news_writes_the_state_at_its_end_only(
    make_xero_sandbox, run_tap, selecting
):
    sandbox = make_xero_sandbox(organisations=2, invoices=5)
    catalog = selecting("accounts", "invoices", "payments", "currencies")
    first = run_tap(sandbox, catalog=catalog)
    sandbox.clock.advance(hours=1)
    idle = run_tap(sandbox, catalog=catalog, state=first.state)
    # Before anything is read, the SDK repeats the state that it was given.
    assert idle.states[:-1] == [first.state]
    assert idle.messages[-1]["type"] == "STATE"
    assert idle.state != first.state


def test_kind_16_a_run_that_fails_ends_with_the_state_that_it_reached(
    make_xero_sandbox, run_tap, selecting, small_pages, monkeypatch
):
    small_pages(9)
    sandbox = make_xero_sandbox(organisations=1, invoices=60)
    pages = []

    def failing(run, *arguments):
        pages.append(arguments)
        if len(pages) == 3:
            raise RuntimeError("the disk is full")

    monkeypatch.setattr("tap_xero.sync.run.Run.note_page", failing)
    failed = run_tap(sandbox, catalog=selecting("invoices"))
    assert isinstance(failed.error, RuntimeError)
    (partition,) = failed.state["bookmarks"]["invoices"]["partitions"]
    # The third page was written and not noted: it comes again.
    assert partition["page"] == 3
    assert len(failed.records["invoices"]) == 21, "as pages overlap by a row more each time"
