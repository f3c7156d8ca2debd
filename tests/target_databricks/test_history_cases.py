"""Intervals where there is little to tell versions apart by, or rows come back, or arrays go."""

from __future__ import annotations

import random

import pytest
from histories import HISTORY, INTEGER, TEXT, TIME, at, doc, docs, gone, hour, reading, versions

PROPERTIES = {"id": INTEGER, "at": TIME, "v": TEXT}


def test_a_version_without_its_replication_key_holds_from_when_it_came(folder, singer):
    folder.run(docs(singer, doc(1, 1, "a"), {"id": 1, "v": "b"}), **HISTORY)
    folder.run(docs(singer, {"id": 1, "v": "c", "at": None}), **HISTORY)
    rows = folder.rows("docs", by="valid_from")
    assert [r["v"] for r in rows] == ["a", "b", "c"]
    assert [r["valid_to"] for r in rows] == [*(r["valid_from"] for r in rows[1:]), None]
    assert rows[1]["valid_from"] == rows[1]["_sdc_received_at"]


def test_of_several_versions_at_one_instant_the_one_received_last_stays(place, singer):
    """In a batch and across batches; nothing of the other stays in a column it has not."""
    wide = singer.schema(
        "docs", {"id": INTEGER, "at": TIME, "v": TEXT, "w": TEXT}, bookmarks=["at"]
    )
    narrow = singer.schema("docs", PROPERTIES, bookmarks=["at"])
    one = {"id": 1, "at": at(1)}
    records = [{**one, "v": "a", "w": "old"}, {**one, "v": "b", "w": "old"}]
    place.run(wide, singer.records("docs", *records), batch_size_rows=1, **HISTORY)
    assert place.rows("docs", "v") == ["b"]
    place.run(narrow, singer.records("docs", {**one, "v": "c", "w": "new"}), **HISTORY)
    (row,) = place.rows("docs")
    assert (row["v"], row["w"], row["is_current"], row["valid_to"]) == ("c", None, True, None)
    assert "new" in row["_rescued_data"]


def test_a_row_that_comes_back_after_its_deletion_begins_a_new_interval(folder, singer):
    """By load time, as it was; by its replication key, when that is later than the deletion."""
    for record in ({"id": 1, "v": "a"}, gone(1, 1), {"id": 1, "v": "a"}):
        folder.run(docs(singer, record, bookmarks=()), **HISTORY)
    old, new = folder.rows("docs", by="valid_from")
    assert (old["is_current"], new["is_current"]) == (False, True)
    assert old["valid_from"] < old["valid_to"] <= new["valid_from"]
    for record in (doc(2, 1, "a"), gone(2, 3), doc(2, 1, "a")):
        folder.run(docs(singer, record), **HISTORY)
    assert versions(folder)[2:] == [("a", 1, 3, False)]
    folder.run(docs(singer, doc(2, 5, "a")), **HISTORY)
    assert versions(folder)[2:] == [("a", 1, 3, False), ("a", 5, None, True)]


def test_what_comes_after_it_was_retired_holds_now_whatever_its_replication_key(place, singer):
    """A later version, another one at the same instant, and an older one: the tap has the row."""
    rows = [doc(1, 1, "a", 1), doc(2, 1, "b", 2), doc(3, 3, "c", 3)]
    place.run(reading(singer, 1, *rows, doc(4, 1, "x")), **HISTORY)
    place.run(reading(singer, 2, doc(4, 1, "x")), **HISTORY)
    assert place.rows("docs", "is_current") == [False, False, False, True]
    place.run(reading(singer, 3, doc(1, 5, "d", 4), doc(2, 1, "e", 5), doc(3, 1, "f")), **HISTORY)
    assert versions(place)[:-1] == [
        ("a", 1, 5, False),
        ("d", 5, None, True),
        ("e", 1, None, True),
        ("f", 1, 3, False),
        ("c", 3, None, True),
    ]
    assert versions(place, "lines", "n", "n") == [
        (1, 1, 5, False),
        (3, 3, None, True),
        (4, 5, None, True),
        (5, 1, None, True),
    ]


def test_child_rows_of_an_array_that_is_left_out_keep_their_parents_interval(place, singer):
    place.run(docs(singer, doc(1, 1, "a", 1), doc(2, 1, "x", 2)), **HISTORY)
    narrow = singer.schema("docs", PROPERTIES, bookmarks=["at"])
    place.run(narrow, singer.records("docs", {"id": 1, "at": at(5), "v": "b"}), **HISTORY)
    assert versions(place, "lines", "n", "n") == [(1, 1, 5, False), (2, 1, None, True)]
    place.run(docs(singer, doc(1, 3, "c", 3)), **HISTORY)
    assert versions(place, "lines", "n", "n") == [
        (1, 1, 3, False),
        (2, 1, None, True),
        (3, 3, 5, False),
    ]


@pytest.mark.stress
def test_the_warehouse_has_the_intervals_of_the_folder(folder, warehouse, singer):
    """Of many keys, with late versions, deletions, retirements and rows that come back."""
    luck = random.Random(14)
    for version in range(1, 6):
        records = []
        for i in range(80):
            for _ in range(luck.randrange(4)):
                when, v = luck.randrange(1, 12), luck.choice("abc")
                lines = [luck.randrange(3) for _ in range(luck.randrange(3))]
                records.append(gone(i, when) if luck.random() < 0.2 else doc(i, when, v, *lines))
        luck.shuffle(records)
        method = reading(singer, version, *records) if version % 2 else docs(singer, *records)
        for place in (folder, warehouse):
            place.run(method, batch_size_rows=60, **HISTORY)
    assert intervals(warehouse, "docs", "v") == intervals(folder, "docs", "v")
    assert intervals(warehouse, "lines", "n") == intervals(folder, "lines", "n")
    assert len(intervals(folder, "docs", "v")) > 300


def intervals(place, table, column):
    """Intervals of a table; what was ended by the clock ends at any time."""

    def to(moment):
        return "a retirement" if moment and moment.year > 2024 else str(hour(moment))

    return sorted(
        (r["id"], r[column], hour(r["valid_from"]), to(r["valid_to"]), r["is_current"])
        for r in place.rows(table)
        if table != "docs" or r["_sdc_record_hash"] is not None
    )
