"""When a cell of a table is the value that was sent, or its text is in `_rescued_data`.

Numbers of JSON stay text (`Number`), so that no digit is lost on this side. A number is equal when
the cell prints back to the same decimal, an instant to the microsecond, text code point by code
point. A value of open type stands in its column as JSON.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

from fuzz.names import assigned, candidates

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d+))?\s*(Z|z|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)
_LONE = re.compile("[\ud800-\udfff]")
_DAY = dt.timedelta(days=1)


class Number(str):
    """A number as JSON spells it; also the NaN and the infinities that Python writes."""


def read(text: str | bytes) -> Any:
    """JSON with its numbers as text; of members that come twice the last counts."""
    return json.loads(text, parse_float=Number, parse_int=Number, parse_constant=Number)


def strict(text: str) -> Any:
    """JSON as a strict parser reads it.

    Raises:
        ValueError: It is none: NaN, an infinity, a member that comes twice.
    """
    return json.loads(
        text,
        parse_float=Number,
        parse_int=Number,
        parse_constant=_refuse,
        object_pairs_hook=_once,
    )


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a member comes twice")
    return dict(pairs)


def amount(text: str) -> Decimal | None:
    """The number that a text spells, or None."""
    if not _NUMBER.fullmatch(text.strip()):
        return None
    try:
        return Decimal(text.strip())
    except InvalidOperation:  # an exponent beyond those of Decimal
        return None


def moment(text: str) -> tuple[dt.datetime, bool] | None:
    """The instant of an ISO 8601 text, and whether it has digits below the microsecond."""
    match = _MOMENT.fullmatch(text.strip())
    if match is None:
        return None
    date, time, fraction, zone = match.groups()
    fraction = (fraction or "").rstrip("0")
    try:
        local = dt.datetime.fromisoformat(f"{date}T{time or '00:00'}")
        local = local.replace(microsecond=int(f"{fraction}000000"[:6]), tzinfo=dt.UTC)
        return local - _offset(zone), len(fraction) > 6
    except (ValueError, OverflowError):
        return None


def _offset(zone: str | None) -> dt.timedelta:
    if zone in {None, "Z", "z"}:
        return dt.timedelta()
    digits = str(zone)[1:].replace(":", "").ljust(4, "0")
    size = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if size >= _DAY:
        raise ValueError(zone)
    return -size if str(zone)[0] == "-" else size


def same(one: Any, other: Any) -> bool:
    """Whether two values of JSON are the same, numbers by their decimal."""
    if isinstance(one, Number) or isinstance(other, Number):
        if not (isinstance(one, Number) and isinstance(other, Number)):
            return False
        return str(one) == str(other) or (
            (left := amount(one)) is not None and left == amount(other)
        )
    if isinstance(one, dict):
        members = isinstance(other, dict) and one.keys() == other.keys()
        return members and all(same(v, other[k]) for k, v in one.items())
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


def equal(sent: Any, cell: Any) -> bool:
    """Whether a cell without members is the value that was sent."""
    for kinds, compare in _CELLS:
        if isinstance(cell, kinds):
            return compare(sent, cell)
    return False


def _is_boolean(sent: Any, cell: bool) -> bool:
    if isinstance(sent, Number):
        return amount(sent) == int(cell)
    if isinstance(sent, str):
        return sent.lower() == str(cell).lower()
    return sent is cell


def _is_number(sent: Any, cell: float | Decimal) -> bool:
    if cell != cell or cell in {float("inf"), float("-inf")}:
        spelled = isinstance(sent, str) and sent in {"NaN", "Infinity", "-Infinity"}
        return spelled and Decimal(sent).compare_total(Decimal(repr(cell))) == 0
    number = amount(sent) if isinstance(sent, str) else None
    return number is not None and number == Decimal(str(cell))


def _is_moment(sent: Any, cell: dt.datetime) -> bool:
    if isinstance(sent, Number) or not isinstance(sent, str):
        return False
    instant = moment(sent)
    return instant is not None and instant[0] == cell.replace(tzinfo=dt.UTC)


def _is_date(sent: Any, cell: dt.date) -> bool:
    if isinstance(sent, Number) or not isinstance(sent, str):
        return False
    # The date as it is written; the offset is not kept.
    local = re.sub(
        r"(?<=\d\d:\d\d)(Z|z|[+-]\d\d(:?\d\d)?)$|(?<=\d)(Z|z|[+-]\d\d:?\d\d)$", "", sent.strip()
    )
    instant = moment(local)
    return instant == (dt.datetime.combine(cell, dt.time(), dt.UTC), False)


def _is_text(sent: Any, cell: str) -> bool:
    if isinstance(sent, str) and not isinstance(sent, Number):
        return sent == cell
    try:
        return same(sent, read(cell))
    except ValueError:
        return False


_CELLS: Sequence[tuple[tuple[type, ...], Any]] = (
    ((bool,), _is_boolean),
    ((int, float, Decimal), _is_number),
    ((dt.datetime,), _is_moment),
    ((dt.date,), _is_date),
    ((str,), _is_text),
)


@dataclass
class Rescued:
    """What `_rescued_data` of a row holds, by path, and what of it was asked for."""

    values: Mapping[str, Any]
    used: set[str] = field(default_factory=set)

    def has(self, path: str, sent: Any) -> bool:
        """Whether the value is there, under its path or, where two values have one, a number."""
        for spelled in (path, *(f"{path}#{n}" for n in range(2, 9))):
            if spelled in self.values and _written(sent, self.values[spelled]):
                self.used.add(spelled)
                return True
        return False


def _written(sent: Any, back: Any) -> bool:
    """Whether rescued JSON has what was sent: as it is, or, where JSON has it not, as its text."""
    if isinstance(sent, Number):
        return same(sent, back) or (type(back) is str and back == sent)
    if isinstance(sent, str):
        return back == _LONE.sub(lambda half: f"\\u{ord(half[0]):04x}", sent)
    if isinstance(sent, dict):
        members = {_LONE.sub(lambda half: f"\\u{ord(half[0]):04x}", k): v for k, v in sent.items()}
        return (
            isinstance(back, dict)
            and members.keys() == back.keys()
            and all(_written(v, back[k]) for k, v in members.items())
        )
    if isinstance(sent, list):
        return isinstance(back, list) and len(sent) == len(back) and all(map(_written, sent, back))
    return same(sent, back)


def faults(sent: Any, cell: Any, path: str, rescued: Rescued) -> Iterator[str]:
    """What is wrong with a cell, and with the members below it.

    Args:
        sent: The value as `read` gives it.
        cell: What the table has, as pyarrow gives it to Python.
        path: Where it stood in the record, as `_rescued_data` spells it.
        rescued: What was rescued of the row.
    """
    if sent is None:
        if cell is not None:
            yield f"{path}: null was sent, {cell!r} is there"
    elif cell is None:
        if not rescued.has(path, sent):
            yield f"{path}: {brief(sent)} is neither in its column nor rescued"
    elif isinstance(cell, dict) and isinstance(sent, dict):
        yield from _faults_of_members(sent, cell, path, rescued)
    elif isinstance(cell, list) and isinstance(sent, list):
        if len(cell) != len(sent):
            yield f"{path}: {len(sent)} elements were sent, {len(cell)} are there"
        for i, (element, one) in enumerate(zip(sent, cell, strict=False)):
            yield from faults(element, one, f"{path}[{i}]", rescued)
    elif not equal(sent, cell):
        yield f"{path}: {brief(sent)} was sent, {brief(cell)} is there"
    elif isinstance(cell, dt.datetime) and isinstance(sent, str) and (moment(sent) or (0, 0))[1]:
        if not rescued.has(path, sent):
            yield f"{path}: {sent!r} lost digits and was not rescued"
    elif path in rescued.values and rescued.has(path, sent):
        yield f"{path}: {brief(sent)} is both in its column and rescued"


def _faults_of_members(
    sent: Mapping[str, Any], cell: Mapping[str, Any], path: str, rescued: Rescued
) -> Iterator[str]:
    options = {
        name: [
            c
            for c in candidates(name, cell)
            if cell[c] is not None
            and not any(faults(value, cell[c], f"{path}.{name}", _copy(rescued)))
        ]
        for name, value in sent.items()
        if value is not None
    }
    places = assigned(options)
    for name, value in sent.items():
        if value is None:
            continue
        below = f"{path}.{name}"
        if name in places:
            yield from faults(value, cell[places[name]], below, rescued)
        elif not rescued.has(below, value):
            seen = {c: cell[c] for c in candidates(name, cell)}
            yield f"{below}: {brief(value)} is neither among {brief(seen)} nor rescued"
    for column in cell.keys() - set(places.values()):
        if cell[column] is not None:
            yield f"{path}.{column}: {brief(cell[column])} was never sent"


def _copy(rescued: Rescued) -> Rescued:
    return type(rescued)(rescued.values)


def fits(sent: Any, kind: pa.DataType) -> bool:
    """Whether a column of this type certainly holds the value: then it need not be rescued."""
    if pa.types.is_string(kind):
        return type(sent) is str and not any("\ud800" <= c <= "\udfff" for c in sent)
    if pa.types.is_boolean(kind):
        return isinstance(sent, bool)
    if not isinstance(sent, str):
        return False
    if pa.types.is_timestamp(kind):
        instant = None if isinstance(sent, Number) else moment(sent)
        # As databases and Spark count, years have four digits, and these are no ends of time.
        return instant is not None and not instant[1] and 1900 <= instant[0].year <= 2200
    number = amount(sent) if isinstance(sent, Number) else None
    if number is None:
        return False
    if pa.types.is_int64(kind):
        return bool(re.fullmatch(r"-?\d{1,18}", sent))
    if pa.types.is_float64(kind):
        return abs(number.adjusted()) < 300 and Decimal(repr(float(number))) == number
    if pa.types.is_decimal(kind):
        digits = "".join(map(str, number.as_tuple().digits))
        places = -int(number.as_tuple().exponent) - len(digits) + len(digits.rstrip("0") or "0")
        return places <= kind.scale and number.adjusted() < kind.precision - kind.scale
    return False


def brief(value: Any) -> str:
    """A value for a message, not longer than a line."""
    text = repr(value)
    return text if len(text) < 160 else f"{text[:120]}… ({len(text)} characters)"
