"""Numbers that the fast path would alter, and with them whole blocks that it must not read.

orjson and Arrow read a number into the nearest double and say nothing of what that costs, and
Arrow's decimals do not survive every exponent. A regular expression over the whole block, a
hundredth of the time of reading it, finds lines that may hold such a number; only those are looked
at one by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from target_databricks.reading.json_text import INT_OF_ORJSON, Number, loads, survives_a_float
from target_databricks.schema.types import Kind, Node

# What stands before and after a number, or a text that is one; in a longer text it is none.
_BEFORE = r'(?:[:,\[]|")\s*[-+]?'
_AFTER = r'\s*[",}\]]'
# Fifteen digits survive a double, whatever they are, if its exponent has one digit at most.
_SUSPECT = rf"{_BEFORE}(?:[0-9.]{{16}}|[0-9.]+[eE][-+]?[0-9]{{2,}}{_AFTER})"
_NUMBERS = re.compile(
    rb'[:,\[\s"]([-+]?(?:[0-9.]{16,}(?:[eE][-+]?[0-9]+)?|[0-9.]+[eE][-+]?[0-9]{2,}))(?=[\s",}\]])'
).findall
_EXPONENT = rf"{_BEFORE}[0-9.]+[eE][-+]?[0-9]+{_AFTER}"
_LONG = 16
"""Characters of a number that may have more digits than any double survives."""
_ONLY_DIGITS = bytes(c if chr(c) in "0123456789." else ord(" ") for c in range(256))
_SHIFT = 38
"""Places by which Arrow shifts the digits of a decimal without looking where they go; it looks at
their number."""


class NumberCheck:
    """Whether the fast path reads the numbers of a stream as they are.

    Args:
        root: The struct of a whole record.
    """

    def __init__(self, root: Node) -> None:
        kinds = set(_kinds(root))
        self._root = root
        self._decimals = Kind.DECIMAL in kinds
        self._open = Kind.ANY in kinds
        self._needed = bool(kinds & {Kind.DECIMAL, Kind.DOUBLE, Kind.ANY})

    def passes(self, lines: Sequence[bytes], block: bytes) -> bool:
        """Whether orjson and Arrow alter no number in these lines.

        Args:
            lines: RECORD messages as they came.
            block: All of them as one text.

        Raises:
            ValueError: A line is not JSON.
            KeyError: A message has no record.
        """
        if not self._needed:
            return True
        if not _suspicious([block])[0].as_py() or _prints_back(block):
            return True
        places = pc.indices_nonzero(_suspicious(lines)).to_pylist()
        return all(self._passes(lines[place]) for place in places)

    def _passes(self, line: bytes) -> bool:
        numbers = _numbers_in(line)
        shifted = self._decimals and any(_shifted_too_far(number) for number in numbers)
        if not shifted and all(self._survives(number) for number in numbers):
            return True
        # Perhaps they are digits of a text (`Order 21e80`), or of a column that has room for them.
        record = loads(line)["record"]
        if shifted and any(
            _shifted_too_far(number) for number in _decimals_below(record, self._root)
        ):
            return False
        return not any(self._altered(n, node) for n, node in numbers_below(record, self._root))

    def _survives(self, number: Number) -> bool:
        integer = self._open and number.text.lstrip("-").isdigit()
        return survives_a_float(number) and (not integer or int(number) in INT_OF_ORJSON)

    def _altered(self, number: int | Decimal, node: Node | None) -> bool:
        if node is not None and node.kind is Kind.DOUBLE:
            return not survives_a_float(number)
        # Where a record has values of open type, orjson writes all of it anew, for Arrow to read.
        return self._open and not survives_orjson(number)


def survives_orjson(number: int | Decimal) -> bool:
    """Whether a number is the same after orjson has read and written it."""
    return number in INT_OF_ORJSON if isinstance(number, int) else survives_a_float(number)


def numbers_below(value: Any, node: Node | None) -> Iterator[tuple[int | Decimal, Node | None]]:
    """The numbers of a value as `loads` reads it, each with its node, or None where it has none."""
    if isinstance(value, dict):
        nodes = {f.source: f.node for f in node.fields} if node is not None else {}
        for name, member in value.items():
            yield from numbers_below(member, nodes.get(name))
    elif isinstance(value, list):
        for item in value:
            yield from numbers_below(item, node.item if node is not None else None)
    elif isinstance(value, (int, Decimal)):
        yield value, node


def _decimals_below(value: Any, node: Node) -> Iterator[Number]:
    """What Arrow reads as a decimal: numbers of DECIMAL columns, and texts that are such."""
    if isinstance(value, dict):
        for field in node.fields:
            yield from _decimals_below(value.get(field.source), field.node)
    elif isinstance(value, list) and node.item is not None:
        for item in value:
            yield from _decimals_below(item, node.item)
    elif node.kind is Kind.DECIMAL and isinstance(value, (str, int, Decimal)):
        yield Number(str(value))


def beyond_floats(record: Any, root: Node) -> bool:
    """Whether a float would confuse some number of a record with its neighbour.

    Such a record is hashed from its exact digits.
    """
    return any(
        not (survives_a_float(n) if node and node.kind is Kind.DOUBLE else survives_orjson(n))
        for n, node in numbers_below(record, root)
    )


def _numbers_in(line: bytes) -> list[Number]:
    numbers = (text.decode() for text in _NUMBERS(line))
    return [Number(text) for text in numbers if text.count(".") < 2]


def _shifted_too_far(number: Number) -> bool:
    exponent = number.as_tuple().exponent
    return not isinstance(exponent, int) or abs(exponent) > _SHIFT


def _suspicious(texts: Sequence[bytes], pattern: str = _SUSPECT) -> pa.Array:
    return pc.match_substring_regex(pa.array(texts, pa.large_binary()), pattern)


def _prints_back(block: bytes) -> bool:
    """Whether all long numbers are what a double prints, as computed ones are."""
    if _suspicious([block], _EXPONENT)[0].as_py():
        return False
    runs = [run for run in block.translate(_ONLY_DIGITS).split() if len(run) >= _LONG]
    texts = pa.array(runs, pa.binary()).cast(pa.string())
    try:
        return bool(texts.cast(pa.float64()).cast(pa.string()).equals(texts))
    except pa.ArrowInvalid:  # several points
        return False


def _kinds(node: Node) -> Iterator[Kind]:
    yield node.kind
    for below in (*(f.node for f in node.fields), *((node.item,) if node.item else ())):
        yield from _kinds(below)
