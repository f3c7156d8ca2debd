"""A property that a later SCHEMA leaves out, while records still have it."""

from __future__ import annotations

import pyarrow as pa
from deltalake import write_deltalake

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}


def test_a_column_keeps_no_value_that_a_record_has_changed_without_a_schema(place, singer):
    """Invariant 11: the new value is rescued, and the old one was not sent."""
    whole = singer.schema("items", {"id": INTEGER, "v": TEXT, "Full Name": TEXT, "w": TEXT})
    rows = [{"id": i, "v": "a", "Full Name": "A", "w": "a"} for i in (1, 2, 3)]
    place.run(whole, singer.records("items", *rows))
    less = singer.schema("items", {"id": INTEGER, "w": TEXT})
    sent = [{"id": 1, "v": "b", "w": "b"}, {"id": 2, "w": "b", "Full Name": "B"}, {"id": 3}]
    place.run(less, singer.records("items", *sent))
    assert place.rows("items", "v") == [None, "a", "a"]
    assert place.rows("items", "full_name") == ["A", None, "A"]
    assert place.rows("items", "_rescued_data") == ['{"v":"b"}', '{"Full Name":"B"}', None]


def test_nor_does_a_row_that_came_earlier_in_the_same_run_and_is_to_overwrite(folder, singer):
    whole = singer.schema("items", {"id": INTEGER, "v": TEXT})
    less = singer.schema("items", {"id": INTEGER})
    sent = singer.record("items", {"id": 1, "v": "a"}), singer.record("items", {"id": 1, "v": "b"})
    folder.run(whole, sent[0], less, sent[1], singer.state(1), load_method="overwrite")
    assert folder.rows("items", "v") == [None]
    assert folder.rows("items", "_rescued_data") == ['{"v":"b"}']


def test_what_was_rescued_is_in_its_column_once_a_schema_states_it_again(folder, singer):
    whole = singer.schema("items", {"id": INTEGER, "v": TEXT})
    folder.run(whole, singer.record("items", {"id": 1, "v": "a"}))
    for schema in (singer.schema("items", {"id": INTEGER}), whole):
        folder.run(schema, singer.record("items", {"id": 1, "v": "b"}))
    (row,) = folder.rows("items")
    assert (row["v"], row["_rescued_data"]) == ("b", None)


def test_a_column_of_the_users_keeps_its_value_whatever_a_record_calls_its_members(folder, singer):
    schema = singer.schema("items", {"id": INTEGER})
    folder.run(schema, singer.record("items", {"id": 1}))
    path = folder.schema_folder / "items"
    rows = folder.arrow("items").append_column("note", pa.array(["theirs"]))
    write_deltalake(path, rows, mode="overwrite", schema_mode="overwrite")
    folder.run(schema, singer.record("items", {"id": 1, "note": "the tap's"}))
    (row,) = folder.rows("items")
    assert (row["note"], row["_rescued_data"]) == ("theirs", '{"note":"the tap\'s"}')
