"""Names: tables and columns, as they come out and as they collide."""

from __future__ import annotations

import pytest
from target_databricks.errors import LoadError

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}


def own_columns(place, table):
    return [c for c in place.types(table) if not c.startswith("_") and c != "is_deleted"]


@pytest.mark.parametrize(
    ("source", "snake", "kept"),
    [
        ("UpdatedDateUTC", "updated_date_utc", "UpdatedDateUTC"),
        pytest.param("TenantID", "tenant_id", "TenantID", marks=pytest.mark.stress),
        pytest.param("LineItemIDs", "line_item_ids", "LineItemIDs", marks=pytest.mark.stress),
        pytest.param("amountDue", "amount_due", "amountDue", marks=pytest.mark.stress),
        ("Address.Line 1", "address_line_1", "Address_Line_1"),
        ("select", "select", "select"),
        pytest.param(
            "agent:os:version", "agent_os_version", "agent:os:version", marks=pytest.mark.stress
        ),
        ('say "hi"', "say_hi", 'say_"hi"'),
        pytest.param("100%", "100", "100%", marks=pytest.mark.stress),
        ("Größe", "größe", "Größe"),
        ("it's", "it_s", "it's"),
        ("!?", "_", "!?"),
    ],
)
def test_a_property_name_becomes_a_column_name(place, singer, source, snake, kept):
    # The odd name is the key, so that look-ups and predicates have to spell it, too.
    messages = [
        singer.schema("things", {source: INTEGER, "v": INTEGER}, [source]),
        *singer.records("things", {source: 1, "v": 1}, {source: 2, "v": 2}),
    ]
    changed = [messages[0], singer.record("things", {source: 1, "v": 10})]
    for how, column in (("snake_case", snake), ("keep", kept)):
        place.run(messages, column_names=how)
        place.run(changed, column_names=how)
        assert column in place.types("things")
        assert place.rows("things", "v", by="v") == [2, 10]
        place.run(messages, load_method="overwrite", column_names=how)
        place = type(place)(place.folder.with_name("kept"))


@pytest.mark.parametrize(
    ("stream", "table"),
    [
        ("invoices", "invoices"),
        ("public-OrderLines", "public_order_lines"),
        ("test:SpecialChars!in?attributes", "test_special_chars_in_attributes"),
        ("select", "select"),
        ("1st", "1st"),
    ],
)
def test_a_stream_name_becomes_a_table_name(place, singer, stream, table):
    place.run(singer.schema(stream, {"id": INTEGER}), singer.record(stream, {"id": 1}))
    assert place.tables() == {table}


@pytest.mark.parametrize("other", ["ITEMS", "Items", "_sdc_loads"])
def test_two_streams_that_want_one_table_are_told_apart_by_an_error(place, singer, other):
    with pytest.raises(LoadError, match=f"'{other}'.*stream_maps"):
        place.run(
            singer.schema("items", {"id": INTEGER}),
            singer.record("items", {"id": 1}),
            singer.schema(other, {"id": INTEGER}),
        )
    alias = {"stream_maps": {other: {"__alias__": "elsewhere"}}}
    place.run(singer.schema(other, {"id": INTEGER}), singer.record(other, {"id": 1}), **alias)
    assert "elsewhere" in place.tables()


def test_two_child_tables_of_one_name_are_an_error(place, singer):
    lines = {"type": "array", "items": {"type": "object", "properties": {"x": INTEGER}}}
    properties = {"id": INTEGER, "a": lines, "b": lines}
    with pytest.raises(LoadError, match="child_tables"):
        place.run(singer.schema("items", properties), child_tables={"items.*": "lines"})


def test_properties_that_differ_in_case_only_get_columns_of_their_own(place, singer):
    record = {"id": 1, "Name": "a", "name": "b", "NAME": "c"}
    text = {"type": "string"}
    place.run(
        singer.schema("things", {"id": INTEGER, "Name": text, "name": text, "NAME": text}),
        singer.record("things", record),
    )
    first, second, third = own_columns(place, "things")[1:]
    assert first == "name"
    assert second.startswith("name_")
    assert third.startswith("name_")
    (row,) = place.rows("things")
    assert [row[first], row[second], row[third]] == ["a", "b", "c"]


