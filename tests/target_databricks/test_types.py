"""Types: what each kind of JSON Schema becomes, read back from the table with its values."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

UTC = dt.UTC

# property -> (JSON Schema, value as JSON text, column, SQL type, value read back)
COLUMNS: dict[str, tuple[dict[str, Any], str, str, str, Any]] = {
    "Text": ({"type": "string"}, '"Ünï 漢字 \\u0041"', "text", "STRING", "Ünï 漢字 A"),
    "When": (
        {"type": ["null", "string"], "format": "date-time"},
        '"2024-02-29T23:59:59.123456+02:00"',
        "when",
        "TIMESTAMP",
        dt.datetime(2024, 2, 29, 21, 59, 59, 123456, tzinfo=UTC),
    ),
    "DueDate": (
        {"type": "string", "format": "date"},
        '"1969-12-31"',
        "due_date",
        "DATE",
        dt.date(1969, 12, 31),
    ),
    "Total": (
        {"type": "number", "multipleOf": 0.0001},
        "-12345678901234567890.1000",
        "total",
        "DECIMAL(38,4)",
        Decimal("-12345678901234567890.1000"),
    ),
    "Rate": (
        {"type": ["number", "null"], "multipleOf": 1e-10},
        "0.1000000001",
        "rate",
        "DECIMAL(38,10)",
        Decimal("0.1000000001"),
    ),
    "Exact": (
        {"type": "string", "format": "singer.decimal", "precision": 20, "scale": 6},
        '"3.141593"',
        "exact",
        "DECIMAL(20,6)",
        Decimal("3.141593"),
    ),
    "Ratio": ({"type": "number"}, "0.1", "ratio", "DOUBLE", 0.1),
    "Count": ({"type": "integer"}, "-9223372036854775808", "count", "BIGINT", -(2**63)),
    "Beyond": (
        {"type": "integer", "maximum": 2**70},
        "1180591620717411303424",
        "beyond",
        "DECIMAL(38,0)",
        Decimal(2**70),
    ),
    "IsPaid": ({"type": "boolean"}, "true", "is_paid", "BOOLEAN", True),
    "Address": (
        {
            "type": "object",
            "properties": {
                "PostalCode": {"type": "string"},
                "Geo": {"type": "object", "properties": {"Lat": {"type": "number"}}},
            },
        },
        '{"PostalCode": "8001", "Geo": {"Lat": 47.37}}',
        "address",
        "STRUCT<postal_code: STRING, geo: STRUCT<lat: DOUBLE>>",
        {"postal_code": "8001", "geo": {"lat": 47.37}},
    ),
    "Lines": (
        {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "Amount": {"type": "number", "multipleOf": 0.01},
                    "Tags": {"type": "array", "items": {"type": "string"}},
                    "On": {"type": "string", "format": "date"},
                },
            },
        },
        '[{"Amount": 0.10, "Tags": ["a", null], "On": "2024-01-31"}, null]',
        "lines",
        "ARRAY<STRUCT<amount: DECIMAL(38,2), tags: ARRAY<STRING>, on: DATE>>",
        [{"amount": Decimal("0.10"), "tags": ["a", None], "on": dt.date(2024, 1, 31)}, None],
    ),
    "Open": (
        {"type": "object"},
        '{"b": 1, "a": [1.5, null]}',
        "open",
        "STRING",
        '{"b":1,"a":[1.5,null]}',
    ),
    "Mixed": ({"type": ["string", "integer"]}, "7", "mixed", "STRING", "7"),
    "Anything": ({}, '"plain"', "anything", "STRING", "plain"),
    "Choice": (
        {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
        '"2020-01-01T00:00:00Z"',
        "choice",
        "TIMESTAMP",
        dt.datetime(2020, 1, 1, tzinfo=UTC),
    ),
    "Status": ({"enum": ["DRAFT", "PAID"]}, '"PAID"', "status", "STRING", "PAID"),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_value_is_read_back_as_its_type_says(place, singer, name):
    schema, text, column, sql, value = COLUMNS[name]
    place.run(
        singer.schema("things", {"id": {"type": "integer"}, name: schema}),
        f'{{"type": "RECORD", "stream": "things", "record": {{"id": 1, "{name}": {text}}}}}',
        singer.record("things", {"id": 2, name: None}),
        singer.record("things", {"id": 3}),
    )
    assert place.types("things")[column] == sql
    assert place.rows("things", column) == [value, None, None]
    assert place.rows("things", "_rescued_data") == [None, None, None]


def test_all_kinds_at_once_keep_the_order_of_the_schema(place, singer):
    properties = {name: schema for name, (schema, *_) in COLUMNS.items()}
    record = ", ".join(f'"{name}": {text}' for name, (_, text, *_) in COLUMNS.items())
    place.run(
        singer.schema("things", {"id": {"type": "integer"}, **properties}),
        f'{{"type": "RECORD", "stream": "things", "record": {{"id": 1, {record}}}}}',
    )
    expected = {column: sql for _, _, column, sql, _ in COLUMNS.values()}
    types = list(place.types("things").items())
    assert dict(types[1 : 1 + len(expected)]) == expected
    assert [n for n, _ in types[1 : 1 + len(expected)]] == list(expected)
    (row,) = place.rows("things")
    assert {c: row[c] for c in expected} == {c: v for _, _, c, _, v in COLUMNS.values()}


@pytest.mark.rule("invariant 4")
@pytest.mark.parametrize(
    "text", ["0.1", "19.99", "-0.0001", "99999999999.9999", "0", "1e2", "12.50"]
)
def test_invariant_4_an_amount_keeps_its_digits(place, singer, text):
    place.run(
        singer.schema(
            "amounts",
            {"id": {"type": "integer"}, "m": {"type": "number", "multipleOf": 0.0001}},
        ),
        f'{{"type": "RECORD", "stream": "amounts", "record": {{"id": 1, "m": {text}}}}}',
    )
    (value,) = place.rows("amounts", "m")
    assert value == Decimal(text)
    assert value.as_tuple().exponent == -4


def test_a_number_of_unstated_precision_can_be_decimal(place, singer):
    place.run(
        singer.schema("amounts", {"id": {"type": "integer"}, "n": {"type": "number"}}),
        '{"type": "RECORD", "stream": "amounts", "record": {"id": 1, "n": 0.1}}',
        number_type="decimal",
    )
    assert place.types("amounts")["n"] == "DECIMAL(38,10)"
    assert place.rows("amounts", "n") == [Decimal("0.1000000000")]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-06-01T10:00:00Z", (2024, 6, 1, 10)),
        ("2024-06-01T10:00:00", (2024, 6, 1, 10)),
        ("2024-06-01 10:00:00", (2024, 6, 1, 10)),
        ("2024-06-01T10:00", (2024, 6, 1, 10)),
        ("2024-06-01", (2024, 6, 1)),
        ("2024-06-01T10:00:00-0930", (2024, 6, 1, 19, 30)),
        ("2024-06-01T10:00:00+02", (2024, 6, 1, 8)),
        ("2024-06-01T10:00:00.1Z", (2024, 6, 1, 10, 0, 0, 100_000)),
        ("2024-06-01T10:00:00.123456000Z", (2024, 6, 1, 10, 0, 0, 123_456)),
        ("0001-01-01T00:00:00Z", (1, 1, 1)),
        ("9999-12-31T23:59:59.999999Z", (9999, 12, 31, 23, 59, 59, 999_999)),
    ],
)
def test_a_moment_is_understood_in_its_usual_spellings(place, singer, text, moment):
    place.run(
        singer.schema(
            "moments", {"id": {"type": "integer"}, "t": {"type": "string", "format": "date-time"}}
        ),
        singer.record("moments", {"id": 1, "t": text}),
    )
    assert place.rows("moments", "t") == [dt.datetime(*moment, tzinfo=UTC)]


@pytest.mark.parametrize("text", ["2024-06-01", "2024-06-01T00:00:00", "2024-06-01T00:00:00Z"])
def test_a_calendar_date_never_shifts(place, singer, text):
    place.run(
        singer.schema(
            "days", {"id": {"type": "integer"}, "d": {"type": "string", "format": "date"}}
        ),
        singer.record("days", {"id": 1, "d": text}),
    )
    assert place.rows("days", "d") == [dt.date(2024, 6, 1)]


def test_descriptions_become_comments(place, singer):
    place.run(
        singer.schema("things", {"id": {"type": "integer", "description": "Which thing"}}),
        singer.record("things", {"id": 1}),
    )
    comments = place.comments("things")
    assert comments["id"] == "Which thing"
    assert "hash" in comments["_sdc_record_hash"].lower()


def test_reference_annotations_do_not_disturb(place, singer):
    place.run(
        singer.schema(
            "payments",
            {"id": {"type": "integer"}},
            **{"x-references": [{"stream": "invoices", "properties": ["id"]}], "title": "P"},
        ),
        singer.record("payments", {"id": 1}),
    )
    assert place.rows("payments", "id") == [1]


def test_the_wire_value_is_what_json_says_it_is(place, singer):
    text = 'quote " backslash \\ slash / tab \t newline \n nul \x00 emoji \U0001f4b8'
    place.run(
        singer.schema("texts", {"id": {"type": "integer"}, "t": {"type": "string"}}),
        singer.record("texts", {"id": 1, "t": text}),
        json.dumps(singer.record("texts", {"id": 2, "t": text}), ensure_ascii=False),
    )
    assert place.rows("texts", "t") == [text, text]


def decimal(**facts):
    return {"type": ["null", "string"], "format": "singer.decimal", **facts}


def money(step, **bounds):
    return {"type": ["null", "number"], "multipleOf": step, **bounds}


def decimal_column(place, singer, column, *texts):
    """Values under which a column's numbers come back: what it holds, and what was rescued."""
    records = (
        f'{{"type":"RECORD","stream":"amounts","record":{{"id":{i},"n":{text},"o":{{"n":{text}}}}}}}'
        for i, text in enumerate(texts)
    )
    nested = {"type": "object", "properties": {"n": column}}
    schema = singer.schema("amounts", {"id": {"type": "integer"}, "n": column, "o": nested})
    for record in records:
        # Each alone in its batch: beside a value that Arrow refuses it would be read carefully.
        place.run(schema, record)
    rows = place.rows("amounts")
    assert [row["o"]["n"] for row in rows] == [row["n"] for row in rows]
    rescued = [json.loads(row["_rescued_data"] or "{}", parse_float=Decimal) for row in rows]
    return [(row["n"], rest.get("n")) for row, rest in zip(rows, rescued, strict=True)]


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (decimal(precision=9, scale=4), '"1234567"'),
        (decimal(precision=9, scale=4), '"99999.99995"'),
        (decimal(precision=9, scale=0), '"-1000000000"'),
        (decimal(precision=38, scale=38), '"1"'),
        # Precision and scale are 38 digits together, so that there is no room to see it happen.
        (decimal(precision=28, scale=10), '"12345678901234567890"'),
        (decimal(precision=19, scale=19), '"1.5"'),
        (decimal(precision=34, scale=4), '"1234567890123456789012345678901.5"'),
        (money(0.0001), "1e36"),
        (money(0.0001), "100000000000000000000000000000000000"),
        (money(1e-10), "-12345678901234567890123456789"),
        # In 128 bits these two would wrap around to a number that fits again.
        (decimal(precision=20, scale=10), '"34028236692093846346337460743"'),
        (decimal(precision=38, scale=19), '"18446744073709551616000000000000000001"'),
    ],
)
def test_a_number_too_large_for_its_decimal_is_rescued(place, singer, column, text):
    ((value, rescued),) = decimal_column(place, singer, column, text)
    assert value is None
    assert Decimal(rescued) == Decimal(text.strip('"'))


