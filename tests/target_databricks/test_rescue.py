"""Invariant 8: what does not fit the schema is kept in `_rescued_data`, and the run goes on."""

from __future__ import annotations

import json

import pytest

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
MONEY = {"type": "number", "multipleOf": 0.0001}
PROPERTIES = {
    "id": INTEGER,
    "n": INTEGER,
    "m": MONEY,
    "f": {"type": "number"},
    "b": {"type": "boolean"},
    "t": {"type": "string", "format": "date-time"},
    "d": {"type": "string", "format": "date"},
    "s": TEXT,
    "o": {
        "type": "object",
        "properties": {"x": INTEGER, "p": {"type": "object", "properties": {"y": INTEGER}}},
    },
    "l": {"type": "array", "items": {"type": "object", "properties": {"x": INTEGER}}},
    "ns": {"type": "array", "items": INTEGER},
}


def load(place, singer, members, stream="things"):
    text = f'{{"type": "RECORD", "stream": "{stream}", "record": {{"id": 1, {members}}}}}'
    place.run(singer.schema(stream, PROPERTIES), text)
    (row,) = place.rows(stream)
    return row


@pytest.mark.rule("invariant 8")
@pytest.mark.parametrize(
    ("members", "rescued"),
    [
        ('"new": {"a": [1, 2.50]}', '{"new":{"a":[1,2.50]}}'),
        ('"n": "five"', '{"n":"five"}'),
        ('"n": 1.5', '{"n":1.5}'),
        ('"n": true', '{"n":true}'),
        ('"n": [1]', '{"n":[1]}'),
        ('"n": 9223372036854775808', '{"n":9223372036854775808}'),
        ('"n": -1e30', '{"n":-1e30}'),
        ('"m": 0.00001', '{"m":0.00001}'),
        ('"m": 1e35', '{"m":1e35}'),
        ('"m": "1,50"', '{"m":"1,50"}'),
        ('"m": NaN', '{"m":"NaN"}'),
        ('"m": -Infinity', '{"m":"-Infinity"}'),
        ('"f": "x"', '{"f":"x"}'),
        ('"f": 1e999', '{"f":"1e999"}'),
        ('"b": 2', '{"b":2}'),
        ('"t": "yesterday"', '{"t":"yesterday"}'),
        ('"t": "2024-02-30T00:00:00Z"', '{"t":"2024-02-30T00:00:00Z"}'),
        ('"t": "2024-01-01T00:00:00+99:00"', '{"t":"2024-01-01T00:00:00+99:00"}'),
        ('"t": 1700000000', '{"t":1700000000}'),
        ('"d": "2024-06-01T10:00:00"', '{"d":"2024-06-01T10:00:00"}'),
        ('"d": "0000-00-00"', '{"d":"0000-00-00"}'),
        ('"o": "text"', '{"o":"text"}'),
        ('"o": [1]', '{"o":[1]}'),
        ('"o": {"x": "a", "z": 1}', '{"o.x":"a","o.z":1}'),
        ('"o": {"p": {"y": [], "new": null, "q": 0}}', '{"o.p.y":[],"o.p.q":0}'),
        ('"l": {"x": 1}', '{"l":{"x":1}}'),
        ('"l": [{"x": 1}, {"x": "b"}, 7]', '{"l[1].x":"b","l[2]":7}'),
        ('"ns": [1, "two", null]', '{"ns[1]":"two"}'),
        ('"new": "\\ud800 alone"', '{"new":"\\\\ud800 alone"}'),
    ],
)
def test_invariant_8_what_does_not_fit_is_rescued(place, singer, members, rescued):
    row = load(place, singer, members)
    assert row["_rescued_data"] == rescued


@pytest.mark.parametrize(
    ("members", "column", "value"),
    [
        ('"n": "5"', "n", 5),
        ('"n": 5.0', "n", 5),
        ('"f": 7', "f", 7.0),
        ('"f": "0.5"', "f", 0.5),
        ('"f": Infinity', "f", float("inf")),
        ('"b": "True"', "b", True),
        ('"s": 12.50', "s", "12.5"),
        ('"s": {"a": [true, null]}', "s", '{"a":[true,null]}'),
        ('"b": 0', "b", False),
    ],
)
def test_a_value_that_only_looks_different_is_not_rescued(place, singer, members, column, value):
    row = load(place, singer, members)
    assert (row[column], row["_rescued_data"]) == (value, None)