def test_colliding_members_inside_a_struct_are_kept_apart(place, singer):
    both = {"type": "object", "properties": {"A b": INTEGER, "a_b": INTEGER}}
    place.run(
        singer.schema("things", {"id": INTEGER, "o": both}),
        singer.record("things", {"id": 1, "o": {"A b": 1, "a_b": 2}}),
    )
    (value,) = place.rows("things", "o")
    assert list(value.values()) == [1, 2]
    assert next(iter(value)) == "a_b"


def test_a_collision_spells_the_same_in_every_run(place, singer):
    schema = singer.schema("things", {"id": INTEGER, "A b": INTEGER, "a_b": INTEGER})
    place.run(schema, singer.record("things", {"id": 1, "A b": 1, "a_b": 2}))
    before = place.types("things")
    place.run(schema, singer.record("things", {"id": 1, "A b": 3, "a_b": 4}))
    assert place.types("things") == before
    assert len(place.rows("things")) == 1


def test_a_very_long_name_is_cut_and_stays_unique(place, singer):
    one, two = "x" * 300, "x" * 299 + "y"
    place.run(
        singer.schema("things", {"id": INTEGER, one: INTEGER, two: INTEGER}),
        singer.record("things", {"id": 1, one: 1, two: 2}),
    )
    columns = own_columns(place, "things")[1:]
    assert all(len(c) <= 255 for c in columns)
    (row,) = place.rows("things")
    assert [row[c] for c in columns] == [1, 2]


def test_a_property_called_like_the_rescue_column_gets_another_name(place, singer):
    place.run(
        singer.schema("things", {"id": INTEGER, "_rescued_data": {"type": "string"}}),
        singer.record("things", {"id": 1, "_rescued_data": "mine", "extra": 1}),
    )
    (row,) = place.rows("things")
    assert row["_rescued_data"] == '{"extra":1}'
    assert "mine" in row.values()


def test_metadata_that_another_singer_program_left_is_not_taken_over(place, singer):
    text = {"type": "string"}
    place.run(
        singer.schema(
            "things", {"id": INTEGER, "_sdc_extracted_at": text, "_sdc_batched_at": text}
        ),
        singer.record("things", {"id": 1, "_sdc_extracted_at": "x", "_sdc_batched_at": "y"}),
    )
    assert place.types("things")["_sdc_extracted_at"] == "TIMESTAMP"
    assert place.rows("things", "_rescued_data") == [None]


def test_columns_and_keys_of_a_tap_that_begin_like_ours_are_columns_like_any_other(place, singer):
    """tap-csv's keys; a file may hold the same line twice."""
    schema = singer.schema(
        "lines",
        {"_sdc_source_file": TEXT, "_sdc_source_lineno": INTEGER, "v": TEXT, "_sdc_extra": TEXT},
        ["_sdc_source_file", "_sdc_source_lineno"],
    )

    def line(number, extra):
        own = {"_sdc_source_file": "a.csv", "_sdc_source_lineno": number, "_sdc_extra": extra}
        return singer.record("lines", {"v": "same", **own})

    place.run(schema, line(1, "x"), line(2, "x"))
    place.run(schema, line(1, "x"), line(2, "y"))
    rows = place.rows("lines", by="_sdc_source_lineno")
    assert [(r["_sdc_source_file"], r["_sdc_source_lineno"], r["_sdc_extra"]) for r in rows] == [
        ("a.csv", 1, "x"),
        ("a.csv", 2, "y"),
    ]


def test_an_unknown_member_that_begins_like_ours_is_rescued(place, singer):
    schema = singer.schema("things", {"id": INTEGER, "o": {"properties": {"a": INTEGER}}})
    nested = {"a": 1, "_sdc_job_id": 2}
    place.run(
        schema,
        singer.record("things", {"id": 1, "_sdc_lsn": 5, "_sdc_sequence": 7, "o": nested}),
    )
    # The sequence is ours to write; so a tap's own is neither a column nor rescued.
    assert place.rows("things", "_rescued_data") == ['{"_sdc_lsn":5,"o._sdc_job_id":2}']


