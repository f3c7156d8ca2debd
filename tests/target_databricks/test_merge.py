"""Merging by key: what is written, what is left alone, and which version wins."""

from __future__ import annotations

import json

import pytest

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
MOMENT = {"type": "string", "format": "date-time"}
MONEY = {"type": "number", "multipleOf": 0.0001}


def items(singer, *records, bookmarks=(), **properties):
    schema = singer.schema("items", {"id": INTEGER, "v": TEXT, **properties}, ["id"], bookmarks)
    return [schema, *singer.records("items", *records)]


def test_new_rows_are_added_and_changed_ones_replaced(place, singer):
    place.run(items(singer, {"id": 1, "v": "a"}, {"id": 2, "v": "b"}))
    place.run(items(singer, {"id": 2, "v": "B"}, {"id": 3, "v": "c"}))
    assert place.rows("items", "id", "v") == [
        {"id": 1, "v": "a"},
        {"id": 2, "v": "B"},
        {"id": 3, "v": "c"},
    ]


@pytest.mark.rule("invariant 2")
def test_invariant_2_the_same_again_writes_no_row_no_file_and_no_commit(place, singer):
    child = {"type": "array", "items": {"type": "object", "properties": {"n": INTEGER}}}
    child["x-child-table"] = {"name": "lines", "key": ["n"]}
    messages = items(
        singer,
        *({"id": i, "v": str(i), "m": i / 7, "ls": [{"n": 1}, {"n": 2}]} for i in range(50)),
        {"id": 99, "v": ["not a text"], "unknown": 1},
        m=MONEY,
        ls=child,
    )
    place.run(messages)
    versions, files = place.versions(), place.files("items")
    place.run(messages)
    assert place.versions() == versions
    assert place.files("items") == files
    assert place.staged() == []


def test_the_hash_does_not_depend_on_the_order_of_members(place, singer):
    schema = singer.schema("items", {"id": INTEGER, "a": INTEGER, "o": {"type": "object"}})
    place.run(
        schema, '{"type":"RECORD","stream":"items","record":{"id":1,"a":2,"o":{"x":1,"y":2}}}'
    )
    before = place.versions()
    place.run(
        schema, '{"record":{"o":{"y":2,"x":1},"a":2,"id":1},"stream":"items","type":"RECORD"}'
    )
    assert place.versions() == before


def test_the_hash_does_not_depend_on_the_spelling_of_a_number(place, singer):
    schema = singer.schema("items", {"id": INTEGER, "m": MONEY, "t": TEXT})
    line = '{"type":"RECORD","stream":"items","record":{"id":1,"m":%s,"t":"%s"}}'
    place.run(schema, line % ("12.50", "\\u00e9"))
    before = place.versions()
    for number in ("12.5", "12.5000", "1.25e1", "1250e-2"):
        place.run(schema, line % (number, "é"))
        assert place.versions() == before


@pytest.mark.parametrize(
    ("column", "old", "new"),
    [
        (MONEY, "12345678901234567890.1234", "12345678901234567890.1235"),
        (
            MONEY,
            "1234567890123456789012345678901234.1234",
            "1234567890123456789012345678901234.1235",
        ),
        ({"type": "string"}, "1" * 28 + "1", "1" * 28 + "2"),
        ({"type": "integer"}, "9223372036854775806", "9223372036854775807"),
        ({"type": "integer"}, "99999999999999999998", "99999999999999999999"),
        ({}, "99999999999999999998", "99999999999999999999"),
        ({"type": "string"}, "0.12345678901234567891", "0.12345678901234567892"),
        ({"type": "boolean"}, "99999999999999999998", "99999999999999999999"),
    ],
    ids=[
        "decimal",
        "all digits of a decimal",
        "29 digits",
        "integer",
        "rescued integer",
        "open type",
        "text",
        "rescued elsewhere",
    ],
)
def test_a_change_in_the_last_digit_of_a_long_number_is_a_change(place, singer, column, old, new):
    schema = singer.schema("items", {"id": INTEGER, "n": column})
    line = '{"type":"RECORD","stream":"items","record":{"id":1,"n":%s}}'
    place.run(schema, line % old)
    (before,) = place.rows("items", "_sdc_record_hash")
    place.run(schema, line % new)
    (row,) = place.rows("items")
    assert row["_sdc_record_hash"] != before
    held = [str(v) for c, v in row.items() if c in {"n", "_rescued_data"} and v is not None]
    assert any(new in v for v in held)


