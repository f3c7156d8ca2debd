"""Dates: every spelling of Xero's, and no time zone ever moves a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_xero.models.dates import calendar_date, format_instant, instant, month, parse_instant

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OFFSETS = st.sampled_from(["", "+0000", "+1300", "-0500"])
MOMENTS = st.integers(min_value=-2_208_988_800_000, max_value=7_258_032_000_000).map(
    lambda ms: EPOCH + timedelta(milliseconds=ms)
)


def net(moment: datetime, offset: str) -> str:
    return f"/Date({(moment - EPOCH) // timedelta(milliseconds=1)}{offset})/"


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("/Date(1539993600000+0000)/", "2018-10-20"),
        ("/Date(1539993600000)/", "2018-10-20"),
        ("/Date(1539993600000+1300)/", "2018-10-20"),
        ("/Date(1540036799000+0000)/", "2018-10-20"),
        ("/Date(-86400000+0000)/", "1969-12-31"),
        ("/Date(-1)/", "1969-12-31"),
        ("2018-10-20T00:00:00", "2018-10-20"),
        ("2018-10-20", "2018-10-20"),
        ("/Date(0+0000)/", None),
        ("/Date(-62135596800000+0000)/", None),
        ("/Date(99999999999999999)/", "/Date(99999999999999999)/"),
        ("next week", "next week"),
        (None, None),
        (7, 7),
    ],
)
def test_calendar_dates_are_the_date_part(sent, expected):
    assert calendar_date(sent) == expected


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("/Date(1551399323399)/", "2019-03-01T00:15:23.399Z"),
        ("/Date(1551399323000+0000)/", "2019-03-01T00:15:23Z"),
        ("/Date(-1+0000)/", "1969-12-31T23:59:59.999Z"),
        ("2019-03-05T18:59:06Z", "2019-03-05T18:59:06Z"),
        ("2019-03-05T18:59:06", "2019-03-05T18:59:06Z"),
        ("2017-08-14T01:18:26.74", "2017-08-14T01:18:26.74Z"),
        ("2019-07-09T23:40:30.1833130", "2019-07-09T23:40:30.183313Z"),
        ("2019-07-10T11:40:30+12:00", "2019-07-09T23:40:30Z"),
        ("2019-07-09", "2019-07-09T00:00:00Z"),
        ("/Date(0+0000)/", None),
        ("soon", "soon"),
        (None, None),
    ],
)
def test_instants_are_iso_in_utc(sent, expected):
    assert instant(sent) == expected


@pytest.mark.parametrize(
    ("sent", "expected"),
    [("2019-08", "2019-08"), ("/Date(1564617600000)/", "2019-08"), ("2019-08-01", "2019-08")],
)
def test_months_are_year_and_month(sent, expected):
    assert month(sent) == expected


@given(MOMENTS, OFFSETS)
def test_an_instant_is_the_moment_it_was(moment, offset):
    if moment != EPOCH:
        assert parse_instant(instant(net(moment, offset))) == moment


@given(MOMENTS, OFFSETS)
def test_a_calendar_date_is_the_day_in_utc(moment, offset):
    if moment != EPOCH:
        assert calendar_date(net(moment, offset)) == moment.date().isoformat()


@given(MOMENTS)
def test_iso_twins_agree_with_net_dates(moment):
    if moment != EPOCH:
        assert calendar_date(f"{moment:%Y-%m-%dT00:00:00}") == calendar_date(net(moment, ""))
        whole = moment.replace(microsecond=0)
        assert instant(f"{whole:%Y-%m-%dT%H:%M:%SZ}") == (
            instant(net(whole, "+0000")) if whole != EPOCH else "1970-01-01T00:00:00Z"
        )


@given(st.text())
def test_what_is_no_date_passes_through_or_stays_a_string(text):
    for read in (calendar_date, instant, month):
        assert read(text) is None or isinstance(read(text), str)


@given(MOMENTS)
def test_formatting_and_parsing_agree_to_the_second(moment):
    assert parse_instant(format_instant(moment)) == moment.replace(microsecond=0)


@pytest.mark.parametrize("text", ["", "yesterday", "2024-13-01", "01/02/2024"])
def test_what_is_no_date_cannot_be_parsed(text):
    with pytest.raises(ValueError, match="is not a date such as"):
        parse_instant(text)
