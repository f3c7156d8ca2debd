"""JSON with every digit: read as it was sent, written so that any parser reads it.

Two things that Python's own JSON lets pass are not JSON: NaN and the infinities, and halves of
surrogate pairs. A number may also be one that no float holds, at which parsers differ. `strict`
writes all of them as text; what else there is, it writes as it was sent.
"""

from __future__ import annotations

import decimal
import math
import re
from typing import Any, Self

import orjson
import simplejson

INT_OF_ORJSON = range(-(2**63), 2**64)
"""Integers that orjson reads and writes as they are."""
DEEPEST = 400
"""Levels of nesting that are read; looking into each takes two of the thousand that Python has.

What is deeper is refused before it is looked into: an object that happens to be cleared away where
the stack ends cannot clear up after itself.
"""
TOO_DEEP = "nested too deeply to be read"
"""Why a line is refused that Python could read only by raising the limit of its own stack."""

_DIGITS_OF_INT = 40
"""Digits beyond which no column takes an integer; Python's own int has a limit, too."""
_ALONE = {c: f"\\u{c:04x}" for c in range(0xD800, 0xE000)}


_TOKENS = re.compile(r'[\[{]+|[\]}]+|"(?:[^"\\]|\\.)*"', re.DOTALL)
"""Brackets, and the strings that hide some."""


class TooDeepError(ValueError):
    """A text is nested in more than `DEEPEST` levels."""


class Number(decimal.Decimal):
    """A number of a JSON text, in the spelling that it had."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Self:
        """Read a number; one whose exponent is beyond all counting is infinite to us."""
        try:
            number = super().__new__(cls, text)
        except decimal.InvalidOperation:
            number = super().__new__(cls, "-Infinity" if text.startswith("-") else "Infinity")
        number.text = text
        return number

    def __str__(self) -> str:
        """The text."""
        return self.text

    def __reduce__(self) -> tuple[type[Number], tuple[str]]:
        """Copies are made from the text, too."""
        return Number, (self.text,)


def loads(text: bytes | str) -> Any:
    """Read JSON with numbers of any length exact; NaN and infinities as Python writes them.

    Fractions are `Number`, and so are integers of more digits than a column has.

    Raises:
        ValueError: When the text is not JSON; `TooDeepError`, when nobody can tell.
    """
    text = text.decode() if isinstance(text, bytes) else text
    if text.count("[") + text.count("{") > DEEPEST and _depth(text) > DEEPEST:
        raise TooDeepError(TOO_DEEP)
    return simplejson.loads(text, parse_float=Number, parse_int=_integer, allow_nan=True)


def _depth(text: str) -> int:
    """The levels of nesting of a JSON text."""
    depth = deepest = 0
    for token in _TOKENS.finditer(text):
        first, length = token[0][0], len(token[0])
        if first in "[{":
            depth += length
            deepest = max(deepest, depth)
        elif first in "]}":
            depth -= length
    return deepest


def member_of(line: bytes, name: str, value: Any) -> Any:
    """Read a member's value exactly, and no more of the line, where its name stands there once.

    Args:
        line: JSON.
        name: The member.
        value: What orjson has read of it.

    Raises:
        LookupError: The name stands there more than once, or is spelled with escapes.
    """
    spelled = orjson.dumps(name)
    _, there, tail = line.partition(spelled)
    after = tail.lstrip()
    if not there or spelled in tail or not after.startswith(b":"):
        raise LookupError(name)
    text = after[1:].decode()
    exact, end = _DECODER.raw_decode(text)
    if orjson.loads(text[:end]) != value:
        raise LookupError(name)
    return exact


def _integer(text: str) -> int | Number:
    return int(text) if len(text) < _DIGITS_OF_INT and text != "-0" else Number(text)


_DECODER = simplejson.JSONDecoder(parse_float=Number, parse_int=_integer)


def dumps(value: Any) -> str:
    """Write what `loads` reads so that it reads the same again."""
    text = simplejson.dumps(
        value, use_decimal=True, ensure_ascii=False, separators=(",", ":"), allow_nan=True
    )
    if can_be_stored(text):
        return text
    return simplejson.dumps(value, use_decimal=True, separators=(",", ":"), allow_nan=True)


def strict(value: Any) -> str:
    """Write JSON that every parser reads; what cannot be JSON becomes text."""
    return simplejson.dumps(
        _strict(value), use_decimal=True, ensure_ascii=False, separators=(",", ":")
    )


def _strict(value: Any) -> Any:
    if isinstance(value, str):
        return spelled_out(value)
    if isinstance(value, dict):
        return {spelled_out(name): _strict(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_strict(item) for item in value]
    if isinstance(value, float):  # only NaN and the infinities are read as floats
        return value if math.isfinite(value) else dumps(value)
    if isinstance(value, decimal.Decimal) and math.isinf(float(value)):
        return str(value)
    return value


def can_be_stored(text: str) -> bool:
    """Whether a text has code points only that UTF-8 can hold."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def spelled_out(text: str) -> str:
    r"""The text with halves of surrogate pairs as JSON escapes them, such as `\ud800`."""
    return text if can_be_stored(text) else text.translate(_ALONE)


def survives_a_float(number: int | decimal.Decimal) -> bool:
    """Whether a float, printed at its shortest, is the number itself."""
    try:
        double = float(number)
    except OverflowError:
        return False
    return math.isfinite(double) and decimal.Decimal(repr(double)) == number