def test_a_number_too_large_for_a_decimal_that_the_table_has_is_rescued(folder, singer):
    kind = pa.decimal128(28, 10)
    table = pa.table({"id": pa.array([0]), "n": pa.array([None], kind)})
    write_deltalake(folder.schema_folder / "amounts", table)
    column = {"type": ["null", "number"]}
    folder.run(
        singer.schema("amounts", {"id": {"type": "integer"}, "n": column}),
        '{"type":"RECORD","stream":"amounts","record":{"id":1,"n":12345678901234567890}}',
    )
    assert folder.rows("amounts", "n") == [None, None]
    assert folder.rows("amounts", "_rescued_data") == [None, '{"n":12345678901234567890}']


@pytest.mark.parametrize(
    ("column", "kind", "texts"),
    [
        (money(0.25), "DECIMAL(38,2)", ["0.25", "-1234567.75"]),
        (money(0.5), "DECIMAL(38,1)", ["0.5", "12.5"]),
        (money(0.05), "DECIMAL(38,2)", ["0.05", "1.15"]),
        (money(1), "DECIMAL(38,0)", ["12", "-7"]),
        (money(1e-38), "DECIMAL(38,10)", ["1", "0.0000000001"]),
        (money(1e-40), "DECIMAL(38,10)", ["12345678901234567890.5"]),
        (money(1e-30, minimum=-1, maximum=1), "DECIMAL(38,30)", ["0." + "1234567890" * 3]),
        (decimal(precision=9, scale=0), "DECIMAL(9,0)", ['"123456789"', "-5"]),
        (decimal(precision=9), "DECIMAL(19,10)", ['"123456789"', '"0.1234567891"']),
        (decimal(scale=0), "DECIMAL(38,0)", ['"' + "1" * 38 + '"']),
        (decimal(precision=2, scale=5), "DECIMAL(5,5)", ['"0.00012"']),
        (decimal(precision=3, scale=-2), "DECIMAL(5,0)", ['"99900"']),
        (decimal(precision=100, scale=38), "DECIMAL(38,10)", ['"12345.5"']),
        (decimal(precision=18), "DECIMAL(28,10)", ['"123456789012345678"']),
        (money(1e-18, minimum=-1e20, maximum=1e20), "DECIMAL(38,18)", ["0.123456789012345678"]),
        (money(0.01, minimum=-1e36, maximum=1e36), "DECIMAL(38,2)", ["1" * 36 + ".25"]),
        (money(0.01, maximum=1e308, minimum=0), "DECIMAL(38,2)", ["1.25"]),
        (money(0.01, maximum=0, minimum=0), "DECIMAL(38,2)", ["0.01"]),
        (money(0.1**3), "DECIMAL(38,3)", ["0.001"]),
        (decimal(), "DECIMAL(38,10)", ['"0.1"', "1234567890123456789012345678"]),
    ],
)
def test_invariant_4_the_scale_is_that_of_the_digits_that_are_stated(
    folder, singer, column, kind, texts
):
    found = decimal_column(folder, singer, column, *texts)
    assert folder.types("amounts")["n"] == kind
    expected = [Decimal(text.strip('"')) for text in texts]
    assert found == [(value, None) for value in expected]
