"""`load_method: history`: every version of a row, and from when until when it held."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from dataclasses import replace

import duckdb
import pytest
from crashes import FOLDER_WRITES, Crash, Dying
from histories import HISTORY, doc, docs, gone, hour, reading, versions
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from target_databricks.loading.history import Version, intervals


@pytest.mark.rule("history")
def test_every_version_is_kept_with_its_interval_and_that_of_its_lines(place, singer):
    """In a batch and across batches; unchanged ones write nothing, late ones find their place."""
    first = [doc(1, 1, "a", 1, 2), doc(2, 1, "x"), doc(1, 5, "c", 2)]
    place.run(docs(singer, *first), batch_size_rows=1, **HISTORY)
    assert len(place.loads()) == (3 if place.quick else 1)
    place.run(docs(singer, doc(1, 3, "b", 3), doc(1, 5, "c", 2)), **HISTORY)
    files = place.versions()
    place.run(docs(singer, doc(1, 1, "a", 1, 2), doc(1, 5, "c", 2)), **HISTORY)
    assert place.versions() == files
    place.run(reading(singer, 1, gone(1, 7), doc(1, 9, "d", 4)), **HISTORY)
    *others, (last, since, to, current) = versions(place)
    assert others == [
        ("a", 1, 3, False),
        ("b", 3, 5, False),
        ("c", 5, 7, False),
        ("d", 9, None, True),
    ]
    assert (last, since, current) == ("x", 1, False)
    assert to is not None
    assert versions(place, "lines", "n", ["valid_from", "n"]) == [
        (1, 1, 3, False),
        (2, 1, 3, False),
        (3, 3, 5, False),
        (2, 5, 7, False),
        (4, 9, None, True),
    ]
    deleted = [r["v"] for r in place.rows("docs") if r["_sdc_deleted_at"] is not None]
    assert deleted == ["c", "x"]
    assert place.rows("docs", "is_deleted") == [False] * 5
    # The question of the README, to another reader.
    then, connection = dt.datetime(2024, 5, 1, 3, tzinfo=dt.UTC), duckdb.connect()
    connection.register("docs", place.arrow("docs"))
    asked = "SELECT v FROM docs WHERE valid_from <= $1 AND (valid_to > $1 OR valid_to IS NULL)"
    assert {v for (v,) in connection.execute(asked, [then]).fetchall()} == {"b", "x"}


def test_what_a_version_retires_ends_and_comes_back(place, singer):
    """The interval ends when the version is activated, also that of the lines."""
    place.run(reading(singer, 1, doc(1, 1, "a", 1), doc(2, 1, "b", 2)), **HISTORY)
    place.run(reading(singer, 2, doc(1, 1, "a", 1)), **HISTORY)
    rows = {r["v"]: r for r in place.rows("docs")}
    assert (rows["a"]["is_current"], rows["b"]["is_current"]) == (True, False)
    assert rows["b"]["valid_to"] > rows["b"]["valid_from"]
    (line,) = [r for r in place.rows("lines", by="n") if not r["is_current"]]
    assert (line["n"], line["valid_to"]) == (2, rows["b"]["valid_to"])
    place.run(reading(singer, 3, doc(1, 1, "a", 1), doc(2, 1, "b", 2)), **HISTORY)
    assert [r["is_current"] for r in place.rows("docs")] == [True, True]
    assert [r["valid_to"] for r in place.rows("lines", by="n")] == [None, None]


def test_without_a_replication_key_the_time_of_the_load_decides(place, singer):
    for v in ("a", "a", "b", "a"):
        place.run(docs(singer, {"id": 1, "v": v}, bookmarks=()), **HISTORY)
    rows = place.rows("docs", by="valid_from")
    assert [r["v"] for r in rows] == ["a", "b", "a"]
    assert [r["valid_to"] for r in rows] == [rows[1]["valid_from"], rows[2]["valid_from"], None]
    now = dt.datetime.now(dt.UTC)
    assert all(dt.timedelta() < now - r["valid_from"] < dt.timedelta(hours=1) for r in rows)


# The rule


def naive(events):
    """The intervals of one key's events: instant, and what holds from then, None for a deletion."""
    spans = []
    for at, value in sorted(events.items()):
        if spans and spans[-1][2] is None:
            spans[-1][2] = at
        if value is not None:
            spans.append([value, at, None])
    return [tuple(span) for span in spans]


EVENTS = st.dictionaries(st.integers(1, 20), st.booleans(), min_size=1, max_size=8)


@given(events=EVENTS, data=st.data())
def test_the_order_in_which_versions_come_does_not_matter(events, data):
    """Late ones, those that come again after a kill, and deletions before what they delete."""
    said = {at: f"v{at}" if alive else None for at, alive in events.items()}
    order = data.draw(st.permutations(sorted(said)))
    cut = data.draw(st.integers(0, len(order)))
    table = []
    for number, batch in enumerate([order[:cut], order[:cut], order[cut:], order]):
        came = [
            Version(at, number, said[at], at, end=None if said[at] else at, deleted_at=at)
            if said[at] is None
            else Version(at, number, said[at], at)
            for at in batch
        ]
        table = [replace(i.version, stored=True) for i in intervals(table, came)]
    spans = [(i.version.digest, i.version.at, i.to) for i in intervals(table, [])]
    assert [span for span in spans if span[0] is not None] == naive(said)


@pytest.mark.parametrize("examples", [6, pytest.param(120, marks=pytest.mark.stress)])
def test_invariant_3_intervals_are_the_same_after_kills_and_whatever_comes_late(
    new_place, singer, examples
):
    numbers = iter(range(10**6))

    @settings(max_examples=examples, phases=[Phase.explicit, Phase.reuse, Phase.generate])
    @given(keys=st.lists(EVENTS, min_size=1, max_size=2), data=st.data())
    def check(keys, data):
        place = new_place(f"place {next(numbers)}")
        records = [
            (gone(i, hour) if not alive else doc(i, hour, f"{i}@{hour}", hour, i))
            for i, events in enumerate(keys)
            for hour, alive in events.items()
        ]
        order = data.draw(st.permutations(records))
        cut = data.draw(st.integers(0, len(order)))
        for some in (order[:cut], order[cut:]):
            call, after = data.draw(st.integers(1, 8)), data.draw(st.booleans())
            with Dying(FOLDER_WRITES, call, after=after), suppress(Crash):
                place.run(docs(singer, *some), **HISTORY)
            place.run(docs(singer, *some), batch_size_rows=2, **HISTORY)
        for i, events in enumerate(keys):
            said = {hour: f"{i}@{hour}" if alive else None for hour, alive in events.items()}
            rows = [v for v in versions(place, by="valid_from") if (v[0] or "").startswith(f"{i}@")]
            assert [row[:3] for row in rows] == naive(said)
            assert [row[3] for row in rows] == [row[2] is None for row in rows]
            lines = [
                (r["n"], hour_of(r["valid_from"]), hour_of(r["valid_to"]))
                for r in (place.rows("lines", by=["valid_from", "_sdc_position"]))
                if r["id"] == i
            ]
            assert lines == [(n, a, b) for _, a, b in naive(said) for n in (a, i)]

    check()


hour_of = hour
