"""Which lines hold a number that the fast way would alter."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from target_databricks.reading.json_text import Number, survives_a_float
from target_databricks.reading.numbers import NumberCheck
from target_databricks.schema.json_schema import TypeMapper
from target_databricks.schema.planning import make_plan

AMOUNT = {"type": ["number", "null"], "multipleOf": 0.01}
SCHEMA = {
    "properties": {
        "n": {"type": "number"},
        "amount": AMOUNT,
        "t": {"type": "string"},
        "l": {"type": "array", "items": {"type": "number"}},
    }
}
CHECK = NumberCheck(make_plan("s", SCHEMA, [], mapper=TypeMapper()).root)
SPACE = st.text(" \t\r", max_size=2)
DIGITS = st.from_regex(
    r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][-+]?[0-9]{1,3})?", fullmatch=True
)
PLACES = {
    "a member": '{{"n":{0}{1}{2}}}',
    "a member before others": '{{"n":{0}{1}{2},"t":"x"}}',
    "an item": '{{"l":[{0}{1}{2}]}}',
    "an item among others": '{{"l":[1,{0}{1}{2},2]}}',
}


def passes(*lines: bytes) -> bool:
    return CHECK.passes(lines, b"\n".join(lines))


def line(record: str) -> bytes:
    return f'{{"type":"RECORD","stream":"s","record":{record}}}'.encode()


@pytest.mark.parametrize("place", PLACES)
@given(before=SPACE, number=DIGITS, after=SPACE)
def test_no_number_that_a_double_alters_passes_wherever_it_stands(place, before, number, after):
    passed = passes(line('{"n":1}'), line(PLACES[place].format(before, number, after)))
    assert survives_a_float(Number(number)) or not passed


@given(exponent=st.integers(39, 400), sign=st.sampled_from(["", "-", "+"]))
def test_no_decimal_whose_digits_are_shifted_too_far_passes(exponent, sign):
    texts = (f'{{"amount":1e{exponent}}}', f'{{"amount":"{sign}1e{exponent}"}}')
    assert [passes(line(text)) for text in texts] == [False, False]


@pytest.mark.parametrize(
    "text",
    ["Order 2195e180", "12e99 sheets", "a,1e77", "IBAN 1234567890123456789", "x:1e55 y", "1e55y"],
)
def test_what_looks_like_a_number_within_a_text_is_none(text):
    assert passes(line(f'{{"n":1.5,"t":"{text}"}}'))


def test_a_number_that_a_double_keeps_passes():
    for number in ("0.1", "12345.6789", "1e22", "123456789012345", "0.30000000000000004"):
        assert Decimal(repr(float(number))) == Decimal(number)
        assert passes(line(f'{{"n":{number}}}'))