def test_a_property_that_is_spelled_like_ours_stands_beside_it(place, singer):
    schema = singer.schema("things", {"id": INTEGER, "_SDC_Job_ID": TEXT})
    place.run(schema, singer.record("things", {"id": 1, "_SDC_Job_ID": "theirs"}))
    (row,) = place.rows("things")
    assert row["_sdc_job_id"] != "theirs"
    assert [v for c, v in row.items() if c.startswith("_sdc_job_id_")] == ["theirs"]


def test_a_key_with_the_name_of_a_column_that_the_target_writes_is_refused(place, singer):
    schema = singer.schema("things", {"_sdc_sequence": INTEGER}, ["_sdc_sequence"])
    with pytest.raises(LoadError, match=r"'_sdc_sequence'.*'things'.*writes itself"):
        place.run(schema, singer.record("things", {"_sdc_sequence": 1}))


def test_without_metadata_its_names_are_a_taps_own_too(place, singer):
    properties = {"_sdc_sequence": INTEGER, "_sdc_extracted_at": TEXT, "_sdc_table_version": TEXT}
    schema = singer.schema("things", properties, ["_sdc_sequence"])
    for at in ("first", "then"):
        own = {"_sdc_sequence": 7, "_sdc_extracted_at": at, "_sdc_table_version": "v"}
        place.run(schema, singer.record("things", own), add_record_metadata=False)
    (row,) = place.rows("things", by="_sdc_sequence")
    assert (row["_sdc_sequence"], row["_sdc_extracted_at"]) == (7, "then")


def test_keys_that_a_table_lacks_are_added_to_it(place, singer):
    """As in tables of tap-csv, whose keys were left out by versions before."""
    lines = {
        "type": "array",
        "items": {"type": "object", "properties": {"n": INTEGER}},
        "x-child-table": {"name": "parts"},
    }
    place.run(
        singer.schema("things", {"id": INTEGER, "lines": lines}),
        singer.record("things", {"id": 1, "lines": [{"n": 1}]}),
    )
    schema = singer.schema("things", {"id": INTEGER, "k": TEXT, "lines": lines}, ["id", "k"])
    for n in (2, 3):
        records = [{"id": 1, "k": k, "lines": [{"n": n}]} for k in ("a", "b")]
        place.run(schema, singer.records("things", *records))
    assert sorted(str(k) for k in place.rows("things", "k", by="k")) == ["None", "a", "b"]
    parts = [(str(r["k"]), r["n"]) for r in place.rows("parts", by="n")]
    assert sorted(parts) == [("None", 1), ("a", 3), ("b", 3)]


@pytest.mark.rule("invariant 13")
def test_invariant_13_a_table_of_ours_or_of_another_stream_stops_its_stream_only(place, singer):
    """Each is named; the others are loaded, and their part of the state goes out."""
    lines = {"type": "array", "items": {"properties": {"n": INTEGER}}}
    streams = ["_spool", "/spool", "_delta_log", "_sdc_loads", "Things", "parents"]
    messages = [
        message
        for stream in ["things", *streams]
        for message in (
            singer.schema(
                stream,
                {"id": INTEGER, "lines": {**lines, "x-child-table": {"name": "things"}}}
                if stream == "parents"
                else {"id": INTEGER},
            ),
            singer.record(stream, {"id": 1}),
        )
    ]
    state = singer.state({"bookmarks": dict.fromkeys(["things", *streams], 1)})
    with pytest.raises(LoadError) as error:
        place.run(messages, state)
    for stream in streams:
        source = "parents.lines" if stream == "parents" else stream
        assert f"'{source}' would be loaded into the table" in str(error.value)
    assert place.last.states == [{"bookmarks": {"things": 1}}]
    assert place.rows("things", "id") == [1]
    assert place.tables() == {"things"}
