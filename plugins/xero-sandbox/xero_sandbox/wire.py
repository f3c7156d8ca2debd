"""Xero's wire form: `.NET` dates, their ISO twins, and JSON whose decimals keep their digits.

Inside the sandbox an instant is an integer of milliseconds since 1970 (UTC) and money is an
integer of cents; this module is where both become what Xero sends, and back.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

import orjson

DAY = 86_400_000
"""Milliseconds in a day."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NET_DATE = re.compile(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/")


def to_ms(moment: datetime) -> int:
    """Return an aware datetime as milliseconds since 1970, exact (floats would lose some)."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def to_datetime(ms: int) -> datetime:
    """Return milliseconds since 1970 as an aware datetime in UTC, also before 1970."""
    return _EPOCH + timedelta(milliseconds=ms)


def net_date(ms: int) -> str:
    """Return the common spelling of a date or timestamp, `/Date(1539993600000+0000)/`."""
    return f"/Date({ms}+0000)/"


def net_date_short(ms: int) -> str:
    """Return the other spelling, without offset: `/Date(1551399323399)/`."""
    return f"/Date({ms})/"


def parse_net_date(text: str) -> int:
    """Return the milliseconds of either spelling.

    Raises:
        ValueError: `text` is not a `.NET` date.
    """
    match = _NET_DATE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a date as Xero writes them, such as /Date(0+0000)/.")
    return int(match[1])


@lru_cache(maxsize=8192)
def iso_day(ms: int) -> str:
    """Return the `DateString` twin of a calendar date: `2018-10-20T00:00:00`."""
    return to_datetime(ms - ms % DAY).strftime("%Y-%m-%dT00:00:00")


def iso_second(ms: int) -> str:
    """Return the `UpdatedDateUTCString` twin of a timestamp: `2019-03-05T18:59:06Z`."""
    minutes, seconds = divmod(ms % DAY // 1000, 60)
    return f"{iso_day(ms - ms % DAY)[:11]}{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}Z"


_CENT, _TEN_THOUSANDTH = Decimal("0.01"), Decimal("0.0001")


def money(cents: int) -> Decimal:
    """Return cents as a decimal that prints with two places."""
    return cents * _CENT


def fine(ten_thousandths: int) -> Decimal:
    """Return ten-thousandths (unit amounts, quantities, tax rates) with four places."""
    return ten_thousandths * _TEN_THOUSANDTH


def cents(amount: Decimal | float | str) -> int:
    """Return an amount as cents, rounded half up (away from zero) as invoices are."""
    scaled = Decimal(str(amount)) * 100
    whole = int(abs(scaled) + Decimal("0.5"))
    return whole if scaled >= 0 else -whole


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError(type(value).__name__)  # orjson says the rest


def encode(document: Any) -> bytes:
    """Return JSON text; a `Decimal` is written as a number with exactly its own digits."""
    try:
        return orjson.dumps(document, default=_plain)
    except TypeError as error:
        if error.__cause__ is not None and not isinstance(error.__cause__, Exception):
            # An interruption that came while a Decimal was written: orjson takes it for an error.
            raise error.__cause__ from None
        raise


def decode(text: bytes | str) -> Any:
    """Return the document in JSON text; numbers with a point become `Decimal`.

    So `encode(decode(text)) == text` for whatever `encode` wrote.
    """
    return json.loads(text, parse_float=Decimal)