def test_the_rest_of_a_record_is_loaded_as_if_nothing_were(place, singer):
    row = load(place, singer, '"n": "x", "s": "fine", "o": {"x": 3, "z": 1}, "l": [{"x": 1}]')
    assert (row["s"], row["o"], row["l"]) == ("fine", {"x": 3, "p": None}, [{"x": 1}])


def test_an_unknown_field_that_is_null_is_not_worth_rescuing(place, singer):
    assert load(place, singer, '"new": null')["_rescued_data"] is None


def test_a_record_that_fits_again_loses_its_rescued_data(place, singer):
    load(place, singer, '"n": "x"')
    assert load(place, singer, '"n": 1')["_rescued_data"] is None


def test_a_change_of_what_is_rescued_is_a_change(place, singer):
    load(place, singer, '"new": 1')
    assert load(place, singer, '"new": 2')["_rescued_data"] == '{"new":2}'


def test_one_misfit_among_thousands_leaves_the_others_as_they_are(place, singer):
    records = [{"id": i, "n": i, "m": i / 4, "s": str(i)} for i in range(3000)]
    records[1234]["n"] = "odd"
    place.run(singer.schema("things", PROPERTIES), singer.records("things", *records))
    rows = place.rows("things", "id", "n", "_rescued_data")
    assert [r for r in rows if r["_rescued_data"]] == [
        {"id": 1234, "n": None, "_rescued_data": '{"n":"odd"}'}
    ]
    assert [r["n"] for r in rows if r["id"] != 1234] == [i for i in range(3000) if i != 1234]


def test_rescued_data_is_json_that_can_be_read_again(place, singer):
    value = {'q"uote': ["\u2028", "é", {"deep": [[]]}]}
    row = load(place, singer, f'"new": {json.dumps(value)}')
    assert json.loads(row["_rescued_data"]) == {"new": value}


def test_two_values_of_one_path_are_both_rescued(place, singer):
    row = load(place, singer, '"o.z": 1, "o": {"z": 2}, "o.z#2": 3')
    assert json.loads(row["_rescued_data"]) == {"o.z": 1, "o.z#2": 2, "o.z#2#2": 3}


def test_attack_4_numbers_that_differ_where_no_float_does_are_two(place, singer):
    load(place, singer, '"f": 1.00000000000000000001')
    row = load(place, singer, '"f": 1.00000000000000000002')
    assert (row["f"], row["_rescued_data"]) == (None, '{"f":1.00000000000000000002}')


def test_a_new_value_of_an_enumeration_is_just_a_value(place, singer):
    place.run(
        singer.schema("things", {"id": INTEGER, "status": {"type": "string", "enum": ["A"]}}),
        singer.record("things", {"id": 1, "status": "B"}),
    )
    assert place.rows("things", "status") == ["B"]
    assert place.rows("things", "_rescued_data") == [None]


def test_an_open_type_takes_any_value_as_text(place, singer):
    values = ["text", 1, 1.50, True, None, [1, "a"], {"z": 1, "a": None}, 10**30]
    place.run(
        singer.schema("things", {"id": INTEGER, "v": {}}),
        singer.records("things", *({"id": i, "v": v} for i, v in enumerate(values))),
    )
    expected = ["text", "1", "1.5", "true", None, '[1,"a"]', '{"z":1,"a":null}', str(10**30)]
    assert place.rows("things", "v") == expected


def test_a_member_twice_in_one_object_counts_once(place, singer):
    row = load(place, singer, '"n": 1, "n": 2')
    assert row["n"] == 2


def test_the_ledger_counts_rows_with_rescued_data(place, singer):
    load(place, singer, '"new": 1')
    assert [r["rows_rescued"] for r in place.loads()] == [1]


def test_what_is_nested_deeper_than_the_fast_way_can_write_is_rescued_whole(folder, singer):
    deep = "[" * 300 + "]" * 300
    line = f'{{"type": "RECORD", "stream": "s", "record": {{"id": 1, "v": {deep}}}}}'
    folder.run(singer.schema("s", {"id": {"type": "integer"}, "v": {"type": "integer"}}), line)
    assert folder.rows("s", "v", "_rescued_data") == [
        {"v": None, "_rescued_data": f'{{"v":{deep}}}'}
    ]