def test_the_last_version_of_a_key_in_a_batch_wins(place, singer):
    place.run(items(singer, {"id": 1, "v": "a"}, {"id": 2, "v": "x"}, {"id": 1, "v": "b"}))
    assert place.rows("items", "v") == ["b", "x"]


def test_in_a_batch_the_highest_bookmark_wins_whatever_the_order(place, singer):
    records = [
        {"id": 1, "v": v, "at": f"2024-01-0{d}T00:00:00Z"} for v, d in (("new", 3), ("old", 1))
    ]
    place.run(items(singer, *records, bookmarks=["at"], at=MOMENT))
    assert place.rows("items", "v") == ["new"]


@pytest.mark.rule("merge, gated by hash")
def test_across_batches_an_older_version_never_overwrites_a_newer_one(place, singer):
    def sent(v, day):
        record = {"id": 1, "v": v, "at": f"2024-01-0{day}T00:00:00Z"}
        return items(singer, record, bookmarks=["at"], at=MOMENT)

    place.with_deletion_vectors()
    place.run(sent("new", 2))
    before = place.versions()
    place.run(sent("old", 1))
    assert place.versions() == before
    place.run(sent("newer", 3))
    place.run(sent("as new, but another", 3))
    assert place.rows("items", "v") == ["as new, but another"]


def test_a_text_that_the_tap_bookmarks_on_does_not_decide_which_version_is_later(place, singer):
    def sent(v, at):
        return items(singer, {"id": 1, "v": v, "at": at}, bookmarks=["at"], at=TEXT)

    place.run(sent("September", "9/30/2024"))
    place.run(sent("October", "10/1/2024"))
    assert place.rows("items", "v") == ["October"]
    # Nor within a batch.
    place.run(sent("ninth", "9"), sent("tenth", "10")[1:])
    assert place.rows("items", "v") == ["tenth"]


def test_a_bookmark_that_the_table_keeps_as_text_does_not_decide_either(place, singer):
    place.run(items(singer, {"id": 1, "v": "a", "at": "9"}, at=TEXT))
    for v, at in (("b", 9), ("c", 10)):
        place.run(items(singer, {"id": 1, "v": v, "at": at}, bookmarks=["at"], at=INTEGER))
    assert place.rows("items", "v") == ["c"]


def test_a_version_without_a_bookmark_counts_by_arrival(place, singer):
    def sent(record):
        return items(singer, record, bookmarks=["at"], at=MOMENT)

    place.run(sent({"id": 1, "v": "dated", "at": "2024-01-02T00:00:00Z"}))
    place.run(sent({"id": 1, "v": "undated"}))
    assert place.rows("items", "v") == ["undated"]
    place.run(sent({"id": 1, "v": "dated again", "at": "2024-01-01T00:00:00Z"}))
    assert place.rows("items", "v") == ["dated again"]


@pytest.mark.parametrize("size", [1, 50])
def test_a_version_without_a_bookmark_says_nothing_of_other_keys(folder, singer, size):
    sent = [(1, 5), (2, 5), (3, None), (1, 0), (2, None), (2, 1), (2, 3), (2, 2), (3, 1), (3, None)]
    records = [{"id": i, "v": f"{n}", "at": at} for n, (i, at) in enumerate(sent)]
    folder.run(items(singer, *records, bookmarks=["at"], at=INTEGER), batch_size_rows=size)
    assert folder.rows("items", "at") == [5, 3, None]
    assert folder.rows("items", "v") == ["0", "6", "9"]


def test_keys_of_several_columns_are_compared_whole(place, singer):
    schema = singer.schema("items", {"t": TEXT, "n": INTEGER, "v": TEXT}, ["t", "n"])
    first = [{"t": t, "n": n, "v": "1"} for t in ("a", "b") for n in (1, 2)]
    place.run(schema, singer.records("items", *first))
    place.run(schema, singer.record("items", {"t": "b", "n": 1, "v": "2"}))
    assert place.rows("items", "v", by=["t", "n"]) == ["1", "1", "2", "1"]


