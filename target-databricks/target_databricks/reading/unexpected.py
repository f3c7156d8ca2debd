"""Members that the schema does not mention, collected from records at nearly full speed.

A tap whose schema lags behind sends one in every record. Arrow's reader can be told to pass over
them; what they hold is collected here, under the paths and in the spelling that the rescue path
gives them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

import orjson

from target_databricks.reading.json_text import loads, member_of, strict
from target_databricks.reading.numbers import numbers_below, survives_orjson
from target_databricks.reading.rescue import Rescued, put
from target_databricks.reading.values import DoesNotFitError
from target_databricks.schema.types import Kind, Node

Collector = Callable[[Any, str, Rescued], None]
"""Takes a value, its path, and where to put what is not expected in it."""
_UNLIKE = (b"\xe2\x80\xa8", b"\xe2\x80\xa9")
"""Line separators, which orjson writes as they are and `strict` does not."""
FEW = 4
"""Members that are looked for one by one."""


class Unexpected:
    """What a stream's records hold beside their columns.

    Args:
        root: The struct of a whole record.
        ignored: Members of a record that somebody else takes care of.

    Attributes:
        count: Records so far that had unexpected members, if only nulls.
    """

    def __init__(self, root: Node, ignored: Collection[str]) -> None:
        known = {f.source: _collector(f.node, self._note_null) for f in root.fields}
        self._collect = _struct({**dict.fromkeys(ignored), **known}, self._note_null)
        self._null = False
        self.count = 0

    def _note_null(self) -> None:
        self._null = True

    def text(self, line: bytes, record: Any) -> str | None:
        """The unexpected members of a record as JSON, or None where there are none.

        Args:
            line: The RECORD message.
            record: Its record, as orjson reads it.

        Raises:
            DoesNotFitError: They hold a number that only exact digits tell.
        """
        rescued: Rescued = {}
        self._null = False
        self._collect(record, "", rescued)
        if rescued or self._null:
            self.count += 1
        if not rescued:
            return None
        if not _has_fractions(rescued):
            text = orjson.dumps(rescued)
            if not any(mark in text for mark in _UNLIKE):
                return text.decode()
        exact = self._exact(line, record, rescued)
        if not all(survives_orjson(number) for number, _ in numbers_below(exact, None)):
            raise DoesNotFitError
        return strict(exact)

    def _exact(self, line: bytes, record: dict[str, Any], rescued: Rescued) -> Rescued:
        """The unexpected members with fractions as they are spelled."""
        unexact = [path for path, value in rescued.items() if _has_fractions(value)]
        if len(unexact) <= FEW:
            # Nearly always a name stands once in a record; then nothing else need be read again.
            with suppress(LookupError):
                # A path into the record is no name of a member, even if it reads like one.
                if all(record.get(path) is rescued[path] for path in unexact):
                    read = {path: member_of(line, path, rescued[path]) for path in unexact}
                    return {**rescued, **read}
        exact: Rescued = {}
        self._collect(loads(line)["record"], "", exact)
        return exact


def _collector(node: Node, note_null: Callable[[], None]) -> Collector | None:
    """What collects below a column; None where nothing can be unexpected."""
    if node.kind is Kind.STRUCT:
        return _struct({f.source: _collector(f.node, note_null) for f in node.fields}, note_null)
    item = _collector(node.item, note_null) if node.item is not None else None
    if item is None:
        return None

    def collect(value: Any, path: str, rescued: Rescued) -> None:
        if isinstance(value, list):
            for place, element in enumerate(value):
                item(element, f"{path}[{place}]", rescued)

    return collect


def _struct(members: dict[str, Collector | None], note_null: Callable[[], None]) -> Collector:
    expected = members.keys()
    deeper = {name for name, collect in members.items() if collect is not None}

    def collect(value: Any, path: str, rescued: Rescued) -> None:
        if not isinstance(value, dict) or (not deeper and value.keys() <= expected):
            return
        prefix = f"{path}." if path else ""
        for name, inner in value.items():
            if name in deeper:
                members[name](inner, prefix + name, rescued)  # type: ignore[misc]
            elif name not in expected:
                if inner is None:
                    note_null()
                else:
                    put(rescued, prefix + name, inner)

    return collect


def _has_fractions(value: Any) -> bool:
    """Whether some number below is a fraction, of which orjson does not keep the spelling."""
    if isinstance(value, dict):
        return any(map(_has_fractions, value.values()))
    if isinstance(value, list):
        return any(map(_has_fractions, value))
    return isinstance(value, float)
