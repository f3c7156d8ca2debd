"""Invariant 11: a value in a table is the value that was sent, or it is in `_rescued_data`.

Every token of JSON that Hypothesis thinks of goes into a column of every type that the planner can
make, alone and inside objects, arrays and child tables, and is compared with what is read back.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from decimal import Decimal, InvalidOperation

import duckdb
import orjson
import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from target_databricks.reading.parsing import BlockParser, Lines
from target_databricks.schema.json_schema import TypeMapper
from target_databricks.schema.planning import make_plan

LEAVES = {
    "i": {"type": "integer"},
    "big": {"type": "integer", "minimum": 0, "maximum": 2**70},
    "n": {"type": "number"},
    "m": {"type": ["null", "number"], "multipleOf": 0.0001},
    "small": {"type": "string", "format": "singer.decimal", "precision": 9, "scale": 4},
    "fine": {"type": "string", "format": "singer.decimal", "precision": 30, "scale": 29},
    "b": {"type": "boolean"},
    "t": {"type": "string"},
    "at": {"type": "string", "format": "date-time"},
    "d": {"type": ["string", "null"], "format": "date"},
    "open": {},
    "both": {"type": ["string", "integer"]},
}


def columns_of(leaves):
    """Properties with columns of some types, and such of every nesting."""
    inner = {"type": "object", "properties": leaves}
    return {
        "id": {"type": "integer"},
        **leaves,
        "o": {"type": "object", "properties": {**leaves, "o": inner}},
        "l": {"type": "array", "items": inner},
        "parts": {"type": "array", "items": inner, "x-child-table": {"name": "parts"}},
        **{f"a_{name}": {"type": "array", "items": leaf} for name, leaf in leaves.items() if leaf},
    }


STRICT_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
CLOCK = r"[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?"
OFFSETS = ["", "Z", "+05:30", "-12:00", "+14", "-0930", "+00:00"]

NASTY = [
    *("0", "-0", "-0.0", "1", "12.50", "1e2", "1E+5", "0.1", "0.30000000000000004", "1e-7"),
    *("0.10000000000000000001", "12345678901234567.1", "9007199254740993", "1e22", "1e23"),
    *("9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551616"),
    *("1e99999999", "-1e9999999", "1e-9999999", "1e99999999999999999999", "0e999999999", "5e-324"),
    *("1e-324", "4.9e-324", "2.2250738585072011e-308", "1.7976931348623157e308", "1e309"),
    *("1e36", "99999.99995", "99999.9999", "1234567", "0.00001", "1234567890123456789012345.6789"),
    *("34028236692093846346337460743", "9" * 38, "1" * 39, "7" * 5000, "0." + "3" * 5000),
    *("true", "false", "null", "[]", "{}", "[1]", '{"a":[1.50]}', "NaN", "Infinity", "-Infinity"),
    *('"1.50"', '"1e-9999999"', '"1e99999999"', '" 7 "', '"1_000"', '"NaN"', '".5"', '"+5"', '""'),
    *('"true"', '"FALSE"', '"0"', '"\\ud800"', '"a\\ud83d"', '"\\ud83d\\ude00"', '"\\u0000"'),
    *(
        '"2024-02-30"',
        '"2024-01-01"',
        '"0001-01-01"',
        '"0000-01-01"',
        '"9999-12-31T23:59:59-05:00"',
    ),
    *('"0001-01-01T00:00:00+05:00"', '"9999-12-31T23:59:59.999999Z"', '"2024-01-01T24:00:00Z"'),
    *('"2024-01-01T00:00:00.1234567Z"', '"2024-01-01T00:00:00.1234560Z"', '"2024-06-30T23:59:60Z"'),
    *('"2024-01-01T05:00:00+05:00"', '"2024-01-01T00:00:00+05:99"', '"2024-01-01T00:00:00+05:00"'),
    *('"1900-01-01T00:00:00Z"', '"1582-10-10T12:00:00Z"', '"\\uff11\\uff12"', '"\\uff12024-01-01"'),
]

numbers = st.one_of(
    st.from_regex(
        r"-?(0|[1-9][0-9]{0,40})([.][0-9]{1,45})?([eE][+-]?[0-9]{1,10})?", fullmatch=True
    ),
    st.from_regex(r"-?[1-9][0-9]{0,24}([.][0-9]{1,12})?", fullmatch=True),
    st.floats(allow_nan=False, allow_infinity=False).map(json.dumps),
    st.integers(-(2**65), 2**65).map(str),
    st.decimals(-(10**9), 10**9, places=4).map(str),
)
moments = st.one_of(
    st.from_regex(rf"{STRICT_DATE}({CLOCK})?", fullmatch=True),
    st.builds(
        lambda moment, digits, zone: f"{moment.isoformat(timespec='seconds')}{digits}{zone}",
        st.datetimes(),
        st.from_regex(r"([.][0-9]{1,9})?", fullmatch=True),
        st.sampled_from(OFFSETS),
    ),
    st.dates().map(str),
)
texts = st.one_of(moments, numbers, st.text(max_size=8), st.text(st.characters(), max_size=3))
tokens = st.one_of(numbers, texts.map(json.dumps), moments.map(json.dumps), st.sampled_from(NASTY))

# What equal and rescued mean, in words of its own


def sent_value(token):
    """A token as Python has it: numbers as `Decimal` or, where it has no such, as text."""

    def number(text):
        try:
            return Decimal(text)
        except InvalidOperation:
            return text

    return json.loads(token, parse_float=number, parse_int=number, parse_constant=str)


def is_equal(value, sent):
    """Whether what a column holds is what was sent."""
    match value:
        case bool():
            return sent in {str(value), str(value).lower(), str(value).upper()} or sent == value
        case float() if sent in {"NaN", "Infinity", "-Infinity"}:
            return repr(value) == {"NaN": "nan"}.get(sent, sent.lower().replace("inity", ""))
        case int() | Decimal() | float():
            decimal = Decimal(sent.strip()) if isinstance(sent, str) else sent
            return Decimal(repr(value) if isinstance(value, float) else value) == decimal
        case dt.datetime():
            return value.astimezone(dt.UTC) == instant(sent)
        case dt.date():
            return dt.datetime.combine(value, dt.time(), dt.UTC) == instant(sent)
        case str() if isinstance(sent, str):
            return value == sent
        case str() if isinstance(sent, Decimal):
            return Decimal(value) == sent
        case str():
            return sent_value(value) == sent
    raise AssertionError(value)


def instant(text):
    """The instant of a text; `Inexact` digits make it another one."""
    text = text.strip().upper().replace(",", ".")
    if finer := re.search(r"(?<=[.][0-9]{6})[0-9]+", text):
        assert not finer[0].strip("0")
        text = text.replace(
            f"{text[finer.start() - 7 : finer.start()]}{finer[0]}",
            text[finer.start() - 7 : finer.start()],
        )
    moment = dt.datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def is_rescued(value, token):
    """Whether a member of `_rescued_data`, its numbers read as text, is the text that was sent."""
    sent = json.loads(token, parse_float=str, parse_int=str, parse_constant=str)
    if isinstance(sent, str):
        sent = re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", sent)
    return value == sent


def members_with(token, *names):
    """The members of a record that put a token into all columns of some types."""
    inner = "{" + ",".join(f'"{name}":{token}' for name in names) + "}"
    arrays = "".join(f',"a_{name}":[{token}]' for name in names if LEAVES[name])
    deeper = f'{inner[:-1]},"o":{inner}}}'
    return f'{inner[1:-1]},"o":{deeper},"l":[null,{inner}],"parts":[{inner}]{arrays}'


def places_of(row, name):
    """Path and value of every column of a type."""
    yield name, row[name]
    yield f"o.{name}", row["o"][name]
    yield f"o.o.{name}", row["o"]["o"][name]
    yield f"l[1].{name}", row["l"][1][name]
    yield f"parts[0].{name}", row["parts"][0][name]
    if LEAVES[name]:  # an array of anything is a text as a whole
        yield f"a_{name}[0]", row[f"a_{name}"][0]


def check(row, token, *names):
    """Every column of some types holds the token, or it is rescued: one of the two."""
    text = row["_rescued_data"] or "{}"
    rescued = json.loads(text, parse_float=str, parse_int=str, parse_constant=pytest.fail)
    assert orjson.loads(text).keys() == rescued.keys()
    sent = sent_value(token)
    for path, value in (place for name in names for place in places_of(row, name)):
        if value is not None:
            assert path not in rescued, (path, token, value)
            assert is_equal(value, sent), (path, token, value)
        elif sent is not None:
            assert path in rescued, (path, token)
            assert is_rescued(rescued[path], token), (path, token, rescued[path])


# Reading


def plan_of(leaves):
    return make_plan("s", {"properties": columns_of(leaves)}, ["id"], mapper=TypeMapper())


EACH, ALL = {name: plan_of({name: leaf}) for name, leaf in LEAVES.items()}, plan_of(LEAVES)


def read(plan, members):
    """The row of a record that is read by itself."""
    line = f'{{"type":"RECORD","stream":"s","record":{{"id":1,{members}}}}}'.encode()
    parser = BlockParser(plan, job_id="j", started_at=0, clock=lambda: 0.0)
    (block,) = parser.parse(Lines([line], [1], len(line)))
    (row,) = block.to_pylist()
    return row


def with_nasty_examples(test):
    for token in NASTY:
        test = example(token)(test)
    return test


@given(tokens)
@with_nasty_examples
def test_invariant_11_what_is_read_is_what_was_sent_whichever_way_it_is_read(token):
    # With columns of every type no fast reader takes it.
    carefully = read(ALL, members_with(token, *LEAVES))
    for name in LEAVES:
        alone = read(EACH[name], members_with(token, name))
        check(alone, token, name)
        ways = [
            repr(list(places_of(row, name))).replace("-0.0", "0.0") for row in (alone, carefully)
        ]
        assert ways[0] == ways[1], (name, token)


# Tables


def rows_by_duckdb(place, table):
    """A table's rows as DuckDB reads its files."""
    files = DeltaTable(place.schema_folder / table).file_uris()
    return duckdb.read_parquet(files).to_arrow_table().to_pylist()


@pytest.mark.rule("invariant 11")
@settings(
    max_examples=1,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(tokens, min_size=40, max_size=40))
def test_invariant_11_what_a_table_holds_is_what_was_sent(place, singer, drawn):
    sent = dict(enumerate([*NASTY, *drawn]))
    lines = [
        f'{{"type":"RECORD","stream":"s","record":{{"id":{i},{members_with(token, *LEAVES)}}}}}'
        for i, token in sent.items()
    ]
    place.run(singer.schema("s", columns_of(LEAVES)), lines)
    readers = {"delta-rs" if place.quick else "Spark": place.rows}
    if place.quick:
        readers["DuckDB"] = lambda table: rows_by_duckdb(place, table)
    for rows in readers.values():
        parts = {part["id"]: [part] for part in rows("parts")}
        records = {row["id"]: {**row, "parts": parts[row["id"]]} for row in rows("s")}
        assert records.keys() == sent.keys()
        for i, token in sent.items():
            check(records[i], token, *LEAVES)