def test_a_key_that_contains_the_joint_of_keys_stays_a_key_of_its_own(place, singer):
    schema = singer.schema("items", {"a": TEXT, "b": TEXT}, ["a", "b"])
    keys = [{"a": "x\x1fy", "b": "z"}, {"a": "x", "b": "y\x1fz"}, {"a": "x\x1e1y", "b": "z"}]
    place.run(schema, singer.records("items", *keys))
    assert len(place.rows("items", by=["a", "b"])) == 3


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        (
            TEXT,
            [
                "o'clock",
                'say "x"',
                "100%_",
                "back\\slash",
                "漢字\U0001f4b8",
                "",
                " ",
                "a;b--c",
                "\n",
            ],
        ),
        (INTEGER, [-(2**63), 0, 2**63 - 1]),
        (MOMENT, ["2024-01-01T00:00:00Z", "2024-01-01T00:00:00.000001Z", "1900-01-01T00:00:00Z"]),
        ({"type": "string", "format": "date"}, ["2024-01-01", "1800-01-01"]),
        (MONEY, [1.5, 1000, -0.0001, 0]),
        ({"type": "boolean"}, [True, False]),
        ({"type": "number"}, [0.1, 1e300, -5e-324]),
    ],
    ids=["text", "integer", "moment", "date", "decimal", "boolean", "double"],
)
def test_a_key_of_any_type_finds_its_row(place, singer, kind, keys):
    schema = singer.schema("items", {"k": kind, "v": INTEGER}, ["k"])
    place.run(schema, singer.records("items", *({"k": k, "v": i} for i, k in enumerate(keys))))
    place.run(
        schema, singer.records("items", *({"k": k, "v": i + 100} for i, k in enumerate(keys)))
    )
    assert place.rows("items", "v", by="v") == [100 + i for i in range(len(keys))]


def test_a_change_of_keys_between_runs_looks_up_by_the_new_ones(place, singer):
    def sent(keys, *records):
        return [
            singer.schema("items", {"id": INTEGER, "v": TEXT}, keys),
            *singer.records("items", *records),
        ]

    place.run(sent(["id"], {"id": 1, "v": "a"}))
    place.run(sent(["v"], {"id": 2, "v": "a"}, {"id": 1, "v": "b"}))
    assert place.rows("items", "id", "v", by="v") == [{"id": 2, "v": "a"}, {"id": 1, "v": "b"}]


def test_a_change_of_keys_in_mid_run_loads_what_came_before_under_the_old_ones(place, singer):
    properties = {"id": INTEGER, "v": TEXT}
    run = place.run(
        singer.schema("items", properties, ["id"]),
        singer.records("items", {"id": 1, "v": "a"}, {"id": 1, "v": "b"}),
        singer.state({"n": 1}),
        singer.schema("items", properties, ["v"]),
        singer.records("items", {"id": 2, "v": "b"}),
        singer.state({"n": 2}),
    )
    assert place.rows("items", "id", "v") == [{"id": 2, "v": "b"}]
    assert run.states[-1] == {"n": 2}


def test_small_batches_give_the_same_table_as_one_large_one(place, new_place, singer):
    messages = items(singer, *({"id": i % 37, "v": str(i)} for i in range(100)))
    place.run(messages, batch_size_rows=7)
    whole = new_place("whole")
    whole.run(messages)
    assert place.books() == whole.books()
    assert len(place.loads()) > 10


def test_two_streams_interleaved_go_to_two_tables(place, singer):
    def schema(name):
        return singer.schema(name, {"id": INTEGER, "v": TEXT})

    mixed = [singer.record("ab"[i % 2], {"id": i, "v": str(i)}) for i in range(20)]
    place.run(schema("a"), schema("b"), mixed, batch_size_rows=3)
    assert place.rows("a", "id") == list(range(0, 20, 2))
    assert place.rows("b", "id") == list(range(1, 20, 2))


def test_a_stream_without_records_makes_its_table(place, singer):
    run = place.run(singer.schema("items", {"id": INTEGER}), singer.state({"n": 1}))
    assert place.tables() == {"items"}
    assert run.states == [{"n": 1}]


def test_no_input_at_all_is_a_run_that_does_nothing(place):
    assert place.run().states == []
    assert place.tables() == set()


def test_message_members_in_any_order_and_with_any_spacing_are_understood(place, singer):
    place.run(
        singer.schema("items", {"id": INTEGER}),
        '{"record": {"id": 1}, "type": "RECORD", "stream": "items"}',
        '  {  "type"  :  "RECORD" , "stream":"items","record":{"id":2}}  ',
        "",
        json.dumps(singer.record("items", {"id": 3})).replace("items", "\\u0069tems") + "\r",
    )
    assert place.rows("items", "id") == [1, 2, 3]
