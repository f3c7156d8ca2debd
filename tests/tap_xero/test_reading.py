"""Reading a window: nothing is skipped, however the rows move while they are read.

Xero is played here by a list in memory that changes between two calls, which lets
hypothesis try thousands of stories; `test_drift.py` does the same against the sandbox.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tap_xero.api.errors import NotFoundError
from tap_xero.models.dates import parse_instant
from tap_xero.models.resources import BY_STREAM, Paging
from tap_xero.sync.paging import PASSES
from tap_xero.sync.reading import Reading
from tap_xero.sync.readings import reading_of
from tap_xero.sync.window import Window

START = 1_767_225_600_000  # 2026-01-01T00:00:00Z
LONG_AGO = START - 10 * 86_400_000
SMALL = 3


@pytest.fixture(autouse=True)
def _long(monkeypatch):
    """Lists are read as long ones are, whose pages do not overlap; for the others see kind 9."""
    monkeypatch.setattr("tap_xero.sync.completeness.LONG", 0)


@dataclass
class Books:
    """Rows that are cut into pages the way Xero does, and change between calls."""

    resource: Any
    ordered: bool
    counted: bool
    rows: dict[str, int] = field(default_factory=dict)  # id -> updated, in ms
    now: int = START
    story: list[tuple[str, int]] = field(default_factory=list)
    calls: list[dict[str, str]] = field(default_factory=list)
    size: int = SMALL

    def fetch(self, path, params, since):
        envelope = self.answer(params, since)
        return lambda: envelope

    def answer(self, params, since):
        self.calls.append(params)
        since_ms = 0 if since is None else START - 60_000
        window = [each for each, updated in self.rows.items() if updated >= since_ms]
        # Without an order, Xero sorts by the last change.
        window.sort(key=(lambda each: each) if self.ordered else (lambda each: self.rows[each]))
        page, size = int(params["page"]), int(params.get("pageSize", self.size))
        part = window[(page - 1) * size : page * size]
        envelope = {
            "DateTimeUTC": f"/Date({self.now})/",
            self.resource.envelope: [
                {
                    self.resource.identity: each,
                    "UpdatedDateUTC": f"/Date({self.rows[each]}+0000)/",
                }
                for each in part
            ],
        }
        if self.counted:
            pages = -(-len(window) // size)
            envelope["pagination"] = {"pageCount": pages, "itemCount": len(window)}
        self.happen()
        return envelope

    def happen(self):
        """The next thing of the story: a row is edited, added or taken away."""
        self.now += 1000
        if not self.story:
            return
        what, which = self.story.pop(0)
        names = sorted(self.rows)
        if what == "add":
            self.rows[f"{which:03d}-new-{self.now}"] = self.now
        elif names and what == "edit":
            self.rows[names[which % len(names)]] = self.now
        elif names and what == "remove":
            del self.rows[names[which % len(names)]]


class Racing(Books):
    """Books whose answers to calls on their way are made up in any order."""

    def race(self, order):
        self.order = list(order)
        self.on_their_way: list[tuple[int, dict[str, str], str | None]] = []
        self.answers: dict[int, dict[str, Any]] = {}
        return self

    def fetch(self, path, params, since):
        number = len(self.on_their_way) + len(self.answers)
        self.on_their_way.append((number, params, since))

        def wait():
            while number not in self.answers:
                chosen = self.order.pop(0) if self.order else 0
                first, *asked = self.on_their_way.pop(chosen % len(self.on_their_way))
                self.answers[first] = self.answer(*asked)
            return self.answers[number]

        return wait


def read(books: Books, window: Window | None = None):
    reading = reading_of(
        books.fetch,
        books.resource,
        window or Window(),
        params={},
        now=lambda: "2026-01-01T00:00:00Z",
    )
    pages = list(reading.pages())
    return reading, pages, [row for page in pages for row in page.rows]


def books_of(stream: str, count: int, story=(), **facts) -> Books:
    resource = BY_STREAM[stream]
    known = {"ordered": resource.order is not None, "counted": resource.paging is Paging.PAGES}
    rows = {f"{number:03d}": LONG_AGO + number for number in range(count)}
    return Books(resource, rows=rows, story=list(story), **{**known, **facts})


def racing(stream: str, count: int, story, order) -> Racing:
    plain = books_of(stream, count, story)
    books = Racing(plain.resource, plain.ordered, plain.counted, plain.rows, story=plain.story)
    return books.race(order)


def read_in_two_runs(books: Racing, stopped_after: int) -> tuple[Reading, set[str]]:
    """Five calls on their way; stopped once, after that page, with what is on its way lost."""
    received, window = set(), Window()
    while True:
        reading = reading_of(
            books.fetch, books.resource, window, params={}, now=str, ahead=lambda: 5
        )
        for page in reading.pages():
            received |= {row[books.resource.identity] for row in page.rows}
            window = page.window
            if page.number == stopped_after:
                stopped_after = 0
                books.race(books.order)
                break
        else:
            return reading, received


CHANGES = st.lists(
    st.tuples(st.sampled_from(["edit", "add", "edit"]), st.integers(0, 20)), max_size=12
)
REMOVALS = st.lists(st.tuples(st.sampled_from(["edit", "remove"]), st.integers(0, 20)), max_size=12)


@pytest.mark.parametrize("stream", ["invoices", "manual_journals"])
@given(count=st.integers(0, 20), story=CHANGES)
def test_every_row_of_the_window_is_received_whatever_is_edited_or_added(stream, count, story):
    books = books_of(stream, count, story)
    before = set(books.rows)
    reading, _, rows = read(books)
    assert reading.complete
    assert {row[books.resource.identity] for row in rows} >= before


@given(
    count=st.integers(0, 30),
    story=CHANGES,
    order=st.lists(st.integers(0, 4), max_size=30),
    stopped_after=st.integers(0, 4),
)
@example(count=9, story=[("add", 0), ("edit", 0), ("add", 0)], order=[0, 0, 1], stopped_after=1)
def test_pages_may_be_cut_in_any_order_while_rows_are_edited_and_added(
    count, story, order, stopped_after
):
    """Invariant 1, with five calls on their way, and stopped and resumed in between."""
    books = racing("invoices", count, story, order)
    before = set(books.rows)
    reading, received = read_in_two_runs(books, stopped_after)
    assert reading.complete
    assert received >= before


@given(count=st.integers(0, 20), story=CHANGES, order=st.lists(st.integers(0, 4), max_size=30))
def test_what_a_stopped_run_has_received_has_no_gap(count, story, order):
    """Invariant 1: after each page, whatever lies before the last of its rows was received."""
    books = racing("invoices", count, story, order)
    before, received = set(books.rows), set()
    reading = reading_of(books.fetch, books.resource, Window(), params={}, now=str, ahead=lambda: 5)
    for page in reading.pages():
        received |= {row["InvoiceID"] for row in page.rows}
        reached = max(received, default="")
        if page.number == reading.window.page - 1:
            assert received >= {each for each in before if each <= reached}


def test_a_page_that_was_cut_before_the_one_before_it_is_asked_for_again():
    books = racing("invoices", 9, [("edit", 0), ("add", 4)], [0, 1])
    reading = reading_of(books.fetch, books.resource, Window(), params={}, now=str, ahead=lambda: 5)
    rows = [row["InvoiceID"] for page in reading.pages() for row in page.rows]
    assert [call["page"] for call in books.calls] == ["1", "3", "2", "4", "3"]
    assert sorted(set(rows)) == sorted(rows)
    assert reading.complete


@given(
    count=st.integers(0, 20),
    story=CHANGES,
    order=st.lists(st.integers(0, 4), max_size=30),
    stopped_after=st.integers(0, 4),
)
def test_without_an_order_pages_may_be_cut_in_any_order_too(count, story, order, stopped_after):
    books = racing("manual_journals", count, story, order)
    before = set(books.rows)
    reading, received = read_in_two_runs(books, stopped_after)
    assert not reading.complete or received >= before


def test_pages_after_the_first_are_asked_for_several_at_a_time():
    books = books_of("invoices", 30)
    flying, most = set(), []

    def fetch(path, params, since):
        flying.add(params["page"])
        most.append(len(flying))

        def wait():
            flying.discard(params["page"])
            return books.answer(params, since)

        return wait

    reading = reading_of(fetch, books.resource, Window(), params={}, now=str, ahead=lambda: 5)
    assert [page.number for page in reading.pages()] == list(range(1, 11))
    assert most[0] == 1
    assert max(most) == 5


@given(count=st.integers(0, 20), story=REMOVALS)
def test_rows_that_leave_the_window_hide_no_others(count, story):
    books = books_of("contacts", count, story)
    before = set(books.rows)
    reading, _, rows = read(books)
    if reading.complete:
        stayed = before & set(books.rows)
        assert {row["ContactID"] for row in rows} >= stayed


@given(count=st.integers(0, 20), story=CHANGES)
def test_the_bookmark_is_never_later_than_a_change_that_was_missed(count, story):
    books = books_of("invoices", count, story)
    reading, _, rows = read(books)
    versions = {(row["InvoiceID"], row["UpdatedDateUTC"]) for row in rows}
    bookmark_ms = parse_instant(reading.window.bookmark).timestamp() * 1000
    for each, updated in books.rows.items():
        assert (each, f"/Date({updated}+0000)/") in versions or updated >= bookmark_ms


def test_a_quiet_window_is_read_once_and_each_row_comes_once():
    books = books_of("invoices", 10)
    reading, pages, rows = read(books)
    assert [call["page"] for call in books.calls] == ["1", "2", "3", "4"]
    assert len(rows) == len({row["InvoiceID"] for row in rows}) == 10
    assert [page.number for page in pages] == [1, 2, 3, 4]
    assert {page.pages for page in pages} == {4}
    started, latest = "2026-01-01T00:00:00Z", "2025-12-22T00:00:00Z"
    assert reading.window == Window(started=started, page=5, rows=10, items=10, latest=latest)


def test_an_empty_window_takes_one_call():
    books = books_of("invoices", 0)
    reading, pages, rows = read(books)
    assert (reading.complete, len(books.calls), rows) == (True, 1, [])
    assert len(pages) == 1


@pytest.mark.parametrize("stopped_after", [1, 2, 3])
@given(story=CHANGES)
def test_a_stopped_reading_goes_on_at_the_page_it_reached(stopped_after, story):
    books = books_of("invoices", 10)
    before = set(books.rows)
    reading = reading_of(books.fetch, books.resource, Window(), params={}, now=str)
    received = []
    for page in reading.pages():
        received += page.rows
        window = page.window
        if page.number == stopped_after:
            break
    books.story = list(story)
    for _ in range(3):
        books.happen()
    calls = len(books.calls)
    again, _, rows = read(books, window)
    assert again.complete
    assert books.calls[calls]["page"] == str(stopped_after + 1)
    assert {row["InvoiceID"] for row in received + rows} >= before


@given(story=REMOVALS)
def test_a_resumed_reading_starts_over_when_rows_have_left(story):
    books = books_of("contacts", 10)
    pages = reading_of(books.fetch, books.resource, Window(), params={}, now=str).pages()
    first = next(pages)
    books.story = [("remove", 0), *story]
    books.happen()
    stayed = set(books.rows)
    again, _, rows = read(books, first.window)
    if again.complete:
        received = {row["ContactID"] for row in rows}
        assert received >= stayed & set(books.rows)


def test_without_an_order_a_stopped_reading_starts_at_the_first_page():
    books = books_of("manual_journals", 10)
    _, _, rows = read(books, Window(started="2026-01-01T00:00:00Z", page=3, rows=6, items=10))
    assert books.calls[0]["page"] == "1"
    assert len(rows) == 10


class Overcounting(Books):
    """Books whose count is too high: by `excess`, and by more and more with `growing`."""

    excess = 1
    growing = False
    passes = 0

    def answer(self, params, since):
        self.passes += since is None and params["page"] == "1" and "pageSize" not in params
        envelope = super().answer(params, since)
        counts = envelope["pagination"]
        counts["itemCount"] += len(self.calls) if self.growing else self.excess
        counts["pageCount"] = -(-counts["itemCount"] // int(params.get("pageSize", self.size)))
        return envelope


def overcounting(count, stream="invoices", story=(), **facts) -> Overcounting:
    plain = books_of(stream, count, story)
    books = Overcounting(
        plain.resource, plain.ordered, counted=True, rows=plain.rows, story=plain.story
    )
    for name, value in facts.items():
        setattr(books, name, value)
    return books


def test_a_window_that_never_adds_up_is_given_up_and_says_so():
    books = overcounting(4, growing=True)
    reading, _, rows = read(books)
    assert not reading.complete
    assert "kept moving" in reading.remark
    assert len(rows) == 4
    assert books.passes == PASSES


@pytest.mark.parametrize("stream", ["invoices", "manual_journals"])
@pytest.mark.parametrize("excess", [1, 2, 3, 7])
@pytest.mark.parametrize("count", [4, 6, 9])
def test_a_count_that_is_too_high_for_good_is_accepted_after_a_second_pass(stream, excess, count):
    books = overcounting(count, stream, excess=excess)
    reading, _, rows = read(books)
    assert reading.complete
    assert len(rows) == count
    assert f"counts {count + excess} rows and lists {count}" in reading.remark
    assert books.passes == 2
    # Twice the list, to the first page without a row; once what changed; once the count.
    pages = min(-(-(count + excess) // SMALL), -(-count // SMALL) + 1)
    assert len(books.calls) == 2 * pages + 2


def test_counted_rows_that_are_never_listed_do_not_hold_an_empty_window_up():
    books = overcounting(0)
    reading, _, rows = read(books)
    assert (reading.complete, rows) == (True, [])
    assert "lists 0" in reading.remark
    assert len(books.calls) == 4


@given(count=st.integers(0, 20), story=CHANGES, excess=st.integers(1, 4))
def test_no_row_is_missed_because_the_count_is_too_high(count, story, excess):
    books = overcounting(count, story=story, excess=excess)
    before = set(books.rows)
    reading, _, rows = read(books)
    if reading.complete:
        assert {row["InvoiceID"] for row in rows} >= before


def test_a_stopped_reading_of_a_window_that_counts_too_much_ends_too():
    books = overcounting(9, excess=2)
    pages = reading_of(books.fetch, books.resource, Window(), params={}, now=str).pages()
    windows = [next(pages).window for _ in range(4)]
    for window in windows:
        again, _, _ = read(books, window)
        assert again.complete
        assert "counts 11 rows and lists 9" in again.remark


def test_without_counts_pages_are_read_to_a_short_one():
    books = overcounting(250)
    books.size = 100
    answer = books.answer

    def uncounted(params, since):
        envelope = answer(params, since)
        del envelope["pagination"]
        return envelope

    books.answer = uncounted
    reading, _, rows = read(books)
    assert (reading.complete, reading.remark) == (True, "")
    assert len(rows) == 250
    assert len(books.calls) == 3


def test_pages_of_another_size_than_asked_for_cannot_overlap_and_are_read_all_the_same():
    class Capped(Books):
        def answer(self, params, since):
            capped = min(int(params.get("pageSize", "0")), 10)
            return super().answer({**params, "pageSize": str(capped)}, since)

    plain = books_of("invoices", 95)
    books = Capped(plain.resource, ordered=True, counted=True, rows=plain.rows)
    reading = reading_of(books.fetch, books.resource, Window(), params={"pageSize": "100"}, now=str)
    ids = [row["InvoiceID"] for page in reading.pages() for row in page.rows]
    assert (reading.complete, reading.remark) == (True, "")
    assert sorted(ids) == sorted(books.rows)
    # Two tries of three calls, with pages between those that share no row; then page by page.
    assert len(books.calls) == 2 * 3 + 10


# Past the last page -----------------------------------------------------------------------


class Ending(Books):
    """Books that answer past their last page as `end` says: with 404 or with rows again."""

    end = "missing"

    def fetch(self, path, params, since):
        envelope = self.answer(params, since)
        page = int(params["page"])
        if page > 1 and not envelope[self.resource.envelope]:
            if self.end == "missing":

                def missing():
                    raise NotFoundError("no such page")

                return missing
            back = page - 1 if self.end == "last page" else 1
            return self.fetch(path, {**params, "page": str(back)}, since)
        return lambda: envelope


def ending(stream: str, count: int, end: str) -> Ending:
    plain = hundreds(stream, count)
    books = Ending(plain.resource, plain.ordered, plain.counted, plain.rows, size=plain.size)
    books.end = end
    return books


@pytest.mark.parametrize("stream", ["quotes", "linked_transactions"])
@pytest.mark.parametrize("end", ["missing", "last page", "first page"])
@pytest.mark.parametrize(
    ("count", "full"), [(0, 0), (89, 0), (99, 1), (100, 1), (250, 2), (300, 3)]
)
def test_whatever_comes_past_the_last_page_is_the_end(stream, end, count, full):
    books = ending(stream, count, end)
    reading, _, rows = read(books)
    assert reading.complete
    assert reading.remark == ""
    ids = [row[books.resource.identity] for row in rows]
    assert set(ids) == set(books.rows)
    assert len(ids) == count
    passes = 1 if stream == "quotes" or count <= 100 else 2
    asked = [int(call["page"]) for call in books.calls]
    assert max(asked) == full + 1
    assert asked.count(full + 1) == passes


@pytest.mark.parametrize("end", ["missing", "last page"])
@pytest.mark.parametrize("stream", ["quotes", "invoices"])
def test_a_reading_stopped_after_its_last_page_ends_with_the_next_run(stream, end):
    books = ending(stream, 300, end)
    window = Window(started="2026-01-01T00:00:00Z", page=4, rows=300, items=None)
    if stream == "invoices":
        window = replace(window, items=300)
    reading, _, _ = read(books, window)
    assert reading.complete
    assert books.calls[0]["page"] == "4"
    assert reading.window.bookmark.startswith("2025-12-31T22:55:")


def test_a_page_count_that_is_too_high_ends_with_the_page_that_is_not_there():
    class Beyond(Ending):
        def answer(self, params, since):
            envelope = super().answer(params, since)
            envelope["pagination"]["pageCount"] += 2
            return envelope

    plain = books_of("invoices", 7)
    books = Beyond(plain.resource, ordered=True, counted=True, rows=plain.rows)
    reading, _, rows = read(books)
    assert (reading.complete, reading.remark, len(rows)) == (True, "", 7)
    assert [call["page"] for call in books.calls] == ["1", "2", "3", "4"]


def test_a_first_page_that_is_not_there_is_no_empty_list():
    def fetch(path, params, since):
        def missing():
            raise NotFoundError("nothing here")

        return missing

    for stream in ("invoices", "quotes", "linked_transactions", "journals"):
        window = Window(page=0 if stream == "journals" else 1)
        reading = reading_of(fetch, BY_STREAM[stream], window, params={}, now=str)
        with pytest.raises(NotFoundError):
            list(reading.pages())
        assert not reading.complete


def hundreds(stream: str, count: int, story=()) -> Books:
    return books_of(stream, count, story, size=100)


@pytest.mark.parametrize(("count", "calls"), [(0, 1), (89, 1), (99, 2), (100, 2), (250, 3)])
def test_fixed_pages_end_with_a_short_one(count, calls):
    books = hundreds("quotes", count)
    reading, _, rows = read(books)
    assert (reading.complete, len(rows), len(books.calls)) == (True, count, calls)


@given(story=st.lists(st.tuples(st.just("remove"), st.integers(0, 300)), max_size=3))
def test_without_order_or_count_pages_are_read_until_nothing_is_new(story):
    books = hundreds("linked_transactions", 250, story)
    reading, _, rows = read(books)
    assert reading.complete
    assert {row["LinkedTransactionID"] for row in rows} >= set(books.rows)


def test_one_page_without_order_or_count_is_read_once():
    books = hundreds("linked_transactions", 50)
    read(books)
    assert len(books.calls) == 1


# Journals ---------------------------------------------------------------------------------


def test_journals_may_end_with_404():
    ledger = Ledger(list(range(1, 201)))

    def fetch(path, params, since):
        if params["offset"] == "200":

            def missing():
                raise NotFoundError("none after it")

            return missing
        return ledger.fetch(path, params, since)

    reading = reading_of(fetch, BY_STREAM["journals"], Window(page=0), params={}, now=str)
    assert sum(len(page.rows) for page in reading.pages()) == 200
    assert reading.complete


@dataclass
class Ledger:
    """Journals, and what Xero does beyond the last of them: it repeats a page."""

    numbers: list[int]
    offsets: list[int] = field(default_factory=list)

    def fetch(self, path, params, since):
        offset = int(params["offset"])
        self.offsets.append(offset)
        rows = [each for each in self.numbers if each > offset][:100] or self.numbers[-100:]
        journals = [{"JournalID": f"j{each}", "JournalNumber": each} for each in rows]
        return lambda: {"DateTimeUTC": f"/Date({START})/", "Journals": journals}


@given(st.sets(st.integers(1, 2000), max_size=450))
def test_journals_are_read_by_number_and_the_loop_ends(numbers):
    ledger = Ledger(sorted(numbers))
    journals = BY_STREAM["journals"]
    reading = reading_of(ledger.fetch, journals, Window(page=0), params={}, now=str)
    rows = [row["JournalNumber"] for page in reading.pages() for row in page.rows]
    assert rows == sorted(numbers)
    assert reading.complete
    assert len(ledger.offsets) == len(numbers) // 100 + 1


def test_a_stopped_reading_of_journals_goes_on_after_the_last_number():
    ledger = Ledger(list(range(1, 301, 2)))
    journals = BY_STREAM["journals"]
    window = Window(started="2026-01-01T00:00:00Z", page=199)
    pages = list(reading_of(ledger.fetch, journals, window, params={}, now=str).pages())
    assert ledger.offsets[0] == 199
    assert [row["JournalNumber"] for row in pages[0].rows] == list(range(201, 301, 2))


# One response -----------------------------------------------------------------------------


def test_without_details_the_list_is_enough():
    accounts = BY_STREAM["accounts"]
    paths = []

    def fetch(path, params, since):
        paths.append((path, since))
        return lambda: {"Accounts": [{"AccountID": "a"}]}

    window = Window(since="2026-01-01T00:00:00Z")
    reading = reading_of(fetch, accounts, window, params={}, now=str)
    assert len(list(reading.pages())) == 1
    assert paths == [("Accounts", "2026-01-01T00:00:00Z")]
    assert replace(reading.window, started=None) == window
